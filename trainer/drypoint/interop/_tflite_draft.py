"""The graph of a quantized file while its operators are converted.

A tensor of the file, int8 with zero point z, is one of drypoint's: ``u8`` of the integers + 128
where z is -128, so that real zero is stored as 0; else ``i8`` with z. A uint8 tensor counts as the
int8 tensor of its integers - 128.
"""

import math

import numpy as np

from drypoint.graph import (
    Builder,
    LoweringError,
    QuantizedNode,
    QuantParams,
    Reals,
    Unsupported,
    Value,
    compute_output,
    fuse,
    quantize_as_file,
    to_program,
)
from drypoint.program import Program, Shape

from ._errors import TfliteError
from ._tflite_file import File, FileTensor, Operator
from ._tflite_walk import operators, plane, readers


class Draft:
    """The builder of a graph, and the value of each of the file's tensors that is known."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.line = operators(file)
        self.readers = readers(file, self.line)
        self.beta = 1.0  # the factor of a softmax at the end
        try:
            shape, qparams = self._input()
        except Unsupported as reason:
            raise TfliteError(f"the input {reason}") from reason
        shared = self.readers[file.input] > 1
        self.builder = Builder(shape, qparams=qparams, input_is_shared=shared)
        self.values = {file.input: self.builder.input}

    def _input(self) -> tuple[Shape, QuantParams]:
        """The program's input: int8 as the file's, uint8 with zero point 0 as u8; of a float input
        what its only reader makes of it, if that quantizes it.
        """
        tensor = self.file.tensors[self.file.input]
        if tensor.type != "FLOAT32":
            shape, qparams = self.described(self.file.input)
            if tensor.type == "INT8" and qparams.dtype == "u8":
                return shape, QuantParams("i8", qparams.scale, -128)
            return shape, qparams
        first = next(one for one in self.line if self.file.input in one.inputs)
        if first.kind == "QUANTIZE":
            return self.described(first.outputs[0])
        return plane(self.file, tensor), QuantParams("i8", 1.0)

    def described(self, number: int) -> tuple[Shape, QuantParams]:
        """The plane and the parameters of a tensor of the file.

        Raises:
            Unsupported: it is not of 8 bits with one scale, or no plane.
        """
        tensor = self.file.tensors[number]
        qparams = qparams_of(tensor)
        return plane(self.file, tensor), qparams

    def qparams(self, value: Value) -> QuantParams:
        """The parameters of a value."""
        qparams = self.builder.node(value).qparams
        assert qparams is not None  # every node has some
        return qparams

    def read(self, one: Operator, position: int = 0) -> Value:
        """The value of an input.

        Raises:
            Unsupported: the input is left out, not computed, or not of 8 bits.
        """
        number = one.inputs[position] if position < len(one.inputs) else -1
        if number not in self.values:
            raise Unsupported(f"has no computed input {position}")
        if self.file.tensors[number].type == "FLOAT32":
            raise Unsupported("reads float32: interop.from_tflite reads float nets")
        value = self.values[number]
        if value.softmax:
            raise Unsupported("comes after a softmax, which ends a program")
        return value

    def enter(self, one: Operator, scales: Reals | None = None) -> None:
        """Begin with an operator, whose weights have these scales.

        Raises:
            Unsupported: its output is not of 8 bits, or its activation is no clip.
        """
        _, qparams = self.described(one.outputs[0])
        low, high = clamp(one.activation, qparams)
        reals = (
            qparams.real(low) if low > qparams.limits[0] else -math.inf,
            qparams.real(high) if high < qparams.limits[1] else math.inf,
        )
        self.builder.enter(one.name, one.title, qparams=qparams, scales=scales, clip=reals)

    def finish(self, one: Operator, value: Value) -> None:
        """Set what an operator computes.

        Raises:
            Unsupported: the file says another shape.
        """
        shape, _ = self.described(one.outputs[0])
        if value.shape != shape:
            raise Unsupported(f"makes {value.shape}, and the file says {shape}")
        self.values[one.outputs[0]] = value

    def stand_in(self, one: Operator) -> None:
        """Some value for the outputs of a refused operator."""
        for number in one.outputs:
            try:
                shape, qparams = self.described(number)
            except Unsupported:
                self.values.pop(number, None)
            else:
                self.values[number] = self.builder.stand_in(shape, qparams)

    def finished(self, name: str) -> tuple[Program, tuple[QuantizedNode, ...]]:
        """The program, whose last op writes int32, and the node of each op.

        Raises:
            TfliteError: nothing is computed, or nodes have no integer form.
            ProgramError: a rule of the format is broken.
        """
        value = self.values[self.file.output]
        if value.number == 0:
            raise TfliteError("computes nothing: its output is its input")
        try:
            graph = compute_output(fuse(self.builder.graph(value)))
            nodes = quantize_as_file(graph, halves="up")
        except LoweringError as error:
            raise TfliteError.of(error.troubles, len(self.line), "operators") from error
        scale = nodes[-1].target.scale * self.beta
        return to_program(graph, nodes, name=name, output_scale=scale), nodes


def qparams_of(tensor: FileTensor) -> QuantParams:
    """The parameters of an activation.

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
    return QuantParams("u8", scale) if zero == -128 else QuantParams("i8", scale, zero)


def clamp(activation: str, qparams: QuantParams) -> tuple[int, int]:
    """The integers that a fused activation allows.

    Raises:
        Unsupported: it is no clip.
    """
    reals = {
        "NONE": (-np.inf, np.inf), "RELU": (0.0, np.inf), "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
    }  # fmt: skip
    if activation not in reals:
        raise Unsupported(f"has the fused activation {activation}")
    # TensorFlow Lite rounds halves away from zero.
    steps = [np.copysign(np.floor(np.abs(r / qparams.scale) + 0.5), r) for r in reals[activation]]
    low, high = (int(np.clip(s + qparams.zero, *qparams.limits)) for s in steps)
    return low, high
