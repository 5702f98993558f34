"""The gradients of broadcasting and of reductions."""

import math

import numpy as np

from ._errors import AutodiffError
from ._tape import Array, Vjp


def sum_to(shape: tuple[int, ...]) -> Vjp:
    """The gradient of broadcasting from `shape`: a function that sums over the broadcast axes."""

    def vjp(gradient: Array) -> Array:
        if gradient.shape == shape:
            return gradient
        new = gradient.ndim - len(shape)
        stretched = tuple(
            new + axis for axis, size in enumerate(shape) if size == 1 != gradient.shape[new + axis]
        )
        return np.asarray(gradient.sum(axis=(*range(new), *stretched))).reshape(shape)

    return vjp


def spread(gradient: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """The gradient of a sum over axes of an array of `shape`: repeated along the axes, a view."""
    return np.broadcast_to(np.expand_dims(gradient, axes), shape)


def normalize_axes(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """`axis` as NumPy's reductions take it (None: all), as distinct numbers in 0..ndim-1."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    inside = tuple(sorted({a % ndim for a in axes if -ndim <= a < ndim}))
    if len(inside) != len(axes):
        raise AutodiffError(f"axis {axis} of an array of {ndim} axes: out of range or named twice")
    return inside


def count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    """The number of elements that a reduction over `axes` combines into one."""
    return math.prod(shape[axis] for axis in axes)
