"""The integer program of a file while its operators are converted.

A tensor of the file, int8 with zero point z, is one of drypoint's: ``u8`` of the integers + 128
where z is -128, so that real zero is stored as 0; else ``i8`` with z. A uint8 tensor counts as the
int8 tensor of its integers - 128.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import (
    LIMITS,
    MAX_ACCUMULATOR,
    NUMPY_TYPE,
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    DType,
    GroupedConv,
    Lookup,
    MaxPool,
    Mul,
    Op,
    Program,
    Shape,
    Tensor,
    Upsample,
    multipliers,
)

from ._errors import TfliteError, Unsupported
from ._rounding import Framework, Requantization
from ._tflite_file import File, FileTensor, Operator
from ._tflite_walk import NO_PADDING, Sides, operators, plane, readers

MAX_RATIO = 2.0**29  # of multipliers: the largest shift is 30
Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Value:
    """A tensor of the file in the program.

    Attributes:
        at: number of the program's tensor; -1 stands for the output of a refused operator.
        number: of the file's tensor that the program's tensor was computed for.
        tensor: of the program.
        shape: the plane that the file sees; another one than the tensor's after a reshape.
        scale: the real value of one step.
        padding: around the plane, of a PAD whose readers have not taken it in.
        fill: the stored integer of that padding.
        softmax: whether the file's tensor is the softmax of the program's.
    """

    at: int
    number: int
    tensor: Tensor
    shape: Shape
    scale: float
    padding: Sides = NO_PADDING
    fill: int = 0
    softmax: bool = False

    @property
    def padded_size(self) -> tuple[int, int]:
        """Rows and columns, padding included."""
        top, left, bottom, right = self.padding
        return self.shape.h + top + bottom, self.shape.w + left + right

    def has_steps_of(self, other: "Value") -> bool:
        """Whether a byte of the file stands for the same real value in both: i8 with zero point
        -128 has the steps of u8.
        """
        lowest = [LIMITS[v.tensor.type][0] - v.tensor.zero for v in (self, other)]
        return self.scale == other.scale and lowest[0] == lowest[1]

    @property
    def reals(self) -> NDArray[np.float64]:
        """The real value of each of the 256 bytes, in the bytes' order."""
        stored = np.arange(256, dtype=np.uint8).view(NUMPY_TYPE[self.tensor.type])
        values: NDArray[np.float64] = self.scale * (stored.astype(np.float64) - self.tensor.zero)
        return values


class Draft:
    """Ops so far, and the value of each of the file's tensors that is known.

    Attributes:
        framework: whose kernels the file was written for: they say how halves round where a program
            can have either.
        requantizations: position of an op -> its real factors, for ops that round accumulators.
    """

    def __init__(self, file: File, framework: Framework = "TensorFlow Lite") -> None:
        self.file, self.framework = file, framework
        self.line = operators(file)
        self.readers = readers(file, self.line)
        self.ops: list[Op] = []
        self.reads: list[tuple[int, ...]] = []
        self.requantizations: dict[int, Requantization] = {}
        self.values = {file.input: self._input()}

    def _input(self) -> Value:
        """The program's input: int8 as the file's, uint8 with zero point 0 as u8. What a float
        input is, the operator says that quantizes it.
        """
        tensor = self.file.tensors[self.file.input]
        try:
            if tensor.type == "FLOAT32":
                shape = plane(self.file, tensor)
                return Value(
                    at=0,
                    number=self.file.input,
                    tensor=Tensor(shape, "i32"),
                    shape=shape,
                    scale=1.0,
                )
            value = self.described(self.file.input, 0)
        except Unsupported as reason:
            raise TfliteError(f"the input {reason}") from reason
        if tensor.type == "INT8" and value.tensor.type == "u8":
            return replace(value, tensor=Tensor(value.shape, "i8", -128), fill=-128)
        return value

    def described(self, number: int, at: int) -> Value:
        """A tensor of the file as the program's tensor ``at``.

        Raises:
            Unsupported: it is not of 8 bits with one scale, or no plane.
        """
        tensor = self.file.tensors[number]
        dtype, zero, scale = quantization(tensor)
        shape = plane(self.file, tensor)
        made = Tensor(shape, dtype, zero)
        return Value(at=at, number=number, tensor=made, shape=shape, scale=scale, fill=zero)

    def read(self, one: Operator, position: int = 0, *, reshaped: bool = False) -> Value:
        """The value of an input.

        Args:
            one: the operator.
            position: of the input.
            reshaped: whether the reader takes a plane that was reshaped, as it lies in memory.

        Raises:
            Unsupported: the input is left out, not computed, not of 8 bits, or of another form.
        """
        number = one.inputs[position] if position < len(one.inputs) else -1
        if number not in self.values:
            raise Unsupported(f"has no computed input {position}")
        value = self.values[number]
        if value.tensor.type == "i32":
            raise Unsupported("reads float32: interop.from_tflite reads float nets")
        if value.softmax:
            raise Unsupported("comes after a softmax, which ends a program")
        if value.shape != value.tensor.shape and not reshaped:
            raise Unsupported(f"reads a plane {value.tensor.shape} that was made {value.shape}")
        return value

    def append(self, op: Op, sources: tuple[Value, ...], value: Value) -> Value:
        """Add an op, which writes ``value``."""
        self.ops.append(op)
        self.reads.append(tuple(source.at for source in sources))
        return replace(value, at=len(self.ops), tensor=op.output)

    def requantized(
        self, value: Value, ratio: NDArray[np.float64], bias: NDArray[np.int64], activation: str
    ) -> dict[str, Any]:
        """The fields of requantization of an op that writes ``value``.

        Args:
            value: the output.
            ratio: output steps of one step of the accumulator, for each channel, or one.
            bias: as many biases, in steps of the accumulator.
            activation: the schema's name.
        """
        if not (ratio > 0).all() or ratio.max() >= MAX_RATIO:
            raise Unsupported("has scales whose ratio is no number between 0 and 2^29")
        if np.abs(bias).max() > MAX_ACCUMULATOR:
            raise Unsupported("has a bias beyond 32 bits")
        mult, shift = multipliers(ratio)
        lo, hi = clamp(activation, value)
        self.requantizations[len(self.ops)] = Requantization(ratio=ratio)  # of the next op
        fields = {"mult": mult, "shift": shift, "bias": bias.astype(np.int32), "lo": lo, "hi": hi}
        return {**fields, "output": value.tensor}

    def table(self, name: str, source: Value, value: Value, function: Function) -> Value:
        """Add a table of a function of one value: the nearest integers, of two the upper one, as
        LiteRT's default kernels have it, or the even one, as ONNX Runtime has it.
        """
        exact = function(source.reals) / value.scale
        nearest = np.rint(exact) if self.framework == "ONNX Runtime" else np.floor(exact + 0.5)
        steps = nearest + value.tensor.zero
        low, high = LIMITS[value.tensor.type]
        output = value.tensor._replace(shape=source.tensor.shape)
        op = Lookup(
            name=name, inputs=(source.tensor,), output=output,
            table=steps.clip(low, high).astype(NUMPY_TYPE[output.type]),
        )  # fmt: skip
        return self.append(op, (source,), value)

    def plain(self, name: str, source: Value) -> Value:
        """The value with its padding in memory, written by a depthwise convolution of 1x1 with
        weights 1.
        """
        if not any(source.padding):
            return source
        (h, w, c), (top, left, bottom, right) = source.tensor.shape, source.padding
        shape = Shape(h + top + bottom, w + left + right, c)
        zero = source.tensor.zero
        low, high = LIMITS[source.tensor.type]
        op = DepthwiseConv(
            name=f"{name}.pad", inputs=(source.tensor,), output=source.tensor._replace(shape=shape),
            kernel=(1, 1), padding=source.padding,
            pad=filled(source.tensor, source.fill, source.padding),
            weight=np.ones((1, 1, c), np.int8), bias=np.full(c, -zero, np.int32),
            mult=np.full(c, 2**30, np.int32), shift=2, lo=low, hi=high,
        )  # fmt: skip
        made = replace(source, shape=shape, padding=NO_PADDING, fill=zero)
        return self.append(op, (source,), made)

    def stand_in(self, one: Operator) -> None:
        """Some value for the outputs of a refused operator."""
        for number in one.outputs:
            try:
                self.values[number] = self.described(number, -1)
            except Unsupported:
                self.values.pop(number, None)

    def finished(self, name: str) -> Program:
        """The program, whose last op writes int32.

        Raises:
            TfliteError: nothing is computed.
            ProgramError: a rule of the format is broken.
        """
        value = self.values[self.file.output]
        value = self.plain("output", value)
        if not self.ops or value.at != len(self.ops):
            raise TfliteError("computes nothing: its output is its input")
        last = self.ops[-1]
        if isinstance(last, MaxPool | Concat | Upsample) and last.output.zero != 0:
            value = self.table("output", value, value, lambda reals: reals)
            last = self.ops[-1]
        self.ops[-1] = widened(last)
        first = self.values[self.file.input]
        return Program(
            name=name,
            ops=tuple(self.ops),
            reads=tuple(self.reads),
            input_scale=first.scale,
            output_scale=value.scale,
            softmax=value.softmax,
        )


def quantization(tensor: FileTensor) -> tuple[DType, int, float]:
    """Type, zero point and scale of an activation.

    Raises:
        Unsupported: it is not int8 or uint8 with one scale.
    """
    if tensor.type not in ("INT8", "UINT8"):
        other = ": interop.from_tflite reads float nets" if tensor.type == "FLOAT32" else ""
        raise Unsupported(f"has an activation {tensor.type}; wanted INT8{other}")
    if len(tensor.scales) != 1 or not tensor.scales[0] > 0:
        raise Unsupported(f"has an activation of {len(tensor.scales)} scales; wanted: one, above 0")
    zero = int(tensor.zeros[0]) - (128 if tensor.type == "UINT8" else 0)
    if not -128 <= zero <= 127:
        raise Unsupported(f"has an activation with the zero point {int(tensor.zeros[0])}")
    scale = float(tensor.scales[0])
    return ("u8", 0, scale) if zero == -128 else ("i8", zero, scale)


def clamp(activation: str, value: Value) -> tuple[int, int]:
    """The stored integers that a fused activation allows.

    Raises:
        Unsupported: it is no clip.
    """
    reals = {
        "NONE": (-np.inf, np.inf), "RELU": (0.0, np.inf), "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
    }  # fmt: skip
    if activation not in reals:
        raise Unsupported(f"has the fused activation {activation}")
    bounds = LIMITS[value.tensor.type]
    # TensorFlow Lite rounds halves away from zero.
    steps = [np.copysign(np.floor(np.abs(r / value.scale) + 0.5), r) for r in reals[activation]]
    low, high = (int(np.clip(s + value.tensor.zero, *bounds)) for s in steps)
    return low, high


def filled(tensor: Tensor, fill: int, around: Sides) -> NDArray[np.integer] | None:
    """The padding values of an op; None where there is no padding, or where they are 0."""
    values = np.full(tensor.shape.c, fill, NUMPY_TYPE[tensor.type])
    return values if any(around) and fill != 0 else None


def widened(op: Op) -> Op:
    """The op as the last one of a program: int32 in place of 8 bits, less the zero point."""
    zero = op.output.zero
    output = Tensor(op.output.shape, "i32")
    match op:
        case Conv() | GroupedConv() | DepthwiseConv() | Dense() | AvgPool() | Add() | Mul():
            return replace(op, output=output, lo=op.lo - zero, hi=op.hi - zero)
        case Lookup():
            return replace(op, output=output, table=op.table.astype(np.int32) - np.int32(zero))
        case _:  # copies values of zero point 0
            return replace(op, output=output)
