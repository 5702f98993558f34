"""The 64-byte record of an op and its tables in a blob: sections 3 and 4 of BLOB.md."""

import math
import struct
from typing import Any, NamedTuple, assert_never

import numpy as np

from ._ops import (
    AvgPool,
    Conv,
    Dense,
    DType,
    GroupedConv,
    MaxPool,
    Op,
    Shape,
    Weighted,
)

OP = struct.Struct("<BBBB3H3H2B2B4B2BHiiIIII12s")
TYPES: tuple[DType, ...] = ("u8", "i8", "i32")
KINDS: dict[type[Op], int] = {Conv: 1, Dense: 2, MaxPool: 3, AvgPool: 4, GroupedConv: 5}
_CLASSES = {number: kind for kind, number in KINDS.items()}
TABLE_LIMIT = 4  # all tables together are at most this many times as large as the blob


class Record(NamedTuple):
    """The fields of a record as they stand in the blob."""

    kind: type[Op]
    in_type: DType
    out_type: DType
    shift: int
    in_shape: Shape
    out_shape: Shape
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    pool: tuple[int, int]
    groups: int
    lo: int
    hi: int
    out_offset: int
    tables: tuple[int, int, int]
    zeros: bytes


def write_record(op: Op, out_offset: int, tables: tuple[int, int, int]) -> bytes:
    """The record of an op; ``tables`` are the offsets of its weights, biases and multipliers."""
    kernel = stride = pool = (0, 0)
    padding = (0, 0, 0, 0)
    groups = op.groups if isinstance(op, GroupedConv) else 0
    match op:
        case Conv() | GroupedConv():
            kernel, stride, padding, pool = op.kernel, op.stride, op.padding, op.pool
        case Dense():
            pass
        case MaxPool() | AvgPool():
            kernel, stride = op.kernel, op.stride
        case _:
            assert_never(op)
    rule = (0, 0, 0) if isinstance(op, MaxPool) else (op.shift, op.lo, op.hi)
    types = TYPES.index(op.in_type), TYPES.index(op.out_type)
    windows = (*kernel, *stride, *padding, *pool, groups)
    head = (KINDS[type(op)], *types, rule[0], *op.in_shape, *op.out_shape)
    return OP.pack(*head, *windows, *rule[1:], out_offset, *tables, bytes(12))


def read_record(blob: memoryview, at: int) -> Record:
    """The record that begins at byte ``at`` of a blob.

    Raises:
        ValueError: it has an unknown kind or type.
    """
    (kind, in_type, out_type, shift, *rest) = OP.unpack_from(blob, at)
    for what, came, known in (
        ("kind", kind, _CLASSES),
        ("input type", in_type, (0, 1)),
        ("output type", out_type, (0, 1, 2)),
    ):
        if came not in known:
            raise ValueError(f"the op at byte {at} is of unknown {what} {came}")
    return Record(
        kind=_CLASSES[kind],
        in_type=TYPES[in_type],
        out_type=TYPES[out_type],
        shift=shift,
        in_shape=Shape(*rest[:3]),
        out_shape=Shape(*rest[3:6]),
        kernel=(rest[6], rest[7]),
        stride=(rest[8], rest[9]),
        padding=(rest[10], rest[11], rest[12], rest[13]),
        pool=(rest[14], rest[15]),
        groups=rest[16],
        lo=rest[17],
        hi=rest[18],
        out_offset=rest[19],
        tables=(rest[20], rest[21], rest[22]),
        zeros=rest[23],
    )


def read_op(blob: memoryview, record: Record, name: str, used: int) -> tuple[Op, int]:
    """The op of a record, and how many bytes of tables this op and the ops before it have.

    Args:
        blob: the whole blob.
        record: the op's record.
        name: the op's name.
        used: how many bytes of tables the ops before it have.

    Raises:
        ValueError: a table reaches outside the blob, or the tables exceed ``TABLE_LIMIT``.
        ProgramError: the op breaks a rule.
    """
    shapes = _table_shapes(record)
    weights, biases, mults = (math.prod(shape) for shape in shapes)
    sizes = (weights, 4 * biases, 4 * mults)
    for offset, size in zip(record.tables, sizes, strict=True):
        if offset + size > len(blob):
            raise ValueError(
                f"op {name!r} has a table at bytes {offset} to {offset + size}, outside the blob's "
                f"{len(blob)}"
            )
    used += sum(sizes)
    if used > TABLE_LIMIT * len(blob):
        raise ValueError(
            f"the tables of op {name!r} and the ops before it have {used} bytes, more than "
            f"{TABLE_LIMIT} times the blob's {len(blob)}"
        )
    parts = [blob[at : at + size] for at, size in zip(record.tables, sizes, strict=True)]
    tables: dict[str, Any] = {
        "weight": np.frombuffer(parts[0], np.int8).reshape(shapes[0]),
        "bias": np.frombuffer(parts[1], "<i4").astype(np.int32, copy=False),
        "mult": np.frombuffer(parts[2], "<i4").astype(np.int32, copy=False),
    }
    return _op(record, name, tables), used


def _table_shapes(record: Record) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Of weights, biases and multipliers; a table that the op does not have is (0,)."""
    channels = record.out_shape.c
    if record.kind is Dense:
        return (channels, record.in_shape.size), (channels,), (channels,)
    if record.kind is AvgPool:
        return (0,), (0,), (1,)
    if record.kind is MaxPool:
        return (0,), (0,), (0,)
    read = record.in_shape.c // max(1, record.groups)  # `GroupedConv` refuses 0 groups
    return (channels, *record.kernel, read), (channels,), (channels,)


def _op(r: Record, name: str, tables: dict[str, Any]) -> Op:
    base: dict[str, Any] = {"name": name, "in_type": r.in_type, "out_type": r.out_type}
    base |= {"in_shape": r.in_shape, "out_shape": r.out_shape}
    rule: dict[str, Any] = {"shift": r.shift, "lo": r.lo, "hi": r.hi}
    windows: dict[str, Any] = {"kernel": r.kernel, "stride": r.stride}
    if r.kind is MaxPool:
        return MaxPool(**base, **windows)
    if r.kind is AvgPool:
        return AvgPool(**base, **rule, **windows, mult=tables["mult"])
    if r.kind is Dense:
        return Dense(**base, **rule, **tables)
    windows |= {"padding": r.padding, "pool": r.pool}
    if r.kind is Conv:
        return Conv(**base, **rule, **windows, **tables)
    return GroupedConv(**base, **rule, **windows, **tables, groups=r.groups)


def append_tables(body: bytearray, op: Op) -> tuple[int, int, int]:
    """Append weights, biases and multipliers of an op; their offsets, 0 for a missing table."""
    weight = op.weight.tobytes() if isinstance(op, Weighted) else b""
    bias = op.bias.astype("<i4").tobytes() if isinstance(op, Weighted) else b""
    mult = b"" if isinstance(op, MaxPool) else op.mult.astype("<i4").tobytes()
    return append(body, weight), append(body, bias), append(body, mult)


def append(body: bytearray, data: bytes) -> int:
    """Append at the next multiple of 16 (a friend to wide loads); the offset, or 0 for nothing."""
    if not data:
        return 0
    body += bytes(-len(body) % 16)
    at = len(body)
    body += data
    return at
