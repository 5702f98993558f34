"""Several byte strings in one file: an uncompressed zip, without dates, that anyone can open."""

import io
import struct
import zipfile
from collections.abc import Mapping

from ._errors import DrypointError

_BROKEN = (
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # which text decoding and seeking raise
    NotImplementedError,  # other compression methods, later versions of zip
    RuntimeError,  # members that claim to be encrypted
    OverflowError,
)


def pack_members(members: Mapping[str, bytes]) -> bytes:
    """A zip file of the members, by name; equal members give equal bytes on every machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def npy_header(shape: tuple[int, ...], descr: str) -> bytes:
    """The bytes before the numbers of a row-major array in a ``.npy`` file of version 1.0.

    They are NumPy's bytes, and do not depend on the version of NumPy.

    Args:
        shape: the shape of the array.
        descr: ``dtype.str`` of the array, such as "<f4".
    """
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text += " " * (21 - len(str(shape[0])) if shape else 0)  # room for the longest first axis
    size = (11 + len(text)) // 64 * 64 + 64  # of the whole header
    return (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", size - 10) + text.ljust(size - 11).encode() + b"\n"
    )


def unpack_members(content: bytes) -> dict[str, bytes]:
    """The members of a zip that `pack_members` wrote, by name. The bytes are not trusted.

    Members are not compressed, so together they cannot be larger than the file.

    Raises:
        DrypointError: the bytes are no zip or a damaged zip, a member is compressed, or two members
            have one name.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            if len({info.filename for info in infos}) < len(infos):
                raise DrypointError("two members have one name")
            for info in infos:
                if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                    raise DrypointError(f"{info.filename} is compressed")
            distinct = len({info.header_offset for info in infos}) == len(infos)
            if not distinct or sum(info.file_size for info in infos) > len(content):
                raise DrypointError("members overlap")
            return {info.filename: archive.read(info) for info in infos}  # checks each CRC
    except _BROKEN as error:
        raise DrypointError(str(error)) from error
