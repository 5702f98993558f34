"""The operators of a TensorFlow Lite file as nodes of the reader that ONNX, Keras and PyTorch use.

Files hold images as (N, H, W, C). The reader sees each tensor with its channels first, (C, H, W),
or as a vector (n,), so that ONNX's operators fit: `operators.py` calls these, or adds a layer. In a
float net a flattened plane keeps its order (h, w, c), and a Linear after it moves its columns. A
program's planes lie in memory as the file's: there a reshape is another view.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from drypoint import graph, nn
from drypoint.graph import Unsupported, plane_of

from .._draft import NO_CLIP, Draft
from .._errors import ImportFileError, TfliteError
from .._integer_layers import (
    FileQuantParams,
    Floats,
    Requantize,
    View,
)
from .._program import params_of
from .._tensor_view import STAND_IN, Array, Shape, TensorView
from ..onnx.file import Graph, Node
from ..onnx.operators.quantized import broadcast
from ..onnx.read import HANDLERS as ONNX_HANDLERS
from ..onnx.reader import Handler, Reader
from .file import File, FileTensor, Operator
from .walk import (
    RESHAPES,
    activations,
    constant,
    hint,
    input_tensor,
    is_cells,
    operators,
    plane,
    readers,
)

_CLIPS = {"RELU": (0.0, np.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "NONE": NO_CLIP}
_ACTIVATIONS = {"RELU": nn.ReLU, "RELU6": nn.ReLU6, "RELU_N1_TO_1": nn.Hardtanh}


@dataclass(frozen=True, eq=False, kw_only=True)
class OperatorGraph(Graph):
    """A file's operators; a tensor's name is its number."""

    error: ClassVar[type[ImportFileError]] = TfliteError
    noun: ClassVar[str] = "operators"
    halves: ClassVar[graph.Halves] = "up"
    file: File  # the file
    integers: bool  # whether it becomes a program

    def tensor_name(self, name: str) -> str:
        """The file's name of a tensor, or ""."""
        return self.file.tensors[int(name)].name

    def stand_ins(self) -> dict[str, TensorView]:
        """Name -> what stands for an output of a refused operator."""
        found = {}
        for name in (name for node in self.nodes for name in node.outputs):
            try:
                tensor = self.file.tensors[int(name)]
                found[name] = TensorView.of_layer(STAND_IN, shape_of(self.file, tensor))
                if self.integers:
                    _qparams_of(tensor)
            except Unsupported:
                found.pop(name, None)
        return found


def graph_of(file: File, handlers: Mapping[str, Handler], *, integers: bool) -> OperatorGraph:
    """The operators that the outputs depend on, as a graph."""
    line = operators(file)
    used = readers(file, line)
    numbers = [n for n in file.inputs if used[n]] or file.inputs[:1]
    tensors = {str(n): file.tensors[n] for n in numbers}
    try:
        shapes = {name: shape_of(file, tensor) for name, tensor in tensors.items()}
        steps = {
            name: _qparams_of(tensor)
            for name, tensor in tensors.items()
            if integers and tensor.type != "FLOAT32"  # of floats a QUANTIZE says the steps
        }
    except Unsupported as reason:
        raise TfliteError(f"the input {reason}") from reason
    nodes = [
        Node(
            op=op.kind, name=op.name, attributes=op.options, proto=op, format_title=op.title,
            layer=op.name,
            inputs=tuple(map(str, activations(file, op))),
            outputs=tuple(str(n) for n in op.outputs if n >= 0),
        )
        for op in line
    ]  # fmt: skip
    return OperatorGraph(
        nodes=tuple(nodes), constants={}, inputs=shapes, batch=1, opset=18, size=file.size,
        outputs={port: str(n) for port, n in file.outputs.items()}, proto=None, file=file,
        views={name: TensorView.of_layer(0, shape) for name, shape in shapes.items()},
        steps=steps, integers=integers, handlers=handlers,
        hints={op.kind: hint(op.kind) for op in line},
    )  # fmt: skip


def shape_of(file: File, tensor: FileTensor) -> Shape:
    """The shape (C, H, W) or (n,) in which a tensor is seen."""
    h, w, c = plane(file, tensor)
    return (c,) if len(tensor.shape) == 2 and not is_cells(file, tensor) else (c, h, w)


def _qparams_of(tensor: FileTensor) -> FileQuantParams:
    """The steps of an activation."""
    if tensor.type not in ("INT8", "UINT8"):
        other = ": interop.from_tflite reads float nets" if tensor.type == "FLOAT32" else ""
        raise Unsupported(f"has an activation {tensor.type}; wanted INT8{other}")
    if len(tensor.scales) != 1 or not tensor.scales[0] > 0:
        raise Unsupported(f"has an activation of {len(tensor.scales)} scales; wanted: one, above 0")
    zero = int(tensor.zeros[0])
    if not -128 <= zero - (128 if tensor.type == "UINT8" else 0) <= 127:
        raise Unsupported(f"has an activation with the zero point {zero}")
    return FileQuantParams(kind=tensor.type, scales=tensor.scales, zero=zero)


def _reals(tensor: FileTensor, values: Array) -> Floats:
    """The real values of a constant: scale * (q - zero) where it is quantized."""
    reals = values.astype(np.float64)
    if len(tensor.scales) == 0:
        return reals
    zeros, scales = (broadcast(x, tensor.axis, values) for x in (tensor.zeros, tensor.scales))
    return np.asarray((reals - zeros) * scales)


def clip_of(activation: str, qparams: graph.QuantParams) -> tuple[float, float]:
    """The bounds of a fused activation as the real values of integers; infinite where all integers
    of that side are allowed.
    """
    # TensorFlow Lite rounds halves away from zero.
    bounds = _CLIPS[activation]
    steps = [np.copysign(np.floor(np.abs(r / qparams.scale) + 0.5), r) for r in bounds]
    low, high = (int(np.clip(s + qparams.zero, *qparams.limits)) for s in steps)
    return (
        qparams.real(low) if low > qparams.limits[0] else -np.inf,
        qparams.real(high) if high < qparams.limits[1] else np.inf,
    )


class Call:
    """An operator while it is converted."""

    def __init__(self, reader: Reader, node: Node) -> None:
        assert isinstance(reader.graph, OperatorGraph)
        self.reader, self.file, self.integers = reader, reader.graph.file, reader.integers
        self.op: Operator = node.proto
        self.first = len(self.draft.layers) + 1  # the number of the operator's first layer

    @property
    def draft(self) -> Draft:
        """The layers so far."""
        return self.reader.draft

    # What the operator reads

    def value(self, position: int) -> TensorView | None:
        """An input that is computed."""
        number = self.op.inputs[position] if position < len(self.op.inputs) else -1
        return self.reader.values.get(str(number))

    def read(self, position: int = 0) -> TensorView:
        """An input that is computed, of a program one that is no float."""
        value = self.value(position)
        if value is None:
            raise Unsupported(f"has no computed input {position}")
        if self.integers and self.file.tensors[self.op.inputs[position]].type == "FLOAT32":
            raise Unsupported("reads float32: interop.from_tflite reads float nets")
        if self.integers and self.is_softmax(position):
            raise Unsupported("comes after a softmax, which ends a program")
        return value

    def image(self, position: int = 0) -> TensorView:
        """An input that is an image."""
        value = self.read(position)
        if len(value.shape) == 1:
            if not self.integers:
                raise Unsupported("reads (N, n), not an image (N, h, w, c)")
            return TensorView.of_layer(value.end, (*value.shape, 1, 1))
        return self.reader.image(value)

    def is_softmax(self, position: int = 0) -> bool:
        """Whether an input is what a softmax computes."""
        value = self.value(position)
        layer = None if value is None else self.draft.layers.get(value.end)
        return layer is not None and isinstance(layer.module, nn.Softmax)

    def steps(self, value: TensorView, position: int = 0) -> FileQuantParams:
        """The steps of an input of a program."""
        known = None if value.end == STAND_IN else self.draft.qparams_of(value.end)
        return known or _qparams_of(self.file.tensors[self.op.inputs[position]])

    def is_constant(self, position: int) -> bool:
        """Whether an input is a constant of the file, or computed from one."""
        number = self.op.inputs[position]
        computed = str(number) in self.reader.constants
        return computed or (number >= 0 and self.file.tensors[number].constant is not None)

    def constant(self, position: int) -> Floats:
        """The real values of a constant input."""
        number = self.op.inputs[position] if position < len(self.op.inputs) else -1
        if str(number) in self.reader.constants:
            return self.reader.constants[str(number)].astype(np.float64)
        values = constant(self.file, self.op, position)
        return _reals(self.file.tensors[number], values)

    def axes(self, position: int = 0) -> tuple[int, ...]:
        """For each axis of an input in the file, (N, h, w, c), the axis of (N, C, H, W)."""
        rank = len(self.shape(position))
        return (0, *(2, 3)[max(4 - rank, 0) :], 1)

    def shape(self, position: int) -> Shape:
        """The shape of an input in the file."""
        return self.file.tensors[self.op.inputs[position]].shape

    def weights(
        self, value: TensorView, *, axis: int, rank: int = 4, bias: int = 2, read: int = 0
    ) -> tuple[Floats, Floats | None, FileQuantParams | None]:
        """The weights, the biases where the operator has some, in integers the weights' steps."""
        tensor, qparams = input_tensor(self.file, self.op, 1), None
        weight: Array = constant(self.file, self.op, 1) if self.integers else self.constant(1)
        if weight.ndim != rank or weight.size == 0 or (axis == 3 and len(weight) != 1):
            raise Unsupported(f"has weights {list(weight.shape)}")
        channels = weight.shape[axis]
        if self.integers and tensor is not None:
            if tensor.type not in ("INT8", "UINT8"):
                raise Unsupported(f"has weights {tensor.type}; wanted INT8")
            count = len(tensor.scales)
            if count not in (1, channels) or (count > 1 and tensor.axis != axis):
                raise Unsupported(f"has {count} scales along axis {tensor.axis} of its weights")
            zeros = tensor.zeros.reshape([-1 if i == axis else 1 for i in range(rank)])
            less = weight.astype(np.int64) - zeros
            if np.abs(less).max() > 127:
                raise Unsupported(
                    f"has weights that lie {less.min()} to {less.max()} from their zero point; "
                    "wanted: -127 to 127: quantize with symmetric int8 weights"
                )
            scales = np.broadcast_to(tensor.scales, channels)
            qparams = FileQuantParams(kind="INT8", scales=scales, zero=0)
        steps = None if qparams is None else qparams.scales * self.steps(value, read).scales[0]
        return self.constant(1), self._bias(bias, channels, steps), qparams

    def _bias(self, position: int, channels: int, steps: Floats | None) -> Floats | None:
        """The biases, which integers are in these steps."""
        tensor = input_tensor(self.file, self.op, position)
        if tensor is None:
            return None
        if steps is None:
            values = self.constant(position)
            if tensor.type == "INT32" and not len(tensor.scales):
                raise Unsupported("has integer biases without scales")
        else:
            integers = constant(self.file, self.op, position)
            if integers.dtype != np.int32:
                raise Unsupported(f"has biases {integers.dtype}; wanted INT32")
            values = integers.astype(np.float64)
        if values.shape != (channels,):
            raise Unsupported(f"has biases {list(values.shape)} for {channels} channels")
        return values if steps is None else values * steps

    # What the operator makes

    def output_shape(self, output: int = 0) -> Shape:
        """The shape in which the file has an output."""
        return shape_of(self.file, self.file.tensors[self.op.outputs[output]])

    def output_qparams(self, output: int = 0) -> FileQuantParams:
        """The steps that the file has for an output."""
        return _qparams_of(self.file.tensors[self.op.outputs[output]])

    def run(
        self,
        kind: str,
        /,
        *inputs: TensorView | Array | None,
        weights: FileQuantParams | None = None,
        along: int = 0,
        **attributes: Any,
    ) -> TensorView:
        """What an operator of ONNX makes of values and constants, of which the second may have the
        steps of weights along an axis.
        """
        reader, names = self.reader, list[str]()
        for i, given in enumerate(inputs):
            names.append("" if given is None else f"{self.op.name}/{i}")
            if isinstance(given, TensorView):
                reader.values[names[i]] = given
            elif given is not None:
                reader.constants[names[i]] = given
        if weights is not None:
            reader.qparams[names[1]] = weights, along
        output = f"{self.op.name}/{kind}"
        node = Node(op=kind, name=output, inputs=tuple(names), outputs=(output,),
                    attributes=attributes, proto=None)  # fmt: skip
        try:
            ONNX_HANDLERS[kind](reader, node)
            return reader.values[output]
        finally:
            for name in (*names, output):
                reader.values.pop(name, None)

    def add(self, layer: nn.Module, *values: TensorView, **facts: Any) -> TensorView:
        """Add a layer; what it outputs, where it computes each value alone as its input lies."""
        output = self.draft.add(layer, values, **facts)
        alike = len(values) == 1 and output.layer_shape == values[0].layer_shape
        return replace(values[0], end=output.end) if alike else output

    def write(
        self,
        value: TensorView,
        steps: FileQuantParams | None = None,
        *,
        drops_axes: bool = False,
        output: int = 0,
    ) -> None:
        """Set an output to a value after the fused activation; of a program in steps, the file's
        where none are given. The file may have left out an axis of one place.
        """
        activation = self.op.activation
        if activation not in _CLIPS:
            raise Unsupported(f"has the fused activation {activation}")
        if self.integers:
            made = self.output_qparams(output)
            clip = clip_of(activation, params_of(made))
            if self.first > value.end:
                value = self.add(Requantize(), value)
            layer = self.draft.layers[value.end]
            self.draft.layers[value.end] = replace(layer, output=steps or made, clip=clip)
        elif activation != "NONE":
            value = self.add(_ACTIVATIONS[activation](), value, name=f"{self.op.name}_relu")
        made_shape = self.output_shape(output)
        if drops_axes and plane_of(made_shape).size == value.size:
            value = self.reshape(value, made_shape)
        self.set(value, output)

    def set(self, value: TensorView, output: int = 0) -> None:
        """Set an output to a value, which has to be as the file says."""
        number, made = self.op.outputs[output], self.output_shape(output)
        (h, w, c), stated = plane_of(value.shape), plane_of(made)
        if is_cells(self.file, self.file.tensors[number]) and stated == (1, h * w, c):
            made = c, h, w  # the cells of a plane, one after the other
        elif stated != (h, w, c):
            raise Unsupported(f"makes {plane_of(value.shape)}, and the file says {stated}")
        if self.integers:
            value = TensorView.of_layer(value.end, made)
        self.reader.values[str(number)] = value if value.shape == made else value.reshape(made)

    def pass_on(self) -> None:
        """Set the output to the input, a value or a constant."""
        output, value = str(self.op.outputs[0]), self.value(0)
        if value is None and len(self.op.inputs) == 1 and self.is_constant(0):
            self.reader.constants[output] = self.constant(0)
        else:
            self.reader.values[output] = self.read() if value is None else value

    def reshape(self, value: TensorView, shape: Shape) -> TensorView:
        """A value in another shape: (h, w, c) of the file, whose values keep their order."""
        if value.shape == shape:
            return value
        if self.integers:
            steps = self.steps(value)
            return self.draft.add(View(plane_of(shape)), (value,), shape=shape, output=steps)
        moved, is_image = value, len(value.shape) == 3
        if len(shape) == 1:
            moved = self.reader.move(value, _last) if is_image else value
        elif not is_image or shape[0] != value.shape[0]:
            rows = self.reader.move(value, _last) if is_image else value
            moved = self.reader.move(rows, lambda v: _first(v.reshape((*shape[1:], shape[0]))))
            if moved.index is not None:
                raise Unsupported(
                    f"makes {plane_of(shape)} of {plane_of(value.shape)}, whose values lie in "
                    "another order"
                )
        layer, suffix = (
            (nn.Flatten(), "_flatten") if len(shape) == 1 else (nn.Reshape(shape), "_shape")
        )
        name = self.op.name + ("" if self.op.kind in RESHAPES else suffix)
        output = self.draft.add(layer, (value,), name=name)
        index = None if moved.index is None else moved.index.reshape(shape)
        return replace(output, index=index)


def _last(value: TensorView) -> TensorView:
    """An image with its channels last."""
    return value.transpose((1, 2, 0))


def _first(value: TensorView) -> TensorView:
    """An image with its channels first."""
    return value.transpose((2, 0, 1))
