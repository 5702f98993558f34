"""Elementwise functions with their derivatives, the linear layer and dropout."""

import numpy as np

from ._errors import AutodiffError
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.native.call import tracer
from .kernels.numpy.activations import Name
from .kernels.numpy.elementwise import draw_key
from .lazy import linear_weight_gradient


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


_BITS = 24
"""Bits of the hash that are compared with the probability."""


def dropout(x: Tensor, probability: float, *, rng: np.random.Generator) -> Tensor:
    """Each element is 0 with `probability`, else divided by 1 - probability: the mean stays.

    `rng` draws a key of 64 bits; a hash of the key and the element's index decides whether the
    element is 0. So masks are equal on every machine. A compiled training step draws another key
    in each run.

    Raises:
        AutodiffError: the probability is not in [0, 1).
    """
    if not 0 <= probability < 1:
        raise AutodiffError(f"dropout wants a probability in [0, 1), got {probability}")
    key = draw_key(rng)
    if trace := tracer.get():
        trace.append_key(key)
    threshold, scale = round(probability * 2**_BITS), 1 / (1 - probability)
    value = kernels.dropout(x.data, key, threshold=threshold, scale=scale)
    return record(value, (x, lambda g: kernels.dropout(g, key, threshold=threshold, scale=scale)))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """x @ weight.T + bias, and max(., 0) of it if ``relu``.

    Args:
        x: (N, I).
        weight: (O, I).
        bias: (O,).

    Returns:
        (N, O).

    Raises:
        AutodiffError: the shapes do not go together.
    """
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise AutodiffError(
            f"linear wants x (N, I) and weight (O, I), got {x.shape} and {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise AutodiffError(f"linear wants a bias of {weight.shape[:1]}, got {bias.shape}")
    parents = [x, weight] if bias is None else [x, weight, bias]
    value = kernels.linear(x.data, weight.data, None if bias is None else bias.data, relu=relu)
    vjps = (
        lambda g: kernels.linear_input_gradient(g, weight.data),
        lambda g: linear_weight_gradient(g, x.data),
        kernels.linear_bias_gradient,
    )
    y = record(value, *zip(parents, vjps, strict=False))
    return record(value, (y, lambda g: kernels.relu_gradient(g, value))) if relu else y
