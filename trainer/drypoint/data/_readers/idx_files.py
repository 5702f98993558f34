"""Data sets from IDX files: pairs of images and labels, found by their names."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drypoint.common import READ_LIMIT, check_limit

from .._dataset.dataset import Dataset
from .._dataset.splits import ALL, PART_NAMES, Splits
from .._errors import DatasetError
from .idx import read_idx

_IMAGES = re.compile(r"images?[-.]idx[34]-ubyte(\.gz)?$|images?\.idx(\.gz)?$", re.IGNORECASE)


def load_idx(
    images: str | Path,
    labels: str | Path,
    *,
    classes: Sequence[str | int] | None = None,
    limit: int = READ_LIMIT,
) -> Dataset:
    """Any data set (FashionMNIST, EMNIST, ...) from two IDX files, gzip or not.

    Args:
        images: the file of the images (N, H, W) or (N, H, W, 3).
        labels: the file of the labels (N,).
        classes: the names of the classes; None: 0, 1, ... to the highest label.
        limit: bytes of memory that each decoded file may take (a label takes 9 bytes); 640 MiB by
            default.

    Raises:
        FormatError: a file is not IDX, or takes more memory than ``limit``.
        DatasetError: the two do not fit together.
        DrypointError: a file cannot be read.
    """
    x, y = read_idx(images, limit=limit), read_idx(labels, limit=limit)
    check_limit(9 * y.size, limit, what=str(labels))
    return Dataset(x, y.astype(np.int64), () if classes is None else tuple(classes))


def is_idx_file(path: Path) -> bool:
    """Whether a name is the usual one of IDX images: ``train-images-idx3-ubyte.gz``."""
    return bool(_IMAGES.search(path.name))


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder, or its ``MNIST/raw``, has a file of IDX images by its name."""
    return bool(_images_in(folder))


def idx_splits(path: Path, *, limit: int) -> Splits:
    """The parts of a data set in a folder of IDX files, by the words train, test and t10k in their
    names; or the one part of a file of images. Labels lie beside the images, with ``labels`` and
    ``idx1`` in place of ``images`` and ``idx3`` in the name.
    """
    if not path.is_dir():
        return Splits({ALL: load_idx(path, _labels_of(path), limit=limit)}, str(path))
    paths: dict[str, Path] = {}
    for images in _images_in(path):
        words = re.split(r"[-_.]", images.name.lower())
        part = next((PART_NAMES[word] for word in words if word in PART_NAMES), ALL)
        if part in paths:
            raise DatasetError(
                f"{images} and {paths[part].name} are both images of the part {part}: name one file"
            )
        paths[part] = images
    parts = {part: load_idx(x, _labels_of(x), limit=limit) for part, x in paths.items()}
    return Splits(parts, str(path))


def _images_in(folder: Path) -> list[Path]:
    for base in (folder, folder / "MNIST" / "raw"):
        images = [path for path in base.glob("*") if is_idx_file(path) and path.is_file()]
        if images:
            # A file and its gzip copy are one.
            plain = {path.name for path in images}
            return sorted(p for p in images if p.suffix != ".gz" or p.stem not in plain)
    return []


def _labels_of(images: Path) -> Path:
    name = re.sub("images?", "labels", images.name)
    stem = re.sub("idx[34]", "idx1", name).removesuffix(".gz")
    for path in (images.with_name(stem), images.with_name(f"{stem}.gz")):
        if path.is_file():
            return path
    raise DatasetError(f"{images} has no labels beside it: {stem} is missing")
