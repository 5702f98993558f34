"""Data sets in the files of installed packages, read without importing the package."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from drypoint.common import READ_LIMIT, how_to_install, read_bytes

from ._cache import cache_folder
from ._dataset import Dataset
from ._errors import DatasetError, DatasetNotFoundError
from ._idx_files import idx_splits

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
                found = idx_splits(folder, limit=READ_LIMIT)[split]
            except DatasetError as error:
                raise DatasetNotFoundError(f"fashion-mnist: {error}") from error
            return Dataset(found.x, found.y, _FASHION)
    raise DatasetNotFoundError(
        f"fashion-mnist was not found; tried: {', '.join(map(str, folders))}; install Debian's "
        "package, apt-get install dataset-fashion-mnist, or put the four IDX files into the last "
        "of these folders"
    )


def _file(package: str, name: str, *, set_name: str) -> bytes:
    """The bytes of a file of an installed package.

    Raises:
        DatasetNotFoundError: the package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / name).is_file():
            return read_bytes(Path(folder) / name)
    raise DatasetNotFoundError(
        f"the data set {set_name} comes with a package that "
        f"{'has no file ' + name if spec else 'is not installed'}: {_INSTALL[package]}"
    )


_INSTALL = {"sklearn": how_to_install("baselines")}
