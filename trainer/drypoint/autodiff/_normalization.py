"""Batch normalization, in training and in inference."""

import numpy as np

from ._errors import AutodiffError
from ._tape import Array, shared_vjps
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.numpy.normalization import column


def batch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, *, epsilon: float, clip: float | None = None
) -> tuple[Tensor, Array, Array]:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, by the statistics of the batch.

    Args:
        x: (N, C, ...).
        scale: (C,).
        shift: (C,).
        epsilon: added to the variance, above 0.
        clip: above 0: the result is clipped to 0..clip, as by a ReLU (infinity) or a ReLU6 (6)
            after it, in one operation. None: it is not.

    Returns:
        The result, the mean (C,) and the variance (C,) of each channel over all other axes.
        The variance divides by the number of values n, not by n - 1, so n = 1 is allowed.

    Raises:
        AutodiffError: shapes do not go together, or a channel has no values.
    """
    check_training(x, scale, shift)
    arrays = x.data, scale.data, shift.data
    value, mean, variance = kernels.batch_norm(*arrays, epsilon=epsilon, clip=clip)

    def gradients(g: Array) -> tuple[Array, Array, Array]:
        """The gradients of x, scale and shift, computed together since they share two sums."""
        return kernels.batch_norm_gradient(
            g, *arrays, mean=mean, variance=variance, epsilon=epsilon, clip=clip
        )

    to_x, to_scale, to_shift = shared_vjps(gradients, 3)
    y = record(value, (x, to_x), (scale, to_scale), (shift, to_shift))
    return y, mean, variance


def batch_norm_inference(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    *,
    mean: Array,
    variance: Array,
    epsilon: float,
    clip: float | None = None,
) -> Tensor:
    """`batch_norm` by running statistics (C,): one multiplication and one addition a value."""
    axes = _check(x, scale, shift)
    mean, variance = mean.astype(x.dtype, copy=False), variance.astype(x.dtype, copy=False)
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    y = kernels.batch_norm_inference(
        x.data, scale.data, shift.data, mean, variance, epsilon=epsilon, clip=clip
    )

    def pass_clip(g: Array) -> Array:
        """The gradients that the clip passes on."""
        return g if clip is None else g * ((y > 0) & (y < clip))

    def to_scale(g: Array) -> Array:
        """Each gradient times its normalized x, summed."""
        unit = (x.data - column(mean, x.data)) * column(inverse, x.data)
        return np.asarray((pass_clip(g) * unit).sum(axis=axes))

    return record(
        y,
        (x, lambda g: pass_clip(g) * column(scale.data * inverse, x.data)),
        (scale, to_scale),
        (shift, lambda g: np.asarray(pass_clip(g).sum(axis=axes))),
    )


def check_training(x: Tensor, scale: Tensor, shift: Tensor) -> None:
    """Check the arguments of a batch norm in training."""
    _check(x, scale, shift)
    if not x.data.size:
        raise AutodiffError(f"batch_norm in training wants values, got shape {x.shape}")


def _check(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[int, ...]:
    """All axes but the channel's, after a check of the shapes."""
    if x.ndim < 2 or scale.shape != (x.shape[1],) or shift.shape != (x.shape[1],):
        raise AutodiffError(
            f"batch_norm wants x (N, C, ...), scale (C,) and shift (C,), got {x.shape}, "
            f"{scale.shape} and {shift.shape}"
        )
    return (0, *range(2, x.ndim))
