"""Data sets from folders, ``.npz`` and IDX files: the parts that they name, and bad input."""

import io
import zipfile

import numpy as np
import pytest
from answers import refusal
from PIL import Image

from drypoint import data

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (6, 5, 4)).astype(np.uint8)  # width 4, height 5
NAMES = np.array(["b", "a", "b", "a", "b", "a"])


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def folder(root, x=GRAY, names=NAMES):
    for i, (image, name) in enumerate(zip(x, names, strict=True)):
        save(root / str(name) / f"{i}.png", image)
    return root


def same(found, x, y, classes):
    assert np.array_equal(found.x, x)
    assert np.array_equal(found.y, y)
    assert found.classes == classes


def test_a_folder_of_class_folders_has_no_parts(tmp_path):
    splits = data.read(folder(tmp_path))
    assert [*splits.parts] == [data.ALL]
    same(splits[data.ALL], GRAY[[1, 3, 5, 0, 2, 4]], [0, 0, 0, 1, 1, 1], ("a", "b"))
    assert splits.notes == ()
    assert data.load(tmp_path).digest() == data.load_folder(tmp_path).digest()
    refusal(lambda: data.load(tmp_path, "test"), "has no part 'test'; its parts: all")


def test_subfolders_train_and_test_are_parts_in_one_size_and_colour(tmp_path):
    """The colour is the training part's: a coloured test picture becomes gray."""
    folder(tmp_path / "Train")
    folder(tmp_path / "val", GRAY[:2], NAMES[:2])
    rgb = np.repeat(GRAY[:2, ..., None], 3, axis=3)
    rgb[..., 0] = 0
    folder(tmp_path / "testing", rgb, NAMES[:2])
    splits = data.read(tmp_path)
    assert [*splits.parts] == ["train", "val", "test"]
    assert [len(part) for part in splits.parts.values()] == [6, 2, 2]
    assert splits["test"].x.shape == (2, 5, 4)
    luma = (701 * GRAY[:2].astype(int) + 500) // 1000  # 587 green, 114 blue, no red
    assert np.array_equal(splits["test"].x, luma[::-1])
    assert data.load(tmp_path, "val").digest() == splits["val"].digest()


def test_folders_called_test_are_classes_where_there_is_no_training_folder(tmp_path):
    splits = data.read(folder(tmp_path, names=["test", "bench"] * 3))
    assert splits[data.ALL].classes == ("bench", "test")


def test_pictures_of_several_sizes_or_large_ones_are_read_small_and_that_is_noted(tmp_path):
    save(tmp_path / "a/1.png", np.zeros((9, 7), np.uint8))
    save(tmp_path / "b/2.png", np.zeros((30, 20), np.uint8))
    (tmp_path / "b/3.webp").write_bytes(b"RIFF")
    splits = data.read(tmp_path)
    assert splits[data.ALL].image_size == (32, 32)
    skipped, note = splits.notes
    assert note == "pictures of 7 x 9 to 20 x 30 pixels are read as 32 x 32"
    assert skipped.startswith("not read: 1 .webp (formats that are read: .bmp, ")
    assert data.read(tmp_path, width=6, height=4)[data.ALL].image_size == (6, 4)
    save(tmp_path / "c/a/1.png", np.zeros((65, 65), np.uint8))
    assert data.read(tmp_path / "c").notes == ("pictures of 65 x 65 pixels are read as 32 x 32",)


def test_pictures_of_every_kind_have_their_pixels(tmp_path):
    """Oracle: the formulas of NUMERICS, on one gray value: 16 bits, alpha on black, CMYK's key."""
    pixel = np.full((4, 4), 200, np.uint8)
    save(tmp_path / "x/plain.png", pixel)
    save(tmp_path / "x/deep.png", pixel.astype(np.uint16) * 257)
    clear = np.dstack([np.full((4, 4, 3), 255, np.uint8), pixel])
    save(tmp_path / "x/clear.png", clear)
    key = np.zeros((4, 4, 4), np.uint8)
    key[..., 3] = 255 - 200
    (tmp_path / "x/print.tif").parent.mkdir(exist_ok=True)
    Image.frombytes("CMYK", (4, 4), key.tobytes()).save(tmp_path / "x/print.tif")
    found = data.read(tmp_path)[data.ALL]
    assert found.x.shape == (4, 4, 4)
    assert (found.x == 200).all()


def test_names_of_classes_may_have_spaces_and_any_letters(tmp_path):
    names = ("my cat", "häh 😀")
    found = data.read(folder(tmp_path, names=[names[i % 2] for i in range(6)]))[data.ALL]
    assert found.classes == tuple(sorted(names))


def test_all_unreadable_pictures_are_in_one_line(tmp_path):
    folder(tmp_path)
    (tmp_path / "a/bad.png").write_text("hello")
    refusal(lambda: data.read(tmp_path), "a/bad.png is not a readable picture")
    (tmp_path / "b/worse.jpg").write_bytes(b"\xff\xd8\xff")
    text = refusal(lambda: data.read(tmp_path), "a/bad.png", "1 more of 8 cannot be read: ")
    assert text.endswith(
        "b/worse.jpg; read(skip_unreadable=True) (train --skip-unreadable) leaves them out"
    )
    (tmp_path / "b/empty").mkdir()
    (tmp_path / "empty").mkdir()
    refusal(lambda: data.read(tmp_path), "empty has no pictures (", "remove it or fill it")
    (tmp_path / "code/src").mkdir(parents=True)
    (tmp_path / "code/src/main.c").write_text("int x;")
    text = refusal(
        lambda: data.read(tmp_path / "code"), "the subfolders of ", "/code have no pictures"
    )
    assert "remove" not in text


def test_unreadable_pictures_are_left_out_where_that_is_wanted(tmp_path):
    """Oracle: the folder without them."""
    plain = data.read(folder(tmp_path))[data.ALL]
    (tmp_path / "a/bad.png").write_text("hello")
    (tmp_path / "b/worse.jpg").write_bytes(b"\xff\xd8\xff")
    splits = data.read(tmp_path, skip_unreadable=True)
    places = ", ".join(str(tmp_path / name) for name in ("a/bad.png", "b/worse.jpg"))
    assert splits.notes == (f"2 of 8 pictures cannot be read, and are left out: {places}",)
    assert splits[data.ALL].digest() == plain.digest()
    (tmp_path / "c").mkdir()
    (tmp_path / "c/bad.png").write_text("hello")
    refusal(
        lambda: data.read(tmp_path, skip_unreadable=True), "no picture of the class c can be read: "
    )
    np.savez(tmp_path / "x.npz", x=GRAY, y=range(len(GRAY)))
    refusal(
        lambda: data.read(tmp_path / "x.npz", skip_unreadable=True),
        "skip_unreadable (--skip-unreadable) is for folders of pictures, which ",
    )


def test_sources_that_are_none_are_one_line(tmp_path):
    refusal(lambda: data.read(tmp_path / "none"), "there is no folder or file ")
    refusal(lambda: data.read(tmp_path), "has no subfolders: one is wanted for each class")
    (tmp_path / "notes.txt").write_text("x")
    refusal(lambda: data.read(tmp_path / "notes.txt"), "notes.txt is no data set that is read")
    text = refusal(
        lambda: data.load("mnits"), "no data set, folder or file 'mnits'; data sets: mnist"
    )
    assert "digits" in text


# .npz


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_an_npz_file_of_x_and_y(tmp_path):
    splits = data.read(npz(tmp_path / "a.npz", x=GRAY, y=NAMES))
    same(splits[data.ALL], GRAY, [1, 0, 1, 0, 1, 0], ("a", "b"))
    named = npz(
        tmp_path / "b.npz", images=GRAY[..., None], labels=[0, 1] * 3, classes=["no", "yes"]
    )
    same(data.read(named)[data.ALL], GRAY, [0, 1] * 3, ("no", "yes"))


@pytest.mark.parametrize(
    "form", ["x_{0},y_{0}", "{0}_images,{0}_labels", "X-{0},Y-{0}", "{0}.data,{0}.target"]
)
def test_an_npz_file_of_parts(tmp_path, form):
    arrays = {}
    for part, n in (("train", 4), ("test", 2)):
        x, y = form.format(part).split(",")
        arrays |= {x: np.asfortranarray(GRAY[:n]), y: np.arange(n)[:, None] % 2}
    splits = data.read(npz(tmp_path / "a.npz", **arrays))
    same(splits["train"], GRAY[:4], [0, 1, 0, 1], (0, 1))
    same(splits["test"], GRAY[:2], [0, 1], (0, 1))


def test_npz_files_that_are_no_data_are_one_line(tmp_path):
    path = tmp_path / "a.npz"

    def refused(*texts, **arrays):
        refusal(lambda: data.read(npz(path, **arrays)), str(path), *texts)

    refused("has the arrays weights, bias; wanted: x and y", weights=GRAY, bias=GRAY)
    refused("has the arrays x: inputs without labels; wanted: x and y", x=GRAY)
    refused("has the arrays y: labels without inputs; wanted: x and y", y=NAMES)
    refused(": 6 images but 5 labels: one label each is wanted", x=GRAY, y=NAMES[:5])
    refused("labels reach from -1 to 4, indices allow 0 and more: number classes from 0, y + 1",
            x=GRAY, y=np.arange(6) - 1)  # fmt: skip
    signals = np.zeros((6, 4), np.float32)
    signals[2, 3] = np.nan
    refused("signals hold NaN, infinity or a number beyond float32, first in example 2",
            x=signals, y=NAMES)  # fmt: skip
    refused("of its part 'test'", x=GRAY, y=NAMES, x_test=GRAY)
    refused("the array images is a second x array of the part 'all'", x=GRAY, images=GRAY, y=NAMES)
    refused("x holds object, not numbers or texts: save texts as .astype(str)",
            x=np.array([None]), y=NAMES)  # fmt: skip
    for content in (b"", b"PK", b"hello", path.read_bytes()[:-30]):
        path.write_bytes(content)
        refusal(lambda: data.read(path), "is no .npz file of arrays, or a damaged one")
    refusal(lambda: data.read(npz(path, x=GRAY, y=NAMES), limit=300), "the limit is 300")


def test_an_array_that_declares_more_than_it_has_is_refused(tmp_path):
    stream = io.BytesIO()
    np.save(stream, GRAY)
    huge = stream.getvalue().replace(b"(6, 5, 4)", b"(6, 5, 400000000)".ljust(9))
    header = int.from_bytes(huge[8:10], "little") + len(huge) - len(stream.getvalue())
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", huge[:8] + header.to_bytes(2, "little") + huge[10:])
    refusal(
        lambda: data.read(path),
        "x has 120 bytes of numbers; shape (6, 5, 400000000) of uint8 needs 12000000000",
    )


# IDX


def test_a_folder_of_idx_files_has_the_parts_in_its_names(tmp_path):
    for part, n in (("train", 4), ("t10k", 2)):
        data.write_idx(tmp_path / f"emnist-{part}-images-idx3-ubyte", GRAY[:n])
        data.write_idx(tmp_path / f"emnist-{part}-labels-idx1-ubyte", np.arange(n, dtype=np.uint8))
    splits = data.read(tmp_path)
    same(splits["train"], GRAY[:4], range(4), tuple(range(4)))
    same(splits["test"], GRAY[:2], range(2), (0, 1))
    file = tmp_path / "emnist-train-images-idx3-ubyte"
    same(data.read(file)[data.ALL], GRAY[:4], range(4), tuple(range(4)))
    data.write_idx(tmp_path / "other-train-images-idx3-ubyte", GRAY)
    refusal(lambda: data.read(tmp_path), "are both images of the part train: name one file")
    (tmp_path / "emnist-train-labels-idx1-ubyte").unlink()
    refusal(lambda: data.read(file), "has no labels beside it: emnist-train-labels-idx1-ubyte")


# Sets that have a name


def test_digits_are_scikit_learns(monkeypatch):
    """Oracle: scikit-learn's own loader."""
    from sklearn.datasets import load_digits

    wanted = load_digits()
    train, test = data.load("digits"), data.load("digits", "test")
    assert (len(train), len(test)) == (1437, 360)
    x = np.concatenate([train.x, test.x])
    assert np.array_equal(x, np.floor(wanted.images * 255 / 16 + 0.5))
    assert np.array_equal(np.concatenate([train.y, test.y]), wanted.target)
    refusal(lambda: data.load("digits", "val"), "digits has no part 'val'; its parts: train, test")
    card = data.cards()["digits"]
    assert card.digests["test"] == test.digest()
    assert "CC BY 4.0" in str(card)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    text = refusal(lambda: data.load("digits"), "comes with a package that is not installed")
    assert "pip install 'drypoint[baselines]'" in text


def test_other_content_than_the_cards_is_refused(monkeypatch, toolbox):
    from drypoint.data._sources import named

    toolbox.need_package("sklearn")
    digits = data.load("digits")
    changed = data.Dataset(255 - digits.x, digits.y, digits.classes)
    monkeypatch.setitem(named._LOADERS, "digits", lambda *_: changed)
    refusal(lambda: data.load("digits"), f"has the SHA-256 {changed.digest()}, not")


def test_fashion_mnist_is_found_in_a_folder_or_says_how_to_install_it(tmp_path, monkeypatch):
    from drypoint.data._sources import packaged

    monkeypatch.setattr(packaged, "_DEBIAN", tmp_path / "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = refusal(lambda: data.load("fashion-mnist"), "apt-get install dataset-fashion-mnist")
    assert str(tmp_path / "nowhere") in text
    for part in ("train", "t10k"):
        data.write_idx(tmp_path / f"{part}-images-idx3-ubyte", np.zeros((10, 28, 28), np.uint8))
        data.write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(10, dtype=np.uint8))
    refusal(lambda: data.load("fashion-mnist", root=tmp_path), "has the SHA-256 ")


def test_the_cards_name_every_set():
    cards = data.cards()
    assert {*cards} >= {"mnist", "fashion-mnist", "digits"}
    for name, card in cards.items():
        assert str(card).startswith(f"{name}\n  holds")
        assert len(card.digests["train"]) == len(card.digests["test"]) == 64
        assert card.licence
