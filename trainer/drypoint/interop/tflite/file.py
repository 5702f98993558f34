"""The gate of TensorFlow Lite files: bytes become checked tensors and operators, or one error.

The package ``tflite`` has the accessors of the file's schema (FlatBuffers). An accessor follows
offsets of the file without a check of its own, so all accessors are called here: what is wrong with
an offset or a length comes out as one `TfliteError`.
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import output_names

from .._cut import output_tensors
from .._errors import TfliteError
from .._packages import package

Array = NDArray[np.generic]

IDENTIFIER = b"TFL3"  # bytes 4 to 7 of a file
MAX_AXES = 8
_EMPTY_TABLE = bytes((4, 0, 4, 0, 4, 0, 0, 0)), 4  # FlatBuffers: a vtable of no field, the table
_OF_ACCESSORS = (struct.error, IndexError, ValueError, TypeError, OverflowError)
_NUMPY_TYPE = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}
_WITH_OPTIONS = {  # operators whose options say what they compute
    "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "MAX_POOL_2D", "ADD",
    "SUB", "MUL", "CONCATENATION", "SOFTMAX", "LEAKY_RELU", "GELU", "TRANSPOSE_CONV",
    "RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR", "DEPTH_TO_SPACE", "STRIDED_SLICE", "VAR_HANDLE",
    "GATHER", "UNIDIRECTIONAL_SEQUENCE_LSTM",
}  # fmt: skip
_SHARED_OPTIONS = {
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), "Pool2D"),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), "MaximumMinimum"),
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
_FIELDS = {
    "StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "FilterHeight", "FilterWidth",
    "Padding", "FusedActivationFunction", "DepthMultiplier", "WeightsFormat", "Axis", "Beta",
    "Alpha", "Approximate", "BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask",
    "Offset", "Container", "SharedName", "AlignCorners", "HalfPixelCenters", "BlockSize",
    "BatchDims", "TimeMajor",
}  # fmt: skip
_ENUMS = {
    "Padding": "Padding",
    "FusedActivationFunction": "ActivationFunctionType",
    "WeightsFormat": "FullyConnectedOptionsWeightsFormat",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class FileTensor:
    """A tensor of the file."""

    shape: tuple[int, ...]  # its dimensions, batch included
    type: str  # the name in the schema, such as "INT8"
    constant: Array | None  # the values, of this shape; None where the file has none: an activation
    problem: str  # why the values cannot be read, or ""
    # float64; none of a tensor that is not quantized, one, or one for each index along ``axis``
    scales: NDArray[np.float64]
    zeros: NDArray[np.int64]  # int64, as many as scales
    axis: int  # the axis of the scales
    name: str = ""  # the file's, or ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Operator:
    """An operator of the file."""

    index: int  # its number in the file
    kind: str  # the name in the schema, such as "CONV_2D"
    inputs: tuple[int, ...]  # numbers of tensors; -1 for an input that is left out
    outputs: tuple[int, ...]
    options: Mapping[str, Any]  # field of the schema -> number, or name of an enumeration's value
    name: str  # the name of the op that is made of it
    title: str  # a name for messages

    @property
    def activation(self) -> str:
        """The fused activation, "NONE" where there is none."""
        return str(self.options.get("FusedActivationFunction", "NONE"))


@dataclass(frozen=True, eq=False, kw_only=True)
class File:
    """The main graph of a file."""

    tensors: tuple[FileTensor, ...]  # in the file's order, the order of computation
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]  # numbers of the inputs
    # name of the net's output -> number of the tensor, the file's or a cut's
    outputs: Mapping[str, int]
    size: int  # the file's bytes

    @property
    def input(self) -> int:
        """Number of the first input."""
        return self.inputs[0]


def read_file(content: bytes, cut: Sequence[str] = ()) -> File:
    """The main graph of a file."""
    schema = package("tflite", extra="interop")
    if content[4:8] != IDENTIFIER:
        raise TfliteError("no TensorFlow Lite model: bytes 4 to 7 are not TFL3")
    try:
        return _Reader(content, schema).file(cut)
    except TfliteError:  # a ValueError, as an accessor raises
        raise
    except _OF_ACCESSORS as error:
        raise TfliteError("damaged: an offset or a length in it points beyond it") from error


class _Reader:
    """Calls the accessors. No element of a vector is read twice, so that small files with many
    references to one vector do not take long.
    """

    def __init__(self, content: bytes, schema: Any) -> None:
        self.schema = schema
        self.model = schema.Model.GetRootAs(content, 0)
        self.size = self.left = len(content)  # elements of vectors that may still be read
        self.kinds = _names(schema.BuiltinOperator)
        self.types = _names(schema.TensorType)

    def file(self, cut: Sequence[str]) -> File:
        if self.model.SubgraphsLength() < 1:
            raise TfliteError("a model without a graph")
        graph = self.model.Subgraphs(0)
        ends = [self._numbers(graph, "Inputs"), self._numbers(graph, "Outputs")]
        codes = [self._kind(code) for code in self._tables(self.model, "OperatorCodes")]
        buffers = list(self._tables(self.model, "Buffers"))
        tensors = tuple(self._tensor(t, buffers) for t in self._tables(graph, "Tensors"))
        operators = tuple(
            self._operator(i, operator, codes)
            for i, operator in enumerate(self._tables(graph, "Operators"))
        )
        for operator in operators:
            if not all(
                -1 <= number < len(tensors) for number in (*operator.inputs, *operator.outputs)
            ):
                raise TfliteError(f"damaged: {operator.name} names a tensor that is not there")
        if not all(0 <= number < len(tensors) for numbers in ends for number in numbers):
            raise TfliteError("damaged: its input or output is a tensor that is not there")
        computed = {tensors[n].name: n for op in operators for n in op.outputs if n >= 0}
        outputs = {tensors[n].name or f"tensor {n}": n for n in ends[1]}
        names = output_tensors(cut, list(outputs), computed, len(ends[0]), TfliteError)
        numbers = [computed[name] if cut else outputs[name] for name in names]
        return File(
            tensors=tensors,
            operators=operators,
            inputs=ends[0],
            outputs=dict(zip(output_names(names), numbers, strict=True)),
            size=self.size,
        )

    def _take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise IndexError

    def _tables(self, table: Any, field: str) -> Iterator[Any]:
        """The tables of a vector."""
        count = getattr(table, f"{field}Length")()
        self._take(count)
        at: Callable[[int], Any] = getattr(table, field)
        return (at(i) for i in range(count))

    def _vector(self, table: Any, field: str) -> Array:
        """The numbers of a vector; none where the table lacks it."""
        self._take(getattr(table, f"{field}Length")())
        values = getattr(table, f"{field}AsNumpy")()
        return np.asarray(values) if isinstance(values, np.ndarray) else np.zeros(0, np.int32)

    def _numbers(self, table: Any, field: str) -> tuple[int, ...]:
        return tuple(self._vector(table, field).tolist())

    def _kind(self, code: Any) -> str:
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        return self.kinds.get(number, f"OPERATOR_{number}")

    def _tensor(self, tensor: Any, buffers: list[Any]) -> FileTensor:
        shape = self._numbers(tensor, "Shape")
        if len(shape) > MAX_AXES or any(size < 0 for size in shape):
            raise TfliteError(
                f"a tensor has the shape {shape[: MAX_AXES + 1]}; wanted at most {MAX_AXES} axes "
                "of fixed sizes"
            )
        kind = self.types.get(tensor.Type(), f"TYPE_{tensor.Type()}")
        constant, problem = self._constant(tensor, buffers[tensor.Buffer()], kind, shape)
        scales, zeros, axis = np.zeros(0), np.zeros(0, np.int64), 0
        if (quantization := tensor.Quantization()) is not None:
            scales = self._vector(quantization, "Scale").astype(np.float64)
            zeros = self._vector(quantization, "ZeroPoint").astype(np.int64)
            axis = quantization.QuantizedDimension()
            zeros = zeros if len(zeros) and len(scales) else np.zeros(len(scales), np.int64)
        if not (np.isfinite(scales).all() and (scales >= 0).all() and len(scales) == len(zeros)):
            raise TfliteError(
                f"a tensor {kind} {shape} has {len(scales)} scales and {len(zeros)} zero points; "
                "wanted as many of each, the scales finite and at least 0"
            )
        name: bytes = tensor.Name() or b""
        self._take(len(name))
        return FileTensor(
            shape=shape, type=kind, constant=constant, problem=problem,
            scales=scales, zeros=zeros, axis=axis, name=name.decode("utf-8", "replace"),
        )  # fmt: skip

    def _constant(
        self, tensor: Any, buffer: Any, kind: str, shape: tuple[int, ...]
    ) -> tuple[Array | None, str]:
        """The values of a tensor, as a view of the file, or None and why they cannot be read."""
        if buffer.Offset() > 1 or buffer.Size() > 1:
            return None, "has its values outside of the model"
        if buffer.DataLength() == 0:
            return None, ""
        if kind not in _NUMPY_TYPE:
            return None, f"holds values of the type {kind}"
        if tensor.Sparsity() is not None:
            return None, "holds sparse values"
        dtype = np.dtype(_NUMPY_TYPE[kind]).newbyteorder("<")
        values, size = buffer.DataAsNumpy(), dtype.itemsize * math.prod(shape)
        if len(values) < size:
            raise TfliteError(f"damaged: a tensor {kind} {shape} has {len(values)} bytes")
        return values[:size].view(dtype).reshape(shape), ""

    def _operator(self, index: int, operator: Any, codes: list[str]) -> Operator:
        kind = codes[operator.OpcodeIndex()]
        return Operator(
            index=index,
            kind=kind,
            inputs=self._numbers(operator, "Inputs"),
            outputs=self._numbers(operator, "Outputs"),
            options=self._options(operator, kind),
            name=f"{kind.lower()}_{index}",
            title=f"operator {index} {kind}",
        )

    def _options(self, operator: Any, kind: str) -> dict[str, Any]:
        """The options of an operator; none of a kind without options that matter here.

        An operator whose table is left out has the schema's default of each field, as in LiteRT.
        """
        if kind not in _WITH_OPTIONS:
            return {}
        table, name = operator.BuiltinOptions(), options_of(kind)
        kind_of_options = getattr(self.schema.BuiltinOptions, name)
        has_table = table is not None and operator.BuiltinOptionsType() == kind_of_options
        options = getattr(self.schema, name)()
        options.Init(*((table.Bytes, table.Pos) if has_table else _EMPTY_TABLE))
        fields = {field: getattr(options, field)() for field in _FIELDS if hasattr(options, field)}
        self._take(sum(len(value) for value in fields.values() if isinstance(value, bytes)))
        for field in fields.keys() & _ENUMS.keys():
            names = _names(getattr(self.schema, _ENUMS[field]))
            fields[field] = names.get(fields[field], f"{field} {fields[field]}")
        return fields


def options_of(kind: str) -> str:
    """The name of the schema's table of an operator's options."""
    return _SHARED_OPTIONS.get(kind, kind.title().replace("_", "")) + "Options"


def _names(enumeration: Any) -> dict[int, str]:
    """Value -> name."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
