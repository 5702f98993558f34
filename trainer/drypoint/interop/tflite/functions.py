"""Functions of one value that files have as operators of their own: each in float64, of which a
program has a table, and the layer of a float net.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from drypoint import nn
from drypoint.graph import Reals, Unsupported

from .._functions import LAYERS
from .file import Operator


class Function(NamedTuple):
    """``layer`` is None where no layer of a float net computes the function."""

    exact: Callable[[Reals], Reals]
    layer: nn.Layer | None


FUNCTIONS = {
    **{f.tflite: Function(f.values, LAYERS[n]) for n, f in nn.FUNCTIONS.items() if f.tflite},
    "RELU_N1_TO_1": Function(lambda x: x.clip(-1.0, 1.0), nn.Hardtanh()),
    "LOG": Function(lambda x: np.log(np.maximum(x, 1e-30)), LAYERS["log"]),
    "SQRT": Function(lambda x: np.sqrt(np.maximum(x, 0.0)), LAYERS["sqrt"]),
    "NEG": Function(lambda x: -x, None),
}


def function_of(op: Operator) -> Function:
    """The function of an operator of one value."""
    if op.kind == "LEAKY_RELU":
        slope = float(op.options["Alpha"])
        if not math.isfinite(slope):
            raise Unsupported(f"has the slope {slope}")
        return Function(lambda x: np.where(x >= 0, x, slope * x), nn.LeakyReLU(slope))
    if op.kind == "GELU" and op.options["Approximate"]:
        return Function(nn.FUNCTIONS["gelu_tanh"].values, LAYERS["gelu_tanh"])
    return FUNCTIONS[op.kind]
