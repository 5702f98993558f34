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


def batch_norm(
    kernels: Any, x: Array, scale: Array, shift: Array, *, epsilon: float
) -> tuple[Array, Array, Array]:
    """The result, and mean (C,) and variance (C,) of the channels."""
    rows, mean, variance = to_rows(x), *(empty(x.shape[1:2]) for _ in "mv")
    y, scale, shift = empty_like(rows), *(contiguous(a) for a in (scale, shift))
    arrays = {"x": rows, "y": y, "scale": scale, "shift": shift}
    _run(kernels.batch_norm, arrays | {"mean": mean, "variance": variance}, epsilon)
    return from_rows(y), mean, variance


def batch_norm_gradient(
    kernels: Any,
    gradient: Array,
    x: Array,
    scale: Array,
    *,
    mean: Array,
    variance: Array,
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """The gradients with respect to x, scale and shift."""
    rows, by_scale, by_shift = to_rows(x), *(empty(x.shape[1:2]) for _ in "st")
    g, y, scale = to_rows(gradient), empty_like(rows), contiguous(scale)
    arrays = {"x": rows, "g": g, "y": y, "scale": scale, "mean": mean, "variance": variance}
    arrays |= {"scale_gradient": by_scale, "shift_gradient": by_shift}
    _run(kernels.batch_norm_gradient, arrays, epsilon)
    return from_rows(y), by_scale, by_shift


def _run(task: Any, arrays: dict[str, Array], epsilon: float) -> None:
    x = arrays["x"]
    fields = {name: pointer(array) for name, array in arrays.items()}
    sizes = {"n_rows": len(x), "n_columns": x.size // len(x)}
    run(task, struct("dpk_batch_norm", **fields, **sizes, epsilon=epsilon), FROM_MEMORY * x.size)
