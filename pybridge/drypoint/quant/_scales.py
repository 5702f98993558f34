"""Converts real scales to integer multipliers: section 5 of NUMERICS.md."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.program import DType

from ._errors import QuantizationError

MIN_MULT = 2**15  # 15 significant bits: the error of m stays below 2^-7 of an output step
MAX_MULT = 2**31 - 2
MAX_ACCUMULATOR = 2**31 - 1


@dataclass(frozen=True)
class Activation:
    """The integer type of an activation, and its scale: the real value of the integer 1."""

    dtype: DType
    scale: float


def activation_of(lowest: float, highest: float, *, signed: bool) -> Activation:
    """Type and scale for a range. The range 0 .. 0 gets scale 1."""
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise QuantizationError(f"an activation ranges from {lowest} to {highest}: not finite")
    reach = max(abs(lowest), abs(highest)) if signed else max(highest, 0.0)
    scale = reach / (127 if signed else 255)
    return Activation("i8" if signed else "u8", scale if scale > 1e-30 else 1.0)


def multipliers(ratio: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """The integers for real factors M: (m, e) with M = m * 2^(e-32), m even, nearest.

    Args:
        ratio: float64[channels], positive.

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


@dataclass(frozen=True, eq=False)
class Integers:
    """The integers of a requantized stage, and their scales; a mean has no weights."""

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    mult: NDArray[np.int32]
    shift: int
    weight_scale: NDArray[np.float64]
    out_scale: float


def integers(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    *,
    source: Activation,
    out_scale: float | None,
) -> Integers:
    """Choose the scales of a weighted stage so that no accumulator can overflow.

    Args:
        weight: float64 [out, ...].
        bias: float64 [out].
        source: the activation that the stage reads.
        out_scale: the scale that the calibration gives, or None for the last stage, whose outputs
            are int32 and take the finest scale that the multipliers allow.
    """
    scale = _natural_scales(weight, source.scale)
    while True:
        step = source.scale * float(scale.max())  # of the coarsest accumulator
        out = 4 * step if out_scale is None else max(out_scale, step)
        _, shift = multipliers(source.scale * scale / out)
        least = MIN_MULT * 2.0 ** (shift - 32) * out / source.scale
        floored = np.maximum(scale, least)
        mult, shift = multipliers(source.scale * floored / out)
        q = np.rint(weight / floored.reshape(-1, *[1] * (weight.ndim - 1)))
        b = np.rint(bias / (source.scale * floored))
        magnitude = 255 if source.dtype == "u8" else 128
        bound = np.abs(b) + magnitude * np.abs(q).reshape(len(q), -1).sum(axis=1)
        over = bound * 2.0**shift > MAX_ACCUMULATOR
        if not over.any():
            return Integers(q.astype(np.int8), b.astype(np.int32), mult, shift, floored, out)
        # Coarser weights make the sums of these channels smaller; with M <= 1 the shift stays
        # below 3, so the loop ends.
        scale = np.where(over, 2 * floored, scale)


def mean_integers(ratio: float, *, out_scale: float) -> Integers:
    """The rescaling of a mean: a sum times ``ratio``. No weights, no biases, one multiplier."""
    mult, shift = multipliers(np.array([ratio]))
    none = np.empty(0)
    return Integers(none.astype(np.int8), none.astype(np.int32), mult, shift, none, out_scale)


def _natural_scales(weight: NDArray[np.float64], in_scale: float) -> NDArray[np.float64]:
    """max|w| / 127 of each output channel. A channel of zeros gets the largest scale of the other
    channels; if all weights are zero, the scale for which an accumulator's step is 1/256."""
    scale: NDArray[np.float64] = np.abs(weight.reshape(len(weight), -1)).max(axis=1) / 127
    fallback = scale.max() if scale.max() > 0 else 1 / (256 * in_scale)
    return np.where(scale > 0, scale, fallback)
