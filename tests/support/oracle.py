"""An independent oracle for the ops: NUMERICS.md in plain loops over Python's unbounded integers.

The loops of an op stand in its test, in ``tests/ops``; here is what several ops have in common.
Nothing is shared with the reference: no NumPy arithmetic, no window views, no matrix products.
Rounding is done on exact fractions.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
from op_tests import every

from drypoint.program import NUMPY_TYPE, DepthwiseConv, MaxPool, Op, Program

OUTSIDE = None  # a padded place of a maximum


def requantized(acc: int, mult: int, shift: int, zero: int, lo: int, hi: int) -> int:  # noqa: PLR0917 - the numbers of the rule
    """The integer nearest to acc * mult * 2^(shift - 32), a tie upwards, zero added, clamped."""
    exact = Fraction(acc * mult * 2**shift, 2**32)
    return min(max(math.floor(exact + Fraction(1, 2)) + zero, lo), hi)


def rule_of(op, channel: int) -> tuple[int, ...]:
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


def _conv_sum(op, x: list, o: int, y: int, across: int) -> int:
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


def convolution(op, x: list, *, pool_first: bool = True) -> list:
    """A convolution; `pool_first=False` requantizes before the pooling."""
    out, bias = [], op.bias.tolist()
    for y, across in itertools.product(range(op.out_shape.h), range(op.out_shape.w)):
        for o in range(op.out_shape.c):
            sums = [
                bias[o] + _conv_sum(op, x, o, y * op.pool[0] + py, across * op.pool[1] + px)
                for py, px in itertools.product(range(op.pool[0]), range(op.pool[1]))
            ]
            rule = rule_of(op, o)
            if pool_first:
                out.append(requantized(max(sums), *rule))
            else:
                out.append(max(requantized(acc, *rule) for acc in sums))
    return out


def windows(op, x: list) -> list[list[int | None]]:
    """The values of each window of a pool; `OUTSIDE` at the padded places of a maximum."""
    return [
        [
            _read(op, x, y, across, ky, kx, c)
            for ky, kx in itertools.product(range(op.kernel[0]), range(op.kernel[1]))
        ]
        for y, across, c in itertools.product(*map(range, op.out_shape))
    ]


def flatten(x: list) -> list[int]:
    """The values of a plane, in order."""
    return [v for row in x for pixel in row for v in pixel]


def apply(op: Op, *inputs: np.ndarray, **how: bool) -> np.ndarray:
    """One op on one plane (h, w, c) for each tensor that it reads."""
    values = every()[type(op)].loops(op, *(x.tolist() for x in inputs), **how)
    return np.array(values, NUMPY_TYPE[op.out_type]).reshape(op.out_shape)


def trace(program: Program, x: np.ndarray) -> list[np.ndarray]:
    """The output of every op for one input (h, w, c)."""
    tensors = [x]
    for op, reads in zip(program.ops, program.reads, strict=True):
        tensors.append(apply(op, *(tensors[number] for number in reads)))
    return tensors[1:]
