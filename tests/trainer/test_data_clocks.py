"""Columns of time and indices are no channels; no sample is in two parts; one sample rate."""

import dataclasses

import numpy as np
import pytest
from wav_files import write_wav

from drypoint import data, nn
from drypoint.common import DrypointError
from drypoint.data import SignalEncoder
from drypoint.measure import measure
from drypoint.train import fit

ROWS = 600  # of each class
NOISE = np.random.default_rng(1).normal(size=(3 * ROWS, 2)).round(3)
NAMES = ("a", "b", "c")


def clocks(n):
    """Columns as loggers and pandas write them: name -> values of n rows."""
    i = np.arange(n)
    rng = np.random.default_rng(2)
    return {
        "t_ms": 20 * i + rng.integers(0, 9, n),  # with jitter
        "millis": 20 * i + 12345,
        "micros": (20_000 * i + 2**32 - 20_000 * (n // 2)) % 2**32,  # an overflow in the middle
        "seconds": (0.02 * i).round(2),
        "unix": 1_764_000_000_000 + 20 * i,  # no distance of two rows is left in float32
        "index": i,
        "sample": i % ROWS,  # starts again with each class
        "left": n - i,
        "session": i // (n // 10),
        "gain": np.full(n, 4),
        "": i,  # pandas' unnamed index
        "Unnamed: 0": rng.permutation(n),
    }


def table(path, columns, labels):
    lines = [",".join([*columns, "label"])]
    rows = zip(*(np.asarray(one).tolist() for one in columns.values()), labels, strict=True)
    lines += [",".join(map(str, row)) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def log(path, extra):
    """Noise, recorded class after class, and more columns."""
    columns = {"ax": NOISE[:, 0], **extra, "ay": NOISE[:, 1]}
    return table(path, columns, np.repeat(NAMES, ROWS).tolist())


@pytest.mark.parametrize("name", clocks(10))
def test_a_column_of_time_is_no_channel_of_a_log(tmp_path, name):
    path = log(tmp_path / "log.csv", {name: clocks(3 * ROWS)[name]})
    splits = data.read(path, window=20)
    assert splits["test"].columns == ("ax", "ay")
    assert splits["train"].signal_size == (20, 2)
    (note,) = [note for note in splits.notes if note.startswith("left out, ")]
    assert f": {name}" in note
    kept = data.read(path, window=20, keep=[name])
    assert kept["test"].columns == ("ax", name, "ay")
    assert not [note for note in kept.notes if note.startswith("left out, ")]


def test_noise_that_is_recorded_class_after_class_is_chance(tmp_path):
    """With the clock a net finds most test windows' classes; noise has none to be found."""
    path = log(tmp_path / "log.csv", {"t_ms": clocks(3 * ROWS)["t_ms"]})
    right = {}
    for keep in ([], ["t_ms"]):
        splits = data.read(path, window=20, hop=5, keep=keep)
        encoder = SignalEncoder.from_data(splits["train"])
        net = nn.create_net("mlp:64,32", input_shape=encoder.shape, classes=3)
        model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(NAMES))
        pair = splits["train"], splits["val"]
        trained = fit(model, pair[0], validation_data=pair[1], epochs=10, progress="none")
        right[bool(keep)] = measure(trained.model, splits["test"]).accuracy
    # 63 windows: 0.33 by chance, with a standard deviation of 0.06, more where windows overlap
    assert right[True] > 0.6  # 0.70
    assert right[False] < 0.5  # 0.24


def test_a_column_is_left_out_by_all_recordings_of_a_folder(tmp_path):
    """A clock that starts again in each file; a sensor that rests in all files but one."""
    rng = np.random.default_rng(3)
    for name in NAMES:
        for k in range(6):
            t, rest = np.arange(40), np.full(40, k)
            moved = rng.normal(size=40) if (name, k) == ("b", 2) else rest
            columns = {"t": t, "rest": rest, "sensor": moved, "x": rng.normal(size=40)}
            table(tmp_path / f"set/{name}/{k}.csv", columns, [name] * 40)
    splits = data.read(tmp_path / "set", window=10)
    assert splits["train"].columns == ("sensor", "x")
    assert splits.notes[:2] == (
        "left out, by name: label",
        "left out, as each only rises, only falls or is constant in each recording: t, rest; "
        "--keep COLUMN takes one",
    )
    kept = data.read(tmp_path / "set", window=10, keep=["rest"])
    assert kept["train"].columns == ("rest", "sensor", "x")
    encoder = SignalEncoder.from_data(splits["train"])
    assert data.encoder_from_config(encoder.config()) == encoder
    for k in range(6):  # a file in which all of them rest is read as the model wants it
        samples = data.read_samples(tmp_path / f"set/a/{k}.csv", columns=encoder.columns)
        assert samples.shape == (40, 2)
        assert (samples[:, 0] == k).all()
    for part in ("train", "val", "test"):
        again = data.read(tmp_path / "set", window=10, columns=encoder.columns)
        assert again[part].digest() == splits[part].digest()
    other = tmp_path / "set/c/9.csv"
    table(other, {"t": [1], "x": [1], "sensor": [1], "rest": [1]}, "c")
    with pytest.raises(DrypointError, match="all files want the same, in one order"):
        data.read(tmp_path / "set", window=10)


def test_fit_gives_the_encoder_the_columns_and_the_rate_of_the_data(tmp_path):
    splits = data.read(log(tmp_path / "log.csv", {}), window=20)
    signals = dataclasses.replace(splits["train"], sample_rate=50)
    net = nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()])
    encoder = fit(net, signals, epochs=1, progress="none").model.encoder
    assert (encoder.columns, encoder.sample_rate) == (("ax", "ay"), 50)


def test_an_index_is_no_feature_of_a_table(tmp_path):
    """Of examples, sorted by class: counted, or in any order; other values stay."""
    n = 30
    labels = np.repeat(NAMES, n // 3).tolist()
    rng = np.random.default_rng(4)
    columns = {
        "id": 1000 + 3 * np.arange(n),
        "number": rng.permutation(n) + 1,
        "width": rng.integers(0, n, n),
        "gain": np.ones(n, int),
        "time": rng.normal(size=n).round(3),
    }
    splits = data.read(table(tmp_path / "t.csv", columns, labels))
    assert splits[data.ALL].columns == ("width", "gain")
    assert splits.notes == (
        "labels are column 'label', values width, gain",
        "left out, by name: time",
        "left out, as each numbers the rows: id, number; --keep COLUMN takes one",
        "20 of 30 examples have the values of another one: equal examples are in one part, and an "
        "interval counts them once",
    )
    kept = data.read(tmp_path / "t.csv", keep=("time", "id"))[data.ALL]
    assert kept.columns == ("id", "width", "gain", "time")
    few = data.read(table(tmp_path / "few.csv", {"id": [1, 2, 3, 4], "x": [1, 1, 2, 3]}, "aabb"))
    assert few[data.ALL].columns == ("id", "x")


def test_load_warns_of_a_column_that_it_leaves_out(tmp_path):
    path = table(tmp_path / "t.csv", {"id": range(20), "x": [1, 1, 2, 2] * 5}, "ab" * 10)
    words = r"numbers the rows: id; data.read\(path, keep=\[...\]\) takes one"
    with pytest.warns(UserWarning, match=words) as seen:
        found = data.load(path)
    assert found.columns == ("x",)
    assert seen[0].filename == __file__


def test_a_channel_of_an_array_that_may_be_a_clock_is_named(tmp_path):
    """Overlapping windows of a log: a clock falls from each window to the next."""
    log_rows = np.stack([NOISE[:100, 0], np.arange(100), np.ones(100)], axis=1)
    x = np.stack([log_rows[i : i + 10] for i in range(0, 90, 5)])
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(18) % 2)
    (note,) = data.read(tmp_path / "a.npz").notes
    assert note.startswith("channel 1 of x only rises or only falls in each example, as a clock")
    np.savez(tmp_path / "a.npz", x=x[..., [0, 2]], y=np.arange(18) % 2)
    assert data.read(tmp_path / "a.npz").notes == ()
    np.savez(tmp_path / "a.npz", x=log_rows, y=np.arange(100) % 2)
    assert data.read(tmp_path / "a.npz").notes == ()


def test_columns_of_a_model_are_found_by_name(tmp_path):
    path = table(tmp_path / "t.csv", {"t": [0, 1], "b": [2, 3], "a": [4, 5]}, "xy")
    assert data.read_samples(path, columns=("a", "b")).tolist() == [[4, 2], [5, 3]]
    with pytest.raises(DrypointError, match="has no column 'c'; its columns: t, b, a, label"):
        data.read_samples(path, columns=("a", "c"))
    path.write_text("4,2\n5,3\n", "utf-8")  # without names: these columns alone
    assert data.read_samples(path, columns=("a", "b")).tolist() == [[4, 2], [5, 3]]
    path.write_text("0,4,2\n1,5,3\n", "utf-8")
    with pytest.raises(DrypointError, match="has no column 'a'; its columns: 0, 1, 2"):
        data.read_samples(path, columns=("a", "b"))
    assert data.read_samples(path, columns=("2", "1")).tolist() == [[2, 4], [3, 5]]


def test_columns_that_cannot_be_kept_are_one_line(tmp_path):
    path = log(tmp_path / "log.csv", {})
    for keep, words in (
        (["az"], "has no column 'az' of numbers to keep; its columns: ax, ay"),
        ("ax", r"keep is a list of names of columns: write \['ax'\]"),
    ):
        with pytest.raises(DrypointError, match=words):
            data.read(path, window=20, keep=keep)
    ramps = table(tmp_path / "r.csv", {"t": range(20), "u": range(20)}, "ab" * 10)
    with pytest.raises(DrypointError, match=r"no column is read, .* \(t, u\): name those to keep"):
        data.read(ramps)


def traced(root, *, recordings, steps):
    """A folder of recordings of which each sample is a number of its own."""
    for i, name in enumerate(NAMES):
        for k in range(recordings):
            first = 1000 * (100 * i + k)
            table(root / f"{name}/{k}.csv", {"x": first + np.arange(steps)}, [name] * steps)
    return root


@pytest.mark.parametrize(("recordings", "steps"), [(5, 40), (20, 40), (1, 60), (2, 120)])
def test_overlapping_windows_of_a_recording_are_in_one_part(tmp_path, recordings, steps):
    """Before, five recordings had no validation part, and fit drew it from overlapping windows."""
    root = traced(tmp_path / "all", recordings=recordings, steps=steps)
    options = {"window": 6, "hop": 1, "keep": ["x"]}
    found = [data.read(root, **options)]
    traced(tmp_path / "parts/train", recordings=recordings, steps=steps)
    traced(tmp_path / "parts/test", recordings=1, steps=steps)
    for splits in (*found, data.read(tmp_path / "parts", **options)):
        names = {"train", "val", "test"} & {*splits.parts}
        assert names == {"train", "val", "test"}
        seen = {part: {*splits[part].x.ravel().tolist()} for part in names}
        assert not seen["train"] & seen["val"]
        if "all" in splits.where:
            assert not (seen["train"] | seen["val"]) & seen["test"]


@pytest.mark.parametrize("recordings", [2, 3, 4])
def test_recordings_too_short_to_be_split_by_time_are_split_as_wholes(tmp_path, recordings):
    """Before, their overlapping windows were one heap, of which a fifth was the test part."""
    root = traced(tmp_path, recordings=recordings, steps=12)
    splits = data.read(root, window=8, hop=1, keep=["x"])
    seen = {part: {*splits[part].x.ravel().tolist()} for part in ("train", "test")}
    assert not seen["train"] & seen["test"]
    assert "the parts are split by recordings" in splits.notes


def test_one_short_recording_has_no_test_part_if_its_windows_overlap(tmp_path):
    root = traced(tmp_path, recordings=1, steps=16)
    splits = data.read(root, window=8, hop=1, keep=["x"])
    assert {*splits.parts} == {data.ALL, "train"}
    assert "no test part: windows overlap, and the recordings are too short to be split" in (
        splits.notes
    )
    assert {*data.read(root, window=8, keep=["x"]).parts} == {data.ALL}


def test_wav_files_of_several_rates_are_refused_and_one_rate_is_known(tmp_path):
    samples = np.random.default_rng(5).integers(-999, 999, 400)
    for k in range(4):
        write_wav(tmp_path / f"set/a/{k}.wav", samples, rate=16000)
        write_wav(tmp_path / f"set/b/{k}.wav", samples, rate=16000)
    splits = data.read(tmp_path / "set", window=40)
    encoder = SignalEncoder.from_data(splits["train"])
    assert (splits["train"].sample_rate, encoder.sample_rate) == (16000, 16000)
    assert "16,000 steps a second" in repr(splits["train"][:3])
    assert data.encoder_from_config(encoder.config()) == encoder
    write_wav(tmp_path / "set/b/3.wav", samples, rate=44100)
    with pytest.raises(DrypointError) as caught:
        data.read(tmp_path / "set", window=100)
    assert str(caught.value) == (
        f"the WAV files of {tmp_path / 'set'} have several sample rates, 16,000 steps a second in "
        f"{tmp_path / 'set/a/0.wav'} and 6 more; 44,100 steps a second in "
        f"{tmp_path / 'set/b/3.wav'}: convert them to one, as ffmpeg -i IN.wav -ar 16000 OUT.wav "
        "does"
    )
    with pytest.raises(DrypointError, match=r"has 44,100 steps a second, the net reads 16,000: "):
        data.read_samples(tmp_path / "set/b/3.wav", sample_rate=16000)
    table(tmp_path / "set/b/3.wav.csv", {"x": range(400)}, "b" * 400)
    (tmp_path / "set/b/3.wav").unlink()
    with pytest.raises(DrypointError, match="a WAV and a CSV file have values of other units"):
        data.read(tmp_path / "set", window=100)


@pytest.mark.parametrize(
    "wrong", [{"columns": "ab"}, {"columns": [1, 2]}, {"columns": ["a", "b", "c"]}]
    + [{"sample_rate": rate} for rate in (0, -1, 1.5, True, 2**31)]
)  # fmt: skip
def test_an_encoder_with_other_facts_is_refused(wrong):
    config = SignalEncoder(window=4, channels=2).config()
    assert "columns" not in config
    assert "sample_rate" not in config
    with pytest.raises(DrypointError, match=next(iter(wrong))):
        data.encoder_from_config({**config, **wrong})
