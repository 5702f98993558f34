"""Batch norm on arrays, by NumPy."""

import numpy as np

from ..._tape import Array


def batch_norm(
    x: Array, scale: Array, shift: Array, *, epsilon: float
) -> tuple[Array, Array, Array]:
    """unit * scale + shift, for the normalized x (N, C, ...); and mean (C,) and variance (C,)."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes)
    centered = x - column(mean, x)
    variance = np.mean(centered * centered, axis=axes)
    unit = _unit(x, mean, variance, epsilon)
    return unit * column(scale, x) + column(shift, x), mean, variance


def batch_norm_gradient(
    gradient: Array, x: Array, scale: Array, *, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """The gradients of `batch_norm` with respect to x, scale and shift."""
    axes = (0, *range(2, x.ndim))
    unit = _unit(x, mean, variance, epsilon)
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    # The gradient for constant mean and variance, minus the gradients through mean and variance.
    g_unit = gradient * column(scale, x)
    through_mean = g_unit.mean(axis=axes, keepdims=True)
    through_variance = unit * (g_unit * unit).mean(axis=axes, keepdims=True)
    to_x = column(inverse, x) * (g_unit - through_mean - through_variance)
    return to_x, (gradient * unit).sum(axis=axes), gradient.sum(axis=axes)


def column(per_channel: Array, x: Array) -> Array:
    """(C,) reshaped to broadcast over x (N, C, ...)."""
    return per_channel.reshape(-1, *(1,) * (x.ndim - 2))


def _unit(x: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    return np.asarray((x - column(mean, x)) * column(inverse, x))
