"""Weight initialization, with variances that keep activations in one range in every layer."""

import math
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, assert_never, get_args

import numpy as np

from drypoint.autodiff import Array

from .._errors import ConfigError
from .sizes import Shape

Method: TypeAlias = Literal["kaiming", "xavier", "orthogonal", "normal", "identity"]
"""The initialization method of a weight.

"kaiming": variance 2 / fan_in (He et al. 2015). "xavier": 2 / (fan_in + fan_out) (Glorot 2010).
"normal": standard deviation `std`. "orthogonal": rows or columns of the matrix (out, in) are
orthonormal (Saxe et al. 2014), by a QR decomposition. "identity": output o starts as a copy of
input o modulo the number of inputs (in a convolution, at the middle of the window), plus noise of
standard deviation `std`.
"""

Distribution: TypeAlias = Literal["normal", "uniform"]
"""The distribution of the random weights; both have the standard deviation of the method."""

Draw: TypeAlias = Callable[[Shape], Array]
"""Draws a float32 weight of shape (out, in, ...)."""

_OTHER_NAMES: Mapping[str, Method] = {"he": "kaiming", "glorot": "xavier"}

_STD = {"normal": 1.0, "identity": 0.01}


def drawer(
    method: Method,
    rng: np.random.Generator,
    *,
    kind: str,
    distribution: Distribution = "normal",
    std: float | None = None,
) -> Draw:
    """A function that draws the next weight from `rng` by `method`."""
    method = _OTHER_NAMES.get(method, method)
    if method not in get_args(Method):
        raise ConfigError(kind, f"knows the methods {', '.join(get_args(Method))}, got {method!r}")
    if distribution not in get_args(Distribution):
        raise ConfigError(kind, f"wants a normal or uniform distribution, got {distribution!r}")
    if distribution == "uniform" and method == "orthogonal":
        raise ConfigError(kind, "draws orthogonal weights from a normal distribution only")
    if std is not None and method not in _STD:
        raise ConfigError(kind, f"wants a std with the methods {', '.join(_STD)}, not {method}")
    number = isinstance(std, int | float) and not isinstance(std, bool)
    if std is not None and not (number and 0 <= std < math.inf):
        raise ConfigError(kind, f"wants a std of at least 0, got {std!r}")

    def noise(shape: Shape, deviation: float) -> Array:
        if distribution == "normal":
            return rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
        wide = np.float32(math.sqrt(3) * deviation)  # the deviation of [-1, 1) is 1 / sqrt 3
        return (rng.random(shape, dtype=np.float32) * np.float32(2) - np.float32(1)) * wide

    def draw(shape: Shape) -> Array:
        taps = math.prod(shape[2:])
        fan_in, fan_out = shape[1] * taps, shape[0] * taps
        match method:
            case "kaiming":
                return noise(shape, math.sqrt(2 / fan_in))
            case "xavier":
                return noise(shape, math.sqrt(2 / (fan_in + fan_out)))
            case "normal":
                return noise(shape, _STD[method] if std is None else std)
            case "identity":
                return _identity(shape) + noise(shape, _STD[method] if std is None else std)
            case "orthogonal":
                return _orthogonal(shape, rng)
            case _:
                assert_never(method)

    return draw


def _identity(shape: Shape) -> Array:
    """Weight 1 from input (o modulo the number of inputs) to output o, else 0."""
    weight = np.zeros(shape, np.float32)
    middle = tuple((size - 1) // 2 for size in shape[2:])
    for o in range(shape[0]):
        weight[(o, o % shape[1], *middle)] = 1
    return weight


def _orthogonal(shape: Shape, rng: np.random.Generator) -> Array:
    """Orthonormal rows, or columns if there are more rows; uniform over such matrices (Haar)."""
    rows, columns = shape[0], math.prod(shape[1:])
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(
        np.diag(r) < 0, -1, 1
    )  # QR fixes the signs: undo it, so that the distribution is uniform
    return np.ascontiguousarray(q if rows >= columns else q.T).reshape(shape).astype(np.float32)
