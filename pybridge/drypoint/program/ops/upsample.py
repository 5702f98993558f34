"""A larger plane of the same values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._tensors import Pair, Shape, Sides
from ..lowering import Fields, Planned
from ._arithmetic import Plane
from ._interval import Integers, Interval
from ._op import BaseOp, RowMap, describe_padding, describe_pair


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Upsample(BaseOp):
    """A block of pixels for each pixel, and a plane without some rows and columns at its edges.

    Either the output has as many channels as the input: a block repeats the input's pixel (nearest
    neighbour). Or the output has fewer channels: each group of the input's channels becomes one
    pixel of the block (depth to space). The op copies values and computes none.

    Attributes:
        kernel: height and width of a block, 1 to 65535.
        padding: the rows and columns that are left out, top, left, bottom, right; less than
            ``kernel``.
    """

    number = 12
    kind = "upsample"
    nature = "moves"
    keeps_pixels = True
    resamples = True

    kernel: Pair
    padding: Sides = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        self.check_tensors()
        ok = all(1 <= n <= 0xFFFF for n in self.kernel)
        self.need(ok, f"kernel {self.kernel} is not within 1 to 65535")
        (top, left, bottom, right), (rows, columns) = self.padding, self.kernel
        ok = min(self.padding) >= 0 and max(top, bottom) < rows and max(left, right) < columns
        self.need(ok, f"padding {self.padding} is not less than the kernel {self.kernel}")
        h, w, c = self.in_shape
        sides = h * rows - top - bottom, w * columns - left - right
        parts = dict.fromkeys((rows * columns, 1))
        makes = [Shape(*sides, c // part) for part in parts if c % part == 0]
        came, wanted = self.out_shape, " or ".join(map(str, makes))
        self.need(came in makes, f"output {came}, but it makes {wanted}")
        self.check_same_values(self.inputs[0])

    @classmethod
    def plan(
        cls,
        before: Shape,
        *,
        kernel: Pair,
        padding: Sides = (0, 0, 0, 0),
        spreads: bool = False,
    ) -> Planned:
        """Each pixel repeated; or, where the op ``spreads``, channel (i * columns + j) * O + o as
        pixel (i, j) of channel o of a block.
        """
        top, left, bottom, right = padding
        h, w = before.h * kernel[0] - top - bottom, before.w * kernel[1] - left - right
        shape = Shape(h, w, before.c // (kernel[0] * kernel[1]) if spreads else before.c)
        return Planned(cls, shape, {"kernel": kernel, "padding": padding})

    @classmethod
    def is_idle(cls, before: Shape, after: Shape, fields: Fields) -> bool:
        """Whether blocks have one pixel, and all of them stay."""
        return fields["kernel"] == (1, 1) and before == after

    @property
    def spreads(self) -> bool:
        """Whether the op is depth to space: groups of channels become the pixels of a block."""
        return self.out_shape.c != self.in_shape.c

    def compute(self, *inputs: Plane) -> Plane:
        """Each input pixel becomes a block of pixels; the padding is cut off at the edges."""
        (x,), (rows, columns), (top, left, _, _) = inputs, self.kernel, self.padding
        (n, h, w, _), (height, width, c) = x.shape, self.out_shape
        pixels = x if self.spreads else np.tile(x, rows * columns)
        blocks = pixels.reshape(n, h, w, rows, columns, c).transpose(0, 1, 3, 2, 4, 5)
        plane = blocks.reshape(n, h * rows, w * columns, c)
        return plane[:, top : top + height, left : left + width]

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The union of the intervals of the channels that become one channel."""
        low, high = (ends.reshape(-1, self.out_shape.c) for ends in sources[0])
        return Interval(low.min(axis=0), high.max(axis=0))

    def written_channels(self, side: int) -> Integers:  # noqa: ARG002
        """The channel of each pixel of a block, or the channels as they are."""
        return np.arange(self.in_shape.c) % self.out_shape.c

    @property
    def stream_problem(self) -> str:
        """Several rows of a row."""
        if self.kernel[0] == 1:
            return ""
        rows = f"makes {self.kernel[0]} rows of each row along the time"
        return f"{rows}; a stream writes at most one row in a step"

    @property
    def row_map(self) -> RowMap:
        """One row for each row of its block."""
        return RowMap(1, 1, -self.padding[0], self.kernel[0])

    def describe(self) -> str:
        """The block, and what is cut off."""
        kind = "pixel shuffle" if self.spreads else "upsample"
        return f"{kind} {describe_pair(self.kernel)}{describe_padding(self.padding, 'cut')}"
