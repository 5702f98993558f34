"""What is known of each tensor of a TensorFlow Lite file while its operators become layers.

Files hold images as (N, H, W, C), nets as (N, C, H, W). So the axes of images and of weights change
places here. In a float net the values of a flattened plane change their order, and the columns of
the next dense layer's weights with them. A program's planes are the file's: there a reshape is
another view of a plane, and every tensor has steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drypoint import graph, nn
from drypoint.common import DrypointError
from drypoint.graph import Unsupported, plane_of
from drypoint.program import Shape, input_names

from .._cut import before_refused
from .._draft import NO_CLIP, Draft
from .._errors import TfliteError
from .._integer_layers import FileQuantParams, Floats, Nodes
from .._program import params_of
from .file import Array, File, FileTensor, Operator
from .walk import constant, hint, input_tensor, is_cells, operators, plane, readers

SPLITS = ("SPLIT", "SPLIT_V")  # the operators of several outputs
UNKNOWN = FileQuantParams(kind="INT8", scales=np.ones(1), zero=0)
_CLIPS = {"RELU": (0.0, np.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "NONE": NO_CLIP}
_ACTIVATIONS = {"RELU": nn.ReLU, "RELU6": nn.ReLU6, "RELU_N1_TO_1": nn.Hardtanh}


@dataclass(frozen=True, kw_only=True)
class LayerOutput:
    """A tensor of the file in the net.

    Attributes:
        end: number of the layer that computes it; 0 is the net's input.
        plane: height, width, channels as in the file.
        vector: whether the net has (n,), not (C, H, W); the file has (N, n).
        order: of a vector of a float net that was flattened here: the plane before.
        file_qparams: of integers.
    """

    end: int
    plane: Shape
    vector: bool
    order: Shape | None = None
    file_qparams: FileQuantParams | None = None

    @property
    def layer_shape(self) -> tuple[int, ...]:
        """The shape of what the layer outputs."""
        h, w, c = self.plane
        return (c,) if self.vector else (c, h, w)

    @property
    def qparams(self) -> graph.QuantParams:
        """The steps as a program's parameters."""
        assert self.file_qparams is not None  # every value has some in integers
        return params_of(self.file_qparams)


class Reader:
    """The layers so far, and the values and constants that are known.

    Attributes:
        line: the operators that the outputs depend on.
        readers: how many of them read each tensor.
        draft: the layers.
        values, constants: by number of the tensor.
        places: by number of a tensor of int32: the value whose integers it has, and how many more.
        betas: the factor of a softmax at the end, by the layer's number.
    """

    def __init__(self, file: File, *, integers: bool) -> None:
        self.file, self.integers = file, integers
        self.line = operators(file)
        self.readers = readers(file, self.line)
        self.constants: dict[int, Floats] = {}
        self.places: dict[int, tuple[LayerOutput, int]] = {}
        self.betas: dict[int, float] = {}
        numbers = [n for n in file.inputs if self.readers[n]] or file.inputs[:1]
        inputs = [self._describe_input(number) for number in numbers]
        names = input_names([file.tensors[number].name for number in numbers])
        shapes = [value.layer_shape for value in inputs]
        self.draft = Draft.of_inputs(shapes, names, file.size, TfliteError)
        ends = self.draft.input_ends
        self.values = {
            number: replace(value, end=end)
            for number, value, end in zip(numbers, inputs, ends, strict=True)
        }
        for value in self.values.values():
            if value.file_qparams is not None:
                self.draft.set_qparams(value.end, value.file_qparams)

    def _describe_input(self, number: int) -> LayerOutput:
        """An input of the file."""
        of_floats = self.integers and self.file.tensors[number].type == "FLOAT32"
        try:  # of floats a QUANTIZE says the steps
            return self.describe(number, UNKNOWN if of_floats else None)
        except Unsupported as reason:
            raise TfliteError(f"the input {reason}") from reason

    def describe(self, number: int, qparams: FileQuantParams | None = None) -> LayerOutput:
        """A tensor as the file describes it, in integers with its steps or other ones."""
        tensor = self.file.tensors[number]
        if self.integers and qparams is None:
            qparams = _qparams_of(tensor)
        shape = plane(self.file, tensor)
        vector = len(tensor.shape) == 2 and not is_cells(self.file, tensor)
        return LayerOutput(end=0, plane=shape, vector=vector, file_qparams=qparams)

    def describe_from(self, number: int, source: LayerOutput) -> LayerOutput:
        """As `describe`, a tensor (cells, c) with the rows and columns of the plane that its cells
        are of.
        """
        value, (h, w, _) = self.describe(number), source.plane
        if is_cells(self.file, self.file.tensors[number]) and value.plane.w == h * w:
            return replace(value, plane=Shape(h, w, value.plane.c))
        return value

    def walk(self, converters: Mapping[str, Callable[["Reader", Operator], None]]) -> None:
        """Convert every operator.

        An operator without a counterpart gets some output, so that the operators after it are
        checked too. Nothing is said of operators that read an output that got none.
        """
        troubles, lost, refused = [], set[int](), set[int]()
        for position, op in enumerate(self.line):
            if lost.intersection(op.inputs):
                lost.update(n for n in op.outputs if n >= 0)
                continue
            self.draft.title = op.title
            try:
                if op.kind not in converters or (len(op.outputs) != 1 and op.kind not in SPLITS):
                    raise Unsupported(hint(op.kind))
                if not op.inputs:
                    raise Unsupported("reads nothing")
                converters[op.kind](self, op)
            except (Unsupported, DrypointError) as reason:
                troubles.append((op.kind, op.title, str(reason)))
                refused.add(position)
                self._stand_in(op)
                lost.update(n for n in op.outputs if n >= 0 and n not in self.values)
        if troubles:
            ends = [(op.inputs, op.outputs) for op in self.line]
            numbers = before_refused(ends, refused, [*self.file.outputs.values()])
            names = [self.file.tensors[n].name for n in numbers if n in self.values]
            raise TfliteError.of(
                troubles, len(self.line), "operators", [name for name in names if name]
            )

    def _stand_in(self, op: Operator) -> None:
        """Some value for the outputs of a refused operator."""
        for number in op.outputs:
            try:
                self.values[number] = self.describe(number)
            except Unsupported:
                self.values.pop(number, None)

    # What operators read

    def read(self, op: Operator, position: int = 0) -> LayerOutput:
        """The value of an input."""
        number = op.inputs[position] if position < len(op.inputs) else -1
        if number not in self.values:
            raise Unsupported(f"has no computed input {position}")
        value = self.values[number]
        if self.integers and self.file.tensors[number].type == "FLOAT32":
            raise Unsupported("reads float32: interop.from_tflite reads float nets")
        if self.integers and self.is_softmax(number):
            raise Unsupported("comes after a softmax, which ends a program")
        return value

    def is_softmax(self, number: int) -> bool:
        """Whether a tensor is what a softmax computes."""
        value = self.values.get(number)
        layer = None if value is None else self.draft.layers.get(value.end)
        return layer is not None and isinstance(layer.module, nn.Softmax)

    def is_float_input(self, number: int) -> bool:
        """Whether a tensor is a program's input before a QUANTIZE."""
        value = self.values.get(number)
        of_floats = self.file.tensors[number].type == "FLOAT32"
        return value is not None and value.end in self.draft.input_ends and of_floats

    def image(self, op: Operator, position: int = 0) -> LayerOutput:
        """An input that is an image."""
        value = self.read(op, position)
        if value.vector and not self.integers:
            raise Unsupported("reads (N, n), not an image (N, h, w, c)")
        return value

    def constant(self, op: Operator, position: int) -> Floats:
        """The real values of a constant input."""
        number = op.inputs[position] if position < len(op.inputs) else -1
        if number in self.constants:
            return self.constants[number]
        values = constant(self.file, op, position)
        return _reals(self.file.tensors[number], values)

    def is_constant(self, number: int) -> bool:
        """Whether an input is a constant of the file, or computed from one."""
        computed = number in self.constants
        return computed or (number >= 0 and self.file.tensors[number].constant is not None)

    def weights(
        self, op: Operator, source: LayerOutput, *, axis: int, rank: int = 4, bias: int = 2
    ) -> tuple[Floats, dict[str, Floats], FileQuantParams | None]:
        """The weights; the bias by its name, none where the operator has none; in integers the
        steps of the weights.
        """
        tensor, qparams = input_tensor(self.file, op, 1), None
        weight: Array = constant(self.file, op, 1) if self.integers else self.constant(op, 1)
        if weight.ndim != rank or weight.size == 0 or (axis == 3 and len(weight) != 1):
            raise Unsupported(f"has weights {list(weight.shape)}")
        channels = weight.shape[axis]
        if self.integers and tensor is not None:
            if tensor.type not in ("INT8", "UINT8"):
                raise Unsupported(f"has weights {tensor.type}; wanted INT8")
            count = len(tensor.scales)
            if count not in (1, channels) or (count > 1 and tensor.axis != axis):
                raise Unsupported(f"has {count} scales along axis {tensor.axis} of its weights")
            scales = np.broadcast_to(tensor.scales, channels)
            zeros = tensor.zeros.reshape([-1 if i == axis else 1 for i in range(rank)])
            less = weight.astype(np.int64) - zeros
            if np.abs(less).max() > 127:
                raise Unsupported(
                    f"has weights that lie {less.min()} to {less.max()} from their zero point; "
                    "wanted: -127 to 127: quantize with symmetric int8 weights"
                )
            qparams = FileQuantParams(kind="INT8", scales=scales, zero=0)
        return (self.constant(op, 1), self._bias(op, bias, channels, source, qparams), qparams)

    def _bias(
        self,
        op: Operator,
        position: int,
        channels: int,
        source: LayerOutput,
        qparams: FileQuantParams | None,
    ) -> dict[str, Floats]:
        tensor = input_tensor(self.file, op, position)
        if tensor is None:
            return {}
        if qparams is None:
            values = self.constant(op, position)
            if tensor.type == "INT32" and not len(tensor.scales):
                raise Unsupported("has integer biases without scales")
        else:
            integers = constant(self.file, op, position)
            if integers.dtype != np.int32:
                raise Unsupported(f"has biases {integers.dtype}; wanted INT32")
            values = integers.astype(np.float64)
        if values.shape != (channels,):
            raise Unsupported(f"has biases {list(values.shape)} for {channels} channels")
        return {
            "bias": values if qparams is None else values * (qparams.scales * source.qparams.scale)
        }

    # What operators make

    def add(
        self,
        name: str,
        layer: nn.Module,
        sources: tuple[LayerOutput, ...],
        arrays: Mapping[str, Floats] | None = None,
        output: LayerOutput | None = None,
        **facts: Any,
    ) -> LayerOutput:
        """Add a layer with ``facts``, fields of `DraftLayer`; its output, in integers as given."""
        if output is not None:
            facts |= {"shape": output.layer_shape, "output": output.file_qparams}
        result = self.draft.add(layer, sources, arrays, name=name, **facts)
        if output is not None:
            return replace(output, end=result.end)
        vector = len(result.layer_shape) == 1
        order = None if isinstance(layer, nn.Linear) or not vector else sources[0].order
        return LayerOutput(
            end=result.end, plane=plane_of(result.layer_shape), vector=vector, order=order
        )

    def write(
        self,
        op: Operator,
        layer: nn.Module,
        *sources: LayerOutput,
        arrays: Mapping[str, Floats] | None = None,
        weights: FileQuantParams | None = None,
        qparams: FileQuantParams | None = None,
    ) -> None:
        """Add the layer of an operator and its fused activation, in integers the layer's clamp, and
        set the operator's output; ``qparams`` are the output's in integers, where not the file's.
        """
        activation, output = op.activation, self.describe_from(op.outputs[0], sources[0])
        if activation not in _CLIPS:
            raise Unsupported(f"has the fused activation {activation}")
        if self.integers:
            clip = clip_of(activation, output.qparams)
            output = replace(output, file_qparams=qparams or output.file_qparams)
            value = self.add(op.name, layer, sources, arrays, output, weights=weights, clip=clip)
        else:
            value = self.add(op.name, layer, sources, arrays)
            if activation != "NONE":
                value = self.add(f"{op.name}_relu", _ACTIVATIONS[activation](), (value,))
            if (value.plane, value.vector) != (output.plane, output.vector):
                raise Unsupported(f"makes {value.plane}, and the file says {output.plane}")
        self.values[op.outputs[0]] = value

    def in_memory(self, op: Operator, source: LayerOutput) -> LayerOutput:
        """A value, in integers with its padding written to memory."""
        if not self.integers:
            return source
        return self.add(op.name, Nodes(graph.Builder.in_memory), (source,), output=source)

    def flatten(self, name: str, source: LayerOutput) -> LayerOutput:
        """A plane of a float net as a vector."""
        ordered = source.plane.c == 1 or source.plane.h * source.plane.w == 1
        value = self.add(name, nn.Flatten(), (source,))
        return replace(value, order=None if ordered else source.plane)

    def drop_axes(self, op: Operator, value: LayerOutput, output: LayerOutput) -> LayerOutput:
        """A plane of a float net of which ``op`` left out an axis of one place, as the file's."""
        if output.vector and not value.vector:
            return self.flatten(f"{op.name}_flatten", value)
        if value.plane != output.plane and value.plane.size == output.plane.size:
            return self.add(f"{op.name}_shape", nn.Reshape(output.layer_shape), (value,))
        return value

    def outputs(self) -> dict[str, int]:
        """The number of the layer that computes each output."""
        values = {name: self.values[number] for name, number in self.file.outputs.items()}
        for value in values.values():
            if value.order is not None:
                plane = value.order
                raise TfliteError(f"ends in a flattened plane {plane}, in an order of its own")
        return {name: value.end for name, value in values.items()}


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
    if len(tensor.scales) == 1:
        return np.asarray((reals - tensor.zeros[0]) * tensor.scales[0])
    if not (0 <= tensor.axis < values.ndim and values.shape[tensor.axis] == len(tensor.scales)):
        raise Unsupported(f"has {len(tensor.scales)} scales for {list(values.shape)}")
    along = [-1 if axis == tensor.axis else 1 for axis in range(values.ndim)]
    scaled: Floats = (reals - tensor.zeros.reshape(along)) * tensor.scales.reshape(along)
    return scaled
