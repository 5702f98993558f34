"""The product of two planes, or of a plane and a factor a channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..lowering import Given, Lowered
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

    @classmethod
    def lower(cls, of: Given) -> Lowered:
        """The product of both scales; the op subtracts the zero points, so that the bias is 0."""
        a, b = of.sources
        return Lowered(unit=a.scale * b.scale, bias=0, largest=float(a.largest * b.largest))

    @classmethod
    def error(cls, of: Given, errors: Sequence[float]) -> float:
        """Each error times the largest factor of the other input, and the errors' product."""
        reach_a, reach_b = (source.scale * source.largest for source in of.sources)
        return errors[0] * reach_b + errors[1] * reach_a + errors[0] * errors[1]
