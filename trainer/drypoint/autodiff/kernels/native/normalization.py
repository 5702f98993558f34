"""The compiled batch norm; float32 only."""

from typing import Any

from ..._tape import Array
from .call import (
    FROM_MEMORY,
    contiguous,
    empty,
    empty_like,
    from_rows,
    pointer,
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
    rows, by_scale, by_shift = to_rows(x), *(empty(x.shape[1:2]) for _ in "st")
    g, y, scale, shift = to_rows(gradient), empty_like(rows), contiguous(scale), contiguous(shift)
    arrays = {"x": rows, "g": g, "y": y, "scale": scale, "shift": shift}
    arrays |= {"mean": mean, "variance": variance}
    arrays |= {"scale_gradient": by_scale, "shift_gradient": by_shift}
    _run(kernels.batch_norm_gradient, arrays, epsilon, clip)
    return from_rows(y), by_scale, by_shift


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
    rows, vectors = to_rows(x), tuple(map(contiguous, vectors))
    y: Array = empty_like(rows)
    fields = dict(zip(("scale", "shift", "mean", "variance"), vectors, strict=True))
    fields |= {"x": rows, "y": y}
    _run(kernels.batch_norm, fields, epsilon, clip, has_statistics=has_statistics)
    return from_rows(y)


def _run(
    task: Any, arrays: dict[str, Array], epsilon: float, clip: float | None, **flags: int
) -> None:
    x = arrays["x"]
    fields = {name: pointer(array) for name, array in arrays.items()}
    sizes = {"n_rows": len(x), "n_columns": x.size // max(len(x), 1)}
    numbers = {"epsilon": epsilon, "most": 0 if clip is None else clip}
    arguments = struct("dpk_batch_norm", **fields, **sizes, **numbers, **flags)
    run(task, arguments, _PASSES * FROM_MEMORY * x.size)
