"""A program as the bytes of a .tflite file, with its own integers as weights.

TensorFlow Lite has int8 activations: our u8 are 128 lower there, with -128 for zero.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Conv, DType, Program, Shape

from ._errors import BenchError
from ._scales import Scaled, scaled

ZERO = {"u8": -128, "i8": 0, "i32": 0}
DESCRIPTION = "written by drypoint bench"


def to_tflite(program: Program, outputs: NDArray[np.int32], batch: int) -> bytes:
    """The model file of a program, for a fixed number of inputs a call.

    Args:
        program: of convolutions (with or without max-pooling) and dense ops.
        outputs: what the program gives for typical inputs; they set the last op's scale.
        batch: inputs a call.

    Raises:
        BenchError: TensorFlow Lite cannot express an op.
        ImportError: ai-edge-litert, whose schema is used, is not installed.
    """
    writer = _Writer(batch)
    at = writer.activation(program.input_shape, program.input_type, program.input_scale)
    first = at
    for op in scaled(program, outputs):
        at = writer.conv(op, at) if isinstance(op.op, Conv) else writer.dense(op, at)
    return writer.finish(first, at)


class _Writer:
    """Tensors, buffers and operators, in the order of the file."""

    def __init__(self, batch: int) -> None:
        from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - optional

        self.schema: Any = schema
        self.batch = batch
        self.buffers = [schema.BufferT()]  # number 0 stands for none
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.codes: list[int] = []

    def conv(self, scaled_op: Scaled, source: int) -> int:
        """A convolution, and max-pooling after it; the number of the output tensor."""
        op = scaled_op.op
        assert isinstance(op, Conv)
        options = self.schema.Conv2DOptionsT()
        options.padding = self._padding(op)
        options.strideH, options.strideW = op.stride
        plane = Shape(*op.plane, op.out_shape.c)
        at = self.activation(plane, op.out_type, scaled_op.target)
        self._operator("CONV_2D", [source, *self._weights(scaled_op)], at, options)
        if op.pool == (1, 1):
            return at
        options = self.schema.Pool2DOptionsT()
        options.padding = self.schema.Padding.VALID
        options.filterHeight, options.filterWidth = op.pool
        options.strideH, options.strideW = op.pool
        pooled = self.activation(op.out_shape, op.out_type, scaled_op.target)
        self._operator("MAX_POOL_2D", [at], pooled, options)
        return pooled

    def dense(self, scaled_op: Scaled, source: int) -> int:
        """A dense op, its input flattened first; the number of the output tensor."""
        op = scaled_op.op
        if op.in_shape.size != op.in_shape.c:
            flat = Shape(1, 1, op.in_shape.size)
            at = self.activation(flat, op.in_type, scaled_op.source, flat=True)
            options = self.schema.ReshapeOptionsT()
            options.newShape = [self.batch, flat.c]
            shape = self._tensor("INT32", [2], np.array(options.newShape, np.int32))
            self._operator("RESHAPE", [source, shape], at, options)
            source = at
        at = self.activation(op.out_shape, op.out_type, scaled_op.target, flat=True)
        options = self.schema.FullyConnectedOptionsT()
        self._operator("FULLY_CONNECTED", [source, *self._weights(scaled_op)], at, options)
        return at

    def activation(self, shape: Shape, dtype: DType, scale: float, *, flat: bool = False) -> int:
        """A tensor of int8 with one scale."""
        dimensions = [self.batch, shape.c] if flat else [self.batch, *shape]
        return self._tensor("INT8", dimensions, None, [scale], ZERO[dtype])

    def finish(self, first: int, last: int) -> bytes:
        """The file."""
        import flatbuffers  # noqa: PLC0415 - comes with ai-edge-litert

        schema = self.schema
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [first], [last]
        model = schema.ModelT()
        model.version, model.description = 3, DESCRIPTION
        model.subgraphs, model.buffers = [graph], self.buffers
        model.operatorCodes = [self._code(code) for code in self.codes]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _weights(self, scaled_op: Scaled) -> tuple[int, int]:
        op = scaled_op.op
        weight = self._tensor("INT8", list(op.weight.shape), op.weight, scaled_op.weight, 0)
        scales = scaled_op.weight * scaled_op.source
        return weight, self._tensor("INT32", [len(op.bias)], op.bias, scales, 0)

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

    def _operator(self, kind: str, inputs: list[int], output: int, options: Any) -> None:
        code = getattr(self.schema.BuiltinOperator, kind)
        if code not in self.codes:
            self.codes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptions = options
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, name)
        self.operators.append(operator)

    def _code(self, code: int) -> Any:
        entry = self.schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code
        entry.version = 1
        return entry

    def _padding(self, op: Conv) -> Any:
        if op.padding == (0, 0, 0, 0):
            return self.schema.Padding.VALID
        if op.padding == same_padding(op):
            return self.schema.Padding.SAME
        raise BenchError(f"op {op.name!r}: padding {op.padding} is neither VALID nor SAME")


def same_padding(op: Conv) -> tuple[int, int, int, int]:
    """TensorFlow's SAME padding: for an output of ceil(size / stride), the smaller half first."""
    (h, w, _), (kh, kw), (sh, sw) = op.in_shape, op.kernel, op.stride
    high = max(0, (-(-h // sh) - 1) * sh + kh - h)
    wide = max(0, (-(-w // sw) - 1) * sw + kw - w)
    return high // 2, wide // 2, high - high // 2, wide - wide // 2
