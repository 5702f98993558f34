"""Between real numbers and integers: what ops say of inputs with scales, before they have integers.

Plumbing of `drypoint.graph` and of the ops: an op's class methods `plan` and `lower` give these.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._tensors import LIMITS, NUMPY_TYPE, DType, Shape, Sides, Tensor

Fields: TypeAlias = Mapping[str, Any]
Nature: TypeAlias = Literal["moves", "chooses", "computes"]
MAX_MULT = 2**31 - 2
HALVES_DOWN = 1 / 128  # less than a mean's count: halves below 0 go down


class Unsupported(Exception):  # noqa: N818 (never leaves the readers: it becomes a line of an error)
    """The reason why a layer or an operator of a file has no integer form, without its name."""


@dataclass(frozen=True)
class QuantParams:
    """Type, scale and zero point of an activation: the real value of q is scale * (q - zero)."""

    dtype: DType
    scale: float
    zero: int = 0

    @property
    def magnitude(self) -> int:
        """The largest magnitude of an integer of the type."""
        return {"u8": 255, "i8": 128}.get(self.dtype, 2**15)

    @property
    def largest(self) -> int:
        """The largest magnitude of an integer less the zero point, at most."""
        return self.magnitude + abs(self.zero)

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest integer of the type."""
        return LIMITS[self.dtype]

    def integer(self, value: float) -> int:
        """The integer nearest to a real number, halves to even, within the type."""
        low, high = self.limits
        if math.isinf(value):
            return low if value < 0 else high
        return min(max(round(value / self.scale) + self.zero, low), high)

    def real(self, integer: int) -> float:
        """The real value of a stored integer."""
        return self.scale * (integer - self.zero)

    @property
    def reals(self) -> NDArray[np.float64]:
        """The real value of each of the 256 bytes of an 8-bit type, in the bytes' order."""
        integers = np.arange(256, dtype=np.uint8).view(NUMPY_TYPE[self.dtype])
        values: NDArray[np.float64] = self.scale * (integers.astype(np.float64) - self.zero)
        return values

    def tensor(self, shape: Shape) -> Tensor:
        """A program's tensor of these parameters."""
        return Tensor(shape, self.dtype, self.zero)

    def store(self, steps: NDArray[np.float64]) -> NDArray[np.integer]:
        """The integers of whole numbers of steps from real zero, within the type."""
        return (steps + self.zero).clip(*self.limits).astype(NUMPY_TYPE[self.dtype])

    def pad(self, values: ArrayLike, channels: int, sides: Sides) -> NDArray[np.integer] | None:
        """The integers at padded places of each channel, from one real value or one for each
        channel; None where no place is padded, or where all of them are 0.
        """
        reals = np.broadcast_to(np.asarray(values, np.float64), (channels,))
        pad = self.store(np.rint(reals / self.scale))
        return pad if any(sides) and pad.any() else None

    def coarsen(self, scale: float, lowest: float) -> "QuantParams":
        """The parameters with a scale that is at least ``scale``; ``lowest`` is the smallest real
        value of its range.
        """
        if scale <= self.scale:
            return self
        zero = zero_point(lowest, scale) if self.zero != 0 else 0
        return replace(self, scale=scale, zero=zero)

    def stands_for(self, other: "QuantParams") -> bool:
        """Whether the least integer of both types, and each step, is one real number."""
        lowest = [p.limits[0] - p.zero for p in (self, other)]
        return self.scale == other.scale and lowest[0] == lowest[1]


def zero_point(lowest: float, scale: float) -> int:
    """The integer of real zero where the smallest value, or zero, is -128."""
    return max(-128, min(round(-128 - min(lowest, 0.0) / scale), 127))


class Planned(NamedTuple):
    """An op whose integers are not chosen yet."""

    op: type[Any]  # its class
    shape: Shape  # the plane that it makes
    fields: Fields  # the op's fields, and real numbers in place of fields with integers


@dataclass(frozen=True, eq=False, kw_only=True)
class Given:
    """What an op's integers are chosen from."""

    fields: Fields  # of the `Planned` op
    sources: tuple[QuantParams, ...]  # of its inputs
    target: QuantParams | None = None  # of its output, where a file has it


@dataclass(frozen=True, eq=False, kw_only=True)
class Lowered:
    """The numbers of an op that computes accumulators of inputs with scales."""

    unit: float  # the real value of the accumulator 1
    bias: int  # what the zero points add
    largest: float  # the largest magnitude of the accumulator, the bias added
    fields: Fields = field(default_factory=dict)  # that not every requantized op has
    wide: float = 0.0  # the scale of an output of int32; 0: four units
    ratio: float = 0.0  # output steps of the accumulator 1; 0: the unit by the output's scale

    def out_scale(self, scale: float | None) -> float:
        """The scale of an output: ``scale``, not finer than the accumulators; None: of int32."""
        return max(scale, self.unit) if scale is not None else self.wide or 4 * self.unit


def lower_mean(source: QuantParams, window: int, away: QuantParams | None = None) -> Lowered:
    """The numbers of a mean of ``window`` values, whose int32 has steps 256 times finer than the
    input's; ``away``: of the output of a file whose framework rounds halves away from 0.

    A program rounds halves up. The sum S of int8 gives y where S >= (y - 1/2) * window; halves
    round down below 0 where that threshold is up to 1 larger for y <= 0, and they stay for y > 0
    where it is up to 1 less. A factor of 1 / (window - 1/128) moves it by (1/2 - y) / 128. Where
    the integers have 128 added, the sum of S + 128 * window is 1 less too, which brings the zero of
    that movement back to S = 0. Zero points besides -128 and 0 have no such bias: they keep halves
    up.
    """
    ratio, bias, largest = 0.0, -window * source.zero, float(window * source.magnitude)
    raw_zero = -128 if source.dtype == "u8" else source.zero
    moves = away is not None and source.stands_for(away) and raw_zero in (-128, 0)
    if moves and window % 2 == 0 and window <= 4096:
        ratio, bias = 1 / (window - HALVES_DOWN), bias - (raw_zero == -128)
    return Lowered(
        unit=source.scale / window,
        bias=bias,
        largest=abs(bias) + largest,
        wide=source.scale / 256,
        ratio=ratio,
    )


def multipliers(ratio: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """The integers of requantization for real factors M, NUMERICS.md section 5: (m, e) with M = m *
    2^(e-32), m even, nearest.

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
