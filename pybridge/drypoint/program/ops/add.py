"""The sum of two planes."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair
from ..lowering import Given, Lowered
from ._binary import BinaryOp

MAX_FACTOR = 2**15 - 1  # int16 for the kernels


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Add(BinaryOp):
    """factors[0] * a + factors[1] * b + bias for each value, requantized.

    Both inputs have the output's shape. ``factors`` are 1 to 32767.
    """

    number = 7
    kind = "add"

    factors: Pair

    def __post_init__(self) -> None:
        ok = all(1 <= factor <= MAX_FACTOR for factor in self.factors)
        self.need(ok, f"factors {self.factors} are not within 1 to {MAX_FACTOR}")
        super().__post_init__()

    def combine(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """factors[0] * a + factors[1] * b."""
        return self.factors[0] * a + self.factors[1] * b

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """Each factor times the largest magnitude of its input, int64[1]."""
        pairs = zip(self.factors, self.inputs, strict=True)
        return np.array([sum(factor * tensor.magnitude for factor, tensor in pairs)], np.int64)

    @classmethod
    def lower(cls, of: Given) -> Lowered:
        """The scales as factors; the unit in which both scales are whole numbers, about."""
        a, b = of.sources
        factors, unit = sum_factors(a.scale, b.scale)
        bias = -factors[0] * a.zero - factors[1] * b.zero
        largest = abs(bias) + factors[0] * a.magnitude + factors[1] * b.magnitude
        return Lowered(unit=unit, bias=bias, largest=float(largest), fields={"factors": factors})

    @classmethod
    def error(cls, of: Given, errors: Sequence[float]) -> float:
        """The sum of both errors, and what rounding the factors makes."""
        factors, unit = sum_factors(*(source.scale for source in of.sources))
        return sum(errors) + sum(
            abs(factor * unit - source.scale) * source.largest
            for factor, source in zip(factors, of.sources, strict=True)
        )


def sum_factors(a: float, b: float) -> tuple[Pair, float]:
    """The factors of an addition: their quotient is the nearest one to that of the scales.

    Args:
        a, b: the scales of its inputs, positive.

    Returns:
        1 to 32767 for each input, above 16383 for the coarser one; the real value of the
        accumulator 1.
    """
    coarse, fine = max(a, b), min(a, b)
    nearest = Fraction(fine / coarse).limit_denominator(MAX_FACTOR)
    nearest = max(nearest, Fraction(1, MAX_FACTOR))
    times = MAX_FACTOR // nearest.denominator
    large, small = times * nearest.denominator, times * nearest.numerator
    return ((large, small) if a >= b else (small, large)), coarse / large
