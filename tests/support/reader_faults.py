"""Blobs that only a reader without a certain fault takes (`ACCEPTED`, `FORMAT_ONLY`) or refuses
with the right status (`REFUSED`). The blobs of broken_blobs.py break one rule each; the
blobs here show one fault of a reader each."""

import struct
from itertools import pairwise

import numpy as np
from blobs import (
    ADD,
    BIAS,
    BITS,
    CONV,
    CRC,
    DENSE,
    DEPTHWISE,
    FACTORS,
    FIELD,
    GROUPED,
    GROUPS,
    IN,
    IN2,
    INPUT,
    KERNEL,
    KIND,
    LO,
    MAGIC,
    MAXIMA,
    MEAN,
    MULT,
    OUT,
    OVERFLOW,
    PAD,
    PADDING,
    PLAN,
    POOL,
    READS,
    SHAPE,
    SHIFT,
    SIZE,
    STRIDE,
    TABLE,
    TYPE,
    UNKNOWN_KIND,
    VERSION,
    WEIGHT,
    ZERO,
    Cases,
    Change,
    H,
    W,
    addition,
    binary,
    changed,
    convolution,
    dense,
    i32,
    maximum,
    mean,
    place,
    planned,
    product,
    program,
    resized,
    sharing,
    table,
    tensor,
    u8,
    u16,
    u32,
    widen,
)
from last_output import only_output

from drypoint.program import Add, DepthwiseConv, DType, GroupedConv, Mul, Program, Shape, blob
from drypoint.program.ops._binary import BinaryOp

LAST: DType = "i32"


def line(*sizes: int) -> Program:
    """Dense ops in a row: `sizes` are the size of the input and that of each op's output."""
    tensors = [tensor(1, 1, n) for n in sizes[:-1]] + [tensor(1, 1, sizes[-1], LAST)]
    return program(*(
        dense(before, after, bias=np.arange(after.shape.c, dtype=np.int32), lo=0, hi=255)
        for before, after in pairwise(tensors)
    ))  # fmt: skip


def one_mean(kernel: tuple[int, int], in_type: DType, shift: int) -> bytes:
    """One window of an avgpool; its bound is not checked here."""
    op = mean(tensor(*kernel, 1, in_type), tensor(1, 1, 1, LAST), kernel)
    return changed(blob.dumps(program(op)), u8(SHIFT, shift))


def sum_of(a: DType, b: DType, factors: tuple[int, int], shift: int) -> bytes:
    """An addition of the outputs of two maxima or lookups, as a last op; its bound is not checked
    here."""
    pixel, signed = tensor(1, 1, 1), tensor(1, 1, 1, "i8")
    first = convolution(pixel, signed if a == "i8" else pixel)
    second = convolution(pixel, signed if b == "i8" else pixel)
    last = addition(first.output, second.output, tensor(1, 1, 1, LAST), factors=factors)
    data = blob.dumps(program(first, second, last, reads=((0,), (0,), (1, 2))))
    return changed(data, u8(SHIFT, shift, op=2))


def clamping() -> dict[str, bytes]:
    """Last ops of every kind that has `lo` and `hi`; both lie inside what the op can reach."""
    plane, pooled = tensor(3, 3, 2), tensor(2, 2, 2, LAST)
    signed = tensor(3, 3, 2, "i8", -5)
    last = {
        "dense": dense(plane, tensor(1, 1, 2, LAST)),
        "avgpool": mean(signed, pooled, (2, 2), lo=-5, hi=5),
        "conv": convolution(plane, pooled, (2, 2)),
        "grouped conv": convolution(plane, pooled, (2, 2), GroupedConv, groups=2),
        "depthwise conv": convolution(plane, pooled, (2, 2), DepthwiseConv),
        "add": addition(signed, signed, tensor(3, 3, 2, LAST)),
    }
    return {
        f"the last op clamps, {kind}": blob.dumps(program(op, reads=((0,) * op.arity,)))
        for kind, op in last.items()
    }


def with_multipliers_at_the_end(data: bytes, op: int, *, beyond: int) -> bytes:
    """Multipliers of bytes 04 at the very end: even ones, also where the last byte is missing."""
    kind, channels = data[place(op, KIND)], struct.unpack_from("<H", data, place(op, OUT, 4))[0]
    longer = data + b"\4" * (4 if kind in (4, 7) else 4 * channels)
    return resized(changed(longer, u32(MULT, len(data) + beyond, op=op)))


def copying(shape: Shape, out: Shape, stride: int) -> bytes:
    """A maxpool of single values, `stride` apart; no size of its planes is checked here."""
    small = widen(Shape(1, 1, shape.c))
    return changed(
        blob.dumps(small),
        *((at + 2 * i, "H", n) for at in (INPUT, place(0, IN)) for i, n in enumerate(shape)),
        *(u16(OUT + 2 * i, n) for i, n in enumerate(out)),
        *(u16(STRIDE + 2 * i, stride) for i in range(2)),
    )


def multiplying(h: int, w: int, channels: int) -> bytes:
    """A convolution from one channel to many; no size of its planes is checked here."""
    small = blob.dumps(program(convolution(tensor(1, 1, 1), tensor(1, 1, channels, LAST))))
    starts = (INPUT, place(0, IN), place(0, OUT))
    return changed(
        small, *((at + H, "H", h) for at in starts), *((at + W, "H", w) for at in starts)
    )


def two_labels() -> bytes:
    """2^16 + 2 outputs and two labels."""
    data = blob.dumps(widen(Shape(2, 32769, 1)))
    return resized(changed(data + b"a\0b\0", (22, "H", 2), (32, "I", len(data)), (36, "I", 4)))


def long_axis(axis: int, *, padding: int, pool: int, out: int) -> bytes:
    """A convolution along one axis (0 height, 1 width) of 65,535 values, as much padding at either
    end, and a pool. `out` is the size that the blob gives for the output."""
    data = blob.dumps(program(convolution(tensor(1, 1, 1), tensor(1, 1, 1, LAST))))
    return changed(
        data,
        *((at + 2 * axis, "H", 65535) for at in (INPUT, place(0, IN))),
        *(u16(PADDING + 2 * axis + i, padding) for i in (0, 4)),
        u16(POOL + 2 * axis, pool),
        u16(OUT + 2 * axis, out),
    )


def product_of_signed(*, first: bool) -> bytes:
    """A product of the input, `u8`, and of a plane of `i8` with the zero point -100, the first or
    the second input."""
    source, signed = tensor(1, 2, 2), tensor(1, 2, 2, "i8", -100)
    pair, reads = ((signed, source), (1, 0)) if first else ((source, signed), (0, 1))
    last = product(*pair, tensor(1, 2, 2, LAST))
    return blob.dumps(program(convolution(source, signed), last, reads=((0,), reads)))


def with_bound(data: bytes, op: int, magnitude: int, bound: int) -> bytes:
    """The blob whose op has the bias that makes its bound: the inputs add `magnitude` to it."""
    return changed(data, (table(data, BIAS, op), "i", bound - magnitude))


def two_planes(kind: type[BinaryOp], h: int, w: int, *, small_first: bool = False) -> bytes:
    """An op on pairs of values of the input, 3 x 2 x 2, and of a plane of h x w x 2 that a maximum
    makes of the input. Whether the shapes fit is not checked here."""
    plane = tensor(3, 2, 2)
    reads, at = ((1, 0), IN) if small_first else ((0, 1), IN2)
    ops = maximum(plane, plane), binary(kind, plane, plane, tensor(3, 2, 2, LAST))
    data = blob.dumps(program(*ops, reads=((0,), reads)))
    kernel = [u16(KERNEL, 4 - h), u16(KERNEL + 2, 3 - w)]
    sides = [change for place in ((OUT, 0), (at, 1)) for change in side(*place, h, w)]
    return changed(data, *kernel, *sides, (16, "I", 2 * h * w))


def side(field: int, op: int, h: int, w: int) -> tuple[Change, Change]:
    """Changes of the height and width of a tensor in an op's record."""
    return u16(field, h, op=op), u16(field + W, w, op=op)


def padding_values_beyond_the_limit() -> bytes:
    """Means whose tables of padding values, which lie over header and records, are one byte an op
    more than four times the blob; without the padding values all tables are small."""
    n = 6

    def means(channels: int) -> bytes:
        planes = [tensor(1, 1, channels)] * n + [tensor(1, 1, channels, LAST)]
        rule = {"padding": (1, 0, 0, 0)}
        ops = [mean(before, after, (2, 1), **rule) for before, after in pairwise(planes)]
        return blob.dumps(program(*ops))

    channels = 4 * len(means(1)) // n - 8 + 1  # 8 bytes of a bias and a multiplier
    return changed(means(channels), *(u32(PAD, 1, op=i) for i in range(n)))


# Two and three planes of 4 bytes in the arena.
BOTH, THREE = line(2, 4, 4, 2), line(2, 4, 4, 4, 2)
_HALVES = convolution(tensor(2, 3, 4), tensor(1, 2, 2), (2, 2), GroupedConv, groups=2, lo=0, hi=9)
GROUPED_FIRST = blob.dumps(
    program(_HALVES, dense(tensor(1, 2, 2), tensor(1, 1, 1, LAST), lo=-9, hi=9))
)
LINE = blob.dumps(line(2, 4, 2))
SINGLE = widen(Shape(2, 2, 1))
SOFTMAX = program(
    dense(tensor(1, 1, 2), tensor(1, 1, 2, LAST)), outputs=only_output(0.3, softmax=True)
)
LABELS = program(dense(tensor(1, 1, 2), tensor(1, 1, 2, LAST)), labels=("a", "b"))
LARGEST_WINDOW = program(
    maximum(tensor(16384, 16384, 1), tensor(16130, 16130, 1, LAST), (255, 255))
)

PAIRS = {
    "a sum of u8 and i8": (sum_of("u8", "i8", (300, 770), 0), 2, 300 * 255 + 770 * 128),
    "a product of u8 and i8": (product_of_signed(first=False), 1, 255 * 228),
    "a product of i8 and u8": (product_of_signed(first=True), 1, 228 * 255),
}
PLANS = {
    "another plan, the first op at the end": planned(BOTH, 8, 4, 0),
    "another plan, a gap at the start": planned(BOTH, 14, 10, 3),
    "another plan, three places": planned(THREE, 12, 4, 8, 0),
    "an output that ends at 2^32 - 1": planned(line(2, 4, 2), 2**32 - 1, 2**32 - 5),
}
ACCEPTED = {
    **clamping(),
    **PLANS,
    **{f"{name} at the bound": with_bound(*pair, 2**31 - 1) for name, pair in PAIRS.items()},
    "a plane before pooling of 196,605 rows": long_axis(0, padding=65535, pool=65535, out=3),
    "a plane before pooling of 196,605 columns": long_axis(1, padding=65535, pool=65535, out=3),
    "1.7e13 steps": blob.dumps(LARGEST_WINDOW),
    "bias -2^31 + 1": changed(DENSE, (table(DENSE, BIAS) + 4, "i", -(2**31) + 1)),
    "a mean of four values, shift 21": one_mean((1, 4), "u8", 21),
    "a sum of i8 and u8, shift 22": sum_of("i8", "u8", (1, 1), 22),
    "a sum of i8 and i8, shift 22": sum_of("i8", "i8", (2, 1), 22),
    "a sum of u8 and i8, shift 13": sum_of("u8", "i8", (512, 1022), 13),
    "multipliers of a convolution at the end": with_multipliers_at_the_end(GROUPED, 0, beyond=0),
    "a softmax": blob.dumps(SOFTMAX),
}

# name -> (blob, program): the format takes these, drypoint's tools do not (BLOB.md, section 6).
_LABELS_AT = struct.unpack_from("<I", blob.dumps(LABELS), 32)[0]
FORMAT_ONLY = {
    "a header and a record alone": (
        resized(changed(blob.dumps(SINGLE)[:192], (40, "I", 192), (44, "I", 0), (32, "I", 192))),
        SINGLE,
    ),
    "a softmax of which the meta says nothing": (
        changed(blob.dumps(SINGLE), (52, "I", 2**32 - 1), (56, "B", 63)),
        SINGLE,
    ),
    "a softmax of another scale than the meta's": (
        changed(blob.dumps(SOFTMAX), (52, "I", 1), (56, "B", 0)),
        SOFTMAX,
    ),
    "no softmax, where the meta has one": (
        changed(blob.dumps(SOFTMAX), (52, "I", 0), (56, "B", 0)),
        SOFTMAX,
    ),
    "a label that is no UTF-8": (changed(blob.dumps(LABELS), (_LABELS_AT, "B", 0xFF)), LABELS),
}

_PLAN: Cases = {
    name: (PLAN, planned(net, arena, *offsets))
    for name, net, arena, *offsets in (
        ("overlap of the last byte", BOTH, 7, 0, 3),
        ("overlap of the first byte", BOTH, 7, 3, 0),
        ("overlap altogether", BOTH, 4, 0, 0),
        ("overlap, the output inside the input", line(2, 6, 3, 2), 6, 0, 2),
        ("overlap, the input inside the output", line(2, 3, 6, 2), 6, 2, 0),
        ("overlap of later ops", THREE, 9, 0, 4, 5),
        ("arena modulo 2^32", line(2, 4, 2), 2, 2**32 - 2),
        ("arena of 2^32 bytes", line(2, 4, 2), 0, 2**32 - 4),
        ("arena beyond 2^32 - 1, which it gives", line(2, 4, 2), 2**32 - 1, 2**32 - 3),
        ("arena modulo 2^32, beside another plane", BOTH, 8, 2**32 - 2, 4),
    )
}  # fmt: skip

_BIAS = table(DENSE, BIAS)
_OVERFLOW: dict[str, bytes] = {
    "bound and shift in 32 bits": changed(
        DENSE, u8(SHIFT, 2), (_BIAS, "i", 0), (_BIAS + 4, "i", 2**30)
    ),
    "bias lowest, shift 1": changed(
        DENSE, u8(SHIFT, 1), (_BIAS, "i", 0), (_BIAS + 4, "i", -(2**31))
    ),
    "bias lowest, and weights": changed(DENSE, (_BIAS, "i", -(2**31))),
    **{
        f"bias lowest of {name}": changed(data, (table(data, BIAS), "i", -(2**31)))
        for name, data in (
            ("a convolution", CONV), ("a grouped convolution", GROUPED), ("a mean", MEAN),
            ("a depthwise convolution", DEPTHWISE), ("an addition", ADD),
        )
    },
    "mean over a width": one_mean((1, 4), "u8", 22),
    "mean over a height": one_mean((4, 1), "u8", 22),
    "mean of values down to -128": one_mean((2, 2), "i8", 22),
    "sum of u8 and i8 as two i8": sum_of("u8", "i8", (2, 1), 22),
    "sum of i8 and u8 as two i8": sum_of("i8", "u8", (1, 2), 22),
    "sum of values down to -128": sum_of("i8", "i8", (2, 2), 22),
    "sum of factors in 16 bits": sum_of("u8", "u8", (32767, 32767), 8),
    **{f"{name} above the bound": with_bound(*pair, 2**31) for name, pair in PAIRS.items()},
}  # fmt: skip


def _channels(name: str, data: bytes, size: int, apart: int = 1) -> Cases:
    """Checks 20 and 21 of op 0 by channel; `size` is the number of weights of one channel, `apart`
    the distance from one of these to the next."""
    weight, bias, mult = (table(data, at) for at in (WEIGHT, BIAS, MULT))
    step = size if apart == 1 else 1
    overflow = [(bias + 4 * o, "i", 2**31 - 1) for o in range(2)]
    faults = {
        "weight -128": [(weight + step * o + (size - 1) * apart, "b", -128) for o in range(2)],
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
_WEIGHED = changed(
    DENSE, *((table(DENSE, WEIGHT) + 6 + i, "b", 1) for i in range(6)), (_BIAS, "i", 0)
)
_BASE = changed(DENSE, i32(LO, 0))  # one dense op whose clamp fits u8 too
_KIND = u8(KIND, UNKNOWN_KIND, op=1)  # check 9 of op 1
_TOO_MUCH = sharing(8, 48, factor=4, short=680)  # 18,816 bytes of seven ops are too much
_ORDER: Cases = {
    **_channels("dense", _WEIGHED, 6),
    **_channels("grouped conv", GROUPED, 8),
    **_channels("conv", CONV, 12),
    **_channels("depthwise conv", DEPTHWISE, 4, apart=4),
    "op 0 of another plan, op 1 of an unknown kind": (
        FIELD, changed(GROUPED_FIRST, (16, "I", 0), _KIND),
    ),
    "op 0 of another plan, its multiplier odd": (
        TABLE, changed(GROUPED_FIRST, (16, "I", 0), (table(GROUPED_FIRST, MULT), "i", 3)),
    ),
    "too many tables, then an unknown kind": (
        TABLE, changed(_TOO_MUCH, u8(KIND, UNKNOWN_KIND, op=7)),
    ),
    "i32 between ops, and an odd multiplier": (
        SHAPE, changed(LINE, u8(OUT + TYPE, 2), (table(LINE, MULT), "i", 3)),
    ),
    "i32 between maxima, then an unknown kind": (
        SHAPE, changed(MAXIMA, u8(OUT + TYPE, 2), _KIND),
    ),
    "a last op of u8, and an odd multiplier": (
        SHAPE, changed(_BASE, u8(OUT + TYPE, 0), (table(DENSE, MULT), "i", 3)),
    ),
    "no op reads an output, and the plan is wrong": (
        PLAN, changed(blob.dumps(BOTH), u16(READS, 1, op=2), (16, "I", 0)),
    ),
    "a later tensor of another shape": (
        FIELD, changed(LINE, u16(READS, 2, op=1), u16(IN, 2, op=1), u16(IN + W, 2, op=1),
                       u16(IN + 4, 1, op=1)),
    ),
    "no groups, and an output of another size": (
        FIELD, changed(GROUPED, u16(GROUPS, 0), u16(OUT, 9)),
    ),
    "a factor of 0, and inputs of another shape": (
        FIELD, changed(ADD, u16(FACTORS, 0), u16(OUT, 9)),
    ),
    "a side of 0, and a factor of 0": (
        SHAPE, changed(ADD, u16(FACTORS, 0), u16(OUT, 0)),
    ),
    "weight bits of 4, and a reserved byte": (
        FIELD, changed(DENSE, u8(BITS, 4), u16(OUT, 0)),
    ),
    "a zero point of u8 in the header alone": (
        FIELD, changed(DENSE, (INPUT + ZERO, "b", 1)),
    ),
    "63 bytes of another magic": (SIZE, b"X" + DENSE[1:63]),
    "63 bytes of another version": (SIZE, DENSE[:4] + b"\3" + DENSE[5:63]),
    "64 bytes of another magic": (MAGIC, b"X" + DENSE[1:64]),
    "a later minor, truncated": (VERSION, DENSE[:6] + b"\2" + DENSE[7:-1]),
    "a later minor, damaged": (VERSION, DENSE[:6] + b"\2" + DENSE[7:-1] + b"\0"),
    "minor 256": (VERSION, DENSE[:7] + b"\1" + DENSE[8:-1]),
}  # fmt: skip

# Changes of `_BASE` that break one check each.
_BREAKS: dict[int, tuple[int, tuple[Change, ...]]] = {
    2: (MAGIC, ((0, "B", 0),)),
    3: (VERSION, ((6, "H", 2),)),
    4: (SIZE, ((8, "I", len(DENSE) + 1),)),
    5: (CRC, ()),
    6: (FIELD, ((57, "B", 1),)),
    8: (TABLE, ((40, "I", 2**32 - 1),)),
    9: (FIELD, (u8(BITS, 4),)),
    10: (FIELD, (u8(KERNEL, 1),)),
    11: (SHAPE, ((INPUT, "H", 0), u16(IN, 0))),
    13: (SHAPE, (u16(OUT, 2),)),
    14: (FIELD, (u16(READS, 1),)),
    15: (SHAPE, ((INPUT + TYPE, "B", 1),)),
    16: (SHAPE, (u8(OUT + TYPE, 0),)),
    17: (FIELD, (i32(LO, 10),)),
    18: (TABLE, (u32(BIAS, 2**32 - 1),)),
    20: (TABLE, ((table(DENSE, MULT), "i", 3),)),
    21: (OVERFLOW, ((_BIAS + 4, "i", -(2**31)),)),
    23: (PLAN, ((16, "I", 1),)),
    24: (SHAPE, ((22, "H", 1),)),
    25: (TABLE, ((32, "I", 2**32 - 1),)),
}


def _pairs() -> Cases:
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


_SHAPES: dict[str, bytes] = {
    "output height 0, of a pool larger than its plane": changed(GROUPED, u16(OUT, 0), u16(POOL, 2)),
    "output width 0, of a pool larger than its plane": changed(
        GROUPED, u16(OUT + W, 0), u16(POOL + 2, 3)
    ),
    "output height 0, kernel 0": changed(GROUPED, u16(OUT, 0), u16(KERNEL, 0)),
    "input height 0, padded": changed(GROUPED, (INPUT, "H", 0), u16(IN, 0), u16(PADDING, 2)),
    "a product whose first input is the pixel": two_planes(Mul, 1, 1, small_first=True),
    "a product of a plane and a row": two_planes(Mul, 1, 2),
    "a product of a plane and a column": two_planes(Mul, 3, 1),
    "a product of a plane and a smaller one": two_planes(Mul, 2, 2),
    "a sum of a plane and a pixel": two_planes(Add, 1, 1),
    "input of 2^29 values": copying(Shape(16384, 16384, 2), Shape(65, 65, 2), 255),
    "input of 2^32 + 2^17 values": copying(Shape(32769, 32768, 4), Shape(129, 129, 4), 255),
    "input and output of 2^32 values": copying(Shape(32768, 32768, 4), Shape(32768, 32768, 4), 1),
    "output of 2^29 values": multiplying(16384, 16384, 2),
    "output of more than 2^32 values": multiplying(16385, 16383, 17),
    "output height modulo 2^16": long_axis(0, padding=1, pool=1, out=1),
    "output width modulo 2^16": long_axis(1, padding=1, pool=1, out=1),
    "labels modulo 2^16": two_labels(),
}

# Every multiplier there is even and positive also with its last byte missing or 0.
_ENDS: dict[str, bytes] = {
    **{
        f"multipliers of {name} one byte too far": with_multipliers_at_the_end(data, 0, beyond=1)
        for name, data in (
            ("a dense", DENSE), ("a grouped conv", GROUPED), ("a conv", CONV), ("a mean", MEAN),
            ("a depthwise conv", DEPTHWISE), ("an addition", ADD),
        )
    },
    "tables of four times the blob and one byte": sharing(9, 31, factor=4),
    "padding values of more than four times the blob": padding_values_beyond_the_limit(),
    "weights of (2^16 - 1)^4 bytes": changed(
        blob.dumps(program(convolution(tensor(1, 1, 1), tensor(1, 1, 1, LAST)))),
        *((at + 4, "H", 65535) for at in (INPUT, place(0, IN), place(0, OUT))),
        *(u16(field, 65535) for field in (KERNEL, KERNEL + 2)),
        *(u16(field, 65534) for field in (PADDING, PADDING + 2)),
    ),
}  # fmt: skip

REFUSED: Cases = {
    **_PLAN,
    **{name: (OVERFLOW, data) for name, data in _OVERFLOW.items()},
    **_ORDER,
    **_pairs(),
    **{name: (SHAPE, data) for name, data in _SHAPES.items()},
    **{name: (TABLE, data) for name, data in _ENDS.items()},
}
