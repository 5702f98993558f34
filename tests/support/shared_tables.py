"""Blobs made field by field, as BLOB.md says: ops that share tables, which Python never writes."""

import struct
from itertools import pairwise

from blobs import repaired

U8, I8, I32 = 0, 1, 2
DENSE, AVGPOOL, ADD = 2, 4, 7
RECORDS, RECORD = 64, 128  # where records begin, and bytes of one


def record(kind, inputs, output, *, reads=(0,), out_type=U8, tables=(0, 0, 0), **fields):
    """A record of BLOB.md: an op of u8 inputs, each (h, w, c).

    ``tables``: where weights, biases and multipliers lie; ``fields``: marks, weight_bits, windows
    (kernel and stride), factors, out_offset."""
    lo, hi = (0, 255) if out_type == U8 else (-(2**31), 2**31 - 1)
    head = struct.pack("<4B", kind, fields.get("marks", 0), 0, fields.get("weight_bits", 0))
    tensors = [*((*shape, U8, 0) for shape in inputs), *[(0,) * 5] * (2 - len(inputs))]
    tensors.append((*output, out_type, 0))
    body = struct.pack("<2H", *(*reads, 0)[:2])
    body += b"".join(struct.pack("<3HBb", *tensor) for tensor in tensors)
    body += struct.pack("<4H", *fields.get("windows", (0,) * 4)) + bytes(20)
    body += struct.pack("<2i2H", lo, hi, *fields.get("factors", (0, 0)))
    body += struct.pack("<4I", fields.get("out_offset", 0), *tables)
    return (head + body).ljust(RECORD, b"\0")


def dense_record(inputs, outputs, *, out_type, tables, out_offset=0, reads=0):
    """A dense op; it reads tensor number ``reads``."""
    fields = {"reads": (reads,), "weight_bits": 8, "out_offset": out_offset}
    return record(DENSE, [inputs], (1, 1, outputs), out_type=out_type, tables=tables, **fields)


def mean_record(width, *, tables, out_offset, reads):
    """A mean of one value, which has one bias and one multiplier."""
    shape, fields = (1, 1, width), {"windows": (1, 1, 1, 1), "out_offset": out_offset}
    return record(AVGPOOL, [shape], shape, reads=(reads,), tables=(0, *tables), **fields)


def dense_blob(records, tables, *, inputs, arena, size=0):
    """A blob of these records, with ``tables`` behind them and zeros up to ``size`` bytes."""
    data = bytearray(RECORDS) + b"".join(records) + tables
    data += bytes(max(0, size - len(data)))
    struct.pack_into("<4sHHI", data, 0, b"DPT\x1a", 2, 0, len(data))
    struct.pack_into("<IHH3HBb", data, 16, arena, len(records), 0, *inputs, U8, 0)
    return repaired(data)


def shared_blob(n_ops, width, *, size=0, last_bias=None):
    """Dense ops of ``width`` inputs and outputs, and a mean before the last, that all name one set
    of tables; the biases of the last may be a table of their own."""
    at, shape = RECORDS + RECORD * n_ops, (1, 1, width)
    where = [at, at + width**2, at + width**2 + 4 * width]
    tables = bytes(width**2 + 4 * width) + struct.pack("<i", 2) * width
    ends = list(where)
    if last_bias is not None:
        ends[1] = at + len(tables)
        tables += struct.pack("<i", last_bias) * width
    records = [
        dense_record(shape, width, out_type=U8, tables=where, out_offset=i % 2 * width, reads=i)
        for i in range(n_ops - 2)
    ]
    records += [mean_record(width, tables=where[1:], out_offset=n_ops % 2 * width, reads=n_ops - 2)]
    records += [dense_record(shape, width, out_type=I32, tables=ends, reads=n_ops - 1)]
    return dense_blob(records, tables, inputs=shape, arena=2 * width, size=size)


def ladder(n_ops, *, meta=b"", in_place=True):
    """Additions of one value, each of which reads the two tensors before it, so that every tensor
    has two readers: ``n_ops`` ops that share a bias and a multiplier. Each is in place of the older
    tensor, which no later op reads. With ``in_place`` False the last but one lies there unmarked,
    which the plan may not do."""
    at, pixel, records = RECORDS + RECORD * n_ops, (1, 1, 1), []
    for i, (older, newer) in enumerate(pairwise([0, *range(n_ops)])):
        last = i + 1 == n_ops
        marked = 2 <= i < n_ops - 1 and (in_place or i + 2 < n_ops)
        records.append(record(
            ADD, [pixel, pixel], pixel, reads=(older, newer), factors=(1, 1), marks=int(marked),
            out_type=I32 if last else U8, tables=(0, at, at + 4), out_offset=0 if last else i % 2,
        ))  # fmt: skip
    data = bytearray(dense_blob(records, struct.pack("<2i", 0, 2) + meta, inputs=pixel, arena=2))
    struct.pack_into("<2I", data, 40, at + 8, len(meta))
    return repaired(data)
