"""Converts real scales to integer multipliers: section 5 of NUMERICS.md."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.program import LIMITS, MAX_ACCUMULATOR, DType, multipliers

from ._errors import QuantizationError

MIN_MULT = 2**15  # 15 significant bits: the error of m stays below 2^-7 of an output step
SMALLEST_SCALE = 1e-30  # a range below is taken for 0 .. 0
LOPSIDED = 0.9  # a zero point is chosen where it makes steps at most so large


@dataclass(frozen=True)
class QuantParams:
    """Type, scale and zero point of an activation: the real value of q is scale * (q - zero)."""

    dtype: DType
    scale: float
    zero: int = 0

    @property
    def magnitude(self) -> int:
        """The largest magnitude of an integer of the type."""
        return 255 if self.dtype == "u8" else 128

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest integer of the type."""
        return LIMITS[self.dtype]

    def coarsened(self, scale: float, lowest: float) -> "QuantParams":
        """The parameters with a scale that is at least ``scale``; ``lowest`` is the smallest real
        value of its range.
        """
        if scale <= self.scale:
            return self
        zero = _zero_point(lowest, scale) if self.zero != 0 else 0
        return replace(self, scale=scale, zero=zero)

    def integer(self, value: float) -> int:
        """The integer nearest to a real number, as ``np.rint`` rounds, within the type."""
        low, high = self.limits
        if math.isinf(value):
            return low if value < 0 else high
        return min(max(round(value / self.scale) + self.zero, low), high)


def quant_params_of(lowest: float, highest: float, *, centred: bool = False) -> QuantParams:
    """Type, scale and zero point for a range.

    ``u8`` where no value is negative, else ``i8``, with a zero point where that makes steps at most
    `LOPSIDED` times as large as without.

    Args:
        lowest: the smallest real value.
        highest: the largest one; the range 0 .. 0 gets scale 1.
        centred: whether the zero point must be 0.

    Raises:
        QuantizationError: a number is not finite.
    """
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise QuantizationError(f"an activation ranges from {lowest} to {highest}: not finite")
    if lowest >= 0:
        return QuantParams("u8", _positive(highest / 255))
    scale, low = max(-lowest, highest) / 127, min(lowest, 0.0)
    finer = (max(highest, 0.0) - low) / 255
    if centred or finer > LOPSIDED * scale or finer < SMALLEST_SCALE:
        return QuantParams("i8", _positive(scale))
    return QuantParams("i8", finer, _zero_point(low, finer))


def _zero_point(lowest: float, scale: float) -> int:
    """The integer of real zero where the smallest value, or zero, is -128."""
    return max(-128, min(round(-128 - min(lowest, 0.0) / scale), 127))


def _positive(scale: float) -> float:
    return scale if scale > SMALLEST_SCALE else 1.0


@dataclass(frozen=True, eq=False)
class Integers:
    """The integers of a requantized stage, and their scales.

    Attributes:
        bias, mult, shift: as in the op; ``bias`` holds what the input's zero point adds.
        unit: the real value of the accumulator 1 of each channel.
        weight: int8 weights; of a stage without weights, none.
        factors: of an addition.
    """

    bias: NDArray[np.int32]
    mult: NDArray[np.int32]
    shift: int
    unit: NDArray[np.float64]
    weight: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    factors: tuple[int, int] = (0, 0)


def weighted_integers(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    *,
    source: QuantParams,
    out_scale: float | None,
) -> tuple[Integers, float]:
    """The integers of a weighted stage, whose accumulators cannot overflow, and the output's scale.

    Args:
        weight: float64 [out, ...].
        bias: float64 [out].
        source: the activation that the stage reads.
        out_scale: the scale that the calibration gives, or None for the last stage, whose outputs
            are int32 and take the finest scale that the multipliers allow. The output's scale is
            never finer than one step of the coarsest accumulator.
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
        rows = q.reshape(len(q), -1)
        b = np.rint(bias / (source.scale * floored)) - source.zero * rows.sum(axis=1)
        bound = np.abs(b) + source.magnitude * np.abs(rows).sum(axis=1)
        over = bound * 2.0**shift > MAX_ACCUMULATOR
        if not over.any():
            unit = source.scale * floored
            chosen = Integers(b.astype(np.int32), mult, shift, unit, q.astype(np.int8))
            return chosen, out
        # Coarser weights make the sums of these channels smaller; with M <= 1 the shift stays
        # below 3, so the loop ends.
        scale = np.where(over, 2 * floored, scale)


def mean_integers(source: QuantParams, window: int, *, out_scale: float) -> Integers:
    """The integers of a mean of ``window`` values."""
    unit = source.scale / window
    mult, shift = multipliers(np.array([unit / out_scale]))
    bias = np.array([-window * source.zero], np.int32)
    return Integers(bias, mult, shift, np.array([unit]))


def _natural_scales(weight: NDArray[np.float64], in_scale: float) -> NDArray[np.float64]:
    """max|w| / 127 of each output channel. A channel of zeros gets the largest scale of the other
    channels; if all weights are zero, the scale for which an accumulator's step is 1/256."""
    scale: NDArray[np.float64] = np.abs(weight.reshape(len(weight), -1)).max(axis=1) / 127
    fallback = scale.max() if scale.max() > 0 else 1 / (256 * in_scale)
    return np.where(scale > 0, scale, fallback)
