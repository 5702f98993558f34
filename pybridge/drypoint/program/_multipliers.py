"""The integers of requantization for real factors: NUMERICS.md section 5."""

import math

import numpy as np
from numpy.typing import NDArray

from ._elementwise import MAX_FACTOR
from ._tensors import Pair

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
    """The factors of an addition.

    Args:
        a, b: the scales of its inputs, positive.

    Returns:
        1 to 32767 for each input, 32767 for the coarser one; the real value of the accumulator 1.
    """
    unit = max(a, b) / MAX_FACTOR
    return (max(1, round(a / unit)), max(1, round(b / unit))), unit
