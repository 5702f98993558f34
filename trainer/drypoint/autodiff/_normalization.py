"""Batch normalization, which differs between training and use."""

import numpy as np

from ._errors import AutodiffError
from ._tape import Array, jointly
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.numpy.normalization import column


def batch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, *, epsilon: float
) -> tuple[Tensor, Array, Array]:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift by the batch's own statistics.

    Args:
        x: (N, C, ...).
        scale: (C,).
        shift: (C,).
        epsilon: added to the variance, above 0.

    Returns:
        The result, and of each channel over all other axes the mean (C,) and the variance (C,).
        The variance divides by the number of values, not by one less, so one value is enough.

    Raises:
        AutodiffError: shapes do not go together, or there is no value to take a mean of.
    """
    _check(x, scale, shift)
    if not x.data.size:
        raise AutodiffError(f"batch_norm in training wants values, got shape {x.shape}")
    value, mean, variance = kernels.batch_norm(x.data, scale.data, shift.data, epsilon=epsilon)

    def gradients(g: Array) -> tuple[Array, Array, Array]:
        """All at once, when the first is asked for: they share two sums."""
        return kernels.batch_norm_gradient(
            g, x.data, scale.data, mean=mean, variance=variance, epsilon=epsilon
        )

    to_x, to_scale, to_shift = jointly(gradients, 3)
    y = record(value, (x, to_x), (scale, to_scale), (shift, to_shift))
    return y, mean, variance


def batch_norm_inference(
    x: Tensor, scale: Tensor, shift: Tensor, *, mean: Array, variance: Array, epsilon: float
) -> Tensor:
    """`batch_norm` by given statistics (C,): one multiplication and one addition a value."""
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
    """The axes that share a channel."""
    if x.ndim < 2 or scale.shape != (x.shape[1],) or shift.shape != (x.shape[1],):
        raise AutodiffError(
            f"batch_norm wants x (N, C, ...), scale (C,) and shift (C,), got {x.shape}, "
            f"{scale.shape} and {shift.shape}"
        )
    return (0, *range(2, x.ndim))
