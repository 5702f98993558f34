"""Blobs that break one rule each, and the status that the engine must answer."""

import struct
import zlib
from collections.abc import Callable

import nets

from drypoint.program import blob

GOOD = blob.dumps(nets.random_program(48))  # conv, mean, dense, max; labels


def repaired(data: bytes | bytearray) -> bytes:
    """The bytes with the CRC that they should have."""
    data = bytearray(data)
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


def put_table(data: bytearray, field: int, kind: str, value: int) -> None:
    """Change the first entry of a table of op 0, found through the record."""
    struct.pack_into(kind, data, struct.unpack_from("<I", data, 64 + field)[0], value)


CHECKS: dict[str, tuple[int, Callable[[bytearray], None]]] = {
    "field": (-9, lambda data: struct.pack_into("<B", data, 64, 7)),
    "reserved": (-9, lambda data: struct.pack_into("<B", data, 50, 1)),
    "no ops": (-9, lambda data: struct.pack_into("<H", data, 20, 0)),
    "many ops": (-8, lambda data: struct.pack_into("<H", data, 20, 65)),
    "records": (-11, lambda data: struct.pack_into("<H", data, 20, 64)),
    "meta": (-11, lambda data: struct.pack_into("<I", data, 40, 2**32 - 1)),
    "input type": (-10, lambda data: struct.pack_into("<B", data, 24, 1 - data[24])),
    "input shape": (-10, lambda data: struct.pack_into("<H", data, 30, 9)),
    "arena": (-13, lambda data: struct.pack_into("<I", data, 16, 1 << 20)),
    "overlap": (-13, lambda data: struct.pack_into("<I", data, 128 + 36, 0)),
    "last offset": (-13, lambda data: struct.pack_into("<I", data, 64 * 4 + 36, 1)),
    "labels": (-10, lambda data: struct.pack_into("<H", data, 22, 1)),
    "labels outside": (-11, lambda data: struct.pack_into("<I", data, 32, 2**32 - 1)),
    "labels open": (-11, lambda data: struct.pack_into("<I", data, 36, 3)),
    "weight outside": (-11, lambda data: struct.pack_into("<I", data, 64 + 40, len(data) - 1)),
    "bias outside": (-11, lambda data: struct.pack_into("<I", data, 64 + 44, len(data) - 1)),
    "mult outside": (-11, lambda data: struct.pack_into("<I", data, 64 + 48, len(data) - 3)),
    "odd multiplier": (-11, lambda data: put_table(data, 48, "<i", 3)),
    "multiplier 0": (-11, lambda data: put_table(data, 48, "<i", 0)),
    "weight -128": (-11, lambda data: put_table(data, 40, "<b", -128)),
    "bias": (-12, lambda data: put_table(data, 44, "<i", -(2**31))),
    "shift": (-12, lambda data: struct.pack_into("<B", data, 64 + 3, 30)),
    "shift 31": (-9, lambda data: struct.pack_into("<B", data, 64 + 3, 31)),
    "clamp": (-9, lambda data: struct.pack_into("<ii", data, 64 + 28, 5, 4)),
    "clamp of the type": (-9, lambda data: struct.pack_into("<i", data, 64 + 32, 256)),
    "out type": (-10, lambda data: struct.pack_into("<B", data, 64 + 2, 2)),
    "kernel 0": (-9, lambda data: struct.pack_into("<B", data, 64 + 16, 0)),
    "output shape": (-10, lambda data: struct.pack_into("<H", data, 64 + 10, 60)),
    "shape 0": (-10, lambda data: struct.pack_into("<H", data, 64 + 14, 0)),
    "minor": (-6, lambda data: struct.pack_into("<H", data, 6, 1)),
    "size": (-4, lambda data: struct.pack_into("<I", data, 8, len(data) + 1)),
}


def _broken(change: Callable[[bytearray], None]) -> bytes:
    data = bytearray(GOOD)
    change(data)
    return repaired(data)


# name -> (blob, status)
BROKEN = {name: (_broken(change), status) for name, (status, change) in CHECKS.items()}
BROKEN |= {
    "empty": (GOOD[:20], -4),
    "magic": (b"X" + GOOD[1:], -5),
    "crc": (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), -7),
}
