"""The integers of requantization for real factors: NUMERICS.md section 5."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ._tensors import Pair
from .ops import MAX_FACTOR

MAX_MULT = 2**31 - 2


def multipliers(ratio: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """The integers for real factors M: (m, e) with M = m * 2^(e-32), m even, nearest.

    Args:
        ratio: float64[channels], positive, the largest below 2^29.

    Returns:
        int32[channels] and the smallest shift that fits the largest factor.
    """
    e = 0
    while _nearest_even(float(ratio.max()), e) > MAX_MULT:
        e += 1
    m = [max(2, _nearest_even(float(r), e)) for r in ratio]
    return np.array(m, np.int32), e


def _nearest_even(ratio: float, e: int) -> int:
    return 2 * round(math.ldexp(ratio, 31 - e))


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
