"""Functions of one value, which files hold as single nodes or as chains of them.

An exporter may write one layer as many nodes: x * sigmoid(x), x * clip(x + 3, 0, 6) / 6, a GELU by
erf. So a node that computes each value alone waits until a layer reads it. Then the function from
an earlier tensor to that node is computed at some thousand points and compared with the layers
that drypoint has: what is computed decides, not how it is written.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported

from ..._integer_layers import Floats, OfIntegers
from ..._tensor_view import Shape, TensorView, axis_of
from ..file import Node
from ..reader import Handler, Reader
from .joining import merge, scale
from .matching import GRID, Points, close, layer_of

MAX_NODES = 24  # of one function
_erf = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True, eq=False, kw_only=True)
class PointwiseFunction:
    """A tensor whose values are computed each alone, and that is no layer yet."""

    op: str  # the operator
    function: Callable[..., Points]  # of the arguments' values
    arguments: tuple[str, ...]  # names of tensors
    title: str  # the node


def _leaky(node: Node) -> Callable[[Points], Points]:
    slope = float(node.attributes.get("alpha", 0.01))
    return lambda x: np.where(x >= 0, x, slope * x)


def _elu(node: Node) -> Callable[[Points], Points]:
    alpha = float(node.attributes.get("alpha", 1.0))
    if node.op == "Celu":
        return lambda x: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha))
    return lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _selu(node: Node) -> Callable[[Points], Points]:
    alpha = float(node.attributes.get("alpha", 1.67326319217681884765625))
    gamma = float(node.attributes.get("gamma", 1.05070102214813232421875))
    return lambda x: gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _gelu(node: Node) -> Callable[[Points], Points]:
    tanh = node.attributes.get("approximate", "none") == "tanh"
    return nn.FUNCTIONS["gelu_tanh" if tanh else "gelu"].values


def _swish(node: Node, rate: float) -> Callable[[Points], Points]:
    rate = float(node.attributes.get("alpha", rate))
    return lambda x: x * nn.FUNCTIONS["sigmoid"].values(rate * x)


def _without_attributes(function: nn.ValueFunction) -> Callable[[Node], Callable[[Points], Points]]:
    return lambda _: function.values


_UNARY: Mapping[str, Callable[[Node], Callable[[Points], Points]]] = {
    **{f.onnx: _without_attributes(f) for f in nn.FUNCTIONS.values() if f.onnx},
    "LeakyRelu": _leaky,
    "Elu": _elu,
    "Celu": _elu,
    "Selu": _selu,
    "Gelu": _gelu,
    "com.microsoft.Gelu": _gelu,
    "com.microsoft.FastGelu": lambda node: _gelu(replace(node, attributes={"approximate": "tanh"})),
    "com.microsoft.QuickGelu": lambda node: _swish(node, 1.702),
    "Swish": lambda node: _swish(node, 1.0),
    "Erf": lambda _: _erf,
    "Neg": lambda _: lambda x: -x,
    "Reciprocal": lambda _: lambda x: 1 / x,
    "Identity": lambda _: lambda x: x,
    "Cast": lambda _: lambda x: x,
    "Dropout": lambda _: lambda x: x,
}
BINARY: Mapping[str, Callable[[Any, Any], Points]] = {
    "Add": lambda a, b: a + b,
    "Sum": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
    "Min": np.minimum,
    "Max": np.maximum,
    "Pow": lambda a, b: a**b,
}

_COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Where": lambda condition, a, b: np.where(condition != 0, a, b),
}


def wait(reader: Reader, node: Node, function: Callable[..., Points], *arguments: str) -> None:
    """Record the function of a node's output; a layer that reads it makes it a layer."""
    reader.waiting[node.outputs[0]] = PointwiseFunction(
        op=node.op, function=function, arguments=arguments, title=node.title
    )


def wait_with_numbers(reader: Reader, node: Node, function: Callable[..., Any]) -> None:
    """`wait` for a node some of whose inputs are constants of one number."""
    positions = range(len(node.inputs))
    numbers = {i: reader.floats(node, i) for i in positions if reader.is_constant(node, i)}
    for array in numbers.values():
        if array.size != 1:
            raise Unsupported(f"reads a constant of the shape {array.shape}; wanted one number")

    def apply(*values: Points) -> Points:
        tensors = iter(values)
        arguments = (numbers[i].ravel() if i in numbers else next(tensors) for i in positions)
        return np.asarray(function(*arguments), np.float64)

    names = [name for i, name in enumerate(node.inputs) if i not in numbers]
    wait(reader, node, apply, *names)


def compare(reader: Reader, node: Node) -> None:
    """A comparison with a number, or a choice by one; as PyTorch writes a softplus."""
    wait_with_numbers(reader, node, _COMPARISONS[node.op])


def unary(reader: Reader, node: Node) -> None:
    """A function of one value by its operator; Identity, Cast and Dropout pass the value on."""
    to = node.attributes.get("to", 1)
    if node.op == "Cast" and to not in (1, 10, 11, 16):
        raise Unsupported("makes no floats: only casts between floats are read")
    wait(reader, node, _UNARY[node.op](node), node.inputs[0])


def cast_like(reader: Reader, node: Node) -> None:
    """CastLike of a constant or a tensor to the floats of another one."""
    value, like = node.inputs
    if like in reader.constants and reader.constants[like].dtype.kind != "f":
        raise Unsupported("makes no floats: only casts between floats are read")
    if value in reader.constants:
        reader.constants[node.outputs[0]] = reader.constants[value]
    else:
        wait(reader, node, lambda x: x, value)


def hard_sigmoid(reader: Reader, node: Node) -> None:
    """clip(alpha * x + beta, 0, 1): two functions, of which the first may join its reader."""
    alpha, beta = (float(node.attributes.get(k, d)) for k, d in (("alpha", 0.2), ("beta", 0.5)))
    inner = f"{node.outputs[0]}/scaled"
    reader.waiting[inner] = PointwiseFunction(
        op="Mul", function=lambda x: alpha * x + beta, arguments=(node.inputs[0],), title=node.title
    )
    wait(reader, node, lambda x: x.clip(0, 1), inner)


def clip(reader: Reader, node: Node) -> None:
    """Clip: its bounds are attributes in old versions, inputs in new ones."""
    bounds = []
    for position, (name, free) in enumerate((("min", -np.inf), ("max", np.inf)), 1):
        bound = float(node.attributes.get(name, free))
        if reader.has(node, position):
            array = reader.floats(node, position)
            if array.size != 1:
                raise Unsupported(f"has bounds of the shape {array.shape}; wanted one number")
            bound = float(array.ravel()[0])
        bounds.append(bound)
    low, high = bounds
    wait(reader, node, lambda x: np.minimum(np.maximum(x, low), high), node.inputs[0])


def arithmetic(reader: Reader, node: Node) -> None:
    """Two tensors, or a tensor and a constant: a number, or one for each channel."""
    function, names = BINARY[node.op], node.inputs
    constants = [i for i in range(len(names)) if reader.is_constant(node, i)]
    if len(names) != 2:
        raise Unsupported(f"joins {len(names)} tensors; wanted two: write it as several nodes")
    if not constants:
        wait(reader, node, function, *names)
        return
    (position,) = constants
    numbers = reader.floats(node, position)
    if numbers.size == 1:
        wait_with_numbers(reader, node, function)
        return
    value = reader.anything(reader.view(names[1 - position]))
    factor, term = affine(node.op, position, numbers)
    value, rows = by_channel(reader, value, [factor, term])
    reader.set(node, reader.draft.scale(value, *rows))


def affine(op: str, position: int, numbers: Floats) -> tuple[Floats, Floats]:
    """factor * x + term of a node with a constant."""
    ones = np.ones_like(numbers)
    with np.errstate(divide="ignore"):
        rules = {
            ("Add", 0): (ones, numbers),
            ("Add", 1): (ones, numbers),
            ("Sub", 0): (-ones, numbers),
            ("Sub", 1): (ones, -numbers),
            ("Mul", 0): (numbers, 0 * ones),
            ("Mul", 1): (numbers, 0 * ones),
            ("Div", 1): (1 / numbers, 0 * ones),
        }.get((op, position))
    if rules is None:
        raise Unsupported(
            f"computes with a constant of the shape {numbers.shape}; wanted one number"
        )
    return rules


def by_channel(
    reader: Reader, value: TensorView, constants: list[Floats]
) -> tuple[TensorView, tuple[Floats, ...]]:
    """Constants that are broadcast to a tensor, as a number for each channel of the output."""
    if len(value.shape) == 1:
        value = reader.vector(value)
        axis = 0
    else:
        first = all(_lies_along_first(array, value.shape) for array in constants)
        value, axes = reader.plane(value, first=first)
        channel = axis_of(axes, 0)
        axis = -1 if channel is None else channel
    channels = value.layer_shape[0]
    rows = []
    for array in constants:
        rank = len(value.shape) + 1
        sizes = (*(1,) * (rank - array.ndim), *array.shape)
        rest = [n for i, n in enumerate(sizes) if i != axis + 1]
        if len(sizes) != rank or max(rest) > 1 or sizes[axis + 1] not in (1, channels):
            raise Unsupported(
                f"computes with a constant of the shape {array.shape} on {value.shape}; wanted one "
                "number, or one for each channel"
            )
        numbers = np.broadcast_to(array.ravel(), channels)
        if value.index is not None and len(value.shape) == 1:
            moved = np.empty(channels)
            moved[value.index] = numbers
            numbers = moved
        rows.append(numbers)
    return value, tuple(rows)


def _lies_along_first(constant: Floats, shape: Shape) -> bool:
    """Whether a constant has a number for each place of the first axis of an example (C, ...)."""
    return constant.shape[-len(shape) :] == (shape[0], *(1,) * (len(shape) - 1))


def prelu(reader: Reader, node: Node) -> None:
    """A slope for all values, or one for each channel."""
    slopes = reader.floats(node, 1)
    if slopes.size == 1:
        slope = float(slopes.ravel()[0])
        wait(reader, node, lambda x: np.where(x >= 0, x, slope * x), node.inputs[0])
        return
    value = reader.anything(reader.read(node))
    last = reader.graph.opset > 6 and slopes.shape == value.shape[-1:]  # repeated like a sum's
    slopes = slopes if slopes.ndim > 1 or last else slopes[:, None, None]
    value, (numbers,) = by_channel(reader, value, [slopes])
    layer, arrays = nn.PReLU(len(numbers)), {"weight": numbers}
    steps, _ = reader.qparams.get(node.inputs[1], (None, 0))
    output = reader.draft.add(layer, (value,), arrays, weights=steps)
    reader.set(node, replace(value, end=output.end))


def materialize(reader: Reader, name: str) -> TensorView:
    """A waiting tensor as a view of what layers compute."""
    waiting: PointwiseFunction = reader.waiting[name]
    for root in _roots(reader, name):
        try:
            points = _evaluate(reader.waiting, name, {root: GRID})
        except LookupError:
            continue
        layer = layer_of(points)
        if layer is None and not reader.integers:
            branch = _only_branch(reader, waiting, root, points)
            if branch:
                return reader.view(branch)
            continue
        value = reader.anything(reader.view(root))
        reader.draft.title = waiting.title
        if layer is None:  # a table has any function, and of what lies between no steps are known
            layer = _table_function(dict(reader.waiting), name, root)
        if isinstance(layer, nn.Layer):
            return replace(value, end=reader.draft.add(layer, (value,)).end)
        factor, term = layer
        if (factor, term) == (1.0, 0.0):
            return value
        return scale(reader, value, factor, term)
    if len(waiting.arguments) == 2:
        values = [reader.view(argument) for argument in waiting.arguments]
        return merge(reader, waiting.op, values, waiting.title)
    raise Unsupported(
        f"({waiting.title}) computes a function of one value that no layer has: use one of "
        "nn.layers(), or a ReLU"
    )


def _only_branch(reader: Reader, waiting: PointwiseFunction, root: str, points: Points) -> str:
    """The branch that a choice always has, but for rounding; "" where it has both.

    PyTorch writes softplus(x) as x where x is large.
    """
    for branch in waiting.arguments[1:] if waiting.op == "Where" else ():
        try:
            if close(points, _evaluate(reader.waiting, branch, {root: GRID})):
                return branch
        except LookupError:
            continue
    return ""


def _table_function(waiting: Mapping[str, Any], name: str, root: str) -> OfIntegers:
    return OfIntegers(lambda x: _evaluate(waiting, name, {root: x}))


def scaler(reader: Reader, node: Node) -> None:
    """skl2onnx's Scaler, of a StandardScaler or MinMaxScaler: (x - offset) * scale."""
    value = reader.anything(reader.view(node.inputs[0]))
    scale, offset = (
        np.array(node.attributes.get(name, ()), np.float64) for name in ("scale", "offset")
    )
    if len(value.layer_shape) != 1 or not {scale.size, offset.size} <= {1, value.layer_shape[0]}:
        raise Unsupported(f"scales {value.shape} by {scale.size} factors")
    factor, term = np.broadcast_arrays(scale, -scale * offset)
    reader.set(node, reader.draft.scale(value, factor, term))


def _roots(reader: Reader, name: str) -> list[str]:
    """Tensors that a waiting one is computed from, the farthest first."""
    distances, at = {name: 0}, [name]
    while at and len(distances) < MAX_NODES:
        tensor = at.pop(0)
        waiting = reader.waiting.get(tensor)
        for argument in waiting.arguments if waiting is not None else ():
            if argument not in distances:
                distances[argument] = distances[tensor] + 1
                at.append(argument)
    del distances[name]
    return sorted(distances, key=lambda tensor: -distances[tensor])


def _evaluate(waiting_of: Mapping[str, Any], name: str, points: dict[str, Points]) -> Points:
    """The function from a tensor to another one at points."""
    stack = [name]
    while stack:
        tensor = stack[-1]
        waiting = waiting_of.get(tensor)
        if tensor in points:
            stack.pop()
            continue
        if waiting is None or len(points) > MAX_NODES:
            raise LookupError
        missing = [argument for argument in waiting.arguments if argument not in points]
        if missing:
            stack += missing
            if len(stack) > 4 * MAX_NODES:
                raise LookupError
            continue
        with np.errstate(all="ignore"):
            values = waiting.function(*(points[argument] for argument in waiting.arguments))
        points[tensor] = np.asarray(values, np.float64)
    return points[name]


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_UNARY, unary),
    **dict.fromkeys(BINARY, arithmetic),
    **dict.fromkeys(_COMPARISONS, compare),
    "CastLike": cast_like,
    "HardSigmoid": hard_sigmoid,
    "Clip": clip,
    "PRelu": prelu,
    "ai.onnx.ml.Scaler": scaler,
}
