"""Functions of one value without parameters: one row each."""

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
from drypoint.graph import Reals


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


def elu(x: Tensor) -> Tensor:
    """x above 0, else exp x - 1."""
    negative = np.expm1(np.minimum(x.data, 0))
    y = np.where(x.data > 0, x.data, negative)
    return record(y, (x, lambda g: g * np.where(x.data > 0, x.dtype.type(1), negative + 1)))


def selu(x: Tensor) -> Tensor:
    """1.0507 x above 0, else 1.7581 (exp x - 1): the constants of self-normalizing nets."""
    scale, alpha = x.dtype.type(1.0507009873554805), x.dtype.type(1.6732632423543772)
    negative = scale * alpha * np.expm1(np.minimum(x.data, 0))
    slope = np.where(x.data > 0, scale, negative + scale * alpha)
    return record(np.where(x.data > 0, scale * x.data, negative), (x, lambda g: g * slope))


def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|); derivative 1 / (1 + |x|)^2."""
    below = 1 + np.abs(x.data)
    return record(x.data / below, (x, lambda g: g / below**2))


def mish(x: Tensor) -> Tensor:
    """x tanh(log(1 + exp x))."""
    return x * tanh(softplus(x))


def gelu_tanh(x: Tensor) -> Tensor:
    """x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): the approximation of `gelu` by tanh."""
    rate = x.dtype.type(math.sqrt(2 / math.pi))
    inner = tanh(rate * (x + x.dtype.type(0.044715) * x * x * x))
    return x.dtype.type(0.5) * x * (inner + x.dtype.type(1))


@dataclass(frozen=True)
class ValueFunction:
    """A function of one value: what it computes, and its names in files.

    Attributes:
        apply: the function of each element of a tensor.
        least: the lower bound of the domain.
        inclusive: whether the domain includes `least`.
        onnx: ONNX's operator without attributes; "" where the function takes several nodes.
        tflite: TensorFlow Lite's operator; "" where the function has none of its own.
    """

    apply: Callable[[Tensor], Tensor]
    least: float = -math.inf
    inclusive: bool = True
    onnx: str = ""
    tflite: str = ""

    def values(self, x: Reals) -> Reals:
        """The function of each element of an array; not finite outside of the domain."""
        return np.asarray(self.apply(Tensor(x)).data, np.float64)


FUNCTIONS: Mapping[str, ValueFunction] = {
    "relu": ValueFunction(relu, onnx="Relu", tflite="RELU"),
    "relu6": ValueFunction(lambda x: activation(x, "relu6"), tflite="RELU6"),
    "tanh": ValueFunction(tanh, onnx="Tanh", tflite="TANH"),
    "sigmoid": ValueFunction(sigmoid, onnx="Sigmoid", tflite="LOGISTIC"),
    "hardsigmoid": ValueFunction(lambda x: activation(x, "hardsigmoid")),
    "hardswish": ValueFunction(
        lambda x: activation(x, "hardswish"), onnx="HardSwish", tflite="HARD_SWISH"
    ),
    "silu": ValueFunction(lambda x: activation(x, "silu")),
    "gelu": ValueFunction(gelu, tflite="GELU"),
    "sin": ValueFunction(sin, onnx="Sin", tflite="SIN"),
    "cos": ValueFunction(cos, onnx="Cos", tflite="COS"),
    "exp": ValueFunction(exp, onnx="Exp", tflite="EXP"),
    "log": ValueFunction(log, 0, inclusive=False, onnx="Log", tflite="LOG"),
    "sqrt": ValueFunction(sqrt, 0, onnx="Sqrt", tflite="SQRT"),
    "abs": ValueFunction(absolute, onnx="Abs", tflite="ABS"),
    "square": ValueFunction(square, tflite="SQUARE"),
    "softplus": ValueFunction(softplus, onnx="Softplus"),
    "elu": ValueFunction(elu, onnx="Elu", tflite="ELU"),
    "selu": ValueFunction(selu, onnx="Selu"),
    "softsign": ValueFunction(softsign, onnx="Softsign"),
    "mish": ValueFunction(mish, onnx="Mish"),
    "gelu_tanh": ValueFunction(gelu_tanh),
}
"""All functions of one value without parameters: layers, readers and writers of files, and tests
iterate over these rows."""
