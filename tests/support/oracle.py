"""An independent oracle for the ops: NUMERICS.md in plain loops over Python's unbounded integers.

Nothing is shared with the reference: no NumPy arithmetic, no window views, no matrix products.
Rounding is done on exact fractions.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from drypoint.program import (
    NUMPY_TYPE,
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Lookup,
    MaxPool,
    Mul,
    Op,
    Program,
    Upsample,
)

OUTSIDE = None  # a padded place of a maximum


def requantized(acc: int, mult: int, shift: int, zero: int, lo: int, hi: int) -> int:  # noqa: PLR0917 - the numbers of the rule
    """The integer nearest to acc * mult * 2^(shift - 32), a tie upwards, zero added, clamped."""
    exact = Fraction(acc * mult * 2**shift, 2**32)
    return min(max(math.floor(exact + Fraction(1, 2)) + zero, lo), hi)


def _rule(op, channel: int) -> tuple[int, ...]:
    return int(op.mult[channel]), op.shift, op.output.zero, op.lo, op.hi


def _read(op, x: list, y: int, across: int, ky: int, kx: int, c: int) -> int | None:  # noqa: PLR0917 - a place and a tap
    """What tap (ky, kx) of the window at (y, across) reads of channel c."""
    dilation = getattr(op, "dilation", (1, 1))
    row = y * op.stride[0] - op.padding[0] + ky * dilation[0]
    column = across * op.stride[1] - op.padding[1] + kx * dilation[1]
    if 0 <= row < op.in_shape.h and 0 <= column < op.in_shape.w:
        return x[row][column][c]
    if isinstance(op, MaxPool):
        return OUTSIDE
    return 0 if op.pad is None else int(op.pad[c])


def _conv_sum(op: Conv | GroupedConv | DepthwiseConv, x: list, o: int, y: int, across: int) -> int:
    """One accumulator of channel o without bias, at (y, across) of the plane before pooling."""
    read, written = op.in_shape.c, op.out_shape.c
    acc = 0
    for ky, kx in itertools.product(range(op.kernel[0]), range(op.kernel[1])):
        if isinstance(op, DepthwiseConv):
            taps = [(o // (written // read), op.weight[ky, kx, o])]
        else:
            groups = getattr(op, "groups", 1)
            first = o // (written // groups) * (read // groups)
            taps = [(first + i, w) for i, w in enumerate(op.weight[o, ky, kx])]
        acc += sum(_read(op, x, y, across, ky, kx, c) * int(w) for c, w in taps)
    return acc


def _conv(op: Conv | GroupedConv | DepthwiseConv, x: list, *, pool_first: bool) -> list:
    out, bias = [], op.bias.tolist()
    for y, across in itertools.product(range(op.out_shape.h), range(op.out_shape.w)):
        for o in range(op.out_shape.c):
            sums = [
                bias[o] + _conv_sum(op, x, o, y * op.pool[0] + py, across * op.pool[1] + px)
                for py, px in itertools.product(range(op.pool[0]), range(op.pool[1]))
            ]
            rule = _rule(op, o)
            if pool_first:
                out.append(requantized(max(sums), *rule))
            else:
                out.append(max(requantized(acc, *rule) for acc in sums))
    return out


def _dense(op: Dense, x: list) -> list:
    flat = [v for row in x for pixel in row for v in pixel]
    return [
        requantized(
            int(bias) + sum(v * w for v, w in zip(flat, weight, strict=True)), *_rule(op, o)
        )
        for o, (weight, bias) in enumerate(zip(op.weight.tolist(), op.bias, strict=True))
    ]


def _windows(op: MaxPool | AvgPool, x: list) -> list[list[int]]:
    """The values of each window, without the padded places of a maximum."""
    windows = [
        [
            _read(op, x, y, across, ky, kx, c)
            for ky, kx in itertools.product(range(op.kernel[0]), range(op.kernel[1]))
        ]
        for y, across, c in itertools.product(*map(range, op.out_shape))
    ]
    return [[v for v in window if v is not OUTSIDE] for window in windows]


def _of_block(op: Upsample, x: list, y: int, across: int, o: int) -> int:
    """What an upsample writes at (y, across) of channel o."""
    (row, ky), (column, kx) = (
        divmod(place + before, size)
        for place, before, size in zip((y, across), op.padding, op.kernel, strict=False)
    )
    spread = op.in_shape.c > op.out_shape.c
    return x[row][column][o + (ky * op.kernel[1] + kx) * op.out_shape.c * spread]


def _flat(x: np.ndarray) -> list[int]:
    return [int(v) for v in x.reshape(-1)]


def apply(op: Op, *inputs: np.ndarray, pool_first: bool = True) -> np.ndarray:
    """One op on one plane (h, w, c) for each tensor that it reads. `pool_first=False` requantizes
    before a convolution's pooling.
    """
    plane = inputs[0].tolist()
    match op:
        case Conv() | GroupedConv() | DepthwiseConv():
            values = _conv(op, plane, pool_first=pool_first)
        case Dense():
            values = _dense(op, plane)
        case MaxPool():
            values = [max(window) for window in _windows(op, plane)]
        case AvgPool():
            bias, rule = int(op.bias[0]), _rule(op, 0)
            values = [requantized(bias + sum(window), *rule) for window in _windows(op, plane)]
        case Add():
            bias, rule, (fa, fb) = int(op.bias[0]), _rule(op, 0), op.factors
            pairs = zip(*map(_flat, inputs), strict=True)
            values = [requantized(bias + fa * a + fb * b, *rule) for a, b in pairs]
        case Mul():
            bias, rule, zeros = int(op.bias[0]), _rule(op, 0), [t.zero for t in op.inputs]
            a, b = (_flat(x) for x in inputs)
            b = [b[i % op.out_shape.c] if len(b) < len(a) else b[i] for i in range(len(a))]
            pairs = zip(a, b, strict=True)
            values = [requantized(bias + (x - zeros[0]) * (y - zeros[1]), *rule) for x, y in pairs]
        case Concat():
            rows = zip(*(x.tolist() for x in inputs), strict=True)
            values = [v for a, b in rows for p, q in zip(a, b, strict=True) for v in p + q]
        case Upsample():
            values = [
                _of_block(op, plane, y, x, o)
                for y, x, o in itertools.product(*map(range, op.out_shape))
            ]
        case Lookup():
            values = [int(op.table[v % 256]) for v in _flat(inputs[0])]
    return np.array(values, NUMPY_TYPE[op.out_type]).reshape(op.out_shape)


def trace(program: Program, x: np.ndarray) -> list[np.ndarray]:
    """The output of every op for one input (h, w, c)."""
    tensors = [x]
    for op, reads in zip(program.ops, program.reads, strict=True):
        tensors.append(apply(op, *(tensors[number] for number in reads)))
    return tensors[1:]
