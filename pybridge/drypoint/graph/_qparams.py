"""Quantization parameters: type, scale and zero point of a plane of integers."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.program import LIMITS, NUMPY_TYPE, DType, Shape, Tensor


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
