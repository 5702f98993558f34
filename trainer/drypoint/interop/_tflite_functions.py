"""Functions of one value that files have as operators of their own."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drypoint.graph import Unsupported

from ._tflite_file import Operator

Reals = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[np.float64])

FUNCTIONS: dict[str, Callable[[Reals], Reals]] = {
    "RELU": lambda x: np.maximum(x, 0.0),
    "RELU6": lambda x: x.clip(0.0, 6.0),
    "RELU_N1_TO_1": lambda x: x.clip(-1.0, 1.0),
    "LOGISTIC": lambda x: 1 / (1 + np.exp(-x.clip(-700.0, 700.0))),
    "TANH": np.tanh,
    "HARD_SWISH": lambda x: x * (x + 3.0).clip(0.0, 6.0) / 6.0,
    "ELU": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    "ABS": np.abs,
    "NEG": lambda x: -x,
    "EXP": np.exp,
    "LOG": lambda x: np.log(np.maximum(x, 1e-30)),
    "SQRT": lambda x: np.sqrt(np.maximum(x, 0.0)),
    "SQUARE": np.square,
    "SIN": np.sin,
    "COS": np.cos,
    "QUANTIZE": lambda x: x,
}


def function_of(one: Operator) -> Callable[[Reals], Reals]:
    """The function of an operator of one value.

    Raises:
        Unsupported: its option is no number.
    """
    if one.kind == "LEAKY_RELU":
        slope = float(one.options["Alpha"])
        if not math.isfinite(slope):
            raise Unsupported(f"has the slope {slope}")
        return lambda x: np.where(x >= 0, x, slope * x)
    if one.kind == "GELU" and one.options["Approximate"]:
        cubic = math.sqrt(2 / math.pi)
        return lambda x: 0.5 * x * (1 + np.tanh(cubic * (x + 0.044715 * x**3)))
    if one.kind == "GELU":
        return lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2)))
    return FUNCTIONS[one.kind]
