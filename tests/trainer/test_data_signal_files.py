"""Tables and recordings from CSV and WAV files: what is read, the parts, and bad input."""

import importlib.util
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from answers import refusal
from wav_files import write_wav

from drypoint import data


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_table_has_a_row_for_each_example(tmp_path):
    """Oracle: scikit-learn's own table of irises, written by the csv module."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    rows = [
        ",".join([*map(repr, row.tolist()), iris.target_names[y]])
        for row, y in zip(iris.data, iris.target, strict=True)
    ]
    head = '"sepal length","sepal width","petal length","petal width",species'
    path = write(tmp_path / "iris.csv", "\n".join([head, *rows]))
    splits = data.read(path)
    found = splits[data.ALL]
    assert np.array_equal(found.x, iris.data.astype(np.float32)[:, None])
    assert np.array_equal(found.y, iris.target)
    assert found.classes == tuple(iris.target_names)
    assert splits.notes == (
        "labels are column 'species', values sepal length, sepal width, petal length, petal width",
        "2 of 150 examples have the values of another one: equal examples are in one part, and an "
        "interval counts them once",
    )
    assert data.load(path).digest() == found.digest()


def test_labels_are_found_by_name_by_place_or_as_the_only_text(tmp_path):
    rows = "1,2,0\n3,4,1\n5,6,0\n"
    for head, label in (
        ("a,b,Label", None), ("a,b,c", "c"), ("a,b,c", "2"), ("class,a,b", None), (None, "2"),
    ):  # fmt: skip
        text = rows if head is None else f"{head}\n{rows}"
        if head == "class,a,b":
            text = "class,a,b\n0,1,2\n1,3,4\n0,5,6\n"
        found = data.read(write(tmp_path / "t.csv", text), label=label)[data.ALL]
        assert found.x[:, 0].tolist() == [[1, 2], [3, 4], [5, 6]], head
        assert found.y.tolist() == [0, 1, 0]
        assert found.classes == (0, 1)
    for text in (
        "1;2;wave\n3;4;rest\n",
        "1\t2\twave\n3\t4\trest\n",
        "\ufeff1,2,wave\n\n3,4,rest\n",
    ):
        found = data.read(write(tmp_path / "t.csv", text))[data.ALL]
        assert found.classes == ("rest", "wave")
        assert found.x[:, 0].tolist() == [[1, 2], [3, 4]]
    found = data.read(write(tmp_path / "t.csv", "9.0,1.5\n10.0,2\n9.0,3\n"), label="0")[data.ALL]
    assert (found.classes, found.y.tolist()) == ((9, 10), [0, 1, 0])


def test_a_row_may_be_time_steps_of_channels(tmp_path):
    path = write(tmp_path / "t.csv", "".join(f"{i % 2},{i},1,2,3,4,5\n" for i in range(4)))
    found = data.read(path, label="0", channels=2)[data.ALL]
    assert found.x.shape == (4, 3, 2)
    assert found.x[3].tolist() == [[3, 1], [2, 3], [4, 5]]
    refusal(lambda: data.read(path, label="0", channels=4), "6 numbers a row, no multiple of 4")
    refusal(
        lambda: data.read(path, channels=0),
        "channels must be a whole number from 1 to 65535, not 0",
    )


def test_a_log_of_time_steps_is_cut_into_windows_that_share_no_sample(tmp_path):
    """Each sample of channel a is its own number, so that samples can be traced."""
    rows = [f"{10 * i},{i},{-i},{'wave' if i < 100 else 'rest'}" for i in range(200)]
    path = write(tmp_path / "log.csv", "\n".join(["timestamp,a,b,gesture", *rows]))
    splits = data.read(path, window=10, hop=5, keep=["a", "b"])
    assert splits[data.ALL].x.shape == (38, 10, 2)
    assert splits.notes[1:] == (
        "left out, by name: timestamp", "the parts are split by the time of each recording",
    )  # fmt: skip
    seen = {part: set(splits[part].x[..., 0].ravel()) for part in ("train", "val", "test")}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["val"]
    assert not seen["val"] & seen["test"]
    assert seen["test"] == {*range(80, 100), *range(180, 200)}
    for part in seen:
        assert splits[part].classes == ("rest", "wave")
        assert all(splits[part].class_counts().values())


def test_recordings_in_folders_are_examples_or_split_by_recording(tmp_path):
    for name in ("up", "down"):
        for k in range(10):
            rows = "".join(f"{i},{k}\n" for i in range(30))
            write(tmp_path / f"set/{name}/{k}.csv", f"x,y\n{rows}")
    whole = data.read(tmp_path / "set", keep=["x", "y"])
    assert [*whole.parts] == [data.ALL]
    assert whole[data.ALL].x.shape == (20, 30, 2)
    splits = data.read(tmp_path / "set", window=10, keep=["x", "y"])
    assert splits.notes == ("the parts are split by recordings",)
    recordings = {part: set(splits[part].x[..., 1].ravel()) for part in ("train", "val", "test")}
    assert recordings == {"train": {*range(7)}, "val": {7}, "test": {8, 9}}
    write(tmp_path / "set/up/short.csv", "x,y\n1,2\n")
    refusal(
        lambda: data.read(tmp_path / "set", keep=["x", "y"]),
        "have 1 to 30 time steps: give the time steps",
    )
    padded = data.read(tmp_path / "set", window=30, keep=["x", "y"])
    assert padded.notes[0] == "1 of 21 recordings are shorter than 30 steps, and end in zeros"
    write(tmp_path / "set/up/other.csv", "x\n1\n")
    refusal(lambda: data.read(tmp_path / "set", window=30), "other.csv has 1 channels, ")


def test_wav_files_are_int16_counts(tmp_path):
    counts = np.arange(-40, 40, dtype="<i2").reshape(-1, 2) * 400
    write_wav(tmp_path / "a/1.wav", counts, channels=2)
    write_wav(tmp_path / "b/2.wav", np.arange(80, dtype=np.uint8) * 3, channels=2)
    found = data.read(tmp_path)[data.ALL]
    assert found.x.dtype == np.int16
    assert np.array_equal(found.x[0], counts)
    assert np.array_equal(found.x[1].ravel(), (np.arange(80) * 3 - 128) * 256)
    assert np.array_equal(data.read_samples(tmp_path / "a/1.wav"), counts)
    whole = (tmp_path / "a/1.wav").read_bytes()
    (tmp_path / "a/1.wav").write_bytes(whole[:-40])
    refusal(lambda: data.read_samples(tmp_path / "a/1.wav"), "is cut off: 120 of 160 bytes")
    (tmp_path / "a/1.wav").write_bytes(whole)
    for content in (b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 4) + b"abcd"):
        (tmp_path / "b/2.wav").write_bytes(content)
        refusal(lambda: data.read(tmp_path), "2.wav is no WAV file of samples")


def test_samples_to_classify_need_no_labels(tmp_path):
    path = write(tmp_path / "t.csv", "time,a,b,label\n0,1,2,x\n1,3,4,y\n")
    assert data.read_samples(path).tolist() == [[1, 2], [3, 4]]
    assert data.read_samples(write(path, "1,2\n3,4\n")).tolist() == [[1, 2], [3, 4]]
    assert data.read_samples(write(path, "a,z\n1,x\n"), label="z").tolist() == [[1]]


def test_tables_that_are_none_are_one_line(tmp_path):
    path = tmp_path / "t.csv"
    for text, message in (
        ("", "has no rows"),
        ("a,b,label\n", "has no rows of numbers"),
        ("a,b,label\n1,2,x\n1,,y\n", "line 3, column 'b': the cell is empty"),
        ("a,b,label\n1,2,x\n1,z,y\n", "line 3, column 'b': 'z' is no number"),
        ("a;b;label\n1;2,5;x\n", "'2,5' is no number, write it with a decimal point"),
        ("a,b,label\n1_0,2,x\n", "line 2, column 'a': '1_0' is no number"),
        ("a,b,label\n1,2,x\n1,y\n", "line 3: 2 cells, not 3"),
        ("a,b,label\n1,2,x\n\n1,nan,x\n", "line 4: column 'b' holds NaN, infinity or a number"),
        ("a,b,label\n1,1e60,x\n", "beyond float32"),
        ("a,a,label\n1,2,x\n", "two columns called 'a'"),
        ("1,2,3\n4,5,6\n", "which column has the labels is not known"),
        ("label\nx\ny\n", "has no columns of numbers"),
    ):
        refusal(lambda text=text: data.read(write(path, text)), str(path), message)
    refusal(
        lambda: data.read(write(path, "a,label\n1,x\n"), label="b"), "no column 'b'; its columns: a"
    )
    path.write_bytes(b"\xff\xfea\x00")
    refusal(lambda: data.read(path), "is no text in UTF-8")
    refusal(lambda: data.read(write(path, "a,label\n1,x\n"), limit=20), "the limit is 20")


def test_options_that_do_not_fit_are_one_line(tmp_path):
    path = write(tmp_path / "t.csv", "a,b,label\n" + "1,2,x\n3,4,y\n" * 9)
    for options, message in (
        ({"window": 65536}, "window must be a whole number from 1 to 65535, not 65536"),
        ({"hop": 2}, "hop is the distance of windows: give window too"),
        ({"window": 2, "channels": 2}, "with window each column is a channel"),
    ):
        refusal(lambda options=options: data.read(path, **options), message)


def test_labels_keep_their_underscores(tmp_path):
    found = data.read(write(tmp_path / "t.csv", "a,label\n1,1_0\n2,10\n"))[data.ALL]
    assert found.classes == ("10", "1_0")


def test_a_damaged_file_of_a_package_is_one_line(tmp_path, monkeypatch):
    """A file of scikit-learn's digits that is no gzip file, and an archive's that ends early."""
    write(tmp_path / "sklearn/datasets/data/digits.csv.gz", "no gzip")
    write(tmp_path / "aeon/datasets/data/GunPoint/GunPoint_TRAIN.ts", "@classLabel true 1 2\n")
    spec = SimpleNamespace(submodule_search_locations=[])
    for package, name in (("sklearn", "digits"), ("aeon", "gun-point")):
        spec.submodule_search_locations = [str(tmp_path / package)]
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
        refusal(lambda name=name: data.load(name), f"the files of {name} are damaged")


@pytest.mark.parametrize(
    ("name", "train", "test", "size"),
    [
        ("basic-motions", 40, 40, (100, 6)),
        ("gun-point", 50, 150, (150, 1)),
        ("italy-power-demand", 67, 1029, (24, 1)),
        ("mnist1d", 4000, 1000, (40, 1)),
    ],
)
def test_sets_of_packages_have_the_content_of_their_cards(toolbox, name, train, test, size):
    """Oracle: the digests; the archive's and the authors' numbers."""
    toolbox.need_package("mnist1d" if name == "mnist1d" else "aeon")
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    parts = data.load(name), data.load(name, "test")
    assert tuple(map(len, parts)) == (train, test)
    assert {part.signal_size for part in parts} == {size}
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
