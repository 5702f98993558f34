"""A program as the bytes of a .tflite file, with its own integers as weights.

TensorFlow Lite has int8 activations: our u8 are 128 lower there, with -128 for zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import program as kinds
from drypoint.graph import same_padding
from drypoint.program import Program, Shape, Tensor

from .._packages import package
from .._program_scales import CLOSE, ScaledOp, Windowed, alignments_of, scale_ops, zero_of
from .file import options_of

DESCRIPTION = "written by drypoint"

Padded = Windowed | kinds.MaxPool | kinds.AvgPool


@dataclass(frozen=True)
class Activation:
    """A tensor of the file: its number, what it is in the program, its scale, and whether its
    dimensions are (batch, channels) in place of (batch, h, w, channels).
    """

    at: int
    tensor: Tensor
    scale: float
    flat: bool


def program_to_tflite(
    program: Program, outputs: Mapping[str, NDArray[np.int32]], batch: int
) -> bytes:
    """The model file of a program, for a fixed number of inputs a call."""
    writer = _Writer(batch)
    scale, ops = scale_ops(program, outputs)
    activations = [writer.activation(program.input, scale)]
    for op in ops:
        activations.append(writer.op(op, [activations[number] for number in op.reads]))
    written = [at for at in activations if at.tensor.type == "i32"]
    names = [output.name for output in program.outputs]
    for name, activation in zip(names, written, strict=True):
        writer.tensors[activation.at].name = name
    return writer.finish(activations[0].at, [activation.at for activation in written])


class _Writer:
    """Tensors, buffers and operators, in the order of the file."""

    def __init__(self, batch: int) -> None:
        schema = package("ai_edge_litert.schema_py_generated", extra="tflite")
        self.schema = schema
        self.batch = batch
        self.buffers = [schema.BufferT()]  # number 0 stands for none
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.codes: list[int] = []

    def op(self, scaled: ScaledOp, sources: list[Activation]) -> Activation:
        """The operators of an op; their output."""
        match scaled.op:
            case kinds.Conv() | kinds.GroupedConv() | kinds.DepthwiseConv():
                return self._convolution(scaled, self._planes(sources[0]))
            case kinds.Dense():
                return self._dense(scaled, self._flat(sources[0]))
            case kinds.MaxPool():
                return self._max(scaled.op, self._planes(sources[0]), scaled)
            case kinds.AvgPool():
                return self._mean(scaled, self._planes(sources[0]))
            case kinds.Upsample():
                return self._upsample(scaled.op, self._planes(sources[0]), scaled)
            case kinds.Resize():
                return self._resize(scaled.op, self._planes(sources[0]), scaled)
            case kinds.Slice():
                op, source = scaled.op, self._planes(sources[0])
                return self._part(source, op.first, op.output, op.stride)
            case kinds.Transpose():
                return self._transpose(scaled.op, self._planes(sources[0]))
            case kinds.Lookup():
                return self._table(scaled, sources[0])
            case kinds.PReLU():
                return self._prelu(scaled, scaled.op, self._planes(sources[0]))
            case kinds.Add():
                return self._pair("ADD", scaled, sources)
            case kinds.Mul():
                return self._pair("MUL", scaled, sources)
            case kinds.Concat():
                return self._pair("CONCATENATION", scaled, sources, axis=-1)
            case _:
                raise AssertionError("`scaled` refuses the other kinds")

    def activation(self, tensor: Tensor, scale: float, *, flat: bool = False) -> Activation:
        """A tensor of int8 with one scale."""
        dimensions = [self.batch, tensor.shape.c] if flat else [self.batch, *tensor.shape]
        at = self._tensor("INT8", dimensions, None, [scale], zero_of(tensor))
        return Activation(at, tensor, scale, flat)

    def _convolution(self, scaled: ScaledOp, source: Activation) -> Activation:
        """A convolution, and max-pooling after it."""
        op = scaled.op
        assert isinstance(op, Windowed)
        plane = op.output._replace(shape=Shape(*op.plane, op.out_shape.c))
        if isinstance(op, kinds.DepthwiseConv):
            output = self._depthwise(op, op.weight, scaled, source, plane)
        else:
            source, window = self._windows(op, source, scaled.pad)
            output = self.activation(plane, scaled.target)
            weights = self._weights(op.weight, scaled.weight, scaled.bias, source.scale)
            self._operator("CONV_2D", [source.at, *weights], output.at, **window, **_dilation(op))
            output = self._clamp(output, scaled)
        if op.pool == (1, 1):
            return output
        pooled, (rows, columns) = self.activation(op.output, scaled.target), op.pool
        self._operator(
            "MAX_POOL_2D", [output.at], pooled.at, padding=self.schema.Padding.VALID,
            filterHeight=rows, filterWidth=columns, strideH=rows, strideW=columns,
        )  # fmt: skip
        return pooled

    def _depthwise(
        self,
        op: kinds.DepthwiseConv | kinds.AvgPool,
        weight: NDArray[np.int8],
        scaled: ScaledOp,
        source: Activation,
        plane: Tensor,
    ) -> Activation:
        source, options = self._windows(op, source, scaled.pad)
        options["depthMultiplier"] = plane.shape.c // op.in_shape.c
        if isinstance(op, kinds.DepthwiseConv):
            options |= _dilation(op)
        output = self.activation(plane, scaled.target)
        scales, bias = scaled.weight, scaled.bias
        weights = self._weights(weight[None], scales, bias, source.scale, axis=3)
        self._operator("DEPTHWISE_CONV_2D", [source.at, *weights], output.at, **options)
        return self._clamp(output, scaled)

    def _mean(self, scaled: ScaledOp, source: Activation) -> Activation:
        """Means as a depthwise convolution of ones: AVERAGE_POOL_2D keeps its input's scale, in
        which small means of many values would vanish, and leaves out padded places.
        """
        op = scaled.op
        assert isinstance(op, kinds.AvgPool)
        channels, values = op.in_shape.c, op.kernel[0] * op.kernel[1]
        ones = np.ones((*op.kernel, channels), np.int8)
        as_conv = replace(
            scaled, weight=np.full(channels, 1 / values), bias=np.zeros(channels, np.int32)
        )
        return self._depthwise(op, ones, as_conv, source, op.output)

    def _max(self, op: kinds.MaxPool, source: Activation, scaled: ScaledOp) -> Activation:
        lowest, (rows, columns) = 0 if op.in_type == "u8" else -128, op.kernel
        source, window = self._windows(op, source, None, outside=lowest)
        window |= {"filterHeight": rows, "filterWidth": columns}
        output = self.activation(op.output, scaled.target)
        self._operator("MAX_POOL_2D", [source.at], output.at, **window)
        return output

    def _upsample(self, op: kinds.Upsample, source: Activation, scaled: ScaledOp) -> Activation:
        """The op repeats pixels or moves channels to pixels; a slice cuts its padding off."""
        (rows, columns), (h, w, _) = op.kernel, op.in_shape
        shape = Shape(h * rows, w * columns, op.out_shape.c)
        output = self.activation(op.output._replace(shape=shape), scaled.target)
        if op.spreads:
            self._operator("DEPTH_TO_SPACE", [source.at], output.at, blockSize=rows)
        else:
            size = self._tensor("INT32", [2], np.array(shape[:2], np.int32))
            self._operator("RESIZE_NEAREST_NEIGHBOR", [source.at, size], output.at)
        if not any(op.padding):
            return output
        return self._part(output, (*op.padding[:2], 0), op.output)

    def _part(
        self,
        source: Activation,
        first: tuple[int, int, int],
        tensor: Tensor,
        stride: tuple[int, int] = (1, 1),
    ) -> Activation:
        """Rows, columns and channels from the ``first`` ones on."""
        steps = (*stride, 1)
        ends = [
            at + (n - 1) * step + 1 for at, n, step in zip(first, tensor.shape, steps, strict=True)
        ]
        sides = ([0, *first], [self.batch, *ends], [1, *steps])
        numbers = [self._tensor("INT32", [4], np.array(n, np.int32)) for n in sides]
        output = self.activation(tensor, source.scale)
        self._operator("STRIDED_SLICE", [source.at, *numbers], output.at)
        return output

    def _transpose(self, op: kinds.Transpose, source: Activation) -> Activation:
        order = np.array([0, *(axis + 1 for axis in op.order)], np.int32)
        output = self.activation(op.output, source.scale)
        axes = self._tensor("INT32", [4], order)
        self._operator("TRANSPOSE", [source.at, axes], output.at)
        return output

    def _resize(self, op: kinds.Resize, source: Activation, scaled: ScaledOp) -> Activation:
        """RESIZE_BILINEAR writes the steps of its input, QUANTIZE the op's where these differ."""
        alignment = alignments_of(op)[0]
        corners, half = alignment == "align_corners", alignment == "half_pixel"
        size = self._tensor("INT32", [2], np.array(op.out_shape[:2], np.int32))
        output = self.activation(source.tensor._replace(shape=op.out_shape), source.scale)
        reads = [source.at, size]
        self._operator(
            "RESIZE_BILINEAR", reads, output.at, alignCorners=corners, halfPixelCenters=half
        )
        target = scaled.target, zero_of(op.output)
        if abs(target[0] / source.scale - 1) > CLOSE or target[1] != zero_of(source.tensor):
            rounded, output = output, self.activation(op.output, scaled.target)
            self._operator("QUANTIZE", [rounded.at], output.at)
        return self._clamp(output, scaled)

    def _dense(self, scaled: ScaledOp, source: Activation) -> Activation:
        op = scaled.op
        assert isinstance(op, kinds.Dense)
        output = self.activation(op.output, scaled.target, flat=True)
        weights = self._weights(op.weight, scaled.weight, scaled.bias, source.scale)
        self._operator("FULLY_CONNECTED", [source.at, *weights], output.at)
        return self._clamp(output, scaled)

    def _pair(
        self, kind: str, scaled: ScaledOp, sources: list[Activation], **options: int
    ) -> Activation:
        """An op of two inputs, both of one form."""
        flat = all(source.flat for source in sources)
        read = sources if flat else list(map(self._planes, sources))
        output = self.activation(scaled.op.output, scaled.target, flat=flat)
        self._operator(kind, [source.at for source in read], output.at, **options)
        return self._clamp(output, scaled)

    def _prelu(self, scaled: ScaledOp, op: kinds.PReLU, source: Activation) -> Activation:
        output = self.activation(op.output, scaled.target)
        shape = [1, 1, op.out_shape.c]
        slopes = self._tensor("INT8", shape, op.weight, scaled.weight[:1], 0)
        self._operator("PRELU", [source.at, slopes], output.at)
        return self._clamp(output, scaled)

    def _table(self, scaled: ScaledOp, source: Activation) -> Activation:
        """A table, which GATHER indexes with the integers less -128."""
        assert scaled.table is not None  # of a lookup
        shape = list(self.tensors[source.at].shape)
        places, moved = (self._tensor("INT32", shape, None) for _ in range(2))
        types = self.schema.TensorType
        self._operator("CAST", [source.at], places, inDataType=types.INT8, outDataType=types.INT32)
        first = self._tensor("INT32", [1], np.array([128], np.int32))
        self._operator("ADD", [places, first], moved)
        output = self.activation(scaled.op.output, scaled.target, flat=source.flat)
        table = self._constant8(scaled.table, output)
        self._operator("GATHER", [table, moved], output.at)
        return output

    def _clamp(self, source: Activation, scaled: ScaledOp) -> Activation:
        """An activation within the op's clamp, which needs no operator where it is int8's."""
        for kind, bound, limit in zip(
            ("MAXIMUM", "MINIMUM"), scaled.clamp, (-128, 127), strict=True
        ):
            if bound != limit:
                output = self.activation(source.tensor, source.scale, flat=source.flat)
                number = self._constant8(np.array([bound], np.int8), source)
                self._operator(kind, [source.at, number], output.at)
                source = output
        return source

    def _constant8(self, values: NDArray[np.int8], like: Activation) -> int:
        """A constant in the steps of an activation."""
        return self._tensor("INT8", [len(values)], values, [like.scale], zero_of(like.tensor))

    def _planes(self, source: Activation) -> Activation:
        """The activation as (batch, h, w, channels)."""
        return self._reshape(source, source.tensor, flat=False) if source.flat else source

    def _flat(self, source: Activation) -> Activation:
        """The activation as (batch, values)."""
        shape = Shape(1, 1, source.tensor.shape.size)
        tensor = source.tensor._replace(shape=shape)
        same = source.flat or source.tensor.shape == shape
        return source if same else self._reshape(source, tensor, flat=True)

    def _reshape(self, source: Activation, tensor: Tensor, *, flat: bool) -> Activation:
        output = self.activation(tensor, source.scale, flat=flat)
        sizes = self.tensors[output.at].shape
        shape = self._tensor("INT32", [len(sizes)], np.array(sizes, np.int32))
        self._operator("RESHAPE", [source.at, shape], output.at, newShape=sizes)
        return output

    def _windows(
        self, op: Padded, source: Activation, pad: int | None, *, outside: int | None = None
    ) -> tuple[Activation, dict[str, int]]:
        """What an operator reads: `source`, or `source` with its padding around it, where the
        operator has no such padding; and the operator's stride and padding.
        """
        rows, columns = op.stride
        options = {"strideH": rows, "strideW": columns, "padding": self.schema.Padding.VALID}
        if not any(op.padding):
            return source, options
        top, left, bottom, right = op.padding
        same = same_padding(op.in_shape[:2], op.reach, op.stride)
        if pad is None and ((top, bottom), (left, right)) == same:
            return source, {**options, "padding": self.schema.Padding.SAME}
        value = pad if pad is not None else outside
        value = source.tensor.zero if value is None else value
        stored = value - 128 if source.tensor.type == "u8" else value
        h, w, c = op.in_shape
        shape = Shape(h + top + bottom, w + left + right, c)
        output = self.activation(source.tensor._replace(shape=shape), source.scale)
        sides = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        around = self._tensor("INT32", [4, 2], sides)
        fill = self._constant8(np.array([stored], np.int8), source)
        self._operator("PADV2", [source.at, around, fill], output.at)
        return output, options

    def finish(self, first: int, outputs: list[int]) -> bytes:
        """The file."""
        flatbuffers = package("flatbuffers", extra="tflite")
        schema = self.schema
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [first], outputs
        model = schema.ModelT()
        model.version, model.description = 3, DESCRIPTION
        model.subgraphs, model.buffers = [graph], self.buffers
        model.operatorCodes = [self._code(code) for code in self.codes]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _weights(
        self,
        weight: NDArray[np.int8],
        scales: NDArray[np.float64],
        bias: NDArray[np.int32],
        source: float,
        *,
        axis: int = 0,
    ) -> tuple[int, int]:
        """Weights with a scale for each output channel, along `axis`, and biases."""
        at = self._tensor("INT8", list(weight.shape), weight, scales, 0)
        self.tensors[at].quantization.quantizedDimension = axis
        return at, self._tensor("INT32", [len(bias)], bias, scales * source, 0)

    def _tensor(
        self,
        kind: str,
        shape: list[int],
        values: NDArray[np.generic] | None,
        scales: Any = None,
        zero: int = 0,
    ) -> int:
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape = f"t{len(self.tensors)}", shape
        tensor.type = getattr(self.schema.TensorType, kind)
        if values is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if scales is not None:
            tensor.quantization = self.schema.QuantizationParametersT()
            tensor.quantization.scale = np.asarray(scales, np.float32)
            tensor.quantization.zeroPoint = np.full(len(scales), zero, np.int64)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _operator(self, kind: str, inputs: list[int], output: int, **options: Any) -> None:
        code = getattr(self.schema.BuiltinOperator, kind)
        if code not in self.codes:
            self.codes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = inputs, [output]
        if kind != "PRELU":  # the only one without options
            name = options_of(kind)
            operator.builtinOptions = getattr(self.schema, f"{name}T")()
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, name)
            for field, value in options.items():
                setattr(operator.builtinOptions, field, value)
        self.operators.append(operator)

    def _code(self, code: int) -> Any:
        entry = self.schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code
        entry.version = 1
        return entry


def _dilation(op: Windowed) -> dict[str, int]:
    """An operator's options of the gaps in its kernel."""
    rows, columns = op.dilation
    return {"dilationHFactor": rows, "dilationWFactor": columns}
