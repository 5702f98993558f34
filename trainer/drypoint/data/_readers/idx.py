"""IDX, the file format of MNIST: a magic number, the dimensions, then the elements.

Layout (big-endian): two zero bytes, the type code (8 = unsigned byte, the only one taken here),
the number of dimensions, each dimension as uint32, then the elements in row-major order.
"""

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drypoint.common import (
    READ_LIMIT,
    DrypointError,
    check_kind,
    check_limit,
    kind_of,
    read_bytes,
    write_atomic,
)

from .._errors import FormatError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
import re
from collections.abc import Sequence

from .._dataset.dataset import Dataset
from .._dataset.splits import ALL, PART_NAMES, Splits
from .._errors import DatasetError

_UINT8 = 8
_MAX_DIMENSIONS = 4  # images, rows, columns, channels


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """The IDX file of a uint8 array of 1 to 4 dimensions.

    Raises:
        FormatError: another dtype, or another number of dimensions.
    """
    is_array = isinstance(array, np.ndarray) and array.dtype == np.uint8
    if not is_array or not 1 <= array.ndim <= _MAX_DIMENSIONS:
        raise FormatError(
            f"IDX holds uint8 arrays of 1 to {_MAX_DIMENSIONS} dimensions here, "
            f"not {kind_of(array)}"
        )
    header = bytes((0, 0, _UINT8, array.ndim)) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.tobytes()


def parse_idx(data: bytes, *, where: str = "IDX data") -> NDArray[np.uint8]:
    """The array of a whole IDX file: a read-only view of the bytes.

    Args:
        data: the file's bytes, not compressed.
        where: the name of the file, for the message.

    Raises:
        FormatError: wrong magic number or type, missing bytes, trailing bytes.
    """
    check_kind(data, bytes, name=where, wanted="the bytes of a file", error=FormatError)
    size = _file_size(data, where)
    if len(data) != size:
        raise FormatError(f"{where}: {len(data)} bytes, its header asks for exactly {size}")
    shape = _shape(data)
    return np.frombuffer(data, dtype=np.uint8, offset=_header_size(data)).reshape(shape)


def read_idx(path: str | Path, *, limit: int = READ_LIMIT) -> NDArray[np.uint8]:
    """The array of an IDX file, gzip or not (by its first bytes, not by its name).

    Args:
        path: the file, which may be untrusted.
        limit: bytes that the decompressed file may take, 640 MiB by default: a gzip file of 1 MB
            can decompress to 1 GB.

    Raises:
        FormatError: as `parse_idx`, a damaged gzip stream, or a header that declares more than
            ``limit``.
        DrypointError: the file cannot be read.
    """
    data = gunzip_idx(read_bytes(path, limit=limit), where=str(path), limit=limit)
    return parse_idx(data, where=str(path))


def write_idx(path: str | Path, array: NDArray[np.uint8]) -> None:
    """Write a uint8 array of 1 to 4 dimensions as an IDX file, not compressed, atomically."""
    write_atomic(path, idx_bytes(array))


def gunzip_idx(data: bytes, *, where: str, limit: int) -> bytes:
    """The IDX bytes inside ``data`` if it is gzip, else ``data`` itself.

    The size that the IDX header declares must not exceed ``limit`` (bytes). At most one byte more
    than that size is decompressed; `parse_idx` then refuses the extra byte.
    """
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            header = stream.read(4)
            header += stream.read(_header_size(header) - len(header))
            size = _file_size(header, where)
            check_limit(size, limit, what=where)
            stream.rewind()  # one read gives one byte string: header and elements need no joining
            return io.BufferedReader(_Pieces(stream)).read(size + 1)
    except DrypointError as error:
        raise FormatError(str(error)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{where}: damaged gzip data ({error})") from error


class _Pieces(io.RawIOBase):
    """A gzip stream read in pieces of 1 MiB, which bounds the memory that gzip takes beside the
    result. For a large piece Python 3.12 and later take 16 MiB beforehand.
    """

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read at most 1 MiB into a buffer; the number of bytes, 0 at the end."""
        return self._stream.readinto(memoryview(buffer)[: 1 << 20])


def _header_size(data: bytes) -> int:
    """Size of the header in bytes, from the fourth byte (number of dimensions); 4 without it."""
    return 4 + 4 * (min(data[3], _MAX_DIMENSIONS) if len(data) > 3 else 0)


def _shape(data: bytes) -> tuple[int, ...]:
    """The dimensions in a header, which `_file_size` has checked."""
    return tuple(int(d) for d in np.frombuffer(data, dtype=">u4", count=data[3], offset=4))


def _file_size(data: bytes, where: str) -> int:
    """Size in bytes that the header at the start of ``data`` declares for the whole file."""
    if len(data) < 4 or data[:3] != bytes((0, 0, _UINT8)) or not 1 <= data[3] <= _MAX_DIMENSIONS:
        raise FormatError(
            f"{where}: starts with '{data[:4].hex(' ')}', an IDX file of bytes starts with "
            f"'00 00 08' and a number of dimensions from 1 to {_MAX_DIMENSIONS}"
        )
    if len(data) < _header_size(data):
        raise FormatError(f"{where}: {len(data)} bytes, its IDX header alone has more")
    return _header_size(data) + math.prod(_shape(data))


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
