"""Batch normalization and dropout: operations that differ between training and use."""

import numpy as np

from ._errors import AutodiffError
from ._tape import Array
from ._tensor import Tensor, record


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
    axes = _check(x, scale, shift)
    n = x.data.size // x.shape[1] if x.data.size else 0
    if n == 0:
        raise AutodiffError(f"batch_norm in training wants values, got shape {x.shape}")
    mean = x.data.mean(axis=axes, keepdims=True)
    centered = x.data - mean
    variance = np.mean(centered * centered, axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, x.dtype))
    unit = centered * inverse
    scale_column = _column(scale.data, x)

    def to_x(g: Array) -> Array:
        # d unit/dx without the paths through mean and variance, less what those two take back.
        g_unit = g * scale_column
        through_mean = g_unit.mean(axis=axes, keepdims=True)
        through_variance = unit * (g_unit * unit).mean(axis=axes, keepdims=True)
        return np.asarray(inverse * (g_unit - through_mean - through_variance))

    y = record(
        unit * scale_column + _column(shift.data, x),
        (x, to_x),
        (scale, lambda g: (g * unit).sum(axis=axes)),
        (shift, lambda g: g.sum(axis=axes)),
    )
    return y, mean.reshape(-1), variance.reshape(-1)


def batch_norm_inference(
    x: Tensor, scale: Tensor, shift: Tensor, *, mean: Array, variance: Array, epsilon: float
) -> Tensor:
    """`batch_norm` by given statistics (C,): one multiplication and one addition a value."""
    axes = _check(x, scale, shift)
    inverse = 1 / np.sqrt(variance.astype(x.dtype) + np.asarray(epsilon, x.dtype))
    factor = _column(scale.data * inverse, x)
    unit = (x.data - _column(mean.astype(x.dtype), x)) * _column(inverse, x)
    return record(
        unit * _column(scale.data, x) + _column(shift.data, x),
        (x, lambda g: g * factor),
        (scale, lambda g: (g * unit).sum(axis=axes)),
        (shift, lambda g: g.sum(axis=axes)),
    )


def dropout(x: Tensor, probability: float, *, rng: np.random.Generator) -> Tensor:
    """Each element is 0 with `probability`, else divided by 1 - probability: the mean stays.

    Raises:
        AutodiffError: the probability is not in [0, 1).
    """
    if not 0 <= probability < 1:
        raise AutodiffError(f"dropout wants a probability in [0, 1), got {probability}")
    kept = rng.random(x.shape, dtype=np.float32) >= probability
    mask = kept * np.asarray(1 / (1 - probability), x.dtype)
    return record(x.data * mask, (x, lambda g: g * mask))


def _check(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[int, ...]:
    """The axes that share a channel."""
    if x.ndim < 2 or scale.shape != (x.shape[1],) or shift.shape != (x.shape[1],):
        raise AutodiffError(
            f"batch_norm wants x (N, C, ...), scale (C,) and shift (C,), got {x.shape}, "
            f"{scale.shape} and {shift.shape}"
        )
    return (0, *range(2, x.ndim))


def _column(per_channel: Array, x: Tensor) -> Array:
    """(C,) in the shape that broadcasts over x."""
    return per_channel.reshape(-1, *(1,) * (x.ndim - 2))
