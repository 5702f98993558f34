"""Blobs that break one rule of BLOB.md each, and the status that the engine must answer.

Every case is a good blob with its CRC repaired after some changes (place, struct format, value);
places in an op count from `record(i)`.
"""

import struct
import zlib

import nets
import numpy as np

from drypoint.program import Dense, GroupedConv, MaxPool, Program, Shape, blob

FIELD, SHAPE, TABLE, OVERFLOW, PLAN = -9, -10, -11, -12, -13
Change = tuple[int, str, int]


def repaired(data: bytes | bytearray) -> bytes:
    """The bytes with the CRC that they should have."""
    data = bytearray(data)
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


def resized(data: bytes | bytearray) -> bytes:
    """The bytes with the size and CRC that they should have."""
    data = bytearray(data)
    struct.pack_into("<I", data, 8, len(data))
    return repaired(data)


def record(index: int) -> int:
    """Where the record of an op starts."""
    return 64 + 64 * index


def changed(data: bytes, *changes: Change) -> bytes:
    copy = bytearray(data)
    for at, kind, value in changes:
        struct.pack_into("<" + kind, copy, at, value)
    return repaired(copy)


def table(data: bytes, field: int) -> int:
    """Where a table of op 0 starts: `field` is its place in the record."""
    return int(struct.unpack_from("<I", data, record(0) + field)[0])


def with_table_at_the_end(data: bytes, field: int, size: int, *, beyond: int) -> bytes:
    """A table of op 0 (`size` bytes) copied to the very end, its offset `beyond` bytes too far."""
    start = table(data, field)
    longer = data + data[start : start + size]
    return changed(longer, (8, "I", len(longer)), (record(0) + field, "I", len(data) + beyond))


def _dense() -> Program:
    """3x1x2 bytes to two outputs; no labels; the first accumulator's bound is 2^31 - 1 exactly."""
    ops = Dense(
        name="dense", in_type="u8", out_type="i32", in_shape=Shape(3, 1, 2),
        out_shape=Shape(1, 1, 2), weight=np.array([[1, -2, 3, 4, 5, 6], [0] * 6], np.int8),
        bias=np.array([2**31 - 1 - 21 * 255, -5], np.int32), mult=np.array([2, 4], np.int32),
        shift=0, lo=-9, hi=9,
    )  # fmt: skip
    return Program(name="dense", ops=(ops,), input_scale=1.0, output_scale=1.0)


def _grouped() -> Program:
    """A plane of 4 channels to one of 6, in 2 groups."""
    ops = GroupedConv(
        name="grouped", in_type="u8", out_type="i32", in_shape=Shape(2, 3, 4),
        out_shape=Shape(1, 2, 6), weight=np.arange(-24, 24, dtype=np.int8).reshape(6, 2, 2, 2),
        bias=np.zeros(6, np.int32), mult=np.full(6, 2, np.int32), shift=0, lo=-9, hi=9,
        kernel=(2, 2), groups=2,
    )  # fmt: skip
    return Program(name="grouped", ops=(ops,), input_scale=1.0, output_scale=1.0)


def sharing(n_ops: int, side: int, *, factor: int, short: int = 0) -> bytes:
    """A blob of dense ops of side x side weights that all name the same tables. Its size is the sum
    of these tables divided by `factor`, rounded down, and then `short` bytes less."""
    shape, ops = Shape(1, 1, side), []
    for i in range(n_ops):
        last = i + 1 == n_ops
        ops.append(Dense(
            name=f"{i}", in_type="u8", out_type="i32" if last else "u8", in_shape=shape,
            out_shape=shape, weight=np.ones((side, side), np.int8), bias=np.zeros(side, np.int32),
            mult=np.full(side, 2**26, np.int32), shift=0, lo=0, hi=255,
        ))  # fmt: skip
    data = bytearray(blob.dumps(Program(name="x", ops=tuple(ops), input_scale=1, output_scale=1)))
    tables = data[record(0) + 40 : record(0) + 52]
    for i in range(n_ops):
        data[record(i) + 40 : record(i) + 52] = tables
    meta, meta_size = struct.unpack_from("<II", data, 40)
    meta_at = table(bytes(data), 48) + 4 * side
    struct.pack_into("<I", data, 40, meta_at)
    size = n_ops * side * (side + 8) // factor
    shorter = data[:meta_at] + data[meta : meta + meta_size]
    assert size - short >= len(shorter)
    return resized(shorter + bytes(size - short - len(shorter)))


def widen(shape: Shape) -> Program:
    """One op that copies its input: a small blob for any shape."""
    ops = MaxPool(
        name="widen", in_type="u8", out_type="i32", in_shape=shape, out_shape=shape,
        kernel=(1, 1), stride=(1, 1),
    )  # fmt: skip
    return Program(name="widen", ops=(ops,), input_scale=1.0, output_scale=1.0)


def _maxima() -> Program:
    """Two maxima of single values; the first is not the last op."""
    base = {"in_type": "u8", "in_shape": Shape(3, 3, 1), "out_shape": Shape(3, 3, 1)}
    base |= {"kernel": (1, 1), "stride": (1, 1)}
    ops = (MaxPool(name="a", out_type="u8", **base), MaxPool(name="b", out_type="i32", **base))
    return Program(name="maxima", ops=ops, input_scale=1.0, output_scale=1.0)


NET = nets.random_program(48)
GOOD = blob.dumps(NET)  # conv, mean, dense, max; labels
DENSE = blob.dumps(_dense())
GROUPED = blob.dumps(_grouped())
MAXIMA = blob.dumps(_maxima())
LARGE = blob.dumps(widen(Shape(16384, 16384, 1)))  # 2^28 values, the most that there may be
WIDEN = blob.dumps(widen(Shape(3, 4, 2)))
MEAN_MULT = struct.unpack_from("<I", GOOD, record(1) + 48)[0]  # where the mean's multiplier is
LABELS, LABELS_SIZE = struct.unpack_from("<II", GOOD, 32)

# What a reader must take although it lies at an edge.
ACCEPTED = {
    "the bound itself": DENSE,
    "the largest shape": LARGE,
    "shift 30": changed(
        DENSE,
        (record(0) + 3, "B", 30),
        (table(DENSE, 44), "i", 1),
        (table(DENSE, 44) + 4, "i", -1),
        *((table(DENSE, 40) + i, "b", 0) for i in range(6)),
    ),
    "lo is hi": changed(DENSE, (record(0) + 28, "i", 9)),
    "no labels, at the end": changed(DENSE, (32, "I", len(DENSE))),
    "multipliers at the end": with_table_at_the_end(DENSE, 48, 8, beyond=0),
    "biases at the end": with_table_at_the_end(DENSE, 44, 8, beyond=0),
    "weights at the end": with_table_at_the_end(DENSE, 40, 12, beyond=0),
    "weights in groups at the end": with_table_at_the_end(GROUPED, 40, 48, beyond=0),
    "tables of four times the blob": sharing(8, 32, factor=4),
    "weights of a convolution at the end": with_table_at_the_end(GOOD, 40, 54, beyond=0),
    "the largest shift of a mean": changed(GOOD, (record(1) + 3, "B", 23)),
    "empty labels": changed(
        GOOD, *((LABELS + i, "B", 0) for i in range(len(NET.labels))), (36, "I", len(NET.labels))
    ),
}

_HEADER: dict[str, tuple[int, bytes]] = {
    "one byte": (-4, GOOD[:1]),
    "63 bytes": (-4, GOOD[:63]),
    "truncated": (-4, GOOD[:-1]),
    "longer": (-4, GOOD + b"\0"),
    "size": (-4, changed(GOOD, (8, "I", len(GOOD) + 1))),
    **{f"magic {i}": (-5, changed(GOOD, (i, "B", GOOD[i] ^ 1))) for i in range(4)},
    "major 0": (-6, changed(GOOD, (4, "H", 0))),
    "major 2": (-6, changed(GOOD, (4, "H", 2))),
    "minor": (-6, changed(GOOD, (6, "H", 2))),
    "needless minor": (-6, changed(GOOD, (6, "H", 1))),
    "groups in 1.0": (-6, changed(GROUPED, (6, "H", 0))),
    "crc": (-7, GOOD[:-1] + bytes([GOOD[-1] ^ 1])),
    "no ops": (FIELD, changed(GOOD, (20, "H", 0))),
    "input type 2": (FIELD, changed(GOOD, (24, "B", 2))),
    "reserved 25": (FIELD, changed(GOOD, (25, "B", 1))),
    "reserved 48": (FIELD, changed(GOOD, (48, "B", 1))),
    "reserved 63": (FIELD, changed(GOOD, (63, "B", 128))),
    "ops without room": (-8, changed(GOOD, (20, "H", 65))),
    "records outside": (TABLE, changed(GOOD, (20, "H", 64))),
    "only a header": (TABLE, changed(DENSE[:64], (8, "I", 64))),
    "meta outside": (TABLE, changed(GOOD, (40, "I", 2**32 - 1))),
    "labels for others": (SHAPE, changed(GOOD, (22, "H", 1))),
    "labels for none": (TABLE, changed(GOOD, (22, "H", 0))),
    "labels outside": (TABLE, changed(GOOD, (32, "I", 2**32 - 1))),
    "labels too few": (TABLE, changed(GOOD, (36, "I", LABELS_SIZE - 8))),
    "labels not closed": (
        TABLE,
        changed(GOOD, (LABELS, "B", 0), (LABELS + LABELS_SIZE - 1, "B", 65)),
    ),
    "empty meta outside": (TABLE, changed(GOOD, (40, "I", len(GOOD) + 1), (44, "I", 0))),
    "empty labels outside": (TABLE, changed(DENSE, (32, "I", len(DENSE) + 1))),
    "a label for no output": (TABLE, changed(DENSE, (32, "I", 4), (36, "I", 1))),
}

_OPS: dict[str, tuple[int, bytes]] = {
    "kind 0": (FIELD, changed(GOOD, (record(3), "B", 0))),
    "kind 6": (FIELD, changed(GOOD, (record(3), "B", 6))),
    "kind 5 without groups": (FIELD, changed(GOOD, (record(0), "B", 5))),
    "one group": (FIELD, changed(GROUPED, (record(0) + 26, "H", 1))),
    "groups of a plain convolution": (FIELD, changed(GROUPED, (record(0), "B", 1))),
    "groups that do not divide the input": (SHAPE, changed(GROUPED, (record(0) + 26, "H", 3))),
    "groups that do not divide the output": (SHAPE, changed(GROUPED, (record(0) + 26, "H", 4))),
    "more groups than channels": (SHAPE, changed(GROUPED, (record(0) + 26, "H", 65535))),
    "in type 2": (FIELD, changed(GOOD, (record(0) + 1, "B", 2))),
    "out type 3": (FIELD, changed(GOOD, (record(0) + 2, "B", 3))),
    "shift 31": (FIELD, changed(GOOD, (record(0) + 3, "B", 31))),
    **{
        f"op {i}, unused {at}": (FIELD, changed(GOOD, (record(i) + at, "B", 1)))
        for i, places in {
            0: (26, 27, 52, 63),  # conv
            1: (20, 23, 24, 25, 40, 43, 44, 47),  # mean
            2: (16, 17, 18, 19, 20, 24, 26, 52),  # dense
            3: (3, 20, 25, 28, 32, 40, 44, 48),  # max
        }.items()
        for at in places
    },
    **{
        f"op 0, {at} is 0": (FIELD, changed(GOOD, (record(0) + at, "B", 0)))
        for at in (16, 17, 18, 19, 24, 25)
    },
    **{
        f"dense, side {i} is 0": (
            SHAPE,
            changed(DENSE, (26 + 2 * i, "H", 0), (record(0) + 4 + 2 * i, "H", 0)),
        )
        for i in range(3)
    },
    **{
        f"dense, output {i} is 2": (SHAPE, changed(DENSE, (record(0) + 10 + 2 * i, "H", 2)))
        for i in (0, 1)
    },
    # With a division that rounds towards zero, (2 - 3) / 2 + 1 is 1.
    "kernel higher than its padded input": (
        SHAPE,
        changed(GROUPED, (record(0) + 16, "B", 3), (record(0) + 18, "B", 2)),
    ),
    "kernel wider than its padded input": (
        SHAPE,
        changed(
            GROUPED,
            (record(0) + 12, "H", 1),
            (record(0) + 17, "B", 4),
            (record(0) + 19, "B", 2),
        ),
    ),
    **{
        f"pool larger than its input, {at}": (
            SHAPE,
            changed(MAXIMA, (record(0) + at, "B", 4), (record(0) + at + 2, "B", 2)),
        )
        for at in (16, 17)
    },
    "a maximum that changes type": (
        SHAPE,
        changed(MAXIMA, (record(0) + 2, "B", 1), (record(1) + 1, "B", 1)),
    ),
    "shift 31 of a maximum": (FIELD, changed(MAXIMA, (record(1) + 3, "B", 31))),
    "shift of a maximum, and a side of 0": (
        FIELD,
        changed(MAXIMA, (record(1) + 3, "B", 1), (record(1) + 4, "H", 0)),
    ),
    "dense, no output": (SHAPE, changed(DENSE, (record(0) + 14, "H", 0))),
    "too large": (
        SHAPE,
        changed(LARGE, *((at, "H", 16385) for at in (26, record(0) + 4, record(0) + 10))),
    ),
    "dense, too large": (
        SHAPE,
        changed(DENSE, *((at, "H", 16385) for at in (26, 28, record(0) + 4, record(0) + 6))),
    ),
    **{
        f"output side {i}": (SHAPE, changed(GOOD, (record(0) + at, "H", 60)))
        for i, at in enumerate((10, 12))
    },
    **{  # no other op reads these
        f"last output side {i}, {side}": (SHAPE, changed(WIDEN, (record(0) + at, "H", side)))
        for i, at in enumerate((10, 12))
        for side in (1, 5)
    },
    "pool of other channels": (
        SHAPE,
        changed(GOOD, (record(3) + 14, "H", 12), (22, "H", 0), (36, "I", 0)),
    ),
    "input type": (SHAPE, changed(GOOD, (24, "B", 1 - GOOD[24]))),
    **{f"input side {i}": (SHAPE, changed(DENSE, (26 + 2 * i, "H", 9))) for i in range(3)},
    "type between ops": (SHAPE, changed(GOOD, (record(2) + 1, "B", 1 - GOOD[record(2) + 1]))),
    "i32 between ops": (SHAPE, changed(GOOD, (record(0) + 2, "B", 2))),
    "last op not i32": (SHAPE, changed(DENSE, (record(0) + 2, "B", 0))),
    "lo above hi": (FIELD, changed(DENSE, (record(0) + 28, "i", 10))),
    "hi above the type": (FIELD, changed(GOOD, (record(0) + 32, "i", 256))),
    "lo below the type": (FIELD, changed(GOOD, (record(0) + 28, "i", -129))),
}

_TABLES: dict[str, tuple[int, bytes]] = {
    "multipliers beyond the end": (TABLE, with_table_at_the_end(DENSE, 48, 8, beyond=1)),
    "biases beyond the end": (TABLE, with_table_at_the_end(DENSE, 44, 8, beyond=1)),
    "weights beyond the end": (TABLE, with_table_at_the_end(DENSE, 40, 12, beyond=1)),
    **{
        f"offset {at} wraps": (TABLE, changed(DENSE, (record(0) + at, "I", 2**32 - 1)))
        for at in (40, 44, 48)
    },
    **{
        f"multiplier {m}": (TABLE, changed(DENSE, (table(DENSE, 48) + 4, "i", m)))
        for m in (3, 1, 0, -2, -(2**31))
    },
    "tables of more than four times the blob": (TABLE, sharing(8, 32, factor=4, short=1)),
    "tables of too much, before they are looked at": (
        TABLE,
        changed(sharing(8, 32, factor=4, short=1), (record(7) + 3, "B", 30)),
    ),
    "weights of a convolution beyond the end": (
        TABLE,
        with_table_at_the_end(GOOD, 40, 54, beyond=1),
    ),
    "multiplier of a mean": (TABLE, changed(GOOD, (MEAN_MULT, "i", 3))),
    "multiplier of a mean beyond the end": (
        TABLE,
        changed(GOOD, (record(1) + 48, "I", len(GOOD) - 3)),
    ),
    "shift of a mean one too large": (OVERFLOW, changed(GOOD, (record(1) + 3, "B", 24))),
    "weights in groups beyond the end": (
        TABLE,
        with_table_at_the_end(GROUPED, 40, 48, beyond=1),
    ),
    "weight -128": (TABLE, changed(DENSE, (table(DENSE, 40) + 11, "b", -128))),
    "bias one too large": (OVERFLOW, changed(DENSE, (table(DENSE, 44), "i", 2**31 - 21 * 255))),
    "bias lowest": (OVERFLOW, changed(DENSE, (table(DENSE, 44) + 4, "i", -(2**31)))),
    "weight one too large": (OVERFLOW, changed(DENSE, (table(DENSE, 40), "b", 2))),
    "shift one too large": (OVERFLOW, changed(DENSE, (record(0) + 3, "B", 1))),
    "arena too large": (PLAN, changed(GOOD, (16, "I", NET.arena_size + 1))),
    "arena too small": (PLAN, changed(GOOD, (16, "I", NET.arena_size - 1))),
    "overlap": (PLAN, changed(GOOD, (record(1) + 36, "I", 0))),
    "output beyond the arena": (PLAN, changed(GOOD, (record(1) + 36, "I", 2**32 - 1))),
    "arena for one op": (PLAN, changed(DENSE, (16, "I", 1))),
    "last offset": (PLAN, changed(GOOD, (record(3) + 36, "I", 1))),
}

# name -> (status, blob)
BROKEN = _HEADER | _OPS | _TABLES
