"""Batch normalization, in training and in inference."""

import numpy as np

from ._errors import AutodiffError
from ._tape import Array, shared_vjps
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.numpy.normalization import column


def batch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, *, epsilon: float
) -> tuple[Tensor, Array, Array]:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, by the statistics of the batch.

    Args:
        x: (N, C, ...).
        scale: (C,).
        shift: (C,).
        epsilon: added to the variance, above 0.

    Returns:
        The result, the mean (C,) and the variance (C,) of each channel over all other axes.
        The variance divides by the number of values n, not by n - 1, so n = 1 is allowed.

    Raises:
        AutodiffError: shapes do not go together, or a channel has no values.
    """
    _check(x, scale, shift)
    if not x.data.size:
        raise AutodiffError(f"batch_norm in training wants values, got shape {x.shape}")
    value, mean, variance = kernels.batch_norm(x.data, scale.data, shift.data, epsilon=epsilon)

    def gradients(g: Array) -> tuple[Array, Array, Array]:
        """The gradients of x, scale and shift, computed together since they share two sums."""
        return kernels.batch_norm_gradient(
            g, x.data, scale.data, mean=mean, variance=variance, epsilon=epsilon
        )

    to_x, to_scale, to_shift = shared_vjps(gradients, 3)
    y = record(value, (x, to_x), (scale, to_scale), (shift, to_shift))
    return y, mean, variance


def batch_norm_inference(
    x: Tensor, scale: Tensor, shift: Tensor, *, mean: Array, variance: Array, epsilon: float
) -> Tensor:
    """`batch_norm` by running statistics (C,): one multiplication and one addition a value."""
    axes = _check(x, scale, shift)
    inverse = 1 / np.sqrt(variance.astype(x.dtype) + np.asarray(epsilon, x.dtype))
    factor = column(scale.data * inverse, x.data)
    unit = (x.data - column(mean.astype(x.dtype), x.data)) * column(inverse, x.data)
    return record(
        unit * column(scale.data, x.data) + column(shift.data, x.data),
        (x, lambda g: g * factor),
        (scale, lambda g: (g * unit).sum(axis=axes)),
        (shift, lambda g: g.sum(axis=axes)),
    )


def _check(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[int, ...]:
    """All axes but the channel's, after a check of the shapes."""
    if x.ndim < 2 or scale.shape != (x.shape[1],) or shift.shape != (x.shape[1],):
        raise AutodiffError(
            f"batch_norm wants x (N, C, ...), scale (C,) and shift (C,), got {x.shape}, "
            f"{scale.shape} and {shift.shape}"
        )
    return (0, *range(2, x.ndim))
