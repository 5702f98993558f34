"""Batch norm on arrays, by NumPy.

A batch may come in parts, the micro-batches of a training step. Each part has its own statistics
and its own sums of the gradient; `merge_statistics` and an addition join them.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..._tape import Array


def batch_norm(
    x: Array, scale: Array, shift: Array, *, epsilon: float, clip: float | None = None
) -> tuple[Array, Array, Array]:
    """unit * scale + shift, for the normalized x (N, C, ...); and mean (C,) and variance (C,).

    The result is clipped to 0..clip, if there is a clip.
    """
    mean, variance = batch_statistics(x)
    y = batch_norm_inference(x, scale, shift, mean, variance, epsilon=epsilon, clip=clip)
    return y, mean, variance


def batch_statistics(x: Array) -> Array:
    """The mean and the variance of each channel of x (N, C, ...): (2, C)."""
    mean = x.mean(axis=_axes(x))
    centered = x - column(mean, x)
    return np.stack([mean, np.mean(centered * centered, axis=_axes(x))])


def merge_statistics(parts: Sequence[Array], sizes: Sequence[int]) -> Array:
    """The `batch_statistics` of a batch, from the statistics of its parts (Chan et al. 1979)."""
    shares = np.array([size / sum(sizes) for size in sizes], parts[0].dtype)
    first = parts[0][0]
    mean = first + sum(s * (part[0] - first) for s, part in zip(shares, parts, strict=True))
    apart = [part[0] - mean for part in parts]
    terms = zip(shares, parts, apart, strict=True)
    return np.stack([mean, np.asarray(sum(s * (part[1] + d * d) for s, part, d in terms))])


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
    arrays = gradient, x, (scale, shift), np.stack([mean, variance])
    sums = batch_norm_sums(*arrays, epsilon=epsilon, clip=clip)
    to_x = batch_norm_input_gradient(*arrays, sums=sums, n=len(x), epsilon=epsilon, clip=clip)
    return to_x, sums[1], sums[0]


def batch_norm_sums(
    gradient: Array,
    x: Array,
    vectors: tuple[Array, Array],
    statistics: Array,
    *,
    epsilon: float,
    clip: float | None,
) -> Array:
    """The gradients with respect to shift and scale, (2, C): two sums, which x's gradient needs."""
    unit = _unit(x, statistics[0], statistics[1], epsilon)
    gradient = _clip_gradient(gradient, unit, vectors, clip)
    return np.stack([gradient.sum(axis=_axes(x)), (gradient * unit).sum(axis=_axes(x))])


def batch_norm_input_gradient(
    gradient: Array,
    x: Array,
    vectors: tuple[Array, Array],
    statistics: Array,
    *,
    sums: Array,
    n: int,
    epsilon: float,
    clip: float | None,
) -> Array:
    """The gradient with respect to x, a part of a batch."""
    unit = _unit(x, statistics[0], statistics[1], epsilon)
    passed = _clip_gradient(gradient, unit, vectors, clip)
    n_values = np.asarray(n * math.prod(x.shape[2:]), x.dtype)
    by_shift, by_scale = (column(s / n_values, x) for s in sums)
    inverse = 1 / np.sqrt(statistics[1] + np.asarray(epsilon, x.dtype))
    # The gradient for constant mean and variance, minus the gradients through mean and variance.
    return np.asarray(column(inverse * vectors[0], x) * (passed - by_shift - unit * by_scale))


def column(per_channel: Array, x: Array) -> Array:
    """(C,) reshaped to broadcast over x (N, C, ...)."""
    return per_channel.reshape(-1, *(1,) * (x.ndim - 2))


def _axes(x: Array) -> tuple[int, ...]:
    """All axes but the channels'."""
    return (0, *range(2, x.ndim))


def _clip_gradient(
    g: Array, unit: Array, vectors: tuple[Array, Array], clip: float | None
) -> Array:
    """The gradients that the clip passes on, zeros for the others."""
    if clip is None:
        return g
    scale, shift = vectors
    y = unit * column(scale, unit) + column(shift, unit)
    return np.where((y > 0) & (y < clip), g, np.zeros_like(g))


def _unit(x: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    return np.asarray((x - column(mean, x)) * column(inverse, x))
