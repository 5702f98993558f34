"""Ops that pool windows of a plane, channel by channel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._op import PaddedOp, RequantizedOp, WindowedOp
from ._tensors import Shape


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MaxPool(WindowedOp):
    """The largest value of each window; a padded place never wins, and windows that do not fit are
    dropped. Every window has a place of the input: padding is less than the kernel.
    """

    number = 3
    kind = "maxpool"

    def __post_init__(self) -> None:
        _check_pool(self)
        self.check_same_values(self.inputs[0])

    @property
    def steps(self) -> int:
        """Values that the windows read."""
        return self.out_shape.size * self.kernel[0] * self.kernel[1]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AvgPool(PaddedOp, RequantizedOp):
    """The mean of each window, as a sum that is requantized; a padded place counts as ``pad``.

    ``bias`` and ``mult`` are int32[1].
    """

    number = 4
    kind = "avgpool"

    def __post_init__(self) -> None:
        _check_pool(self)
        self.check_pad()
        self.check_requantization(1)

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """A * values of a window, int64[1]."""
        return np.array([self.inputs[0].magnitude * self.kernel[0] * self.kernel[1]], np.int64)

    @property
    def steps(self) -> int:
        """Values that the windows read."""
        return self.out_shape.size * self.kernel[0] * self.kernel[1]


def _check_pool(op: MaxPool | AvgPool) -> None:
    op.check_tensors()
    op.check_windows()
    top, left, bottom, right = op.padding
    ok = max(top, bottom) < op.kernel[0] and max(left, right) < op.kernel[1]
    op.need(ok, f"padding {op.padding} is not less than the kernel {op.kernel}")
    op.check_shape(Shape(*op.plane, op.in_shape.c))
