"""The largest value of each window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._tensors import LIMITS, NUMPY_TYPE
from ._arithmetic import Plane, largest, surround
from ._interval import Interval
from ._op import WindowedOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MaxPool(WindowedOp):
    """The largest value of each window; a padded place never wins, and windows that do not fit are
    dropped. Every window has a place of the input: padding is less than the kernel.
    """

    number = 3
    kind = "maxpool"
    copies = True

    def __post_init__(self) -> None:
        self.check_pool()
        self.check_same_values(self.inputs[0])

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
