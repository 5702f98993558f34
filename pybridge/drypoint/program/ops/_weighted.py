"""What ops with weights have in common: dense, and the three convolutions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair, Shape
from ._arithmetic import Plane, largest, products, windows
from ._bits import LARGEST_WEIGHT, packed_length
from ._interval import Integers, Interval, Ranges, range_sums
from ._op import (
    RequantizedOp,
    RowMap,
    TableShapes,
    describe_padding,
    describe_pair,
    describe_stride,
)
from ._windows import PaddedOp

PART = 2**20  # weights that are looked at together


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WeightedOp(RequantizedOp):
    """An op with weights, and a bias and a multiplier an output channel.

    ``weight`` is int8. ``weight_bits`` is 8 (weights of -127 to 127), 4 (-7 to 7) or 2 (-1, 0, 1):
    how many bits a weight has in a blob and in generated code. The outputs follow from the weights
    alone.
    """

    weight: NDArray[np.int8]
    weight_bits: int = 8

    @classmethod
    def biases(cls, of: Any) -> int:
        """One for each output channel."""
        return int(of.output.shape.c)

    @classmethod
    def weight_shape(cls, of: Any) -> tuple[int, ...]:
        """The shape of the weights of an op or a record."""
        raise NotImplementedError

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """Weights, then the tables of requantization."""
        return {"weight": (np.dtype(np.int8), cls.weight_shape(of))} | super().table_shapes(of)

    def check_weights(self) -> None:
        """Check the weights' shape and values, then the fields that requantization reads."""
        bits = self.weight_bits
        self.need(bits in LARGEST_WEIGHT, f"weights of {bits} bits; wanted: 8, 4 or 2")
        self.freeze("weight")
        lowest, highest = int(self.weight.min()), int(self.weight.max())
        largest_weight = LARGEST_WEIGHT[bits]
        worst = lowest if -lowest > highest else highest
        self.need(
            abs(worst) <= largest_weight,
            f"a weight is {worst}; weights of {bits} bits are -{largest_weight} to "
            f"{largest_weight}",
        )
        self.check_requantization()

    @property
    def rows(self) -> NDArray[np.int8]:
        """The weights as one row for each output channel."""
        return self.weight.reshape(len(self.weight), -1)

    @classmethod
    def stored_shape(cls, of: Any) -> Pair:
        """How many rows of weights a blob has, each from a byte on, and the weights of a row: a row
        for each output channel. ``of`` is an op, or its record.
        """
        n, *others = cls.weight_shape(of)
        return n, math.prod(others)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights in a blob."""
        rows, count = self.stored_shape(self)
        return rows * packed_length(count, self.weight_bits)

    def describe(self) -> str:
        """Weight bits below 8, the kind, and the clamp."""
        return self.describe_bits() + super().describe()

    def describe_bits(self) -> str:
        """Weight bits below 8 in words of a listing."""
        return "" if self.weight_bits == 8 else f"{self.weight_bits}-bit "

    @property
    def window(self) -> Pair:
        """Height and width of the part of the plane that meets the weights."""
        raise NotImplementedError

    @property
    def read_channels(self) -> Integers:
        """The numbers of the input channels that each output channel reads, int64 [out.c, n]."""
        return np.broadcast_to(np.arange(self.in_shape.c), (self.out_shape.c, self.in_shape.c))

    @property
    def padding_values(self) -> Integers:
        """What a padded place of each input channel reads, int64[in.c]."""
        return np.zeros(self.in_shape.c, np.int64)

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """A * sum of abs(weight): NUMERICS.md section 4. int64[out.c]."""
        # int8 holds the magnitudes: no weight is -128.
        magnitude: NDArray[np.int64] = np.abs(self.rows).sum(axis=1, dtype=np.int64)
        return self.inputs[0].magnitude * magnitude

    def parts(self) -> Iterator[slice]:
        """The output channels in parts of at most 2^20 weights or one channel, to bound memory."""
        count = self.out_shape.c
        step = max(1, PART * count // self.weight.size)
        for begin in range(0, count, step):
            yield slice(begin, min(begin + step, count))

    def taps(self, part: slice) -> tuple[Integers, Integers]:
        """The weights of some output channels, and the input channels that they multiply.

        Returns:
            int64 [part, kernel_h, kernel_w, n], and the numbers of the n input channels, int64
            [part, n]. The kernel of a dense op is the whole plane.
        """
        rows = self.rows[part]
        weight = rows.reshape(len(rows), *self.window, -1).astype(np.int64)
        return weight, self.read_channels[part]

    def inside_ranges(self) -> Ranges:
        """The different parts of the kernel that lie inside of the plane, over all windows."""
        return [(slice(None), slice(None))]

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """A sum of products is smallest where each product is smallest. Windows with the same taps
        inside of the plane have one smallest sum; a kernel of n rows has at most 2n + 1 different
        ranges of rows inside of the plane.
        """
        ranges, ends = self.inside_ranges(), []
        for part in self.parts():
            weight, channels = self.taps(part)
            low, high, pad = (
                values[channels][:, None, None] for values in (*sources[0], self.padding_values)
            )
            padded = (weight * pad).sum(axis=3)
            positive, negative = weight * (weight > 0), weight * (weight < 0)
            least = range_sums((positive * low + negative * high).sum(axis=3) - padded, ranges)
            most = range_sums((positive * high + negative * low).sum(axis=3) - padded, ranges)
            ends.append(padded.sum(axis=(1, 2)) + np.stack([least.min(axis=1), most.max(axis=1)]))
        return Interval(*np.concatenate(ends, axis=1))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ConvolutionOp(PaddedOp, WeightedOp):
    """Fields of all convolutions. The maximum over windows of ``pool`` accumulators is requantized.

    ``dilation`` is the distance of the taps of a kernel, ``pool`` a window of the plane before
    pooling; both (height, width), 1 to 65535.
    """

    dilation: Pair = (1, 1)
    pool: Pair = (1, 1)

    def check_convolution(self) -> None:
        """Check the fields of this class."""
        self.check_windows(dilation=self.dilation, pool=self.pool)
        self.check_pad()
        height, width = self.plane
        self.check_shape(Shape(height // self.pool[0], width // self.pool[1], self.out_shape.c))
        self.check_weights()

    def convolve(self, x: Plane, weight: NDArray[np.int8]) -> NDArray[np.int32]:
        """The plane of sums, without bias: each window of a padded plane against each kernel, both
        as rows of numbers.
        """
        taps = windows(x, self.kernel, self.stride, self.dilation)
        rows = weight.reshape(len(weight), -1)
        return products(taps.reshape(*taps.shape[:3], rows.shape[1]), rows)

    def pool_and_requantize(self, sums: NDArray[np.int32]) -> NDArray[np.int64]:
        """The largest sum of each pooling window, requantized."""
        return self.requantize(largest(sums, self.pool, self.pool))

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first to the last tap of a kernel."""
        return (
            (self.kernel[0] - 1) * self.dilation[0] + 1,
            (self.kernel[1] - 1) * self.dilation[1] + 1,
        )

    @property
    def window(self) -> Pair:
        """The kernel."""
        return self.kernel

    @property
    def row_map(self) -> RowMap:
        """The rows of the windows that pooling reads for one row."""
        stride, reach, pad, _ = super().row_map
        return RowMap(stride * self.pool[0], (self.pool[0] - 1) * stride + reach, pad)

    @property
    def macs(self) -> int:
        """Multiply-accumulates over the whole plane before pooling, padding counted."""
        return self.plane[0] * self.plane[1] * self.weight.size

    @property
    def work(self) -> int:
        """Multiply-accumulates at positions that pooling reads."""
        height, width, _ = self.out_shape
        return height * self.pool[0] * width * self.pool[1] * self.weight.size

    def inside_ranges(self) -> Ranges:
        """The different parts of the kernel that lie inside of the plane, over all windows."""
        rows, columns = (
            self.inside(axis, dilation=self.dilation[axis], pool=self.pool[axis]) for axis in (0, 1)
        )
        return [(row, column) for row in rows for column in columns]

    def describe(self) -> str:
        """The kernel, and what is not 1 or 0."""
        return self.describe_as("conv")

    def describe_as(self, kind: str, groups: str = "") -> str:
        """`describe`, with the kind and some words on its groups."""
        text = f"{self.describe_bits()}{kind} {describe_pair(self.kernel)}{groups}"
        text += describe_stride(self.stride)
        text += describe_stride(self.dilation, what="dilated ")
        text += describe_padding(self.padding)
        text += self.describe_clamp()
        return text + ("" if self.pool == (1, 1) else f" + max {describe_pair(self.pool)}")
