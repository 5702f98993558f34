"""Blobs that only a reader without a certain fault takes (`ACCEPTED`, `FORMAT_ONLY`) or refuses
with the right status (`REFUSED`). The blobs of blobs.py break one rule
each; these tell faulty readers apart."""

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from blobs import (
    DENSE,
    FIELD,
    GOOD,
    GROUPED,
    MAXIMA,
    OVERFLOW,
    PLAN,
    SHAPE,
    TABLE,
    Change,
    changed,
    record,
    resized,
    sharing,
    table,
    widen,
)  # fmt: skip

from drypoint.program import (
    AvgPool,
    Conv,
    Dense,
    DType,
    GroupedConv,
    MaxPool,
    Op,
    Program,
    Shape,
    blob,
)

SIZE, MAGIC, VERSION, CRC = -4, -5, -6, -7


def program(*ops: Op) -> Program:
    return Program(name="x", ops=ops, input_scale=1.0, output_scale=1.0)


def chain(*sizes: int) -> Program:
    """Dense ops in a row: `sizes` are the size of the input and that of each op's output."""
    last = len(sizes) - 2
    return program(*(
        Dense(
            name=str(i), in_type="u8", out_type="i32" if i == last else "u8",
            in_shape=Shape(1, 1, before), out_shape=Shape(1, 1, after),
            weight=np.ones((after, before), np.int8), bias=np.arange(after, dtype=np.int32),
            mult=np.full(after, 2**30, np.int32), shift=0, lo=0, hi=255,
        )
        for i, (before, after) in enumerate(pairwise(sizes))
    ))  # fmt: skip


def planned(net: Program, arena_size: int, *offsets: int) -> bytes:
    """The blob of a program with an arena plan of the caller's; the last op's offset stays 0."""
    places = [(record(i) + 36, "I", offset) for i, offset in enumerate(offsets)]
    return changed(blob.dumps(net), (16, "I", arena_size), *places)


def conv(shape: Shape, out: Shape, kernel: tuple[int, int] = (1, 1), **fields: Any) -> Op:
    """A convolution as the last op, its weights 1 in even channels and -1 in odd ones."""
    kind = GroupedConv if "groups" in fields else Conv
    read = shape.c // fields.get("groups", 1)
    signs = np.where(np.arange(out.c) % 2, -1, 1).astype(np.int8)
    base: dict[str, Any] = {
        "name": "conv", "in_type": "u8", "out_type": "i32", "in_shape": shape, "out_shape": out,
        "weight": np.ones((out.c, *kernel, read), np.int8) * signs[:, None, None, None],
        "bias": np.zeros(out.c, np.int32), "mult": np.full(out.c, 2**30, np.int32),
        "kernel": kernel, "shift": 0, "lo": -20, "hi": 30,
    }  # fmt: skip
    return kind(**(base | fields))


def mean(kernel: tuple[int, int], in_type: DType, shift: int) -> bytes:
    """One window of an avgpool; its bound is not checked here."""
    op = AvgPool(
        name="mean", in_type=in_type, out_type="i32", in_shape=Shape(*kernel, 1),
        out_shape=Shape(1, 1, 1), mult=np.array([2], np.int32), shift=0, lo=-5, hi=5,
        kernel=kernel, stride=(1, 1),
    )  # fmt: skip
    return changed(blob.dumps(program(op)), (record(0) + 3, "B", shift))


def clamping() -> dict[str, bytes]:
    """Last ops of every kind that has `lo` and `hi`; both lie inside what the op can reach."""
    plane, pooled = Shape(3, 3, 2), Shape(2, 2, 2)
    dense = Dense(
        name="dense", in_type="u8", out_type="i32", in_shape=plane, out_shape=Shape(1, 1, 2),
        weight=np.array([[1] * 18, [-1] * 18], np.int8), bias=np.zeros(2, np.int32),
        mult=np.full(2, 2**30, np.int32), shift=0, lo=-20, hi=30,
    )  # fmt: skip
    average = AvgPool(
        name="mean", in_type="i8", out_type="i32", in_shape=plane, out_shape=pooled,
        mult=np.array([2**30], np.int32), shift=0, lo=-5, hi=5, kernel=(2, 2), stride=(1, 1),
    )  # fmt: skip
    last = {
        "dense": dense,
        "avgpool": average,
        "conv": conv(plane, pooled, (2, 2)),
        "grouped conv": conv(plane, pooled, (2, 2), groups=2),
    }
    return {f"the last op clamps, {kind}": blob.dumps(program(op)) for kind, op in last.items()}


def with_multipliers_at_the_end(data: bytes, op: int, *, beyond: int) -> bytes:
    """Multipliers of bytes 04 at the very end: even ones, also where the last byte is missing."""
    kind, channels = data[record(op)], struct.unpack_from("<H", data, record(op) + 14)[0]
    longer = data + b"\4" * (4 if kind == 4 else 4 * channels)
    return resized(changed(longer, (record(op) + 48, "I", len(data) + beyond)))


def copying(shape: Shape, out: Shape, stride: int) -> bytes:
    """A maxpool of single values, `stride` apart; no size of its planes is checked here."""
    small = widen(Shape(1, 1, shape.c))
    return changed(
        blob.dumps(small),
        *((26 + 2 * i, "H", n) for i, n in enumerate(shape)),
        *((record(0) + 4 + 2 * i, "H", n) for i, n in enumerate((*shape, *out))),
        *((record(0) + at, "B", stride) for at in (18, 19)),
    )


def multiplying(h: int, w: int, channels: int) -> bytes:
    """A convolution from one channel to many; no size of its planes is checked here."""
    small = blob.dumps(program(conv(Shape(1, 1, 1), Shape(1, 1, channels))))
    return changed(
        small,
        *((at, "H", h) for at in (26, record(0) + 4, record(0) + 10)),
        *((at, "H", w) for at in (28, record(0) + 6, record(0) + 12)),
    )


def labelled() -> bytes:
    """2^16 + 2 outputs and two labels."""
    data = blob.dumps(widen(Shape(2, 32769, 1)))
    return resized(changed(data + b"a\0b\0", (22, "H", 2), (32, "I", len(data)), (36, "I", 4)))


def long_axis(axis: int, *, padding: int, pool: int, out: int) -> bytes:
    """A convolution along one axis (0 height, 1 width) of 65,535 values, as much padding at either
    end, and a pool. `out` is the size that the blob gives for the output."""
    shape, place = np.array([1, 1]), slice(axis, None, 2)
    shape[axis] = 65535
    pads, pools = np.zeros(4, int), np.array([1, 1])
    pads[place], pools[axis] = 255, 255
    made = np.array([1, 1])
    made[axis] = 259
    op = conv(
        Shape(*shape.tolist(), 1), Shape(*made.tolist(), 1),
        padding=tuple(pads.tolist()), pool=tuple(pools.tolist()),
    )  # fmt: skip
    return changed(
        blob.dumps(program(op)),
        *((record(0) + 20 + axis + i, "B", padding) for i in (0, 2)),
        (record(0) + 24 + axis, "B", pool),
        (record(0) + 10 + 2 * axis, "H", out),
    )


# Two and three planes of 4 bytes in the arena.
BOTH, THREE = chain(2, 4, 4, 2), chain(2, 4, 4, 4, 2)
PAIR = program(
    conv(
        Shape(2, 3, 4), Shape(1, 2, 2), (2, 2), groups=2, out_type="u8", lo=0, hi=9,
        mult=np.full(2, 2, np.int32),
    ),
    Dense(
        name="dense", in_type="u8", out_type="i32", in_shape=Shape(1, 2, 2),
        out_shape=Shape(1, 1, 1), weight=np.ones((1, 4), np.int8), bias=np.zeros(1, np.int32),
        mult=np.full(1, 2, np.int32), shift=0, lo=-9, hi=9,
    ),
)  # fmt: skip
GROUPED_FIRST, CHAIN = blob.dumps(PAIR), blob.dumps(chain(2, 4, 2))
SINGLE = widen(Shape(2, 2, 1))
LARGEST_WINDOW = program(
    MaxPool(
        name="max", in_type="u8", out_type="i32", in_shape=Shape(16384, 16384, 1),
        out_shape=Shape(16130, 16130, 1), kernel=(255, 255), stride=(1, 1),
    )
)  # fmt: skip

ACCEPTED = {
    **clamping(),
    "a plane before pooling of 66,045 rows": long_axis(0, padding=255, pool=255, out=259),
    "a plane before pooling of 66,045 columns": long_axis(1, padding=255, pool=255, out=259),
    "1.7e13 steps": blob.dumps(LARGEST_WINDOW),
    "bias -2^31 + 1": changed(DENSE, (table(DENSE, 44) + 4, "i", -(2**31) + 1)),
    "a mean of four values, shift 21": mean((1, 4), "u8", 21),
    "multipliers of a convolution at the end": with_multipliers_at_the_end(GROUPED, 0, beyond=0),
}

# name -> (blob, program): the format takes these, drypoint's tools do not (BLOB.md, section 7).
FORMAT_ONLY = {
    "another plan, the first op at the end": (planned(BOTH, 8, 4, 0), BOTH),
    "another plan, a gap at the start": (planned(BOTH, 14, 10, 3), BOTH),
    "another plan, three places": (
        planned(THREE, 12, 4, 8, 0),
        THREE,
    ),
    "a header and a record alone": (
        resized(changed(blob.dumps(SINGLE)[:128], (40, "I", 128), (44, "I", 0), (32, "I", 128))),
        SINGLE,
    ),
}

_PLAN: dict[str, tuple[int, bytes]] = {
    name: (PLAN, planned(net, arena, *offsets))
    for name, net, arena, *offsets in (
        ("overlap of the last byte", BOTH, 7, 0, 3),
        ("overlap of the first byte", BOTH, 7, 3, 0),
        ("overlap altogether", BOTH, 4, 0, 0),
        ("overlap, the output inside the input", chain(2, 6, 3, 2), 6, 0, 2),
        ("overlap, the input inside the output", chain(2, 3, 6, 2), 6, 2, 0),
        ("overlap of later ops", THREE, 9, 0, 4, 5),
        ("arena modulo 2^32", chain(2, 4, 2), 2, 2**32 - 2),
        ("arena of 2^32 bytes", chain(2, 4, 2), 0, 2**32 - 4),
        ("arena beyond 2^32 - 1, which it gives", chain(2, 4, 2), 2**32 - 1, 2**32 - 3),
        ("arena modulo 2^32, beside another plane", BOTH, 8, 2**32 - 2, 4),
    )
}  # fmt: skip

_BIAS = table(DENSE, 44)
_OVERFLOW: dict[str, tuple[int, bytes]] = {
    "bound and shift in 32 bits": changed(
        DENSE, (record(0) + 3, "B", 2), (_BIAS, "i", 0), (_BIAS + 4, "i", 2**30)
    ),
    "bias lowest, shift 1": changed(
        DENSE, (record(0) + 3, "B", 1), (_BIAS, "i", 0), (_BIAS + 4, "i", -(2**31))
    ),
    "bias lowest, and weights": changed(DENSE, (_BIAS, "i", -(2**31))),
    "bias lowest of a convolution": changed(GOOD, (table(GOOD, 44), "i", -(2**31))),
    "bias lowest of a grouped convolution": changed(GROUPED, (table(GROUPED, 44), "i", -(2**31))),
    "mean over a width": mean((1, 4), "u8", 22),
    "mean over a height": mean((4, 1), "u8", 22),
    "mean of values down to -128": mean((2, 2), "i8", 22),
}


def _channels(name: str, data: bytes, size: int) -> dict[str, tuple[int, bytes]]:
    """Checks 20 and 21 of op 0 by channel; `size` is the number of weights of one channel."""
    weight, bias, mult = (table(data, at) for at in (40, 44, 48))
    overflow = [(bias + 4 * o, "i", 2**31 - 1) for o in range(2)]
    faults = {
        "weight -128": [(weight + size * o + size - 1, "b", -128) for o in range(2)],
        "odd multiplier": [(mult + 4 * o, "i", 3) for o in range(2)],
    }
    return {
        f"{name}, {what}": (status, changed(data, *changes))
        for fault, (first, second) in faults.items()
        for what, status, changes in (
            (f"overflow, then {fault}", OVERFLOW, (overflow[0], second)),
            (f"{fault}, then overflow", TABLE, (first, overflow[1])),
            (f"{fault} and overflow", TABLE, (first, overflow[0])),
        )
    }


# DENSE's channel 1 has weights of 0, which no bias can make overflow: this one has others.
_WEIGHED = changed(DENSE, *((table(DENSE, 40) + 6 + i, "b", 1) for i in range(6)), (_BIAS, "i", 0))
_BASE = changed(DENSE, (record(0) + 28, "i", 0))  # one dense op whose clamp fits u8 too
_KIND = (record(1), "B", 7)  # check 9 of op 1
_TOO_MUCH = sharing(8, 32, factor=4, short=340)  # 8,960 bytes of seven ops are too much
_ORDER: dict[str, tuple[int, bytes]] = {
    **_channels("dense", _WEIGHED, 6),
    **_channels("grouped conv", GROUPED, 8),
    **_channels("conv", GOOD, 9),
    "op 0 of another minor, op 1 of an unknown kind": (
        FIELD, changed(GROUPED_FIRST, (6, "H", 0), _KIND),
    ),
    "op 0 of another minor, its multiplier odd": (
        TABLE, changed(GROUPED_FIRST, (6, "H", 0), (table(GROUPED_FIRST, 48), "i", 3)),
    ),
    "too many tables, then an unknown kind": (
        TABLE, changed(_TOO_MUCH, (record(7), "B", 7)),
    ),
    "i32 between ops, and an odd multiplier": (
        SHAPE, changed(CHAIN, (record(0) + 2, "B", 2), (table(CHAIN, 48), "i", 3)),
    ),
    "i32 between maxima, then an unknown kind": (
        SHAPE, changed(MAXIMA, (record(0) + 2, "B", 2), _KIND),
    ),
    "a last op of u8, and an odd multiplier": (
        SHAPE, changed(_BASE, (record(0) + 2, "B", 0), (table(DENSE, 48), "i", 3)),
    ),
    "63 bytes of another magic": (SIZE, b"X" + GOOD[1:63]),
    "63 bytes of another version": (SIZE, GOOD[:4] + b"\2" + GOOD[5:63]),
    "64 bytes of another magic": (MAGIC, b"X" + GOOD[1:64]),
    "a later minor, truncated": (VERSION, GOOD[:6] + b"\2" + GOOD[7:-1]),
    "a later minor, damaged": (VERSION, GOOD[:6] + b"\2" + GOOD[7:-1] + b"\0"),
    "minor 256": (VERSION, GOOD[:7] + b"\1" + GOOD[8:-1]),
}  # fmt: skip

# Changes of `_BASE` that break one check each.
_BREAKS: dict[int, tuple[int, tuple[Change, ...]]] = {
    2: (MAGIC, ((0, "B", 0),)),
    3: (VERSION, ((6, "H", 2),)),
    4: (SIZE, ((8, "I", len(DENSE) + 1),)),
    5: (CRC, ()),
    6: (FIELD, ((25, "B", 1),)),
    8: (TABLE, ((40, "I", 2**32 - 1),)),
    9: (FIELD, ((record(0) + 52, "B", 1),)),
    10: (FIELD, ((record(0) + 16, "B", 1),)),
    11: (SHAPE, ((26, "H", 0), (record(0) + 4, "H", 0))),
    12: (SHAPE, ((record(0) + 10, "H", 2),)),
    15: (SHAPE, ((24, "B", 1),)),
    16: (SHAPE, ((record(0) + 2, "B", 0),)),
    17: (FIELD, ((record(0) + 28, "i", 10),)),
    18: (TABLE, ((record(0) + 44, "I", 2**32 - 1),)),
    20: (TABLE, ((table(DENSE, 48), "i", 3),)),
    21: (OVERFLOW, ((_BIAS + 4, "i", -(2**31)),)),
    22: (VERSION, ((6, "H", 1),)),
    23: (PLAN, ((16, "I", 1),)),
    24: (SHAPE, ((22, "H", 1),)),
    25: (TABLE, ((32, "I", 2**32 - 1),)),
}


def _pairs() -> dict[str, tuple[int, bytes]]:
    """Two checks that fail at once: each check and the next one of another status."""
    made = {}
    for check, (status, _) in _BREAKS.items():
        other = {at: s for at, (s, _) in _BREAKS.items() if s != status}
        later = [at for at in other if at > check][:1]
        earlier = [at for at in other if at < check][-1:]
        for first, second in [(check, at) for at in later] + [(at, check) for at in earlier]:
            data = bytearray(changed(_BASE, *_BREAKS[first][1], *_BREAKS[second][1]))
            data[12] ^= 5 in (first, second)
            made[f"checks {first} and {second}"] = (_BREAKS[first][0], bytes(data))
    return made


_ZERO: dict[str, tuple[int, bytes]] = {
    f"{name}, byte {at}": (FIELD, changed(data, (record(0) + at, "B", 128)))
    for name, data, places in (
        ("maxpool", MAXIMA, (21, 22, 23, 24, 27, 31, 35, 43, 47, 51, 55)),
        ("dense", DENSE, (21, 22, 23, 25, 27, 63)),
        ("avgpool", mean((2, 2), "u8", 0), (21, 22, 27, 41, 42, 45, 46)),
    )
    for at in places
}

_SHAPES: dict[str, tuple[int, bytes]] = {
    "output height 0, of a pool larger than its plane": changed(
        GROUPED, (record(0) + 10, "H", 0), (record(0) + 24, "B", 2)
    ),
    "output width 0, of a pool larger than its plane": changed(
        GROUPED, (record(0) + 12, "H", 0), (record(0) + 25, "B", 3)
    ),
    "output height 0, kernel 0": changed(
        GROUPED, (record(0) + 10, "H", 0), (record(0) + 16, "B", 0)
    ),
    "input height 0, padded": changed(
        GROUPED, (26, "H", 0), (record(0) + 4, "H", 0), (record(0) + 20, "B", 2)
    ),
    "input of 2^29 values": copying(Shape(16384, 16384, 2), Shape(65, 65, 2), 255),
    "input of 2^32 + 2^17 values": copying(Shape(32769, 32768, 4), Shape(129, 129, 4), 255),
    "input and output of 2^32 values": copying(Shape(32768, 32768, 4), Shape(32768, 32768, 4), 1),
    "output of 2^29 values": multiplying(16384, 16384, 2),
    "output of more than 2^32 values": multiplying(16385, 16383, 17),
    "output height modulo 2^16": long_axis(0, padding=1, pool=1, out=1),
    "output width modulo 2^16": long_axis(1, padding=1, pool=1, out=1),
    "labels modulo 2^16": labelled(),
}

# Every multiplier there is even and positive also with its last byte missing or 0.
_ENDS: dict[str, tuple[int, bytes]] = {
    "multipliers of a dense one byte too far": with_multipliers_at_the_end(DENSE, 0, beyond=1),
    "multipliers of a grouped conv one byte too far": with_multipliers_at_the_end(
        GROUPED, 0, beyond=1
    ),
    "multipliers of a conv one byte too far": with_multipliers_at_the_end(GOOD, 0, beyond=1),
    "multiplier of a mean one byte too far": with_multipliers_at_the_end(GOOD, 1, beyond=1),
    "tables of four times the blob and one byte": sharing(9, 31, factor=4),
}

REFUSED: dict[str, tuple[int, bytes]] = {
    **_PLAN,
    **{name: (OVERFLOW, data) for name, data in _OVERFLOW.items()},
    **_ORDER,
    **_pairs(),
    **_ZERO,
    **{name: (SHAPE, data) for name, data in _SHAPES.items()},
    **{name: (TABLE, data) for name, data in _ENDS.items()},
}
