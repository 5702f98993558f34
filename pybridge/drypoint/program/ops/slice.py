"""A part of a plane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._tensors import Pair, Shape
from ..lowering import Fields, Planned
from ._arithmetic import Plane
from ._interval import Integers, Interval, Mask
from ._op import BaseOp, RowMap, describe_stride


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Slice(BaseOp):
    """Every stride-th row and column of a plane from a first one on, and channels that lie beside
    each other. The op copies values and computes none.

    Attributes:
        stride: rows and columns from one that is read to the next, 1 to 65535.
        first: the first row, column and channel.
    """

    number = 14
    kind = "slice"
    nature = "moves"
    keeps_pixels = True

    stride: Pair = (1, 1)
    first: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        self.check_tensors()
        ok = all(1 <= n <= 0xFFFF for n in self.stride)
        self.need(ok, f"stride {self.stride} is not within 1 to 65535")
        self.need(min(self.first) >= 0, f"first {self.first} is not a row, a column and a channel")
        steps = zip(self.first, self.out_shape, (*self.stride, 1), strict=True)
        last = [at + (n - 1) * step for at, n, step in steps]
        self.need(
            all(at < n for at, n in zip(last, self.in_shape, strict=True)),
            f"reads row {last[0]}, column {last[1]} and channels {self.first[2]} to {last[2]} of "
            f"{self.in_shape}",
        )
        self.check_same_values(self.inputs[0])

    @classmethod
    def plan(cls, shape: Shape, *, first: tuple[int, int, int], stride: Pair = (1, 1)) -> Planned:
        """A part of a plane, of this shape."""
        return Planned(cls, shape, {"first": first, "stride": stride})

    @classmethod
    def is_idle(cls, before: Shape, after: Shape, fields: Fields) -> bool:  # noqa: ARG003
        """Whether the part is the plane."""
        return before == after

    def record_fields(self) -> Mapping[str, Any]:
        """The first row and column stand in the padding's place, the first channel in groups'."""
        row, column, channel = self.first
        return {"stride": self.stride, "padding": (row, column, 0, 0), "groups": channel}

    @classmethod
    def fields_of_record(cls, record: Any) -> dict[str, Any]:
        """As `record_fields`; the gate refuses padding at the bottom and the right."""
        return {"stride": record.stride, "first": (*record.padding[:2], record.groups)}

    def compute(self, *inputs: Plane) -> Plane:
        """The rows, the columns and the channels."""
        (x,), (row, column, channel), (h, w, c) = inputs, self.first, self.out_shape
        rows, columns = x[:, row :: self.stride[0]][:, :h], slice(column, None, self.stride[1])
        part: Plane = rows[:, :, columns][:, :, :w, channel : channel + c]
        return part

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The intervals of the channels that the op reads."""
        part = slice(self.first[2], self.first[2] + self.out_shape.c)
        return Interval(*(ends[part] for ends in sources[0]))

    def written_channels(self, side: int) -> Integers:  # noqa: ARG002
        """The channels of the part."""
        channels = np.arange(self.in_shape.c) - self.first[2]
        return np.where(channels < self.out_shape.c, channels, -1).clip(-1)

    def narrow_fields(self, source: Mask, output: Mask) -> dict[str, Any]:  # noqa: ARG002
        """The first channel, without the channels before it that go."""
        return {"first": (*self.first[:2], int(source[: self.first[2]].sum()))}

    @property
    def stream_problem(self) -> str:
        """Rows that it leaves out."""
        if self.out_shape.h == self.in_shape.h:
            return ""
        return "leaves out rows along the time; a stream has no last row"

    @property
    def row_map(self) -> RowMap:
        """A row for each row."""
        return RowMap(self.stride[0], 1, -self.first[0])

    def describe(self) -> str:
        """The first value, and the stride."""
        first = ",".join(map(str, self.first))
        return f"slice from {first}{describe_stride(self.stride)}"
