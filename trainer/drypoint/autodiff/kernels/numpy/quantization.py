"""Training in a program's integers, by NumPy: codes of weights, and requantization.

`docs/few-bits.md` has the formulas; the integers are defined in NUMERICS.md, sections 2 and 5.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array
from .normalization import column

MAX_MULT = 2**31 - 2


class Scales(NamedTuple):
    """The scales of a requantization, each the product of a trained ratio and a constant unit."""

    ratio: Array  # (O,), of the weights of each channel
    unit: Array  # (O,)
    in_ratio: Array  # (1,), of the input
    out_ratio: Array  # (1,), of the output
    in_unit: float
    out_unit: float


@dataclass(frozen=True)
class Range:
    """The integers of an output, less its zero point.

    Attributes:
        low, high: bounds; of a wide output none.
        wide: the output is i32: its real values are the result, not its integers.
    """

    low: int
    high: int
    wide: bool = False


class Integers(NamedTuple):
    """The integers of a requantization, and its scales."""

    bias: NDArray[np.int64]  # (O,), in units of the accumulator, without what a zero point adds
    mult: NDArray[np.int64]  # (O,)
    shift: int  # of the op
    unit: NDArray[np.float64]  # (O,), the real value of the accumulator 1
    out_step: float  # of the output


def weight_codes(w: Array, ratio: Array, unit: Array, *, largest: int) -> Array:
    """The integers of weights (O, ...) as floats: round(w / (ratio * unit)), halves to even."""
    scaled = w * _rows(1 / (ratio * unit), w)
    return np.asarray(np.rint(scaled.clip(-largest, largest)))


def weight_codes_gradient(
    gradient: Array, w: Array, ratio: Array, unit: Array, *, largest: int
) -> tuple[Array, Array]:
    """The gradients of `weight_codes` with respect to w and ratio: straight through, and LSQ."""
    inverse = _rows(1 / (ratio * unit), w)
    scaled = w * inverse
    code, inside = np.rint(scaled.clip(-largest, largest)), np.abs(scaled) <= largest
    terms = gradient * np.where(inside, code - scaled, code)
    to_w = np.where(inside, gradient * inverse, np.zeros((), w.dtype))
    return to_w, terms.reshape(len(w), -1).sum(axis=1) / ratio


def requantize_integers(bias: Array, scales: Scales, *, wide: bool) -> Integers:
    """The integers that requantize, computed in float64 from float32 scales."""
    step = (scales.ratio * scales.unit).astype(np.float64)
    unit = float((scales.in_ratio * np.asarray(scales.in_unit, scale_dtype(scales)))[0]) * step
    out = float((scales.out_ratio * np.asarray(scales.out_unit, scale_dtype(scales)))[0])
    out = 4 * float(unit.max()) if wide else out
    factor, shift = unit / out, 0
    while shift < 30 and 2 * np.rint(np.ldexp(factor.max(), 31 - shift)) > MAX_MULT:
        shift += 1
    mult = np.maximum(2 * np.rint(np.ldexp(factor, 31 - shift)), 2).astype(np.int64)
    integer = np.rint(bias.astype(np.float64) / unit).astype(np.int64)
    return Integers(integer, mult, shift, unit, out)


def requantize(x: Array, bias: Array, *, scales: Scales, to: Range) -> Array:
    """The integers that accumulators x (N, O, ...) become, less the zero point; or, of a wide
    output, their real values.
    """
    q = requantize_integers(bias, scales, wide=to.wide)
    bias_of, mult_of = (v.reshape(-1, *(1,) * (x.ndim - 2)) for v in (q.bias, q.mult))
    acc: NDArray[np.int64] = x.astype(np.int64) + bias_of
    code = ((acc << q.shift) * mult_of + 2**31) >> 32
    y = code * q.out_step if to.wide else code.clip(to.low, to.high)
    return np.asarray(y, x.dtype)


def requantize_gradient(
    gradient: Array, x: Array, value: Array, bias: Array, *, scales: Scales, to: Range
) -> tuple[Array, Array, Array]:
    """The gradients of `requantize` with respect to x and bias, straight through; and the terms
    (O,) of each channel in LSQ's gradient of the output's ratio.
    """
    q, axes = requantize_integers(bias, scales, wide=to.wide), (0, *range(2, x.ndim))
    factor = (q.unit / q.out_step).astype(x.dtype)
    real = (x + column(q.bias.astype(x.dtype), x)) * column(factor, x)
    if to.wide:
        to_x = gradient * column(q.unit.astype(x.dtype), x)
        return to_x, gradient.sum(axis=axes), np.zeros_like(bias)
    inside = (real >= to.low) & (real <= to.high)
    kept = np.where(inside, gradient, np.zeros((), x.dtype))
    terms = (gradient * np.where(inside, value - real, value)).sum(axis=axes)
    to_bias = kept.sum(axis=axes) / np.asarray(q.out_step, x.dtype)
    return kept * column(factor, x), to_bias, terms / scales.out_ratio[0]


def scale_dtype(scales: Scales) -> np.dtype[np.floating]:
    """The dtype of the ratios."""
    return scales.ratio.dtype


def _rows(per_channel: Array, w: Array) -> Array:
    """(O,) reshaped to broadcast over w (O, ...)."""
    return per_channel.reshape(-1, *(1,) * (w.ndim - 1))
