"""The float net of a TensorFlow Lite file while its operators are converted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drypoint import nn
from drypoint.graph import Unsupported
from drypoint.program import Shape

from ._errors import TfliteError
from ._tflite_file import Array, File, FileTensor, Operator
from ._tflite_walk import constant, input_tensor, operators, plane

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


def plane_of(shape: tuple[int, ...]) -> Shape:
    """(C, H, W) as a plane."""
    return Shape(shape[1], shape[2], shape[0])


def bias_of(draft: Draft, one: Operator, channels: int, position: int = 2) -> dict[str, Floats]:
    """The bias by its name; none where the operator has none."""
    tensor = input_tensor(draft.file, one, position)
    if tensor is None:
        return {}
    values = draft.constant(one, position)
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
