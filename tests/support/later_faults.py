"""Blobs of the kinds of format 2.1 (resize, slice, transpose, prelu), of its few bits and of rows,
that each show one fault of a reader: what it must take (`ACCEPTED`; `SPREAD` with outputs that
spread) and refuse (`REFUSED`)."""

import itertools

import numpy as np
from bits_faults import FOUR, TAPS
from blobs import (
    BIAS,
    BITS,
    FACTORS,
    FIELD,
    GROUPS,
    HI,
    LO,
    OVERFLOW,
    PLAN,
    RESIZE,
    SHAPE,
    SLICE,
    TABLE,
    TRANSPOSE,
    WEIGHT,
    Cases,
    changed,
    convolution,
    dense,
    i32,
    maximum,
    part,
    planned,
    prelu,
    program,
    resize,
    table,
    tensor,
    transpose,
    u8,
    u16,
    upsample,
    with_table_at_the_end,
)
from rows_faults import EVEN, PAIR, PAIRS, TALL, WIDE, WINDOW
from shared_tables import dense_blob, record

from drypoint.program import AXIS_ORDERS, Tensor, blob

HIGH = tensor(12, 1, 2)  # 24 bytes, as TALL twice and WIDE
BOTH_PARTS = {"parts": (4, 1), "stride": (2, 1), "offset": (3, 1)}  # twice as many rows

# Rings and planes by NUMERICS.md section 8. Op 0 writes the plane.
GROWN = program(maximum(WIDE, WIDE), upsample(WIDE, HIGH, kernel=(2, 1)), dense(HIGH, PAIR))
GROWN_BEHIND = program(
    maximum(WIDE, WIDE), maximum(WIDE, WIDE), upsample(WIDE, HIGH, kernel=(2, 1)), dense(HIGH, PAIR)
)
_LARGER = tensor(12, 1, 4)
RESIZED = program(maximum(WIDE, WIDE), resize(WIDE, _LARGER, **BOTH_PARTS), dense(_LARGER, PAIR))
_SAME = {"parts": (1, 1), "stride": (1, 1), "offset": (1, 1)}
COPIED = program(maximum(WIDE, WIDE), resize(WIDE, WIDE, **_SAME), dense(WIDE, PAIR))
COPIED_BEHIND = program(
    maximum(WIDE, WIDE), maximum(WIDE, WIDE), resize(WIDE, WIDE, **_SAME), dense(WIDE, PAIR)
)
_POOLED = tensor(3, 1, 8)
POOLED = program(maximum(WIDE, WIDE), convolution(WIDE, _POOLED, pool=(2, 1)), dense(_POOLED, PAIR))
# The last op of the group has padding above.
PADDED_LAST = program(
    maximum(TALL, TALL), maximum(TALL, TALL), maximum(TALL, TALL, **WINDOW), dense(TALL, PAIR)
)
# Op 2 has three rows; the windows of op 3 would read a fourth one.
_COLUMN = tensor(6, 1, 1)
FEW_ROWS = program(
    maximum(_COLUMN, _COLUMN), maximum(_COLUMN, _COLUMN), maximum(_COLUMN, EVEN, stride=(2, 1)),
    convolution(EVEN, PAIRS, (2, 1), padding=(0, 0, 1, 0)), dense(PAIRS, PAIR),
)  # fmt: skip
# Slices: of rows 2 to 5, of every second row of a ring, of all.
_REST, _HALF = tensor(4, 1, 4), tensor(3, 1, 4)
LATER_ROWS = program(maximum(WIDE, WIDE), part(WIDE, _REST, first=(2, 0, 0)), dense(_REST, PAIR))
EVERY_SECOND = program(
    maximum(TALL, TALL), convolution(TALL, WIDE), part(WIDE, _HALF, stride=(2, 1)),
    dense(_HALF, PAIR),
)  # fmt: skip
WHOLE_SLICE = program(maximum(WIDE, WIDE), part(WIDE, WIDE), dense(WIDE, PAIR))
_FLAT, _TALL = tensor(2, 3, 4), tensor(3, 2, 4)
TURNED = program(
    maximum(_FLAT, _FLAT), transpose(_FLAT, _TALL, (1, 0, 2)), maximum(_TALL, _TALL),
    dense(_TALL, PAIR),
)  # fmt: skip


def _sides(order):
    return tuple((2, 3, 4)[axis] for axis in order)


def _transposes():
    """A transpose in each order, of values that all differ, in front of a copy."""
    source = tensor(2, 3, 4, "i8", 7)
    return {
        f"a transpose in order {number}": program(
            transpose(source, tensor(*_sides(order), "i8", 7), order),
            dense(tensor(*_sides(order), "i8", 7), tensor(1, 1, 3, "i32")),
        )
        for number, order in enumerate(AXIS_ORDERS, start=1)
    }


def _in_other_shapes():
    """For each order a blob whose output has the shape of the next order."""
    made = {}
    for number, order in enumerate(AXIS_ORDERS, start=1):
        output = tensor(*_sides(order), "i32")
        data = blob.dumps(program(transpose(tensor(2, 3, 4), output, order)))
        other = number % len(AXIS_ORDERS) + 1
        made[f"a transpose in order {other} with the shape of another"] = (
            SHAPE, changed(data, u16(GROUPS, other)),
        )  # fmt: skip
    return made


def slopes(zero=0, factors=(3, 5), slope=7, dtype="i8", out: Tensor | None = None):
    """A prelu of two channels, as a last op."""
    source = tensor(4, 5, 2, dtype, zero)
    weight = np.array([slope, -slope], np.int8)
    return prelu(source, out or tensor(4, 5, 2, "i32"), factors=factors, weight=weight)


def _between(op):
    """The blob of an op that writes bytes, in front of a dense op."""
    return blob.dumps(program(op, dense(op.output, PAIR)))


def _bounds():
    """Name -> a blob whose bound the inputs alone make `magnitude`, and this number."""
    resized_ = resize(
        tensor(2, 2, 1), tensor(2, 2, 1, "i32"), parts=(3, 5), stride=(3, 5), offset=(3, 5)
    )
    return {
        "a prelu of a zero point": (slopes(zero=-100), (128 + 100) * 35),
        "a prelu whose first factor is the larger": (slopes(factors=(90, 2)), 128 * 90),
        "a prelu whose second factor is the larger": (slopes(factors=(2, 9)), 128 * 63),
        "a resize of other rows than columns": (resized_, 255 * 15),
    }


def _at_bound(beyond):
    """Each of `_bounds` with the bias that makes its bound 2^31 - 1, or more."""
    made = {}
    for name, (op, magnitude) in _bounds().items():
        data = blob.dumps(program(op))
        made[name] = changed(data, (table(data, BIAS), "i", 2**31 - 1 - magnitude + beyond))
    return made


def _clamps():
    """lo and hi of a prelu and a resize out of their range."""
    byte = tensor(4, 5, 2, "u8")
    kinds = {
        "prelu": _between(slopes(out=byte)),
        "resize": _between(resize(tensor(2, 2, 2), tensor(4, 2, 2), **BOTH_PARTS)),
    }
    numbers = {"lo above hi": (30, 29), "lo of -1": (-1, 20), "hi of 256": (0, 256)}
    return {
        f"{what} in a {kind}": (FIELD, changed(data, i32(LO, lo), i32(HI, hi)))
        for kind, data in kinds.items()
        for what, (lo, hi) in numbers.items()
    }


def _tables_of_4_bits(beyond):
    """Dense ops of 4 bits that share their tables, which are four times the blob, or more."""
    n, side = 8, 45
    at = 64 + 128 * n
    places = (at, at + side * 23, at + side * 27)
    tables = bytes(side * 27) + b"\2\0\0\0" * side
    meta = dense_meta(n)
    records = [
        record(
            2, [(1, 1, side)], (1, 1, side), reads=(i,), out_type=2 if i == n - 1 else 0,
            tables=places, weight_bits=4, out_offset=0 if i == n - 1 else i % 2 * side,
        )
        for i in range(n)
    ]  # fmt: skip
    used = n * len(tables)
    size = used // 4 if beyond == 0 else (used - 1) // 4
    data = dense_blob(records, tables + meta, inputs=(1, 1, side), arena=2 * side, size=size)
    assert len(data) == size
    at += len(tables)
    return changed(data, (6, "H", 1), (40, "I", at), (44, "I", len(meta)), (32, "I", at))


def dense_meta(n):
    """The meta of a program of n ops without names."""
    names = ",".join(['""'] * n)
    border = '"input":{"scale":1},"output":{"scale":1,"softmax":false}'
    return f'{{"name":"","ops":[{names}],{border},"provenance":{{}}}}'.encode()


def _few_bits():
    """Weights of 4 and 2 bits whose tables end with the blob, or a byte behind it."""
    made = {}
    for name, data, size in (("dense weights of 4 bits", FOUR, 9), ("taps of 2 bits", TAPS, 8)):
        for beyond in (0, 1):
            what = f"{name} that end {'a byte behind' if beyond else 'with'} the blob"
            made[what] = with_table_at_the_end(data, WEIGHT, size, beyond=beyond)
    return made


def _end_of_resize(axis):
    """A resize whose last row (column) lies at the end of its input plus one."""
    fields = {"parts": [1, 1], "stride": [1, 1], "offset": [1, 1]}
    fields["parts"][axis], fields["offset"][axis] = 2, 3
    fields = {name: tuple(pair) for name, pair in fields.items()}
    data = blob.dumps(program(resize(tensor(2, 2, 1), tensor(2, 2, 1, "i32"), **fields)))
    # (2 - 1) * stride + 3 = (2 + 1) * 2
    return changed(data, u16(36 + 2 * axis, 3))


_CELLS = program(maximum(tensor(2, 2, 3), tensor(2, 2, 3, "i32")), labels=("a", "b", "c"))
_BITS = _few_bits()
_SLOPES = blob.dumps(program(slopes()))
_NO_WEIGHTS = blob.dumps(
    program(dense(tensor(1, 1, 8), tensor(1, 1, 2, "i32"), weight=np.zeros((2, 8), np.int8)))
)

SPREAD = _transposes() | {
    **{f"a prelu of the zero point {zero}": program(slopes(zero)) for zero in (-50, 60)},
    "a prelu of u8": program(slopes(dtype="u8")),
}
PLANS = {
    "a convolution that pools over the plane that it reads": planned(
        POOLED, 32, 8, 0, rows={1: 1}, in_place=(1,)
    ),
    "a slice of later rows over the plane that it reads": planned(
        LATER_ROWS, 24, 0, 0, rows={1: 2}, in_place=(1,)
    ),
    "a slice of every second row over a plane": planned(
        EVERY_SECOND, 18, 2, 14, 0, rows={1: 1, 2: 1}, fused=(1,), in_place=(2,)
    ),
    "a ring of one row for a resize of one part": planned(
        COPIED, 28, 24, 0, rows={0: 1, 1: 1}, fused=(0,)
    ),
}
ACCEPTED = {
    **{f"{name} at the bound": data for name, data in _at_bound(0).items()},
    "labels for the channels of each pixel": blob.dumps(_CELLS),
    "tables of 4 bits of four times the blob": _tables_of_4_bits(0),
    **{name: data for name, data in _BITS.items() if " with the blob" in name},
}
REFUSED: Cases = {
    **{
        name: (PLAN, data)
        for name, data in {
            "an upsample far enough over what it reads": planned(
                GROWN, 36, 12, 0, rows={1: 1}, in_place=(1,)
            ),
            "a group far enough over what is read before its upsample": planned(
                GROWN_BEHIND, 40, 12, 36, 0, rows={1: 1, 2: 1}, fused=(1,), in_place=(2,)
            ),
            "a resize over what it reads": planned(
                COPIED, 36, 12, 0, rows={1: 1}, in_place=(1,)
            ),
            "a group over what is read before its resize": planned(
                COPIED_BEHIND, 40, 12, 36, 0, rows={1: 1, 2: 1}, fused=(1,), in_place=(2,)
            ),
            "a ring of one row for a resize of four parts": planned(
                RESIZED, 52, 48, 0, rows={0: 1, 1: 1}, fused=(0,)
            ),
            "an output over rows that padding of its own windows still reads": planned(
                PADDED_LAST, 18, 0, 12, 0, rows={1: 3, 2: 3}, fused=(1,), in_place=(2,)
            ),
            "an output over rows that an op before a shorter one still reads": planned(
                FEW_ROWS, 9, 0, 6, 7, 0, rows={1: 1, 2: 2, 3: 1}, fused=(1, 2), in_place=(3,)
            ),
            "a slice in place": planned(WHOLE_SLICE, 24, 0, 0, in_place=(1,)),
            "a transpose by rows": planned(TURNED, 48, 0, 24, 0, rows={1: 1}),
            "a ring for a transpose": planned(
                TURNED, 48, 0, 24, 0, rows={0: 2, 1: 3}, fused=(0,)
            ),
            "a ring of a transpose": planned(
                TURNED, 72, 0, 24, 48, rows={1: 3, 2: 3}, fused=(1,)
            ),
        }.items()
    },
    **_in_other_shapes(),
    "a transpose in order 0": (FIELD, changed(TRANSPOSE, u16(GROUPS, 0))),
    "a transpose in order 6": (FIELD, changed(TRANSPOSE, u16(GROUPS, 6))),
    **{
        f"factor {value} of a prelu, {side}": (FIELD, changed(_SLOPES, u16(FACTORS + at, value)))
        for (at, side), value in itertools.product(
            ((0, "at least at zero"), (2, "below zero")), (0, 32768)
        )
    },
    "a slope of -128": (TABLE, changed(_SLOPES, (table(_SLOPES, WEIGHT) + 1, "b", -128))),
    **{f"{name} above the bound": (OVERFLOW, data) for name, data in _at_bound(1).items()},
    "a last row of a resize at the end": (SHAPE, _end_of_resize(0)),
    "a last column of a resize at the end": (SHAPE, _end_of_resize(1)),
    **_clamps(),
    **{
        f"a {kind} in minor 0": (FIELD, changed(data, (6, "H", 0)))
        for kind, data in (
            ("resize", RESIZE), ("slice", SLICE), ("transpose", TRANSPOSE), ("prelu", _SLOPES),
        )
    },
    "labels for channels in minor 0": (SHAPE, changed(blob.dumps(_CELLS), (6, "H", 0))),
    "weights of 1 bit": (FIELD, changed(_NO_WEIGHTS, (6, "H", 1), u8(BITS, 1))),
    "tables of 4 bits of more than four times the blob": (TABLE, _tables_of_4_bits(1)),
    **{name: (TABLE, data) for name, data in _BITS.items() if "behind" in name},
}  # fmt: skip
