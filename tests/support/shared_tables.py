"""Blobs made field by field, as BLOB.md says: ops that share tables, which Python never writes."""

import struct

from blobs import repaired

U8, I32, DENSE, AVGPOOL = 0, 2, 2, 4


def dense_record(inputs, outputs, *, out_type, tables, out_offset=0):
    """A record of BLOB.md for a dense op; ``tables``: where weights, biases, multipliers lie."""
    limits = (0, 255) if out_type == U8 else (-(2**31), 2**31 - 1)
    shapes = struct.pack("<6H", *inputs, 1, 1, outputs)
    kind = struct.pack("<4B", DENSE, U8, out_type, 0)
    return kind + shapes + bytes(12) + struct.pack("<2i4I12x", *limits, out_offset, *tables)


def mean_record(width, *, mult, out_offset):
    """A record of BLOB.md for a mean of one value, which has one multiplier."""
    kind = struct.pack("<4B", AVGPOOL, U8, U8, 0)
    windows = struct.pack("<6H4B8x", 1, 1, width, 1, 1, width, 1, 1, 1, 1)
    return kind + windows + struct.pack("<2i4I12x", 0, 255, out_offset, 0, 0, mult)


def dense_blob(records, tables, *, inputs, arena, size=0):
    """A blob of these records, with ``tables`` behind them and zeros up to ``size`` bytes."""
    data = bytearray(64) + b"".join(records) + tables
    data += bytes(max(0, size - len(data)))
    struct.pack_into("<4sHHI", data, 0, b"DPT\x1a", 1, 0, len(data))
    struct.pack_into("<IHHBx3H", data, 16, arena, len(records), 0, U8, *inputs)
    return repaired(data)


def shared_blob(n_ops, width, *, size=0, last_bias=None):
    """Dense ops of ``width`` inputs and outputs, and a mean before the last, that all name one set
    of tables; the biases of the last may be a table of their own."""
    at = 64 + 64 * n_ops
    where = [at, at + width**2, at + width**2 + 4 * width]
    tables = bytes(width**2 + 4 * width) + struct.pack("<i", 2) * width
    ends = list(where)
    if last_bias is not None:
        ends[1] = at + len(tables)
        tables += struct.pack("<i", last_bias) * width
    records = [
        dense_record((1, 1, width), width, out_type=U8, tables=where, out_offset=i % 2 * width)
        for i in range(n_ops - 2)
    ]
    records += [mean_record(width, mult=where[2], out_offset=n_ops % 2 * width)]
    records += [dense_record((1, 1, width), width, out_type=I32, tables=ends)]
    return dense_blob(records, tables, inputs=(1, 1, width), arena=2 * width, size=size)
