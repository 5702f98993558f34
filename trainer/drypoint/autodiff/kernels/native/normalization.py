"""The compiled batch norm; float32 only."""

import math
from collections.abc import Sequence
from typing import Any

from ..._tape import Array
from .call import (
    FROM_MEMORY,
    contiguous,
    empty,
    empty_like,
    floats,
    from_rows,
    pointer,
    pointers,
    run,
    struct,
    to_rows,
)

_PASSES = 3
"""A kernel reads a row for its mean, its variance and its result; x and g for the gradient."""


def batch_norm(
    kernels: Any, x: Array, scale: Array, shift: Array, *, epsilon: float, clip: float | None = None
) -> tuple[Array, Array, Array]:
    """The result, and mean (C,) and variance (C,) of the channels."""
    statistics: tuple[Array, Array] = empty(x.shape[1:2]), empty(x.shape[1:2])
    vectors = scale, shift, *statistics
    return _apply(kernels, x, vectors, epsilon, clip, has_statistics=0), *statistics


def batch_statistics(kernels: Any, x: Array) -> Array:
    """The mean and the variance of each channel: (2, C)."""
    statistics: Array = empty((2, x.shape[1]))
    arrays = dict(zip(("x", "mean", "variance"), (to_rows(x), *statistics), strict=True))
    _run(kernels.batch_norm, arrays, 0, None)
    return statistics


def merge_statistics(kernels: Any, parts: Sequence[Array], sizes: Sequence[int]) -> Array:
    """The statistics of a batch, from the statistics of its parts."""
    y: Array = empty(parts[0].shape)
    x, shares = pointers(parts), floats([size / sum(sizes) for size in sizes])
    fields = {"y": pointer(y), "n_terms": len(parts), "n_rows": y.shape[1]}
    arguments = struct("dpk_merge_statistics", x=x, shares=shares, **fields)
    run(kernels.merge_statistics, arguments, y.size, references=(x, shares))
    return y


def batch_norm_inference(
    kernels: Any, x: Array, *vectors: Array, epsilon: float, clip: float | None = None
) -> Array:
    """The result, for scale, shift, mean and variance (C,)."""
    return _apply(kernels, x, vectors, epsilon, clip, has_statistics=1)


def batch_norm_gradient(
    kernels: Any,
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
    """The gradients with respect to x, scale and shift."""
    sums: tuple[Array, Array] = empty(x.shape[1:2]), empty(x.shape[1:2])
    arrays = _vectors((scale, shift, mean, variance, *sums))
    arrays |= {"x": to_rows(x), "g": to_rows(gradient)}
    return _input_gradient(kernels, arrays, epsilon, clip, n=len(x)), sums[1], sums[0]


def batch_norm_sums(
    kernels: Any,
    gradient: Array,
    x: Array,
    vectors: tuple[Array, Array],
    statistics: Array,
    *,
    epsilon: float,
    clip: float | None,
) -> Array:
    """The gradients with respect to shift and scale: (2, C)."""
    sums: Array = empty((2, x.shape[1]))
    arrays = _vectors((*vectors, *statistics, *sums))
    arrays |= {"x": to_rows(x), "g": to_rows(gradient)}
    _run(kernels.batch_norm_gradient, arrays, epsilon, clip)
    return sums


def batch_norm_input_gradient(
    kernels: Any,
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
    """The gradient with respect to x, a part of a batch of n examples."""
    arrays = _vectors((*vectors, *statistics, *sums))
    arrays |= {"x": to_rows(x), "g": to_rows(gradient)}
    return _input_gradient(kernels, arrays, epsilon, clip, n=n, has_sums=1)


def _apply(
    kernels: Any,
    x: Array,
    vectors: tuple[Array, ...],
    epsilon: float,
    clip: float | None,
    *,
    has_statistics: int,
) -> Array:
    """The result, for scale, shift, mean and variance (C,)."""
    rows = to_rows(x)
    y: Array = empty_like(rows)
    arrays = _vectors(vectors) | {"x": rows, "y": y}
    _run(kernels.batch_norm, arrays, epsilon, clip, has_statistics=has_statistics)
    return from_rows(y)


def _input_gradient(
    kernels: Any,
    arrays: dict[str, Array],
    epsilon: float,
    clip: float | None,
    *,
    n: int,
    has_sums: int = 0,
) -> Array:
    """The gradient with respect to x, as part of a batch of n examples."""
    y: Array = empty_like(arrays["x"])
    n_values = n * math.prod(y.shape[1:-1])
    numbers = {"n_values": n_values, "has_sums": has_sums}
    _run(kernels.batch_norm_gradient, arrays | {"y": y}, epsilon, clip, **numbers)
    return from_rows(y)


def _vectors(vectors: tuple[Array, ...]) -> dict[str, Array]:
    """Field -> array (C,), of as many as there are."""
    names = "scale", "shift", "mean", "variance", "shift_gradient", "scale_gradient"
    return dict(zip(names, map(contiguous, vectors), strict=False))


def _run(
    task: Any, arrays: dict[str, Array], epsilon: float, clip: float | None, **numbers: float
) -> None:
    x = arrays["x"]
    fields = {name: pointer(array) for name, array in arrays.items()}
    sizes = {"n_rows": len(x), "n_columns": x.size // max(len(x), 1)}
    options = {"epsilon": epsilon, "most": 0 if clip is None else clip}
    arguments = struct("dpk_batch_norm", **fields, **sizes, **options, **numbers)
    run(task, arguments, _PASSES * FROM_MEMORY * x.size)
