"""Elementwise functions with their derivatives."""

import numpy as np

from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.numpy.activations import Name


def exp(x: Tensor) -> Tensor:
    """e to the x; its own derivative."""
    y = np.exp(x.data)
    return record(y, (x, lambda g: g * y))


def log(x: Tensor) -> Tensor:
    """The natural logarithm, for x > 0; derivative 1 / x."""
    return record(np.log(x.data), (x, lambda g: g / x.data))


def sqrt(x: Tensor) -> Tensor:
    """The square root, for x >= 0; derivative 1 / (2 sqrt x), infinite at 0."""
    y = np.sqrt(x.data)
    return record(y, (x, lambda g: g / (y + y)))


def relu(x: Tensor) -> Tensor:
    """max(x, 0); derivative 1 above 0 and 0 at and below it."""
    y = kernels.relu(x.data)
    return record(y, (x, lambda g: kernels.relu_gradient(g, y)))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; derivative 1 - tanh^2."""
    y = kernels.tanh(x.data)
    return record(y, (x, lambda g: kernels.tanh_gradient(g, y)))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp -x); derivative s (1 - s)."""
    y = kernels.sigmoid(x.data)
    return record(y, (x, lambda g: kernels.sigmoid_gradient(g, y)))


def sin(x: Tensor) -> Tensor:
    """The sine of radians; derivative cos."""
    return record(np.sin(x.data), (x, lambda g: g * np.cos(x.data)))


def cos(x: Tensor) -> Tensor:
    """The cosine of radians; derivative -sin."""
    return record(np.cos(x.data), (x, lambda g: -g * np.sin(x.data)))


def activation(x: Tensor, name: Name, *, slope: float = 0.0) -> Tensor:
    """A function of the table `kernels.numpy.activations`, by its name.

    Args:
        x: of any shape.
        name: "relu6": min(max(x, 0), 6). "leaky_relu": x above 0, else slope * x. "hardsigmoid":
            min(max(x + 3, 0), 6) / 6. "hardswish": x * hardsigmoid(x). "silu": x * sigmoid(x).
            "gelu": x times the normal distribution function of x.
        slope: of "leaky_relu" below 0; its derivative at 0 is the slope.
    """
    y = kernels.activation(x.data, name, slope)
    return record(y, (x, lambda g: kernels.activation_gradient(g, x.data, name, slope)))
