"""Intervals: between which integers each channel of a tensor lies, over all inputs of a program.

The interval of the program's input is the whole range of its type. An op's interval follows from
the intervals of what it reads. A sum of products is smallest where each product is smallest, and
requantization is monotone (NUMERICS.md section 2): the ends of an accumulator's interval become the
ends of the output's. Values count as independent of one another, so that an interval holds every
value that occurs, and perhaps more.

Padding is counted by place. Windows with the same taps inside of the plane have one smallest sum; a
kernel of n rows has at most 2n + 1 different ranges of rows inside of the plane.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._ops import (
    AvgPool,
    BinaryOp,
    Concat,
    ConvolutionOp,
    DepthwiseConv,
    GroupedConv,
    History,
    Lookup,
    MaxPool,
    Op,
    PaddedOp,
    RequantizedOp,
    Upsample,
    WeightedOp,
)
from ._program import Program
from ._reference import requantize
from ._tensors import LIMITS

Integers = NDArray[np.int64]
Ranges = list[tuple[slice, slice]]  # rows and columns of a kernel
PART = 2**20  # weights that are looked at together


class Interval(NamedTuple):
    """The smallest and the largest integer of each channel, int64[c] both; low <= high."""

    low: Integers
    high: Integers

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which channels hold one integer, for every input and at every place."""
        equal: NDArray[np.bool_] = self.low == self.high
        return equal


def intervals(program: Program) -> list[Interval]:
    """The interval of each tensor: of the program's input, then of the output of each op."""
    ends = (np.full(program.input_shape.c, end) for end in LIMITS[program.input_type])
    found = [Interval(*ends)]
    for op, reads in zip(program.ops, program.reads, strict=True):
        found.append(_written(op, [found[tensor] for tensor in reads]))
    return found


def accumulators(op: RequantizedOp, sources: list[Interval]) -> Interval:
    """The interval of an op's accumulator, the bias added, in each output channel.

    Args:
        op: the op.
        sources: the intervals of the tensors that it reads.
    """
    match op:
        case WeightedOp():
            low, high = _products(op, sources[0])
        case AvgPool():
            low, high = _window_sums(op, sources[0])
        case BinaryOp():
            corners = np.stack([op.accumulators(x, y) for x, y in itertools.product(*sources)])
            low, high = corners.min(axis=0), corners.max(axis=0)
        case _:
            raise TypeError(op)
    return Interval(low + op.bias, high + op.bias)


def parts(op: WeightedOp) -> Iterator[slice]:
    """The output channels in parts of at most 2^20 weights, or of one channel, to bound memory."""
    count = op.out_shape.c
    step = max(1, PART * count // op.weight.size)
    for begin in range(0, count, step):
        yield slice(begin, min(begin + step, count))


def taps(op: WeightedOp, part: slice) -> tuple[Integers, Integers]:
    """The weights of some output channels, and the input channels that they multiply.

    Returns:
        int64 [part, kernel_h, kernel_w, n], and the numbers of the n input channels, int64
        [part, n]. The kernel of a dense op is the whole plane.
    """
    rows, read = op.rows[part], np.arange(op.in_shape.c)
    kernel = op.kernel if isinstance(op, ConvolutionOp) else op.in_shape[:2]
    if isinstance(op, GroupedConv):
        groups = read.reshape(op.groups, -1)
        channels = np.repeat(groups, op.out_shape.c // op.groups, axis=0)[part]
    elif isinstance(op, DepthwiseConv):
        channels = np.repeat(read, op.multiplier)[part, None]
    else:
        channels = np.broadcast_to(read, (len(rows), len(read)))
    return rows.reshape(len(rows), *kernel, -1).astype(np.int64), channels


def padding_values(op: WeightedOp) -> Integers:
    """What a padded place of each input channel reads, int64[in.c]."""
    pad = op.pad if isinstance(op, ConvolutionOp) else None
    return np.zeros(op.in_shape.c, np.int64) if pad is None else pad.astype(np.int64)


def inside_ranges(op: WeightedOp) -> Ranges:
    """The different parts of the kernel that lie inside of the plane, over all windows."""
    if not isinstance(op, ConvolutionOp):
        return [(slice(None), slice(None))]
    rows, columns = (_inside(op, axis) for axis in (0, 1))
    return [(row, column) for row in rows for column in columns]


def range_sums(values: Integers, ranges: Ranges) -> Integers:
    """The sums over parts of kernels.

    Args:
        values: int64 [n, kernel_h, kernel_w].
        ranges: the parts, from `inside_ranges`.

    Returns:
        int64 [n, ranges].
    """
    n, height, width = values.shape
    table = np.zeros((n, height + 1, width + 1), np.int64)  # sums from the first row and column on
    table[:, 1:, 1:] = values.cumsum(axis=1).cumsum(axis=2)
    bounds = [(*rows.indices(height)[:2], *columns.indices(width)[:2]) for rows, columns in ranges]
    top, bottom, left, right = np.array(bounds).T
    corners = table[:, bottom, right] - table[:, bottom, left]
    sums: Integers = corners - table[:, top, right] + table[:, top, left]
    return sums


def _written(op: Op, sources: list[Interval]) -> Interval:
    """The interval of an op's output."""
    match op:
        case MaxPool():
            return sources[0]
        case History():
            pad = np.zeros(op.in_shape.c, np.int64) if op.pad is None else op.pad.astype(np.int64)
            return Interval(np.minimum(sources[0].low, pad), np.maximum(sources[0].high, pad))
        case Concat():
            low, high = (np.concatenate(ends) for ends in zip(*sources, strict=True))
            return Interval(low, high)
        case Upsample():
            low, high = (ends.reshape(-1, op.out_shape.c) for ends in sources[0])
            return Interval(low.min(axis=0), high.max(axis=0))
        case Lookup():
            return _looked_up(op, sources[0])
        case _:
            rule = {"shift": op.shift, "zero": op.output.zero}
            acc = (end.astype(np.int32) for end in accumulators(op, sources))  # int32: section 4
            return Interval(*(requantize(a, op.mult, clamp=(op.lo, op.hi), **rule) for a in acc))


def _looked_up(op: Lookup, source: Interval) -> Interval:
    """The smallest and the largest entry of the table between the ends of each channel."""
    pairs, place = np.unique(np.stack(source, axis=1), axis=0, return_inverse=True)
    parts = [op.table[np.arange(low, high + 1) & 255].astype(np.int64) for low, high in pairs]
    ends = [np.array([pick(part) for part in parts])[place.ravel()] for pick in (np.min, np.max)]
    return Interval(*ends)


def _products(op: WeightedOp, source: Interval) -> Interval:
    """The smallest and the largest sum of products in each output channel."""
    ranges, ends = inside_ranges(op), []
    for part in parts(op):
        weight, channels = taps(op, part)
        low, high, pad = (
            values[channels][:, None, None] for values in (*source, padding_values(op))
        )
        padded = (weight * pad).sum(axis=3)
        positive, negative = weight * (weight > 0), weight * (weight < 0)
        least = range_sums((positive * low + negative * high).sum(axis=3) - padded, ranges)
        most = range_sums((positive * high + negative * low).sum(axis=3) - padded, ranges)
        ends.append(padded.sum(axis=(1, 2)) + np.stack([least.min(axis=1), most.max(axis=1)]))
    return Interval(*np.concatenate(ends, axis=1))


def _window_sums(op: AvgPool, source: Interval) -> Interval:
    """The smallest and the largest sum of a window in each channel. The sum is linear in the number
    of values inside of the plane, so that the smallest and the largest number have the ends.
    """
    sides = [[part.stop - part.start for part in _inside(op, axis)] for axis in (0, 1)]
    counts = [pick(sides[0]) * pick(sides[1]) for pick in (min, max)]
    size = op.kernel[0] * op.kernel[1]
    pad = np.zeros(op.in_shape.c, np.int64) if op.pad is None else op.pad.astype(np.int64)
    sums = [[n * end + (size - n) * pad for n in counts] for end in source]
    return Interval(np.minimum(*sums[0]), np.maximum(*sums[1]))


def _inside(op: PaddedOp, axis: int) -> list[slice]:
    """The different ranges of a kernel's rows (axis 0) or columns (1) inside of the plane."""
    dilation, count = 1, op.out_shape[axis]
    if isinstance(op, ConvolutionOp):
        dilation, count = op.dilation[axis], count * op.pool[axis]
    begin = np.arange(count) * op.stride[axis] - op.padding[axis]  # the place of the first tap
    ends = [
        np.clip(-((begin - edge) // dilation), 0, op.kernel[axis])
        for edge in (0, op.in_shape[axis])
    ]
    return [slice(*pair) for pair in np.unique(np.stack(ends, axis=1), axis=0).tolist()]
