"""Programs as files of other frameworks, read again. Oracle: the reference of the program itself.

A file has float32 scales in place of multipliers of 31 bits, and 8 bits in place of the last int32.
So a byte could differ where an accumulator lies within 2^-22 of a tie; it does in one net, `TIE`.
"""

import re

import numpy as np
import pytest
from drawn_nets import drawn_case
from floatnets import random_case
from last_output import only_output
from nets import random_inputs, random_program
from onnx_files import as_ours, normals, onnx_runtime
from same_values import check_close
from tflite_files import litert

from drypoint import interop, nn, quant
from drypoint.program import Lookup, Program, Shape, Tensor, reference

FORMATS = {
    "ONNX": (interop.to_onnx, interop.program_from_onnx),
    "TensorFlow Lite": (interop.to_tflite, interop.program_from_tflite),
}
# Neither format has a padding with a value for each channel, nor one operator for blocks that are
# no squares. What a quantizer does not make: additions, means and products whose biases are not
# biases of zero points, copies at the end, tensors of two scales.
UNWRITTEN = re.compile(
    r"op '[^']*': (a pixel shuffle \(\d, \d\)|a padding value for each channel) cannot be written"
)
UNWRITTEN_GRAPHS = re.compile(
    r"op '[^']*': (a resize \S+ to \S+ of its own|a pixel shuffle \(\d, \d\)"
    "|a padding value for each channel|a (slope|product) with a bias"
    "|an? (addition|mean) with a bias that no zero point explains"
    "|a last op without a scale of its own|scales that its tensors do not have elsewhere)"
    " cannot be written"
)
CLOSE = 2.0**-22  # relative: of a multiplier, from three scales of float32
TIE = 131  # a mean of 6 values whose sum lies on a tie of the program's multiplier
LOOKS_LAST = 326  # no convolution, and a sliced input (5, 3, 1) that ONNX takes for (H, W, C)
# A plane whose axes move first, or last, is taken for one that has its channels last.
MOVED_INPUTS = {("ONNX", 709), ("TensorFlow Lite", 9)}
MOVED_OUTPUTS = {247, 384, 404}
DRAWN = (8, 95, 214, 247, 287)  # layers that read channels behind axes in another order


def check_equal(program, found, inputs):
    """Compare a program with what its file is read as.

    A reader may add ops: a table where a concatenation reads the input as another type, a
    convolution that cuts rows off. So each output of the program is one of the other's. The last
    op's outputs come back with the file's steps: both lie within half a step, each of its own, of
    the exact values; and a multiplier is off by up to 2^-32, which is half a step for an
    accumulator near 2^31.
    """
    again = as_i8(inputs, found)
    first = again.astype(int) - found.ops[0].inputs[0].zero  # what an upsampling by 1 writes
    others = {plane.tobytes() for plane in (first, *planes(found, again))}
    assert all(plane.tobytes() in others for plane in planes(program, inputs)), program.name
    check_outputs(program, found, inputs)


def check_outputs(program, found, inputs):
    """Compare the outputs of a program with what its file is read as, as `check_equal` says."""
    again = as_i8(inputs, found)
    names = [[output.name for output in each.outputs] for each in (program, found)]
    assert names[0] == names[1], program.name
    values, theirs = (by_name(reference.run(*each)) for each in ((program, inputs), (found, again)))
    for output, other in zip(program.outputs, found.outputs, strict=True):
        off = theirs[output.name] * other.scale - values[output.name] * output.scale
        allowed = 0.50001 * output.scale + 1.00001 * other.scale
        assert np.abs(off).max() <= allowed, program.name


def by_name(values):
    """The values of each output."""
    return values if isinstance(values, dict) else {"output": values}


def check_same_program(program, found):
    """Compare ops, edges, weights and the plan of a program with what its file is read as.

    The integers of an int8 plane with zero point -128 come back as u8, 128 more. The last op has
    the steps of the file. A mean of one value comes back as a convolution by 1.
    """
    kinds = [[op.kind for op in each.ops] for each in (program, found)]
    for op, (kind, other) in zip(program.ops, zip(*kinds, strict=True), strict=True):
        assert kind == other or (kind == "avgpool" and op.kernel == (1, 1)), kinds
    assert (program.reads, program.plan) == (found.reads, found.plan)
    for op, other in zip(program.ops, found.ops, strict=True):
        facts, others = (
            [
                getattr(each, name, None)
                for name in ("kernel", "stride", "padding", "pool", "groups")
            ]
            for each in (op, other)
        )
        assert facts == others or op.kind == "avgpool", op.name
        assert op.out_shape == other.out_shape, op.name
        assert op.kind == "dense" or op.in_shape == other.in_shape, op.name
        if hasattr(op, "weight"):
            assert np.array_equal(op.weight, other.weight), op.name
        if op.out_type == "i32":
            continue
        if op.kind == "lookup":
            assert np.array_equal(*(each.table[order(each)].astype(int) - each.output.zero
                                    for each in (op, other))), op.name  # fmt: skip
        if hasattr(op, "lo"):
            clamps = [
                (each.lo - each.output.zero, each.hi - each.output.zero) for each in (op, other)
            ]
            assert clamps[0] == clamps[1], op.name
        if hasattr(op, "mult"):
            check_multipliers(op, other)


def order(op):
    """The bytes of a lookup's input, from the least integer on."""
    return np.arange(-128, 128) % 256 if op.in_type == "i8" else np.arange(256)


def check_multipliers(op, other):
    """A channel whose weights are all 0 may have another multiplier and bias for its constant."""
    ratios = [each.mult.astype(float) * 2.0**each.shift for each in (op, other)]
    close = CLOSE
    if op.kind == "add":  # its factors and its multiplier are whole numbers of another unit
        ratios = [r * np.array(each.factors) for r, each in zip(ratios, (op, other), strict=True)]
        close = CLOSE + sum(
            1 / min(*n) for n in (op.factors, other.factors, (op.mult[0], other.mult[0]))
        )
    constant = ~op.rows.any(axis=1) if hasattr(op, "rows") else False
    assert (constant | (np.abs(ratios[1] / ratios[0] - 1) <= close)).all(), op.name


def need_schema(kind):
    """Skip where the package that writes a format is not installed."""
    pytest.importorskip("onnx" if kind == "ONNX" else "ai_edge_litert.schema_py_generated")


def as_i8(inputs, program):
    """Inputs as a program takes them whose u8 became i8."""
    given = inputs.astype(int) - (128 if inputs.dtype == np.uint8 else 0)
    given = given.astype(np.int8) if program.input_type == "i8" else inputs
    return given.reshape(len(inputs), *program.input_shape)


def planes(program, inputs):
    """The planes that ops read, zero points subtracted."""
    traced = zip(reference.trace(program, inputs), program.ops, strict=True)
    return [x.astype(int) - op.output.zero for x, op in traced if op.out_type != "i32"]


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
        found = read(content)
        check_same_program(program, found)
        if seed != TIE:
            check_equal(program, found, inputs)
    assert written >= 3 * nets // 4


@pytest.mark.parametrize("kind", FORMATS)
def test_random_graphs_come_back(kind):
    """First ops of every kind, outputs that are planes, types that a quantizer does not choose."""
    need_schema(kind)
    write, read = FORMATS[kind]
    written = 0
    for seed in range(350):
        if (kind, seed) == ("ONNX", LOOKS_LAST):
            continue
        program = random_program(seed)
        inputs = random_inputs(program, seed)
        try:
            content = write(program, inputs)
        except interop.ExportError as reason:
            assert UNWRITTEN_GRAPHS.fullmatch(str(reason)), seed
            continue
        written += 1
        check_equal(program, read(content), inputs)
    assert written >= 20


@pytest.mark.parametrize("kind", FORMATS)
def test_drawn_nets_come_back(kind, toolbox):
    """Nets of all layers. A reader may look up values before it moves them, so the outputs alone
    are compared. TensorFlow Lite rounds a resize in the steps of its input, and a step may become
    many in the ops after it: of these nets the file is read.
    """
    need_schema(kind)
    write, read = FORMATS[kind]
    seeds, written = {*DRAWN, *range(toolbox.count(every_day=40, ci=800))}, 0
    for seed in sorted(seeds):
        case = drawn_case(seed)
        program = quant.quantize(case.model, case.calibration())
        if program.input_parts:  # files have one input
            continue
        inputs = case.integers(program)[:8]
        try:
            content = write(program, inputs)
        except interop.ExportError as reason:
            assert UNWRITTEN_GRAPHS.fullmatch(str(reason)), seed
            continue
        written += 1
        found = read(content)
        resizes = kind != "ONNX" and any(op.kind == "resize" for op in program.ops)
        if not resizes and (kind, seed) not in MOVED_INPUTS:
            check_outputs(program, found, inputs)
    assert written >= len(seeds) // 2


def test_drawn_float_nets_come_back(toolbox):
    """Oracle: ONNX Runtime; float32 sums have other orders, which a sine of large values shows."""
    pytest.importorskip("onnx")
    seeds, written = {*DRAWN, *range(toolbox.count(every_day=60, ci=800))}, 0
    for seed in sorted(seeds):
        net = drawn_case(seed).model.net
        if any(isinstance(leaf, nn.Sin | nn.Cos) for _, leaf in net.leaves()):
            continue
        try:
            content = interop.to_onnx(net)
        except interop.ExportError:
            continue
        written += 1
        x = normals(net.input_shape)
        wanted = net(x)
        check_close(onnx_runtime(content, x), wanted)
        found = interop.from_onnx(content)
        if seed not in MOVED_OUTPUTS:
            check_close(found(as_ours(found, x)), wanted)
    assert written >= len(seeds) // 3


@pytest.mark.parametrize("kind", FORMATS)
def test_several_outputs_and_slopes_come_back(kind):
    """A plane that is an output too comes back as a convolution by 1."""
    need_schema(kind)
    write, read = FORMATS[kind]
    net = nn.Graph(
        {"body": nn.Sequential([
            nn.Conv2d(8, 3, padding=1), nn.PReLU(8), nn.Conv2d(6, 3), nn.PReLU(1)]),
         "spot": nn.Conv2d(2, 1), "mean": nn.GlobalAvgPool2d(), "fc": nn.Linear(3)},
        [("input", "body", "spot", ".heat"), ("body", "mean", "fc", ".size"), ("body", ".plane")],
        {"input": (3, 8, 9)},
    ).initialize(seed=3)  # fmt: skip
    slopes = np.random.default_rng(1).normal(0, 0.4, 8).astype(np.float32)
    net = net.with_params({"body.relu1.weight": slopes})
    x = np.random.default_rng(0).normal(0, 1, (40, 3, 8, 9)).astype(np.float32)
    program = quant.quantize(net, quant.calibrate(net, x))
    assert "prelu" in [op.kind for op in program.ops]
    inputs = program.integers(x)
    found = read(write(program, inputs))
    check_same_program(program, found)
    check_equal(program, found, inputs)
    assert write(program, outputs=reference.run(program, inputs)) == write(program, inputs)
    with pytest.raises(interop.ExportError, match="outputs has output; the program plane"):
        write(program, outputs=np.ones((1, 3), np.int32))


def test_a_float_net_of_several_outputs_and_slopes_comes_back():
    net = nn.Graph(
        {"conv": nn.Conv2d(4, 3), "prelu": nn.PReLU(4), "heat": nn.Conv2d(1, 1),
         "mean": nn.GlobalAvgPool2d(), "fc": nn.Linear(2), "slope": nn.PReLU(1)},
        [("input", "conv", "prelu", "heat", ".heat"), ("prelu", "mean", "fc", "slope", ".size")],
        {"input": (3, 8, 9)},
    ).initialize(seed=3)  # fmt: skip
    again = interop.from_onnx(interop.to_onnx(net))
    x = np.random.default_rng(0).normal(0, 1, (5, 3, 8, 9)).astype(np.float32)
    assert [*again(x)] == ["heat_output", "size"]
    for values, wanted in zip(again(x).values(), net(x).values(), strict=True):
        np.testing.assert_array_equal(values, wanted)


def lookups():
    """A program of two tables, of which the first writes every byte and the second int32."""
    rng, plane = np.random.default_rng(0), Shape(4, 8, 8)
    first, middle, last = Tensor(plane, "u8"), Tensor(plane, "i8", 3), Tensor(plane, "i32")
    bytes_ = rng.permutation(256).astype(np.uint8).view(np.int8)
    numbers = rng.integers(-1000, 1001, 256).astype(np.int32)
    ops = (
        Lookup(name="bytes", inputs=(first,), output=middle, table=bytes_),
        Lookup(name="numbers", inputs=(middle,), output=last, table=numbers),
    )
    return Program(
        name="tables", ops=ops, reads=((0,), (1,)), input_scale=1 / 255, outputs=only_output(0.01)
    )


def test_runtimes_look_up_the_integers_of_tables():
    """Oracles: ONNX Runtime and LiteRT; the output has 120 steps up to its largest value."""
    pytest.importorskip("ai_edge_litert")
    program = lookups()
    x = np.arange(256, dtype=np.uint8).reshape(1, 4, 8, 8)
    outputs = reference.run(program, x)
    wanted = np.rint(outputs / (np.abs(outputs).max() / 120))
    content = interop.to_onnx(program, x)
    found = onnx_runtime(content, x.transpose(0, 3, 1, 2), plain=True).astype(int) - 128
    assert np.array_equal(found.reshape(wanted.shape), wanted)
    found = litert(interop.to_tflite(program, x), (x ^ 128).view(np.int8))
    assert np.array_equal(found.reshape(wanted.shape), wanted)


def file_form(program, x):
    """Of integers that a program reads: its outputs, the largest as 120, without rounding; the
    integers from 0 on, as (N, H, W, C) and as ONNX's images.
    """
    outputs = reference.run(program, x)
    planes = x.reshape(len(x), *program.input.shape).astype(int)
    planes += 128 if program.input_type == "i8" else 0
    images = planes.transpose(0, 3, 1, 2).astype(np.uint8)
    return outputs / (np.abs(outputs).max() / 120), planes, images


@pytest.mark.parametrize("seed", [1, 3, 19])
def test_runtimes_compute_programs_with_clamps_and_tables(seed):
    """Oracles: ONNX Runtime and LiteRT. Half a step of the file's last tensor is its rounding; the
    runtimes' own roundings move no output of these nets by another.
    """
    pytest.importorskip("ai_edge_litert")
    case = random_case(seed)
    program = quant.quantize(case.model, case.calibration())
    x = case.integers(program)[:8]
    exact, planes, images = file_form(program, x)
    found = onnx_runtime(interop.to_onnx(program, x), images, plain=True).astype(int) - 128
    assert np.abs(found.reshape(exact.shape) - exact).max() <= 0.501
    found = litert(interop.to_tflite(program, x), (planes - 128).astype(np.int8))
    assert np.abs(found.reshape(exact.shape) - exact).max() <= 0.501


MOVES = {
    "resize": [nn.Conv2d(8, 3), nn.Resize((13, 17)), nn.ReLU6(), nn.Conv2d(4, 3)],
    "align corners": [nn.Resize((20, 9), alignment="align_corners"), nn.Conv2d(4, 3)],
    "slice": [nn.Conv2d(8, 3), nn.Slice(0, 2, 7), nn.Slice(1, 1, None, 2), nn.ReLU6(), nn.Flatten(),
              nn.Linear(5)],
    "transpose": [nn.Conv2d(8, 3), nn.Permute((1, 0, 2)), nn.ReLU(), nn.Conv2d(4, 3),
                  nn.Permute((2, 1, 0)), nn.ReLU6(), nn.Conv2d(4, 3), nn.Permute((1, 2, 0)),
                  nn.Conv2d(3, 1)],
    "shuffle": [nn.Conv2d(8, 3), nn.MaxPool2d(2), nn.ChannelShuffle(4), nn.Conv2d(8, 3, groups=2)],
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_runtimes_compute_what_resizes_slices_and_transposes_make(name):
    """Oracles: ONNX Runtime of the net and of the program, LiteRT of the program, whose resize is
    rounded once in the steps of its input. A runtime's own rounding moves an output by less than a
    hundredth of a step; float32 sums have other orders.
    """
    pytest.importorskip("ai_edge_litert")
    net = nn.Sequential(MOVES[name]).bind((3, 12, 14)).initialize(seed=0)
    x = np.random.default_rng(0).normal(0, 1, (40, 3, 12, 14)).astype(np.float32)
    content = interop.to_onnx(net)
    wanted = net(x)
    check_close(onnx_runtime(content, x), wanted)
    assert np.array_equal(interop.from_onnx(content)(x), wanted)
    program = quant.quantize(net, quant.calibrate(net, x))
    given = program.integers(x)[:8]
    exact, planes, images = file_form(program, given)
    content = interop.to_onnx(program, given)
    found = onnx_runtime(content, images, plain=True).astype(int) - 128
    assert np.abs(found.reshape(exact.shape) - exact).max() <= 0.51
    check_same_program(program, interop.program_from_onnx(content))
    content = interop.to_tflite(program, given)
    read = interop.program_from_tflite(content)
    found = litert(content, (planes - 128).astype(np.int8))
    if name in ("resize", "align corners"):
        assert "resize" in [op.kind for op in read.ops]
        assert np.abs(found.reshape(exact.shape) - exact).mean() <= 1  # two roundings
        return
    assert np.abs(found.reshape(exact.shape) - exact).max() <= 0.51
    check_same_program(program, read)


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
