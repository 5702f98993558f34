"""The border before a program that reads no pixels: real samples, or a sensor's int16 counts, as
the integers that the first op reads. NUMERICS.md specifies it to the bit; the generated header has
it in C.

The config of a `SignalEncoder` may come from an untrusted blob: `border` checks the fields that it
reads.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ._tensors import LIMITS, NUMPY_TYPE, ProgramError, Tensor

_HIGHEST_RATE = 0x7FFFFFFF  # steps a second: an int of C
SIGNAL = "signal"  # the type of a `SignalEncoder` in its config
BEYOND = 256  # steps: a rounded value of this magnitude is beyond both limits
_GAINS = (2.0**-100, 2.0**100)  # so that flushing subnormal numbers to zero changes no result
_FACTOR = 2**39  # of a count: 128 steps; 2^15 * 2^39 + 2^62 < 2^63
_OFFSET = 2**62


@dataclass(frozen=True, eq=False, kw_only=True)
class Border:
    """The numbers of a border.

    Attributes:
        input: the tensor that the program reads.
        mean, gain: float32 (channels,): a real sample x is (x - mean) * gain steps from zero.
        low, high: the smallest and the largest integer.
        counts: factor and offset of each channel, for int16 counts; None where a count has no
            factor of 32 fraction bits.
    """

    input: Tensor
    mean: NDArray[np.float32]
    gain: NDArray[np.float32]
    low: int
    high: int
    counts: tuple[tuple[int, ...], tuple[int, ...]] | None

    @property
    def error(self) -> float:
        """The largest error of a float sample that is not clamped, or of a count, in steps: half a
        step of rounding, and float32's own. A step is the input's scale.
        """
        # Three roundings (difference, gain, product) of up to 256 steps, 2^-24 of it each; and the
        # mean's own.
        means = np.abs(self.mean.astype(np.float64) * self.gain)
        return 0.5 + 2.0**-14 + float(means.max()) * 2.0**-24

    def quantize(self, samples: NDArray[np.floating]) -> NDArray[np.integer]:
        """Float samples (..., channels) as integers; NaN becomes the zero point."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (samples.astype(np.float32) - self.mean) * self.gain
            nearest = np.nan_to_num(np.rint(scaled), nan=0.0, posinf=BEYOND, neginf=-BEYOND)
        return self._clamp(nearest.clip(-BEYOND, BEYOND).astype(np.int64) + self.input.zero)

    def quantize_counts(self, counts: NDArray[np.int16]) -> NDArray[np.integer]:
        """The int16 counts (..., channels) of a sensor as integers.

        Raises:
            ProgramError: a count has no factor.
        """
        if self.counts is None:
            raise ProgramError(
                "int16 counts do not fit this program: a count is more than 128 steps of the "
                "input, or less than 2^-32; give floats, or set the encoder's count"
            )
        factor, offset = (np.array(row, np.int64) for row in self.counts)
        return self._clamp((counts.astype(np.int64) * factor + offset) >> 32)

    def _clamp(self, integers: NDArray[np.int64]) -> NDArray[np.integer]:
        return integers.clip(self.low, self.high).astype(NUMPY_TYPE[self.input.type])


def is_signal(encoder: Mapping[str, Any] | None) -> bool:
    """Whether the config of an encoder is a `SignalEncoder`'s."""
    return encoder is not None and encoder.get("type") == SIGNAL


def sample_rate_of(encoder: Mapping[str, Any] | None) -> int | None:
    """The time steps a second that the config of a `SignalEncoder` states, or None."""
    rate = (encoder or {}).get("sample_rate") if is_signal(encoder) else None
    if rate is not None and (type(rate) is not int or not 1 <= rate <= _HIGHEST_RATE):
        raise ProgramError(
            f"the encoder's sample_rate is {rate!r:.80}, not a whole number from 1 to "
            f"{_HIGHEST_RATE}"
        )
    return rate


def border(encoder: Mapping[str, Any] | None, tensor: Tensor, scale: float) -> Border:
    """The border of a program.

    Args:
        encoder: the config of a `SignalEncoder`, or None: the net reads its inputs as they are.
        tensor: what the program reads.
        scale: the program's input scale.

    Raises:
        ProgramError: the config is none of a `SignalEncoder` of this input, or a number is beyond
            float32.
    """
    settings = {} if encoder is None else encoder
    if encoder is not None:
        _check_size(settings, tensor)
    channels = tensor.shape.c
    mean = _row(settings, "mean", 0.0, channels)
    std = _row(settings, "std", 1.0, channels)
    clip, count = _number(settings, "clip", math.inf), _number(settings, "count", 1.0)
    low, high = LIMITS[tensor.type]
    with np.errstate(all="ignore"):  # numbers beyond float32 are refused below
        gain, means = 1 / (std * scale), mean.astype(np.float32)
        gains = gain.astype(np.float32)
    if not np.isfinite(means).all() or not ((gains >= _GAINS[0]) & (gains <= _GAINS[1])).all():
        raise ProgramError(
            f"the input's mean, deviation and scale ({mean.max():g}, {std.max():g}, {scale:g}) "
            "are beyond float32"
        )
    if clip / scale < BEYOND:
        reach = round(clip / scale)
        low, high = max(low, tensor.zero - reach), min(high, tensor.zero + reach)
    return Border(
        input=tensor,
        mean=means,
        gain=gains,
        low=low,
        high=high,
        counts=None if encoder is None else _counts(gain, count, mean, tensor.zero),
    )


@np.errstate(all="ignore")  # rows that are not finite have no factors
def _counts(
    gain: NDArray[np.float64], count: float, mean: NDArray[np.float64], zero: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Factor and offset of each channel, 32 fraction bits; the offset holds the rounding half."""
    rows = np.rint(gain * count * 2.0**32), np.rint((zero - mean * gain + 0.5) * 2.0**32)
    factors, offsets = (tuple(map(int, row)) if np.isfinite(row).all() else () for row in rows)
    fit = factors and offsets and min(factors) >= 1 and max(factors) < _FACTOR
    return (factors, offsets) if fit and max(map(abs, offsets)) < _OFFSET else None


def _check_size(settings: Mapping[str, Any], tensor: Tensor) -> None:
    size, (h, w, c) = (settings.get("window"), settings.get("channels")), tensor.shape
    if size != (h * w, c) or 1 not in (h, w):
        raise ProgramError(
            f"the encoder's windows of {size[0]} steps x {size[1]} channels do not fit the input "
            f"{tensor.shape}"
        )


def _row(settings: Mapping[str, Any], name: str, default: float, n: int) -> NDArray[np.float64]:
    """A number for each channel, from one number or from a list of them."""
    value = settings.get(name)
    given = [default if value is None else value] if not isinstance(value, list | tuple) else value
    numbers = [float(number) for number in given if _is_number(number)]
    wrong = len(numbers) != len(given) or len(given) not in (1, n)
    if wrong or (name == "std" and min(numbers) <= 0):
        raise ProgramError(f"the encoder's {name} is {value!r:.80}, not one number or {n}")
    return np.broadcast_to(np.array(numbers, np.float64), (n,))


def _is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that is finite in float64."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _number(settings: Mapping[str, Any], name: str, default: float) -> float:
    value = settings.get(name)
    if value is None:
        return default
    if not (_is_number(value) and value > 0):
        raise ProgramError(f"the encoder's {name} is {value!r:.80}, not a number above zero")
    return float(value)
