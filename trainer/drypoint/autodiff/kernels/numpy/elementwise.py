"""Elementwise functions, dropout and cross-entropy, by NumPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array

Key = NDArray[np.uint32]
"""Two random numbers (2,), from which the dropout of an array is computed."""


def draw_key(rng: np.random.Generator) -> Key:
    """Draw a key of 64 bits."""
    return rng.integers(0, 2**32, 2, np.uint32)


def add(x: Array, y: Array) -> Array:
    """The sum, broadcast."""
    return np.asarray(x + y)


def multiply(x: Array, factor: Array) -> Array:
    """x (N, C, ...) times a factor of its shape, or (N, C, 1, ...): one for each channel."""
    return x * factor


def plane_products(x: Array, gradient: Array) -> Array:
    """The sums of x * gradient, both (N, C, ...), over each channel: (N, C, 1, ...)."""
    return np.asarray((x * gradient).sum(axis=tuple(range(2, x.ndim)), keepdims=True))


def concat(arrays: Sequence[Array]) -> Array:
    """Arrays (N, C1, ...), (N, C2, ...), ... joined along axis 1."""
    return np.concatenate(arrays, axis=1)


def relu(x: Array) -> Array:
    """The larger of x and 0; a NaN stays."""
    return np.maximum(x, 0)


def relu_gradient(gradient: Array, value: Array) -> Array:
    """The gradient of a ReLU with respect to its input, for its output ``value``."""
    return np.where(value > 0, gradient, np.zeros((), gradient.dtype))


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return np.tanh(x)


def tanh_gradient(gradient: Array, value: Array) -> Array:
    """The gradient of `tanh` with respect to its input, for its output ``value``."""
    return gradient * (1 - value * value)


def sigmoid(x: Array) -> Array:
    """The logistic function by exp of negative numbers only, so nothing overflows."""
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, e, 1) / (1 + e))


def sigmoid_gradient(gradient: Array, value: Array) -> Array:
    """The gradient of `sigmoid` with respect to its input, for its output ``value``."""
    return gradient * value * (1 - value)


def dropout(x: Array, key: Key, *, threshold: int, scale: float) -> Array:
    """scale * x, or 0 where the 24 high bits of a hash of key and place are below the threshold.

    The place of an element is its number in the array in C's order, mod 2^32.
    """
    h = np.arange(x.size, dtype=np.uint64).astype(np.uint32) * np.uint32(0x9E3779B1) + key[0]
    h ^= (h >> np.uint32(15)) ^ key[1]
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    mask = ((h ^ (h >> np.uint32(16))) >> np.uint32(8)) >= threshold
    return np.asarray(x * (mask.reshape(x.shape) * np.asarray(scale, x.dtype)))


def log_softmax(x: Array, axis: int) -> Array:
    """x minus the logarithm of its sum of exponentials; the largest x is subtracted first."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def cross_entropy(
    x: Array, targets: NDArray[Any], *, label_smoothing: float
) -> tuple[Array, Array]:
    """-sum of t * log softmax(x) over classes (...,), and its gradient by x (..., classes)."""
    rows = target_rows(targets, x, label_smoothing)
    log_p, mass = log_softmax(x, -1), rows.sum(axis=-1, keepdims=True)
    return -(rows * log_p).sum(axis=-1), np.asarray(np.exp(log_p) * mass - rows)


def target_rows(targets: NDArray[Any], x: Array, label_smoothing: float) -> Array:
    """Targets as rows of x's shape, smooth; of class indices in x's dtype."""
    rows = targets if targets.dtype.kind == "f" else one_hot(targets, x.shape[-1], x.dtype)
    return smooth(rows, label_smoothing)


def squared_error(x: Array, target: Array) -> tuple[Array, Array]:
    """The mean (N,) of (x - target)^2, in float64, rounded once; the gradient (N, M) by x."""
    error = x - target
    mean = np.square(error, dtype=np.float64).mean(axis=1)
    return mean.astype(x.dtype), error * np.asarray(2 / max(x.shape[1], 1), x.dtype)


def scaled_rows(g: Array, x: Array) -> Array:
    """g (...,) times each row of x (..., classes)."""
    return np.asarray(g[..., np.newaxis] * x)


def one_hot(targets: NDArray[np.integer], n_classes: int, dtype: np.dtype[np.floating]) -> Array:
    """Class indices (...) as rows (..., classes) of 0 and one 1."""
    rows: Array = (targets[..., np.newaxis] == np.arange(n_classes)).astype(dtype)
    return rows


def smooth(rows: Array, label_smoothing: float) -> Array:
    """(1 - s) * t + s / classes."""
    if label_smoothing == 0:
        return rows
    keep, share = 1 - label_smoothing, label_smoothing / rows.shape[-1]
    return rows * np.asarray(keep, rows.dtype) + np.asarray(share, rows.dtype)
