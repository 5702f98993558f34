"""Converts the operators of a file to layers of a float net.

Files hold images as (N, H, W, C), nets as (N, C, H, W). So the axes of images and of weights change
places here. The values of a flattened plane change their order, and the columns of the next dense
layer's weights with them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drypoint import nn
from drypoint.program import Shape

from ._errors import TfliteError, Unsupported
from ._tflite_file import Array, File, FileTensor, Operator
from ._tflite_walk import (
    NO_PADDING,
    RESHAPES,
    Sides,
    constant,
    convert_all,
    input_tensor,
    mean_window,
    operators,
    padding,
    pair,
    plane,
    sides,
)

INPUT = "input"
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A tensor of the file in the net.

    Attributes:
        end: the layer that computes it, or "input".
        plane: height, width, channels as in the file.
        vector: whether the net has (n,), not (C, H, W).
        order: of a vector that was flattened here: the plane before.
    """

    end: str
    plane: Shape
    vector: bool
    order: Shape | None = None


class Draft:
    """Layers so far, their edges and arrays, and the values and constants that are known."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.line = operators(file)
        self.layers: dict[str, nn.Module] = {}
        self.edges: list[tuple[str, str]] = []
        self.params: dict[str, NDArray[np.float32]] = {}
        self.constants: dict[int, Floats] = {}
        try:
            self.values = {file.input: self.described(file.input, INPUT)}
        except Unsupported as reason:
            raise TfliteError(f"the input {reason}") from reason

    def described(self, number: int, end: str) -> Value:
        """A tensor of the file as what a layer outputs."""
        tensor = self.file.tensors[number]
        return Value(end=end, plane=plane(self.file, tensor), vector=len(tensor.shape) == 2)

    def stand_in(self, one: Operator) -> None:
        """Some value for the outputs of a refused operator."""
        for number in one.outputs:
            try:
                self.values[number] = self.described(number, INPUT)
            except Unsupported:
                self.values.pop(number, None)

    def read(self, one: Operator, position: int = 0) -> Value:
        """The value of an input.

        Raises:
            Unsupported: it is left out, or not computed.
        """
        number = one.inputs[position] if position < len(one.inputs) else -1
        if number not in self.values:
            raise Unsupported(f"has no computed input {position}")
        return self.values[number]

    def image(self, one: Operator) -> Value:
        """The first input, an image."""
        value = self.read(one)
        if value.vector:
            raise Unsupported("reads (N, n), not an image (N, h, w, c)")
        return value

    def add(
        self,
        name: str,
        layer: nn.Module,
        sources: tuple[Value, ...],
        made: Value,
        params: Mapping[str, Floats] | None = None,
    ) -> Value:
        """Add a layer and its arrays; what it outputs."""
        self.layers[name] = layer
        ports = layer.input_ports
        for port, source in zip(ports, sources, strict=True):
            self.edges.append((source.end, f"{name}.{port}" if len(ports) > 1 else name))
        for key, values in (params or {}).items():
            self.params[f"{name}.{key}"] = _float32(values, f"{name}.{key}")
        return replace(made, end=name)

    def finish(self, one: Operator, value: Value) -> None:
        """Set an operator's output: a value, and its fused activation.

        Raises:
            Unsupported: the output has another shape than the file says, or no layer is like the
                activation.
        """
        activation = one.activation
        layers = {"RELU": nn.ReLU, "RELU6": nn.ReLU6, "RELU_N1_TO_1": nn.Hardtanh}
        wanted = self.described(one.outputs[0], value.end)
        if (wanted.plane, wanted.vector) != (value.plane, value.vector):
            raise Unsupported(f"makes {value.plane}, and the file says {wanted.plane}")
        if activation in layers:
            value = self.add(f"{one.name}_relu", layers[activation](), (value,), value)
        elif activation != "NONE":
            raise Unsupported(f"has the fused activation {activation}")
        self.values[one.outputs[0]] = value

    def constant(self, one: Operator, position: int) -> Floats:
        """The real values of a constant input.

        Raises:
            Unsupported: it is left out or computed, or its scales do not fit.
        """
        number = one.inputs[position] if position < len(one.inputs) else -1
        if number in self.constants:
            return self.constants[number]
        values = constant(self.file, one, position)
        return _reals(self.file.tensors[number], values)

    def is_constant(self, number: int) -> bool:
        """Whether an input is a constant of the file, or computed from one."""
        known = number in self.constants
        return known or (number >= 0 and self.file.tensors[number].constant is not None)

    def net(self) -> nn.Sequential | nn.Graph:
        """The net with its arrays, a `Sequential` where it is a chain.

        Raises:
            TfliteError: it has no layer, or its output lies in another order.
        """
        value = self.values[self.file.output]
        if not self.layers:
            raise TfliteError("computes nothing: its output is its input")
        if value.order is not None:
            raise TfliteError(f"ends in a flattened plane {value.order}, in an order of its own")
        given = self.values[self.file.input]
        h, w, c = given.plane
        shape = (c,) if given.vector else (c, h, w)
        chain = self._chain()
        net: nn.Sequential | nn.Graph
        if chain is not None:
            net = nn.Sequential(chain, shape)
        else:
            net = nn.Graph(self.layers, self.edges, {INPUT: shape})
        fresh = net.initialize(
            0
        )  # a batch norm of a constant has no running statistics in the file
        return fresh.with_params(self.params)

    def _chain(self) -> dict[str, nn.Module] | None:
        """The layers, if each reads the one before alone."""
        pairs = list(pairwise([INPUT, *self.layers]))
        return dict(self.layers) if self.edges == pairs else None


def net_of(file: File) -> nn.Sequential | nn.Graph:
    """The float net of a file.

    Raises:
        TfliteError: operators have no counterpart among the layers, or nothing is computed.
    """
    draft = Draft(file)
    convert_all(draft.line, CONVERTERS, draft, draft.stand_in)
    return draft.net()


def _convolution(draft: Draft, one: Operator) -> None:
    source, by_channel = draft.image(one), one.kind == "DEPTHWISE_CONV_2D"
    weight = draft.constant(one, 1)
    if weight.ndim != 4 or (by_channel and len(weight) != 1) or 0 in weight.shape:
        raise Unsupported(f"has weights {list(weight.shape)}")
    rows = weight.transpose(3, 0, 1, 2) if by_channel else weight.transpose(0, 3, 1, 2)
    read, (written, depth, *kernel) = source.plane.c, rows.shape
    if read % depth:
        raise Unsupported(f"has weights {list(weight.shape)} for {read} channels")
    stride = pair(one, "StrideH", "StrideW")
    dilation = pair(one, "DilationHFactor", "DilationWFactor")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    around = padding(one, source.plane[:2], (reach[0], reach[1]), stride)
    params = {"weight": rows} | _bias(draft, one, written)
    layer = nn.Conv2d(
        written, (kernel[0], kernel[1]), stride=stride, dilation=dilation, in_channels=read,
        padding=_both(around), groups=read // depth, bias="bias" in params,
    )  # fmt: skip
    shape = layer.output_shape((read, *source.plane[:2]))
    made = replace(source, plane=_plane(shape))
    draft.finish(one, draft.add(one.name, layer, (source,), made, params))


def _dense(draft: Draft, one: Operator) -> None:
    source, weight = draft.read(one), draft.constant(one, 1)
    if weight.ndim != 2 or one.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights {list(weight.shape)} {one.options['WeightsFormat']}")
    params = {"weight": weight} | _bias(draft, one, len(weight))
    bias, value = "bias" in params, draft.described(one.outputs[0], one.name)
    h, w, c = source.plane
    if not value.vector and not source.vector and weight.shape[1] == c:  # at each place
        params["weight"] = weight[:, :, None, None]
        layer: nn.Layer = nn.Conv2d(len(weight), 1, bias=bias, in_channels=c)
        made = replace(source, plane=Shape(h, w, len(weight)))
        draft.finish(one, draft.add(one.name, layer, (source,), made, params))
        return
    if not source.vector:
        source = _flattened(draft, f"{one.name}_flatten", source)
    if weight.shape[1] != source.plane.size:
        raise Unsupported(f"has weights {list(weight.shape)} for {source.plane.size} values")
    if source.order is not None:  # columns from (h, w, c) to (c, h, w)
        by_place = weight.reshape(-1, *source.order).transpose(0, 3, 1, 2)
        params["weight"] = by_place.reshape(weight.shape)
    layer = nn.Linear(len(weight), in_features=weight.shape[1], bias=bias)
    made = Value(end="", plane=Shape(1, 1, len(weight)), vector=True)
    draft.finish(one, draft.add(one.name, layer, (source,), made, params))


def _pool(draft: Draft, one: Operator) -> None:
    source = draft.image(one)
    kernel = pair(one, "FilterHeight", "FilterWidth")
    stride = pair(one, "StrideH", "StrideW")
    around = padding(one, source.plane[:2], kernel, stride)
    layer: nn.Pool2d
    if one.kind == "MAX_POOL_2D":
        layer = nn.MaxPool2d(kernel, stride=stride, padding=_both(around))
    elif around == NO_PADDING:
        layer = nn.AvgPool2d(kernel, stride=stride)
    else:
        raise Unsupported("leaves padding out of its means; ours counts it as zeros")
    shape = layer.output_shape((source.plane.c, *source.plane[:2]))
    made = replace(source, plane=_plane(shape))
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _mean(draft: Draft, one: Operator) -> None:
    source = draft.image(one)
    rank = len(draft.file.tensors[one.inputs[0]].shape)
    kernel = mean_window(draft.file, one, source.plane, rank)
    vector = draft.described(one.outputs[0], "").vector
    layer: nn.Layer = nn.AvgPool2d(kernel)
    if vector and kernel == source.plane[:2]:
        layer = nn.GlobalAvgPool2d()
    h, w, c = source.plane
    made = Value(end="", plane=Shape(h // kernel[0], w // kernel[1], c), vector=vector)
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _arithmetic(draft: Draft, one: Operator) -> None:
    """ADD and MUL of two values; with a constant also SUB, as a convolution of 1x1."""
    constants = [i for i, number in enumerate(one.inputs) if draft.is_constant(number)]
    if len(one.inputs) != 2 or len(constants) == 2:
        raise Unsupported("does not read two tensors, of which one is computed")
    if constants:
        _with_constant(draft, one, constants[0])
        return
    a, b = draft.read(one, 0), draft.read(one, 1)
    if one.kind == "MUL" and a.plane.size < b.plane.size:
        a, b = b, a
    if one.kind == "SUB" or a.order != b.order or a.vector != b.vector:
        raise Unsupported("subtracts, or joins an image or a flattened plane and a vector")
    layer: nn.Module = nn.Add() if one.kind == "ADD" else nn.Mul()
    draft.finish(one, draft.add(one.name, layer, (a, b), a))


def _with_constant(draft: Draft, one: Operator, position: int) -> None:
    source, given = draft.read(one, 1 - position), draft.constant(one, position)
    c = source.plane.c
    if source.order or given.size not in (1, c) or given.shape[-1:] not in ((), (given.size,)):
        raise Unsupported(f"has a constant {list(given.shape)} for {source.plane}")
    numbers, ones = np.broadcast_to(given.ravel(), c), np.ones(c)
    factor, bias = {
        "ADD": (ones, numbers),
        "MUL": (numbers, 0 * ones),
        "SUB": (ones, -numbers) if position == 1 else (-ones, numbers),
    }[one.kind]
    layer: nn.Layer = nn.Conv2d(c, 1, groups=c, in_channels=c)
    params = {"weight": factor[:, None, None, None], "bias": bias}
    if source.vector:  # the running mean is 0 and the variance 1
        layer, params = nn.BatchNorm1d(epsilon=1e-12, channels=c), {"scale": factor, "shift": bias}
    draft.finish(one, draft.add(one.name, layer, (source,), source, params))


def _concatenation(draft: Draft, one: Operator) -> None:
    parts = tuple(draft.read(one, i) for i in range(len(one.inputs)))
    rank = len(draft.file.tensors[one.outputs[0]].shape)
    if one.options["Axis"] not in (-1, rank - 1) or any(part.order for part in parts):
        raise Unsupported("joins other axes than the channels, or flattened planes")
    h, w, _ = parts[0].plane
    made = replace(parts[0], plane=Shape(h, w, sum(part.plane.c for part in parts)))
    layer = nn.Concat(len(parts))
    draft.finish(one, draft.add(one.name, layer, parts, made))


def _reshape(draft: Draft, one: Operator) -> None:
    source, value = draft.read(one), draft.described(one.outputs[0], "")
    if value.plane.size != source.plane.size:
        raise Unsupported(f"makes {value.plane} of {source.plane}")
    if (value.vector, value.plane) == (source.vector, source.plane):
        draft.values[one.outputs[0]] = source
    elif value.vector:
        draft.finish(one, _flattened(draft, one.name, source))
    else:
        given = source.order or source.plane
        same_order = all(p.c == 1 or p.h * p.w == 1 for p in (given, value.plane))
        same_order |= source.order is None and given.c == value.plane.c
        if given != value.plane and not same_order:
            raise Unsupported(f"makes {value.plane} of {given}, whose values lie in another order")
        h, w, c = value.plane
        draft.finish(one, draft.add(one.name, nn.Reshape((c, h, w)), (source,), value))


def _flattened(draft: Draft, name: str, source: Value) -> Value:
    ordered = source.plane.c == 1 or source.plane.h * source.plane.w == 1
    made = Value(
        end="", plane=Shape(1, 1, source.plane.size), vector=True,
        order=None if ordered else source.plane,
    )  # fmt: skip
    return draft.add(name, nn.Flatten(), (source,), made)


def _pad(draft: Draft, one: Operator) -> None:
    source = draft.image(one)
    if one.kind == "PADV2" and draft.constant(one, 2).any():
        raise Unsupported("pads with something else than zeros")
    rank = len(draft.file.tensors[one.inputs[0]].shape)
    top, left, bottom, right = sides(draft.file, one, rank)
    (h, w, c), layer = source.plane, nn.ZeroPad2d((left, right, top, bottom))
    made = replace(source, plane=Shape(h + top + bottom, w + left + right, c))
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _function(draft: Draft, one: Operator) -> None:
    """A function of one value, or the softmax of a vector."""
    source = draft.read(one)
    if one.kind == "SOFTMAX" and (not source.vector or one.options["Beta"] != 1):
        raise Unsupported("acts on an image, or has a factor")
    if one.kind == "GELU" and one.options["Approximate"]:
        layer: nn.Layer = nn.Function("gelu_tanh")
    elif one.kind == "LEAKY_RELU":
        layer = nn.LeakyReLU(one.options["Alpha"])
    else:
        layer = _FUNCTIONS[one.kind]()
    draft.finish(one, draft.add(one.name, layer, (source,), source))


def _converted(draft: Draft, one: Operator) -> None:
    """QUANTIZE and DEQUANTIZE change no real value."""
    if len(one.inputs) == 1 and draft.is_constant(one.inputs[0]):
        draft.constants[one.outputs[0]] = draft.constant(one, 0)
    else:
        draft.values[one.outputs[0]] = draft.read(one)


def _both(around: Sides) -> tuple[tuple[int, int], tuple[int, int]]:
    top, left, bottom, right = around
    return (top, bottom), (left, right)


def _plane(shape: tuple[int, ...]) -> Shape:
    """(C, H, W) as a plane."""
    return Shape(shape[1], shape[2], shape[0])


def _bias(draft: Draft, one: Operator, channels: int) -> dict[str, Floats]:
    """The bias by its name; none where the operator has none."""
    tensor = input_tensor(draft.file, one, 2)
    if tensor is None:
        return {}
    values = draft.constant(one, 2)
    if tensor.type == "INT32" and not len(tensor.scales):
        raise Unsupported("has integer biases without scales")
    if values.shape != (channels,):
        raise Unsupported(f"has biases {list(values.shape)} for {channels} channels")
    return {"bias": values}


def _reals(tensor: FileTensor, values: Array) -> Floats:
    """The real values of a constant: scale * (q - zero) where it is quantized."""
    reals = values.astype(np.float64)
    if len(tensor.scales) == 0:
        return reals
    if len(tensor.scales) == 1:
        return np.asarray((reals - tensor.zeros[0]) * tensor.scales[0])
    if not (0 <= tensor.axis < values.ndim and values.shape[tensor.axis] == len(tensor.scales)):
        raise Unsupported(f"has {len(tensor.scales)} scales for {list(values.shape)}")
    along = [-1 if axis == tensor.axis else 1 for axis in range(values.ndim)]
    scaled: Floats = (reals - tensor.zeros.reshape(along)) * tensor.scales.reshape(along)
    return scaled


def _float32(values: Floats, path: str) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.astype(np.float32)
    if not np.isfinite(array).all():
        raise Unsupported(f"has values in {path} that are not finite in float32")
    return array


_FUNCTIONS: Mapping[str, Callable[[], nn.Layer]] = {
    "RELU": nn.ReLU,
    "RELU6": nn.ReLU6,
    "LOGISTIC": nn.Sigmoid,
    "TANH": nn.Tanh,
    "HARD_SWISH": nn.Hardswish,
    "GELU": nn.GELU,
    "RELU_N1_TO_1": nn.Hardtanh,
    "SIN": nn.Sin,
    "COS": nn.Cos,
    **{
        name.upper(): lambda name=name: nn.Function(name)  # type: ignore[misc]
        for name in ("elu", "abs", "exp", "log", "sqrt", "square")
    },
    "SOFTMAX": nn.Softmax,
}
CONVERTERS: dict[str, Callable[[Draft, Operator], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "MEAN": _mean,
    "ADD": _arithmetic,
    "SUB": _arithmetic,
    "MUL": _arithmetic,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
    "PADV2": _pad,
    "QUANTIZE": _converted,
    "DEQUANTIZE": _converted,
    "LEAKY_RELU": _function,
    **dict.fromkeys(sorted(RESHAPES), _reshape),
    **dict.fromkeys(sorted(_FUNCTIONS), _function),
}
