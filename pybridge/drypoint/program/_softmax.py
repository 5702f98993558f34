"""Probabilities in integers, as ``dpt_softmax`` computes them: NUMERICS.md section 6."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# 2^-x = 1 - c1 x + c2 x^2 - ... on 0 .. 1, in units of 2^-32: a minimax fit of the relative error.
_COEFFICIENTS = (4058308, 39538552, 237500306, 1031565847, 2977029613)  # c5 .. c1


class SoftmaxScale(NamedTuple):
    """An output scale times log2(e) is ``mult * 2^-(shift + 24)``: ``dpt_softmax_scale``."""

    mult: int  # uint32
    shift: int  # 0 .. 63


def scale(output_scale: float) -> SoftmaxScale:
    """The nearest `SoftmaxScale` of a program's output scale (positive, finite).

    A scale above 2^8 / log2(e) is taken as that: one step of an output decides either way.
    ``mult`` is at least 1: a blob says with 0 that its net does not end in a softmax.
    """
    fraction, exponent = math.frexp(output_scale * math.log2(math.e))
    shift = min(max(8 - exponent, 0), 63)
    mult = round(math.ldexp(fraction, exponent + shift + 24))
    if mult == 2**32 and shift > 0:
        mult, shift = mult // 2, shift - 1
    return SoftmaxScale(min(max(mult, 1), 2**32 - 1), shift)


def run(outputs: NDArray[np.int32], scale: SoftmaxScale) -> NDArray[np.int32]:
    """The integer softmax of each row, in units of 2^-30.

    Args:
        outputs: int32 (N, n), as a program gives them.
        scale: that of the outputs, from `scale`.

    Returns:
        int32 (N, n), each within 2^-22 + n * 2^-30 of the exact probability.
    """
    y = outputs.astype(np.int64)
    below = (y.max(axis=1, keepdims=True) - y).astype(np.uint64)
    exponent = below * np.uint64(scale.mult) >> np.uint64(scale.shift)
    weight = _power(exponent)
    sums = weight.sum(axis=1, keepdims=True, dtype=np.uint64)
    shares: NDArray[np.uint64] = ((weight << np.uint64(30)) + sums // np.uint64(2)) // sums
    return shares.astype(np.int32)


def _power(t: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """2^-t in units of 2^-31, rounded down; t is in units of 2^-24."""
    x = (t & np.uint64(0xFFFFFF)) << np.uint64(8)
    total = np.full_like(x, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        total = np.uint64(coefficient) - (total * x >> np.uint64(32))
    whole = np.minimum(t >> np.uint64(24), np.uint64(32))
    fraction = np.uint64(2**31) - (total * x >> np.uint64(33))
    return np.where(whole > 31, np.uint64(0), fraction >> whole)
