"""Softmax and the losses: one loss for each example, or their mean or sum."""

import math
from typing import Any, Literal, TypeAlias, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import AutodiffError
from ._tape import Array
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.numpy.elementwise import log_softmax as log_softmax_of
from .kernels.numpy.elementwise import target_rows

Reduction: TypeAlias = Literal["none", "mean", "sum"]
"""The reduction over examples: a loss for each example ("none"), their mean, or their sum."""

PROBABILITY_FLOOR = 1e-30
"""Probabilities are clamped to this value in logarithms, so that a loss is at most 69.1.

The gradient through a softmax is then exact for every probability that float32 can hold, and the
reciprocal of the floor is finite in float32.
"""


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """exp x / sum of exp x along `axis`; the largest x is subtracted first, so none overflows."""
    y = np.exp(log_softmax_of(x.data, axis))
    return record(y, (x, lambda g: y * (g - (g * y).sum(axis=axis, keepdims=True))))


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """The natural logarithm of `softmax`, finite even where `softmax` rounds to 0."""
    y = log_softmax_of(x.data, axis)
    return record(y, (x, lambda g: g - np.exp(y) * g.sum(axis=axis, keepdims=True)))


def cross_entropy(
    logits: Tensor,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: Reduction = "none",
) -> Tensor:
    """-sum of t * log softmax(logits) over classes, in nats.

    Args:
        logits: (..., classes), any finite numbers.
        targets: class indices, integers of shape (...), or rows of probabilities (..., classes).
        label_smoothing: s in 0..1 replaces t by (1 - s) * t + s / classes.
        reduction: the reduction over examples.

    Returns:
        (...), or a scalar when reduced.

    Raises:
        AutodiffError: targets do not fit the logits, or a class index is out of range.
    """
    t = _check_targets(targets, logits, label_smoothing)
    losses, gradient = kernels.cross_entropy(logits.data, t, label_smoothing=label_smoothing)
    return reduce_losses(
        record(losses, (logits, lambda g: kernels.scaled_rows(g, gradient))),
        reduction,
    )


def cross_entropy_from_probabilities(
    probabilities: Tensor,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: Reduction = "none",
) -> Tensor:
    """-sum of t * log max(p, `PROBABILITY_FLOOR`) over classes, in nats, for outputs of a softmax.

    Arguments as for `cross_entropy`, with probabilities in place of logits. Below the floor the
    function is constant and its gradient 0.
    """
    t = target_rows(
        _check_targets(targets, probabilities, label_smoothing), probabilities.data, label_smoothing
    )
    p = np.maximum(probabilities.data, np.asarray(PROBABILITY_FLOOR, probabilities.dtype))

    def vjp(g: Array) -> Array:
        return -g[..., np.newaxis] * t / p * (probabilities.data >= p)

    return reduce_losses(record(-(t * np.log(p)).sum(axis=-1), (probabilities, vjp)), reduction)


def mse(x: Tensor, target: ArrayLike, *, reduction: Reduction = "none") -> Tensor:
    """The mean of (x - target)^2 over all axes but the first.

    Args:
        x: (N, ...).
        target: (N, ...), the shape of x; a constant.
        reduction: the reduction over the N examples.

    Returns:
        (N,), or a scalar when reduced.

    Raises:
        AutodiffError: the shapes differ, or x has no axis of examples.
    """
    t = np.asarray(target, x.dtype)
    if x.ndim == 0 or t.shape != x.shape:
        raise AutodiffError(f"mse wants two arrays (N, ...) alike, got {x.shape} and {t.shape}")
    rows = x.reshape((len(t), math.prod(t.shape[1:])))
    losses, gradient = kernels.squared_error(rows.data, t.reshape(rows.shape))
    return reduce_losses(
        record(losses, (rows, lambda g: kernels.scaled_rows(g, gradient))), reduction
    )


def reduce_losses(losses: Tensor, reduction: Reduction) -> Tensor:
    """The losses, their mean, or their sum."""
    match reduction:
        case "none":
            return losses
        case "mean":
            return losses.mean()
        case "sum":
            return losses.sum()
        case _:
            assert_never(reduction)


def _check_targets(targets: ArrayLike, x: Tensor, label_smoothing: float) -> NDArray[Any]:
    """Targets of x (..., classes): class indices, or rows of x's dtype."""
    t = np.asarray(targets)
    if x.ndim == 0 or not 0 <= label_smoothing <= 1:
        raise AutodiffError(
            f"cross entropy wants rows over classes and smoothing in 0..1, got shape {x.shape} "
            f"and {label_smoothing}"
        )
    n_classes = x.shape[-1]
    if t.dtype.kind in "iu" and t.shape == x.shape[:-1]:
        if t.size and not 0 <= t.min() <= t.max() < n_classes:
            wrong = t[(t < 0) | (t >= n_classes)].flat[0]
            raise AutodiffError(f"target {wrong} is not a class index in 0..{n_classes - 1}")
        return t
    if t.dtype.kind == "f" and t.shape == x.shape:
        return t.astype(x.dtype, copy=False)
    raise AutodiffError(
        f"targets are {t.dtype}{t.shape}; wanted integers of shape {x.shape[:-1]} "
        f"or rows of probabilities of shape {x.shape}"
    )
