"""Which layer computes a function: its values at some thousand points say it."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from drypoint import nn

from ..._functions import LAYERS

Points = NDArray[np.float64]
FAR_POINT = 1e6  # a bound beyond it is none
FAR = 3e38  # a bound that no float32 is beyond: a clip of one side
_LARGE = [15.0, 20.0, 30.0, 50.0, 100.0, 1000.0, FAR_POINT]
_NEAR: Points = np.arange(-1200, 1201) / 100
GRID: Points = np.concatenate([_NEAR, _LARGE, [-x for x in _LARGE]])
ROUNDED = 1e-7  # what a factor of 1 differs by after float32 constants
OVERFLOW = 80.0  # beyond it a chain of float32 with an exp overflows
TOLERANCE = 2e-6  # relative; files hold constants as float32, to 6e-8


def layer_of(y: Points) -> nn.Layer | tuple[float, float] | None:
    """The layer that has these values at the points of the grid; (a, b) stands for a * x + b."""
    at = dict(zip(GRID.tolist(), y.tolist(), strict=True))
    a, b = (at[100.0] - at[-100.0]) / 200, at[0.0]
    with np.errstate(all="ignore"):
        if close(y, a * GRID + b):
            return (1.0, 0.0) if max(abs(a - 1), abs(b)) < ROUNDED else (a, b)
        for name, layer in LAYERS.items():
            if close(y, _values(name)):
                return layer
        slope = -at[-1.0]
        if math.isfinite(slope) and close(y, np.where(GRID >= 0, GRID, slope * GRID)):
            return nn.LeakyReLU(slope)
        low, high = float(np.min(y)), float(np.max(y))
        low, high = (-FAR if low <= -FAR_POINT else low), (FAR if high >= FAR_POINT else high)
        if low < high and close(y, GRID.clip(low, high)):
            return nn.Hardtanh(low, high)
    return None


@cache
def _values(name: str) -> Points:
    """A function's values at the points; not finite outside of its domain."""
    return nn.FUNCTIONS[name].values(GRID)


def close(y: Points, expected: Points) -> bool:
    """Whether two functions have the same values at the points of the grid, but for float32."""
    if getattr(expected, "shape", None) != y.shape:
        return False
    y = np.where(np.isneginf(y) & np.isnan(expected), np.nan, y)  # log 0
    y = np.where(~np.isfinite(y) & (np.abs(GRID) > OVERFLOW), expected, y)
    near = np.abs(y[: len(_NEAR)])
    largest = float(np.max(near, where=np.isfinite(near), initial=0.0))
    least = TOLERANCE * min(1.0, largest)
    return bool(np.isclose(y, expected, rtol=TOLERANCE, atol=least, equal_nan=True).all())
