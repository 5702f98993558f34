"""The functions of `nn.FUNCTIONS` in files: their layers and their ONNX nodes."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from drypoint import nn
from drypoint.graph import Reals

TINY = 1e-30  # stands for the least value of a domain that has none

LAYERS: Mapping[str, nn.Layer] = {
    name: layer
    for name, layer in nn.Sequential({name: name for name in nn.FUNCTIONS}).layers.items()
    if isinstance(layer, nn.Layer)
}
"""Name -> layer: of a class of its own where the function has one, else an `nn.Function`."""

_NAMES: Mapping[type, str] = {
    type(layer): name for name, layer in LAYERS.items() if type(layer) is not nn.Function
}


def _within_domain(function: nn.ValueFunction) -> Callable[[Reals], Reals]:
    """The function, whose domain's nearest value stands for values outside of it."""
    least = function.least if function.inclusive else function.least + TINY
    return lambda x: function.values(np.maximum(x, least))


OPERATORS: Mapping[str, tuple[Callable[[Reals], Reals], nn.Layer | None]] = {
    **{f.tflite: (_within_domain(f), LAYERS[n]) for n, f in nn.FUNCTIONS.items() if f.tflite},
    "RELU_N1_TO_1": (lambda x: x.clip(-1.0, 1.0), nn.Hardtanh()),
    "NEG": (np.negative, None),
}
"""TensorFlow Lite's operator -> function, of which a program has a table, and the layer of a float
net; None where the matcher finds one by the values, or there is none."""


class Target(Protocol):
    """Where a function's nodes are added; the name of the node is a name and a suffix."""

    def add(self, op: str, reads: list[str], suffix: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output."""

    def number(self, value: float) -> str:
        """Add a constant; its name."""


def name_of(layer: nn.Module) -> str:
    """The name in `nn.FUNCTIONS` of a layer; "" for other layers."""
    return layer.name if isinstance(layer, nn.Function) else _NAMES.get(type(layer), "")


def add_function(target: Target, name: str, read: str) -> str:
    """Add the nodes of a function; the name of the output."""
    op = nn.FUNCTIONS[name].onnx
    return target.add(op, [read]) if op else _CHAINS[name](target, read)


def _silu(target: Target, x: str) -> str:
    return target.add("Mul", [x, target.add("Sigmoid", [x], "sigmoid")])


def _gelu(target: Target, x: str) -> str:
    """x * (erf(x / sqrt 2) / 2 + 1/2): ONNX has a node of its own only since opset 20."""
    half = target.number(0.5)
    at = target.add("Mul", [x, target.number(math.sqrt(0.5))], "scaled")
    at = target.add("Mul", [target.add("Erf", [at], "erf"), half], "halved")
    return target.add("Mul", [x, target.add("Add", [at, half], "share")])


def _gelu_tanh(target: Target, x: str) -> str:
    """x * (tanh(x * (0.0356774 x^2 + 0.797885)) / 2 + 1/2), of the rate sqrt(2/pi)."""
    rate, half = math.sqrt(2 / math.pi), target.number(0.5)
    at = target.add("Mul", [target.add("Mul", [x, x], "squared"), target.number(0.044715 * rate)],
                    "cubic")  # fmt: skip
    at = target.add("Mul", [x, target.add("Add", [at, target.number(rate)], "rate")], "inner")
    at = target.add("Mul", [target.add("Tanh", [at], "tanh"), half], "halved")
    return target.add("Mul", [x, target.add("Add", [at, half], "share")])


_CHAINS: Mapping[str, Callable[[Target, str], str]] = {
    "gelu": _gelu,
    "square": lambda target, x: target.add("Mul", [x, x]),
    "gelu_tanh": _gelu_tanh,
    "relu6": lambda target, x: target.add("Clip", [x, target.number(0), target.number(6)]),
    "hardsigmoid": lambda target, x: target.add("HardSigmoid", [x], alpha=1 / 6, beta=0.5),
    "silu": _silu,
}
"""Functions that are no single operator without attributes."""
