"""The elementwise functions that `Function` knows by name."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from drypoint.autodiff import (
    Tensor,
    activation,
    cos,
    exp,
    log,
    record,
    relu,
    sigmoid,
    sin,
    sqrt,
    tanh,
)


def gelu(x: Tensor) -> Tensor:
    """x/2 (1 + erf(x / sqrt 2))."""
    return activation(x, "gelu")


def square(x: Tensor) -> Tensor:
    """x^2; derivative 2 x."""
    return x * x


def absolute(x: Tensor) -> Tensor:
    """|x|; derivative the sign of x, 0 at 0."""
    return record(np.abs(x.data), (x, lambda g: g * np.sign(x.data)))


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp x); derivative 1 / (1 + exp -x). Neither overflows."""
    zero = np.zeros((), x.dtype)
    y = np.logaddexp(zero, x.data)
    return record(y, (x, lambda g: g * np.exp(x.data - y)))


@dataclass(frozen=True)
class Named:
    """An elementwise function and its domain.

    Attributes:
        apply: the function.
        least: the lower bound of the domain.
        inclusive: whether the domain includes `least`.
    """

    apply: Callable[[Tensor], Tensor]
    least: float = -math.inf
    inclusive: bool = True


FUNCTIONS: Mapping[str, Named] = {
    "sin": Named(sin),
    "cos": Named(cos),
    "tanh": Named(tanh),
    "sigmoid": Named(sigmoid),
    "relu": Named(relu),
    "exp": Named(exp),
    "log": Named(log, 0, inclusive=False),
    "gelu": Named(gelu),
    "sqrt": Named(sqrt, 0),
    "square": Named(square),
    "abs": Named(absolute),
    "softplus": Named(softplus),
}
