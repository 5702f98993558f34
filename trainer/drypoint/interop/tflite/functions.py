"""Functions of one value that files have as operators of their own: each in float64, of which a
program has a table, and the layer of a float net.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from drypoint import nn
from drypoint.graph import Reals, Unsupported

from .file import Operator

_erf = np.vectorize(math.erf, otypes=[np.float64])


class Function(NamedTuple):
    """``layer`` is None where no layer of a float net computes the function."""

    exact: Callable[[Reals], Reals]
    layer: nn.Layer | None


FUNCTIONS = {
    "RELU": Function(lambda x: np.maximum(x, 0.0), nn.ReLU()),
    "RELU6": Function(lambda x: x.clip(0.0, 6.0), nn.ReLU6()),
    "RELU_N1_TO_1": Function(lambda x: x.clip(-1.0, 1.0), nn.Hardtanh()),
    "LOGISTIC": Function(lambda x: 1 / (1 + np.exp(-x.clip(-700.0, 700.0))), nn.Sigmoid()),
    "TANH": Function(np.tanh, nn.Tanh()),
    "HARD_SWISH": Function(lambda x: x * (x + 3.0).clip(0.0, 6.0) / 6.0, nn.Hardswish()),
    "ELU": Function(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))), nn.Function("elu")),
    "ABS": Function(np.abs, nn.Function("abs")),
    "NEG": Function(lambda x: -x, None),
    "EXP": Function(np.exp, nn.Function("exp")),
    "LOG": Function(lambda x: np.log(np.maximum(x, 1e-30)), nn.Function("log")),
    "SQRT": Function(lambda x: np.sqrt(np.maximum(x, 0.0)), nn.Function("sqrt")),
    "SQUARE": Function(np.square, nn.Function("square")),
    "SIN": Function(np.sin, nn.Sin()),
    "COS": Function(np.cos, nn.Cos()),
}


def function_of(op: Operator) -> Function:
    """The function of an operator of one value."""
    if op.kind == "LEAKY_RELU":
        slope = float(op.options["Alpha"])
        if not math.isfinite(slope):
            raise Unsupported(f"has the slope {slope}")
        return Function(lambda x: np.where(x >= 0, x, slope * x), nn.LeakyReLU(slope))
    if op.kind == "GELU" and op.options["Approximate"]:
        cubic = math.sqrt(2 / math.pi)
        return Function(
            lambda x: 0.5 * x * (1 + np.tanh(cubic * (x + 0.044715 * x**3))),
            nn.Function("gelu_tanh"),
        )
    if op.kind == "GELU":
        return Function(lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2))), nn.GELU())
    return FUNCTIONS[op.kind]
