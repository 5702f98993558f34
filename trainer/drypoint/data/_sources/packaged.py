"""Data sets in the files of installed packages, read without importing the package."""

import gzip
import importlib
import importlib.util
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from drypoint.common import READ_LIMIT, how_to_install, read_bytes

from .._dataset.classes import class_names
from .._dataset.dataset import Dataset
from .._errors import DatasetError, DatasetNotFoundError
from .._readers.idx import idx_splits
from .sources import cache_folder

_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_FASHION = (
    *("t-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "boot"),
)
_DIGITS_TRAIN = 1437  # of 1,797 digits: the writers of the others are only in the test part


def load_digits(split: str, root: str | Path | None) -> Dataset:  # noqa: ARG001 - as all loaders
    """scikit-learn's digits: 8 x 8 images of 17 shades, scaled to 0 to 255."""
    content = gzip.decompress(_file("sklearn", "datasets/data/digits.csv.gz", set_name="digits"))
    table = np.loadtxt(content.decode("ascii").splitlines(), delimiter=",")
    part = slice(_DIGITS_TRAIN) if split == "train" else slice(_DIGITS_TRAIN, None)
    shades = table[part, :64].reshape(-1, 8, 8)
    x = np.floor(shades * 255 / 16 + 0.5).astype(np.uint8)
    return Dataset(x, table[part, 64].astype(np.int64), tuple(range(10)))


def load_fashion_mnist(split: str, root: str | Path | None) -> Dataset:
    """Fashion-MNIST: from ``root``, else from Debian's package, else from the cache."""
    folders = [Path(root).expanduser()] if root else [_DEBIAN, cache_folder() / "fashion-mnist"]
    for folder in folders:
        if folder.is_dir():
            try:
                dataset = idx_splits(folder, limit=READ_LIMIT)[split]
            except DatasetError as error:
                raise DatasetNotFoundError(f"fashion-mnist: {error}") from error
            return Dataset(dataset.x, dataset.y, _FASHION)
    raise DatasetNotFoundError(
        f"fashion-mnist was not found; tried: {', '.join(map(str, folders))}; install Debian's "
        "package, apt-get install dataset-fashion-mnist, or put the four IDX files into the last "
        "of these folders"
    )


def series_loader(name: str, *, set_name: str) -> Callable[[str, str | Path | None], Dataset]:
    """The loader of a data set of the UCR and UEA archives that the package aeon ships."""

    def load_series(split: str, root: str | Path | None) -> Dataset:  # noqa: ARG001
        file = f"datasets/data/{name}/{name}_{split.upper()}.ts"
        return _series(_file("aeon", file, set_name=set_name).decode("utf-8"))

    return load_series


def _series(text: str) -> Dataset:
    """The examples of a ``.ts`` file: a line each, channels and the label separated by colons."""
    head, _, body = text.partition("@data\n")
    (classes,) = [
        line.split()[2:] for line in head.splitlines() if line.startswith("@classLabel true")
    ]
    channels, labels = list[list[list[float]]](), list[str]()
    for line in body.split():
        *series, label = line.split(":")
        channels.append([[float(value) for value in channel.split(",")] for channel in series])
        labels.append(label)
    x = np.array(channels, np.float32).transpose(0, 2, 1)
    return Dataset(x, np.array([classes.index(label) for label in labels]), class_names(classes))


def load_mnist1d(split: str, root: str | Path | None) -> Dataset:  # noqa: ARG001
    """MNIST-1D: 4,000 and 1,000 signals of 40 steps, which the package mnist1d draws from its seed.

    Values are rounded to 4 digits, so that they do not depend on the last bits of a machine.
    """
    try:
        mnist1d = importlib.import_module("mnist1d.data")
    except ImportError as error:
        raise DatasetNotFoundError(
            f"the data set mnist1d comes with a package that is not installed ({error}): "
            f"{_INSTALL['mnist1d']}"
        ) from error
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - mnist1d seeds both
    try:
        drawn = mnist1d.make_dataset(mnist1d.get_dataset_args())
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
    x, y = (drawn["x"], drawn["y"]) if split == "train" else (drawn["x_test"], drawn["y_test"])
    return Dataset(np.round(x, 4), y, tuple(range(10)))


def _file(package: str, name: str, *, set_name: str) -> bytes:
    """The bytes of a file of an installed package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / name).is_file():
            return read_bytes(Path(folder) / name)
    raise DatasetNotFoundError(
        f"the data set {set_name} comes with a package that "
        f"{'has no file ' + name if spec else 'is not installed'}: {_INSTALL[package]}"
    )


_INSTALL = {
    "sklearn": how_to_install("baselines"),
    "aeon": "pip install aeon (--no-deps is enough: only its files are read)",
    "mnist1d": "pip install mnist1d",
}
