"""The axes of a plane in another order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._tensors import Shape
from ._arithmetic import Plane
from ._interval import Interval
from ._op import BaseOp

AXIS_ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Transpose(BaseOp):
    """Axes in another order: the output's height, width and channels are the axes ``order`` of the
    input, by the numbers 0, 1 and 2. The op copies values and computes none.

    Attributes:
        groups: 1 to 5: the place of ``order`` in `AXIS_ORDERS`, counted from 1.
    """

    number = 15
    kind = "transpose"
    copies = True

    groups: int

    def __post_init__(self) -> None:
        self.check_tensors()
        ok = 1 <= self.groups <= len(AXIS_ORDERS)
        self.need(ok, f"groups {self.groups} is not within 1 to {len(AXIS_ORDERS)}")
        self.check_shape(Shape(*(self.in_shape[axis] for axis in self.order)))
        self.check_same_values(self.inputs[0])

    @property
    def order(self) -> tuple[int, int, int]:
        """The axis of the input that each axis of the output is."""
        return AXIS_ORDERS[self.groups - 1]

    @property
    def keeps_channels(self) -> bool:
        """Whether the output's channels are the input's."""
        return self.order[2] == 2

    def compute(self, *inputs: Plane) -> Plane:
        """The plane with its axes exchanged."""
        (x,) = inputs
        return x.transpose(0, *(axis + 1 for axis in self.order))

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """Of the channels; where rows or columns become channels, of all."""
        low, high = sources[0]
        if self.keeps_channels:
            return sources[0]
        c = self.out_shape.c
        return Interval(np.full(c, low.min()), np.full(c, high.max()))

    @property
    def runs_by_rows(self) -> bool:
        """A row of the output may read all rows."""
        return False

    def describe(self) -> str:
        """The axes."""
        return "axes " + "".join("HWC"[axis] for axis in self.order)
