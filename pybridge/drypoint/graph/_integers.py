"""The integers of nodes that compute: section 5 of NUMERICS.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import LARGEST_WEIGHT, MAX_ACCUMULATOR, multipliers
from drypoint.program.lowering import Lowered, QuantParams, Unsupported

MIN_MULT = 2**15  # 15 significant bits: the error of m stays below 2^-7 of an output step
MAX_RATIO = 2.0**29  # of a file's scales: the largest shift is 30
BAD_RATIO = "has scales whose ratio is no number between 0 and 2^29"
FEW_BITS = 2.0**-17  # of a ratio: a multiplier below 2^15 rounds a bias of 2^30 to a whole step
CONSTANT_RATIO = 2.0**-6
SCALE_SHARES = np.linspace(1.0, 0.2, 41)


@dataclass(frozen=True, eq=False)
class Integers:
    """The integers of a requantized node, and their scales.

    Attributes:
        bias, mult, shift: as in the op; ``bias`` holds what the input's zero point adds.
        unit: the real value of the accumulator 1 of each channel.
        weight: int8 weights; of a node without weights, none.
        weight_bits: of a weight: 8, 4 or 2.
        fields: more fields of the op.
    """

    bias: NDArray[np.int32]
    mult: NDArray[np.int32]
    shift: int
    unit: NDArray[np.float64]
    weight: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    weight_bits: int = 8
    fields: Mapping[str, Any] = field(default_factory=dict)


def weighted_integers(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    *,
    source: QuantParams,
    out_scale: float | None,
    weight_bits: int = 8,
) -> tuple[Integers, float]:
    """The integers of a weighted node, whose accumulators cannot overflow, and the output's scale.

    Args:
        weight: float64 [out, ...].
        bias: float64 [out].
        source: the activation that the node reads.
        out_scale: the scale that the calibration gives, or None for the last node, whose outputs
            are int32 and take the finest scale that the multipliers allow. The output's scale is
            never finer than one step of the coarsest accumulator.
        weight_bits: 8, 4 or 2.
    """
    scale = _natural_scales(weight, source.scale)
    if weight_bits < 8:
        scale = few_bit_scales(weight, weight_bits, fallback=scale)
    largest = LARGEST_WEIGHT[weight_bits]
    while True:
        step = source.scale * float(scale.max())  # of the coarsest accumulator
        out = 4 * step if out_scale is None else max(out_scale, step)
        _, shift = multipliers(source.scale * scale / out)
        least = MIN_MULT * 2.0 ** (shift - 32) * out / source.scale
        floored = np.maximum(scale, least)
        mult, shift = multipliers(source.scale * floored / out)
        q = np.rint(weight / floored.reshape(-1, *[1] * (weight.ndim - 1)))
        q = q.clip(-largest, largest)
        rows = q.reshape(len(q), -1)
        b = np.rint(bias / (source.scale * floored)) - source.zero * rows.sum(axis=1)
        bound = np.abs(b) + source.magnitude * np.abs(rows).sum(axis=1)
        over = bound * 2.0**shift > MAX_ACCUMULATOR
        if not over.any():
            unit = source.scale * floored
            weights = q.astype(np.int8)
            return Integers(b.astype(np.int32), mult, shift, unit, weights, weight_bits), out
        # Coarser weights make the sums of these channels smaller; with M <= 1 the shift stays
        # below 3, so the loop ends.
        scale = np.where(over, 2 * floored, scale)


def few_bit_scales(
    weight: NDArray[np.float64], weight_bits: int, *, fallback: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The scale of each output channel whose rounded weights have the least squared error.

    The search tries `SCALE_SHARES` of max|w| / (largest weight), and for each share the scale that
    is best for the integers which the share gives.

    Args:
        weight: float64 [out, ...].
        weight_bits: 4 or 2.
        fallback: float64 [out], the scales of channels of zeros.
    """
    rows, largest = weight.reshape(len(weight), -1), LARGEST_WEIGHT[weight_bits]
    widest = np.abs(rows).max(axis=1) / largest
    best, least = np.where(widest > 0, widest, fallback), np.full(len(rows), np.inf)
    for share in SCALE_SHARES:
        scale = share * np.where(widest > 0, widest, 1.0)
        for _ in range(2):
            q = np.rint(rows / scale[:, None]).clip(-largest, largest)
            error = ((rows - q * scale[:, None]) ** 2).sum(axis=1)
            better = (error < least) & (widest > 0)
            best, least = np.where(better, scale, best), np.where(better, error, least)
            squares = (q * q).sum(axis=1)
            fitted = (rows * q).sum(axis=1) / np.maximum(squares, 1)
            scale = np.where(fitted > 0, fitted, scale)
    return best


def weighted_integers_of_file(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    scales: NDArray[np.float64],
    *,
    source: QuantParams,
    out_scale: float,
) -> Integers:
    """The integers of a weighted node whose weights and biases are integers of a file.

    A converter of files gives a channel of zeros a scale near 0 and a bias of 2^30. Its multiplier
    would have too few bits for its one output, so another scale and bias give that output.

    Args:
        weight: float64 [out, ...], whole multiples of the scales.
        bias: float64 [out], whole multiples of the scales times the source's.
        scales: float64 [out].
        source: the activation that the node reads.
        out_scale: of the output.

    Raises:
        Unsupported: the integers are beyond 32 bits, or a ratio of scales is no multiplier.
    """
    unit = source.scale * scales
    ratio = unit / out_scale
    if not (ratio > 0).all() or ratio.max() >= MAX_RATIO:
        raise Unsupported(BAD_RATIO)
    q = np.rint(weight / scales.reshape(-1, *[1] * (weight.ndim - 1)))
    if not np.abs(q).max(initial=0) <= 127:
        raise Unsupported(
            "has weights beyond -127 to 127 from their zero point: quantize with "
            "weight_type=QuantType.QInt8, symmetric"
        )
    rows = q.reshape(len(q), -1)
    b = np.rint(bias / unit) - source.zero * rows.sum(axis=1)
    constant = (rows == 0).all(axis=1) & (ratio < FEW_BITS)
    scaled = np.floor(b * ratio + 0.5).clip(-512, 512)
    b = np.where(constant, np.rint(scaled / CONSTANT_RATIO), b)
    ratio = np.where(constant, CONSTANT_RATIO, ratio)
    mult, shift = checked_multipliers(ratio, b)
    return Integers(b.astype(np.int32), mult, shift, ratio * out_scale, q.astype(np.int8))


def op_integers(lowered: Lowered, *, out_scale: float) -> Integers:
    """The integers of an op without weights, whose output has a scale.

    Raises:
        Unsupported: the bias is beyond 32 bits, or a ratio of scales is no multiplier.
    """
    ratio = np.array([lowered.ratio or lowered.unit / out_scale])
    mult, shift = checked_multipliers(ratio, np.array([float(lowered.bias)]))
    bias, unit = np.array([lowered.bias], np.int32), np.array([lowered.unit])
    return Integers(bias, mult, shift, unit, fields=lowered.fields)


def checked_multipliers(
    ratio: NDArray[np.float64], bias: NDArray[np.float64]
) -> tuple[NDArray[np.int32], int]:
    """The multipliers of the ratios of a file's scales."""
    if not (ratio > 0).all() or ratio.max() >= MAX_RATIO:
        raise Unsupported(BAD_RATIO)
    if np.abs(bias).max() > MAX_ACCUMULATOR:
        raise Unsupported("has a bias beyond 32 bits")
    return multipliers(ratio)


def _natural_scales(weight: NDArray[np.float64], in_scale: float) -> NDArray[np.float64]:
    """max|w| / 127 of each output channel. A channel of zeros gets the largest scale of the other
    channels; if all weights are zero, the scale for which an accumulator's step is 1/256."""
    scale: NDArray[np.float64] = np.abs(weight.reshape(len(weight), -1)).max(axis=1) / 127
    fallback = scale.max() if scale.max() > 0 else 1 / (256 * in_scale)
    return np.where(scale > 0, scale, fallback)
