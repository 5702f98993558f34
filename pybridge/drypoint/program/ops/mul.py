"""The product of two planes, or of a plane and a factor for each channel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._binary import BinaryOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Mul(BinaryOp):
    """(a - zero of a) * (b - zero of b) + bias for each value, requantized.

    The second input has the output's shape too, or is 1x1xC: a factor for each channel, as of
    squeeze-and-excite.
    """

    number = 10
    kind = "mul"
    broadcasts = True

    def combine(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """(a - zero of a) * (b - zero of b)."""
        return (a - self.inputs[0].zero) * (b - self.inputs[1].zero)

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """The product of the largest magnitudes less zero points, int64[1]."""
        a, b = (tensor.magnitude + abs(tensor.zero) for tensor in self.inputs)
        return np.array([a * b], np.int64)
