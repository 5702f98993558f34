"""A plane of another size, its values interpolated."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair, Shape
from ..lowering import Given, Lowered, Planned, Unsupported, lower_mean
from ._arithmetic import Plane
from ._interval import Interval
from ._op import RequantizedOp, RowMap

MAX_RESIZE_PARTS = 0x7FFF  # of the distance of two pixels
ResizeAlignment = Literal["half_pixel", "align_corners", "asymmetric"]


class ResizeRatio(NamedTuple):
    """Where the pixels of a resized row or column lie in a row or column of the input.

    Pixel y lies at (y * stride + offset - parts) / parts.
    """

    stride: int
    offset: int
    parts: int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Resize(RequantizedOp):
    """Bilinear interpolation: the sum of four neighbours, with integer weights, requantized.

    Attributes:
        parts: of the distance of two rows, and of two columns of the input, 1 to 32767.
        stride: parts from a row (column) of the output to the next, 1 to 65535.
        offset: the first row (column) of the output lies ``offset - parts`` parts behind the first
            one of the input; 1 to 65535.

    ``bias`` and ``mult`` are int32[1].
    """

    number = 13
    kind = "resize"
    keeps_pixels = True
    resamples = True

    parts: Pair
    stride: Pair
    offset: Pair

    def __post_init__(self) -> None:
        self.check_tensors()
        for what, most in (("parts", MAX_RESIZE_PARTS), ("stride", 0xFFFF), ("offset", 0xFFFF)):
            numbers = getattr(self, what)
            ok = all(1 <= n <= most for n in numbers)
            self.need(ok, f"{what} {numbers} is not within 1 to {most}")
        self.check_shape(Shape(*self.out_shape[:2], self.in_shape.c))
        for axis, what in enumerate(("row", "column")):
            last = (self.out_shape[axis] - 1) * self.stride[axis] + self.offset[axis]
            ok = last < (self.in_shape[axis] + 1) * self.parts[axis]
            self.need(ok, f"its last {what} lies behind the last of the input {self.in_shape}")
        self.check_requantization()

    @classmethod
    def plan(cls, before: Shape, *, size: Pair, alignment: ResizeAlignment) -> Planned:
        """A plane of another size.

        Raises:
            Unsupported: the integer weights would need more than 32 bits.
        """
        sides = zip(before[:2], size, strict=True)
        stride, offset, parts = zip(*(resize_ratio(*n, alignment) for n in sides), strict=True)
        if max(parts) > MAX_RESIZE_PARTS or math.prod(parts) > 2**22:
            raise Unsupported(
                f"resizes {before.h}x{before.w} to {size[0]}x{size[1]}, whose exact weights are "
                "beyond 32 bits: take a whole factor"
            )
        fields = {"parts": parts, "stride": stride, "offset": offset}
        return Planned(cls, Shape(*size, before.c), fields)

    @classmethod
    def lower(cls, of: Given) -> Lowered:
        """A mean of the parts of both distances."""
        return lower_mean(of.sources[0], math.prod(of.fields["parts"]))

    def record_fields(self) -> Mapping[str, Any]:
        """The parts stand in the kernel's place, the offset in the dilation's."""
        return {**super().record_fields(), "kernel": self.parts, "dilation": self.offset}

    @classmethod
    def fields_of_record(cls, record: Any) -> dict[str, Any]:
        """As `record_fields`."""
        own = {"parts": record.kernel, "offset": record.dilation}
        return super().fields_of_record(record) | own

    def compute(self, *inputs: Plane) -> Plane:
        """The weighted sums of neighbours, requantized."""
        x = inputs[0].astype(np.int32)
        for axis in (0, 1):
            first, second, weight = self._neighbours(axis)
            weight = np.expand_dims(weight, tuple(range(1, 3 - axis)))
            near, far = (np.take(x, places, axis + 1) for places in (first, second))
            x = near * (self.parts[axis] - weight) + far * weight
        return self.requantize(x)

    def _neighbours(self, axis: int) -> tuple[NDArray[np.int32], ...]:
        """Of each row (axis 0) or column (1): two neighbours in the input, the second's weight."""
        parts, last = self.parts[axis], self.in_shape[axis] - 1
        at = np.arange(self.out_shape[axis], dtype=np.int64) * self.stride[axis]
        at = (at + self.offset[axis] - parts).clip(0, last * parts)
        first, weight = np.divmod(at, parts)
        second = np.minimum(first + 1, last)
        return first.astype(np.int32), second.astype(np.int32), weight.astype(np.int32)

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """The weights are not negative, and sum to one number."""
        total = self.parts[0] * self.parts[1]
        return Interval(*(end * total for end in sources[0]))

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """A * the sum of the weights, int64[1]."""
        return np.array([self.inputs[0].magnitude * self.parts[0] * self.parts[1]], np.int64)

    @property
    def row_map(self) -> RowMap:
        """Two neighbours, or one where every row lies on a row of the input."""
        parts = self.parts[0]
        return RowMap(self.stride[0], min(parts, 2), parts - self.offset[0], parts)

    @property
    def stream_problem(self) -> str:
        """Rows that are not rows of the input."""
        if self.parts[0] == self.offset[0] == 1 and 1 in (self.stride[0], self.out_shape.h):
            return ""
        rows = f"makes {self.out_shape.h} rows of {self.in_shape.h} along the time"
        return f"{rows}; a stream writes at most one row in a step"

    @property
    def work(self) -> int:
        """Four products for each value."""
        return 4 * self.out_shape.size

    def describe(self) -> str:
        """The size and the clamp."""
        return f"resize to {self.out_shape.h}x{self.out_shape.w}{self.describe_clamp()}"


def resize_ratio(before: int, after: int, alignment: ResizeAlignment = "half_pixel") -> ResizeRatio:
    """The ratio of a row or a column of ``before`` pixels that becomes one of ``after`` pixels.

    Args:
        before: from 1 on.
        after: from 1 on.
        alignment: "half_pixel": the edges of the first and of the last pixel stay where they are;
            "align_corners": their centres do; "asymmetric": the edge before the first pixel and
            the factor.
    """
    stride, offset, parts = 2 * before, before + after, 2 * after
    if alignment == "asymmetric":
        stride, offset, parts = before, after, after
    elif alignment == "align_corners":
        stride, offset, parts = before - 1, after - 1, after - 1
    if before == 1 or parts == 0:  # each pixel is the first
        return ResizeRatio(1, after, after)
    divisor = math.gcd(stride, offset, parts)
    return ResizeRatio(stride // divisor, offset // divisor, parts // divisor)
