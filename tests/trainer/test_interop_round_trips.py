"""Programs as files of other frameworks, read again. Oracle: the reference of the program itself.

A file has float32 scales in place of multipliers of 31 bits, and 8 bits in place of the last int32.
So a byte could differ where an accumulator lies within 2^-22 of a tie; in these nets none does.
"""

import re

import numpy as np
import pytest
from floatnets import random_case
from nets import random_inputs, random_program

from drypoint import interop, quant
from drypoint.program import reference

FORMATS = {
    "ONNX": (interop.to_onnx, interop.program_from_onnx),
    "TensorFlow Lite": (interop.to_tflite, interop.program_from_tflite),
}
WRITTEN_GRAPHS = (2, 3, 23, 40, 46, 85, 89, 106, 108, 109, 136, 143, 145, 178, 185, 191, 192, 199)
UNWRITTEN = re.compile(  # what neither format expresses, or its writer does not write yet
    r"op '[^']*': (the kind '(lookup|mul)'|a clamp of -?\d+ to -?\d+|a pixel shuffle \(\d, \d\)"
    "|a padding value for each channel) cannot be written"
)


def check_equal(program, found, inputs):
    """Compare a program with what its file is read as.

    A reader may add ops: a table where a concatenation reads the input as another type, a
    convolution that cuts rows off. So each output of the program is one of the other's. The last
    op's outputs come back with the file's steps: both lie within half a step, each of its own, of
    the exact values; and a multiplier is off by up to 2^-32, which is half a step for an
    accumulator near 2^31.
    """
    again = as_i8(inputs, found)
    others = {plane.tobytes() for plane in planes(found, again)}
    assert all(plane.tobytes() in others for plane in planes(program, inputs)), program.name
    real = reference.run(program, inputs) * program.output_scale
    off = np.abs(reference.run(found, again) * found.output_scale - real)
    allowed = 0.50001 * program.output_scale + 1.00001 * found.output_scale
    assert off.max() <= allowed, program.name


def need_schema(kind):
    """Skip where the package that writes a format is not installed."""
    pytest.importorskip("onnx" if kind == "ONNX" else "ai_edge_litert.schema_py_generated")


def as_i8(inputs, program):
    """Inputs as a program takes them whose u8 became i8."""
    given = inputs.astype(int) - (128 if inputs.dtype == np.uint8 else 0)
    given = given.astype(np.int8) if program.input_type == "i8" else inputs
    return given.reshape(len(inputs), *program.input_shape)


def planes(program, inputs):
    """The outputs of the ops before the last, zero points subtracted."""
    outputs = reference.trace(program, inputs)[:-1]
    return [x.astype(int) - op.output.zero for x, op in zip(outputs, program.ops, strict=False)]


@pytest.mark.parametrize("kind", FORMATS)
def test_random_programs_come_back_with_every_byte_before_the_last_op(kind, toolbox):
    need_schema(kind)
    write, read = FORMATS[kind]
    nets, written = toolbox.count(every_day=24, ci=200), 0
    for seed in range(nets):
        case = random_case(seed)
        program = quant.quantize(case.model, case.calibration())
        inputs = case.integers(program)[:8]
        try:
            content = write(program, inputs)
        except interop.ExportError as reason:
            assert UNWRITTEN.fullmatch(str(reason)), seed
            continue
        written += 1
        check_equal(program, read(content), inputs)
    assert written >= nets // 5


@pytest.mark.parametrize("kind", FORMATS)
def test_random_graphs_come_back(kind):
    """The graphs of the first 200 that a file can hold: first ops of every kind, outputs that are
    planes, types that a quantizer does not choose.
    """
    need_schema(kind)
    write, read = FORMATS[kind]
    for seed in WRITTEN_GRAPHS:
        program = random_program(seed)
        inputs = random_inputs(program, seed)
        check_equal(program, read(write(program, inputs)), inputs)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_program_of_a_file_is_written_with_the_steps_of_its_output(kind):
    """Where the largest output is the file's 120, a second trip changes nothing at all."""
    need_schema(kind)
    write, read = FORMATS[kind]
    case = random_case(8)
    program = quant.quantize(case.model, case.calibration())
    inputs = case.integers(program)
    first = read(write(program, inputs))
    given = as_i8(inputs, first)
    assert np.abs(reference.run(first, given)).max() == 120
    second = read(write(first, given))
    assert np.array_equal(reference.run(second, given), reference.run(first, given))
