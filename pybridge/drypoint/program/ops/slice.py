"""A part of a plane."""

from collections.abc import Sequence
from dataclasses import dataclass

from .._tensors import Pair, Sides
from ._arithmetic import Plane
from ._interval import Interval
from ._op import BaseOp, RowMap, describe_pair


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Slice(BaseOp):
    """Every stride-th row and column of a plane from a first one on, and channels that lie beside
    each other. The op copies values and computes none.

    Attributes:
        stride: rows and columns from one that is read to the next, 1 to 65535.
        padding: the first row and the first column, then 0 and 0.
        groups: the first channel.
    """

    number = 14
    kind = "slice"
    copies = True

    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    groups: int = 0

    def __post_init__(self) -> None:
        self.check_tensors()
        ok = all(1 <= n <= 0xFFFF for n in self.stride)
        self.need(ok, f"stride {self.stride} is not within 1 to 65535")
        ok = min(self.padding) >= 0 and self.padding[2:] == (0, 0)
        self.need(ok, f"padding {self.padding} is not a first row, a first column, 0 and 0")
        (height, width, channels), (h, w, c) = self.in_shape, self.out_shape
        last = (
            self.padding[0] + (h - 1) * self.stride[0],
            self.padding[1] + (w - 1) * self.stride[1],
        )
        self.need(
            last[0] < height and last[1] < width and 0 <= self.groups <= channels - c,
            f"reads row {last[0]}, column {last[1]} and channels {self.groups} to "
            f"{self.groups + c - 1} of {self.in_shape}",
        )
        self.check_same_values(self.inputs[0])

    @property
    def cuts_rows(self) -> bool:
        """Whether the output lacks rows of the input."""
        return self.out_shape.h != self.in_shape.h

    def compute(self, *inputs: Plane) -> Plane:
        """The rows, the columns and the channels."""
        (x,), (top, left, _, _), (h, w, c) = inputs, self.padding, self.out_shape
        rows, columns = x[:, top :: self.stride[0]][:, :h], slice(left, None, self.stride[1])
        part: Plane = rows[:, :, columns][:, :, :w, self.groups : self.groups + c]
        return part

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """Of the channels."""
        part = slice(self.groups, self.groups + self.out_shape.c)
        return Interval(*(ends[part] for ends in sources[0]))

    @property
    def row_map(self) -> RowMap:
        """A row for each row."""
        return RowMap(self.stride[0], 1, -self.padding[0])

    def describe(self) -> str:
        """The first value, and the stride."""
        first = ",".join(map(str, (*self.padding[:2], self.groups)))
        return f"slice from {first}" + (
            "" if self.stride == (1, 1) else f" /{describe_pair(self.stride)}"
        )
