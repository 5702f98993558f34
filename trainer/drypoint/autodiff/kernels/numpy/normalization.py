"""Batch norm on arrays, by NumPy."""

import numpy as np

from ..._tape import Array


def batch_norm(
    x: Array, scale: Array, shift: Array, *, epsilon: float, clip: float | None = None
) -> tuple[Array, Array, Array]:
    """unit * scale + shift, for the normalized x (N, C, ...); and mean (C,) and variance (C,).

    The result is clipped to 0..clip, if there is a clip.
    """
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes)
    centered = x - column(mean, x)
    variance = np.mean(centered * centered, axis=axes)
    y = batch_norm_inference(x, scale, shift, mean, variance, epsilon=epsilon, clip=clip)
    return y, mean, variance


def batch_norm_inference(
    x: Array,
    scale: Array,
    shift: Array,
    mean: Array,
    variance: Array,
    *,
    epsilon: float,
    clip: float | None = None,
) -> Array:
    """`batch_norm` by given mean (C,) and variance (C,)."""
    y = _unit(x, mean, variance, epsilon) * column(scale, x) + column(shift, x)
    return y if clip is None else np.minimum(np.maximum(y, 0), np.asarray(clip, x.dtype))


def batch_norm_gradient(
    gradient: Array,
    x: Array,
    scale: Array,
    shift: Array,
    *,
    mean: Array,
    variance: Array,
    epsilon: float,
    clip: float | None = None,
) -> tuple[Array, Array, Array]:
    """The gradients of `batch_norm` with respect to x, scale and shift."""
    axes = (0, *range(2, x.ndim))
    unit = _unit(x, mean, variance, epsilon)
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    if clip is not None:
        y = unit * column(scale, x) + column(shift, x)
        gradient = np.where((y > 0) & (y < clip), gradient, np.zeros_like(gradient))
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
