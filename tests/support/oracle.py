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
    AvgPool,
    Conv,
    Dense,
    GroupedConv,
    MaxPool,
    Op,
    Program,
)


def requantized(acc: int, mult: int, shift: int, lo: int, hi: int) -> int:
    """The integer nearest to acc * mult * 2^(shift - 32), a tie upwards, then the clamp."""
    exact = Fraction(acc * mult * 2**shift, 2**32)
    return min(max(math.floor(exact + Fraction(1, 2)), lo), hi)


def _conv_sum(op: Conv | GroupedConv, x: list, o: int, y: int, across: int) -> int:
    """One accumulator of channel o without bias, at (y, across) of the plane before pooling."""
    acc, weight, groups = 0, op.weight[o].tolist(), getattr(op, "groups", 1)
    group, n = o // (op.out_shape.c // groups), op.in_shape.c // groups
    for ky, kx in itertools.product(range(op.kernel[0]), range(op.kernel[1])):
        row = y * op.stride[0] - op.padding[0] + ky
        column = across * op.stride[1] - op.padding[1] + kx
        if 0 <= row < op.in_shape.h and 0 <= column < op.in_shape.w:
            read = x[row][column][group * n : (group + 1) * n]
            acc += sum(v * w for v, w in zip(read, weight[ky][kx], strict=True))
    return acc


def _conv(op: Conv | GroupedConv, x: list, *, pool_first: bool) -> list:
    out, mult, bias = [], op.mult.tolist(), op.bias.tolist()
    for y, across in itertools.product(range(op.out_shape.h), range(op.out_shape.w)):
        for o in range(op.out_shape.c):
            sums = [
                bias[o] + _conv_sum(op, x, o, y * op.pool[0] + py, across * op.pool[1] + px)
                for py, px in itertools.product(range(op.pool[0]), range(op.pool[1]))
            ]
            rule = (mult[o], op.shift, op.lo, op.hi)
            if pool_first:
                out.append(requantized(max(sums), *rule))
            else:
                out.append(max(requantized(acc, *rule) for acc in sums))
    return out


def _dense(op: Dense, x: list) -> list:
    flat = [v for row in x for pixel in row for v in pixel]
    rows = zip(op.weight.tolist(), op.bias.tolist(), op.mult.tolist(), strict=True)
    return [
        requantized(
            bias + sum(v * w for v, w in zip(flat, weight, strict=True)),
            mult,
            op.shift,
            op.lo,
            op.hi,
        )
        for weight, bias, mult in rows
    ]


def _windows(op: MaxPool | AvgPool, x: list) -> list[list[int]]:
    return [
        [
            x[y * op.stride[0] + ky][across * op.stride[1] + kx][c]
            for ky, kx in itertools.product(range(op.kernel[0]), range(op.kernel[1]))
        ]
        for y, across, c in itertools.product(*map(range, op.out_shape))
    ]


def apply(op: Op, x: np.ndarray, *, pool_first: bool = True) -> np.ndarray:
    """One op on one plane (h, w, c). `pool_first=False` requantizes before a conv's pooling."""
    plane = x.tolist()
    match op:
        case Conv() | GroupedConv():
            values = _conv(op, plane, pool_first=pool_first)
        case Dense():
            values = _dense(op, plane)
        case MaxPool():
            values = [max(window) for window in _windows(op, plane)]
        case AvgPool():
            rule = (int(op.mult[0]), op.shift, op.lo, op.hi)
            values = [requantized(sum(window), *rule) for window in _windows(op, plane)]
    return np.array(values, NUMPY_TYPE[op.out_type]).reshape(op.out_shape)


def trace(program: Program, x: np.ndarray) -> list[np.ndarray]:
    """The output of every op for one input (h, w, c)."""
    return [x := apply(op, x) for op in program.ops]
