"""The axes of a plane in another order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._tensors import ProgramError, Shape
from ..lowering import Fields, Planned
from ._arithmetic import Plane
from ._interval import Integers, Interval
from ._op import BaseOp

AXIS_ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Transpose(BaseOp):
    """Axes in another order. The op copies values and computes none.

    Attributes:
        order: the axis of the input, 0, 1 or 2, that the output's height is, its width, and its
            channels: one of `AXIS_ORDERS`.
    """

    number = 15
    kind = "transpose"
    nature = "moves"

    order: tuple[int, int, int]

    def __post_init__(self) -> None:
        self.check_tensors()
        known = ", ".join(map(str, AXIS_ORDERS))
        self.need(self.order in AXIS_ORDERS, f"order {self.order}; wanted: one of {known}")
        self.check_shape(Shape(*(self.in_shape[axis] for axis in self.order)))
        self.check_same_values(self.inputs[0])

    @classmethod
    def plan(cls, before: Shape, *, order: tuple[int, int, int]) -> Planned:
        """The axes of the plane in another order."""
        height, width, channels = (before[axis] for axis in order)
        return Planned(cls, Shape(height, width, channels), {"order": order})

    @classmethod
    def is_idle(cls, before: Shape, after: Shape, fields: Fields) -> bool:  # noqa: ARG003
        """Whether each axis stays."""
        return tuple(fields["order"]) == (0, 1, 2)

    def record_fields(self) -> Mapping[str, Any]:
        """The number of the order, 1 to 5, stands in groups' place."""
        return {"groups": AXIS_ORDERS.index(self.order) + 1}

    @classmethod
    def fields_of_record(cls, record: Any) -> dict[str, Any]:
        """As `record_fields`."""
        if not 1 <= record.groups <= len(AXIS_ORDERS):
            raise ProgramError(
                f"a transpose has the order {record.groups}; wanted: 1 to {len(AXIS_ORDERS)}"
            )
        return {"order": AXIS_ORDERS[record.groups - 1]}

    @property
    def keeps_channels(self) -> bool:
        """Whether the output's channels are the input's."""
        return self.order[2] == 2

    def compute(self, *inputs: Plane) -> Plane:
        """The plane with its axes exchanged."""
        (x,) = inputs
        return x.transpose(0, *(axis + 1 for axis in self.order))

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The intervals of the channels; one of all where rows or columns become channels."""
        low, high = sources[0]
        if self.keeps_channels:
            return sources[0]
        c = self.out_shape.c
        return Interval(np.full(c, low.min()), np.full(c, high.max()))

    def written_channels(self, side: int) -> Integers | None:
        """The channels as they are; or all, where rows or columns become channels."""
        return super().written_channels(side) if self.keeps_channels else None

    @property
    def stream_problem(self) -> str:
        """Rows that become columns or channels."""
        if self.order[0] == 0:
            return ""
        return f"makes another axis of the time, {self.describe()}; a stream has one row in a step"

    @property
    def runs_by_rows(self) -> bool:
        """A row of the output may read all rows."""
        return False

    def describe(self) -> str:
        """The axes."""
        return "axes " + "".join("HWC"[axis] for axis in self.order)
