"""The largest value of each window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._tensors import LIMITS, NUMPY_TYPE, Sides
from ..lowering import Fields, QuantParams
from ._arithmetic import Plane, largest, surround
from ._interval import Interval
from ._windows import WindowedOp, is_less


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MaxPool(WindowedOp):
    """The largest value of each window; a padded place never wins, and windows that do not fit are
    dropped. Every window has a place of the input: padding is less than the kernel.
    """

    number = 3
    kind = "maxpool"
    nature = "chooses"
    keeps_pixels = True

    def __post_init__(self) -> None:
        self.check_pool()
        self.check_same_values(self.inputs[0])

    @classmethod
    def absorb_padding(
        cls, fields: Fields, sides: Sides, fill: float, source: QuantParams | None
    ) -> Fields | None:
        """Where no padded place could win: its value is the type's lowest at most."""
        wins = source is None or fill > source.real(source.limits[0])
        if wins or any(fields["padding"]) or not is_less(sides, fields["kernel"]):
            return None
        return {**fields, "padding": sides}

    def compute(self, *inputs: Plane) -> Plane:
        """The maximum; padded places have the lowest value of the type."""
        (x,), lowest = inputs, LIMITS[self.in_type][0]
        return largest(surround(x, self.padding, lowest), self.kernel, self.stride)

    @property
    def outside(self) -> NDArray[np.integer]:
        """The lowest value of the type, which never wins."""
        return np.full(self.in_shape.c, LIMITS[self.in_type][0], NUMPY_TYPE[self.in_type])

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The input's."""
        return sources[0]

    def describe(self) -> str:
        """The windows."""
        return f"max {self.describe_windows()}"
