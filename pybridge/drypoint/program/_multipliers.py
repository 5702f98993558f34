"""The integers of requantization for real factors: NUMERICS.md section 5."""

import math

import numpy as np
from numpy.typing import NDArray

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
