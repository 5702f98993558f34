"""Activation functions and their derivatives, by NumPy: one row of a table each.

The formulas are PyTorch 2's (torch.nn.functional). At a corner the derivative is one of the
two one-sided ones, as in PyTorch, whose older versions differ for hard swish. Sources: ReLU6
(Krizhevsky 2010), leaky ReLU (Maas et al. 2013), hard sigmoid and hard swish (Howard et al. 2019,
MobileNetV3), SiLU (Elfwing et al. 2017), GELU (Hendrycks and Gimpel 2016, the exact form by the
normal distribution, not its approximation by tanh).
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from ..._tape import Array
from .elementwise import sigmoid

Name: TypeAlias = Literal["relu6", "leaky_relu", "hardsigmoid", "hardswish", "silu", "gelu"]


class Activation(NamedTuple):
    """A function of each element."""

    value: Callable[[Array, Array], Array]  # f(x) by x and the slope, which only leaky ReLU reads
    derivative: Callable[[Array, Array], Array]  # f'(x) by x and the slope


def activation(x: Array, name: Name, slope: float) -> Array:
    """The function of each element of x."""
    return np.asarray(ACTIVATIONS[name].value(x, np.asarray(slope, x.dtype)), x.dtype)


def activation_gradient(gradient: Array, x: Array, name: Name, slope: float) -> Array:
    """The gradient of `activation` with respect to x."""
    derivative = ACTIVATIONS[name].derivative(x, np.asarray(slope, x.dtype))
    return gradient * np.asarray(derivative, x.dtype)


def _hardsigmoid(x: Array) -> Array:
    return np.minimum(np.maximum(x + 3, 0), 6) / 6


def _silu_derivative(x: Array) -> Array:
    return sigmoid(x) * (1 + x * sigmoid(-x))


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _normal_cdf(x: Array) -> Array:
    """The normal distribution function in float64: exact in both tails, as erfc is."""
    return np.asarray(0.5 * _erfc(-x * math.sqrt(0.5)))


def _gelu_derivative(x: Array) -> Array:
    wide = x.astype(np.float64)
    return _normal_cdf(wide) + wide * np.exp(-wide * wide / 2) / math.sqrt(2 * math.pi)


ACTIVATIONS: Mapping[Name, Activation] = {
    "relu6": Activation(
        lambda x, _: np.minimum(np.maximum(x, 0), 6),
        lambda x, _: np.where((x > 0) & (x < 6), 1.0, 0.0),
    ),
    "leaky_relu": Activation(
        lambda x, slope: np.where(x > 0, x, slope * x),
        lambda x, slope: np.where(x > 0, np.ones_like(slope), slope),
    ),
    "hardsigmoid": Activation(
        lambda x, _: _hardsigmoid(x),
        lambda x, _: np.where((x > -3) & (x < 3), 1 / 6, 0),
    ),
    "hardswish": Activation(
        lambda x, _: x * _hardsigmoid(x),
        lambda x, _: np.where(x < 3, np.where(x > -3, x / 3 + 0.5, 0), 1),
    ),
    "silu": Activation(
        lambda x, _: x * sigmoid(x),
        lambda x, _: _silu_derivative(x),
    ),
    "gelu": Activation(
        lambda x, _: x * _normal_cdf(x.astype(np.float64)),
        lambda x, _: _gelu_derivative(x),
    ),
}
