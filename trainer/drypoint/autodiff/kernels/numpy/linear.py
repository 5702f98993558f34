"""The fully connected operation, by NumPy and BLAS."""

import numpy as np

from ..._tape import Array


def linear(x: Array, weight: Array, bias: Array | None, *, relu: bool) -> Array:
    """x (N, I) @ weight (O, I).T + bias (O,), then max(., 0) if ``relu``: (N, O)."""
    y: Array = x @ weight.T
    if bias is not None:
        y += bias
    return np.maximum(y, 0, out=y) if relu else y


def linear_input_gradient(gradient: Array, weight: Array) -> Array:
    """The gradient of `linear`, without its ReLU, with respect to x."""
    return np.asarray(gradient @ weight)


def linear_weight_gradient(gradient: Array, x: Array) -> Array:
    """The gradient of `linear`, without its ReLU, with respect to its weight."""
    return np.asarray(gradient.T @ x)


def linear_bias_gradient(gradient: Array) -> Array:
    """The gradient of `linear`, without its ReLU, with respect to its bias."""
    return np.asarray(gradient.sum(axis=0))
