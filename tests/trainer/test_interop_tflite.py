"""Quantized and float nets from TensorFlow Lite files. Oracles: LiteRT, which runs the file, and
the program that a file was written from.

LiteRT rounds ties and multipliers in other ways than NUMERICS.md, so a single value of one operator
may differ by 1. Float nets sum products of at most a hundred terms in another order: 1e-5 of the
largest output is far above that and far below any misread weight or padding.
"""

import dataclasses
import operator
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output
from properties import examples
from tflite_files import TfliteFile, a_net, check_floats, check_integers, int8s, litert, windows

from drypoint import interop, nn, quant
from drypoint.common import DrypointError
from drypoint.graph import QuantParams, op_integers
from drypoint.interop import to_tflite
from drypoint.program import (
    Add,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Lookup,
    MaxPool,
    Mul,
    Program,
    Shape,
    Tensor,
    reference,
    sum_factors,
)
from drypoint.program.lowering import Given, lower_mean

RELU6 = {"FusedActivationFunction": "RELU6"}
ZERO = {"scale": 0.04, "zero": -128}


def one_op(kind, shape, out, *, arrays=None, scale=0.02, zero=-3, to=ZERO, **options):
    """A file of one operator that reads its input, then the constants that ``arrays`` draws."""
    f = TfliteFile(shape, scale=scale, zero=zero)
    f.then(kind, [0, *(arrays(f) if arrays else ())], out, **to, **options)
    return f.bytes()


def conv(*shape):
    return lambda f: (f.drawn(*shape), f.bias(shape[0]))


def depthwise(*shape):
    return lambda f: (f.drawn(*shape, axis=3), f.bias(shape[3]))


def number(values, scale=0.03, zero=4):
    return lambda f: (f.constant(values, "INT8", scale=scale, zero=zero),)


def chosen(*values):
    return lambda f: (f.constant(values),)


def joined(kind, shapes, out, **options):
    """A file whose last operator reads several functions of the input."""
    f = TfliteFile((1, 4, 6, 3), scale=0.03, zero=7)
    parts = [
        f.then("CONV_2D", [0, f.drawn(c, h, 1, 3), f.bias(c)], (1, 5 - h, 6, c), scale=scale,
               zero=zero, **windows(padding="VALID"))
        for (h, c), scale, zero in shapes
    ]  # fmt: skip
    f.then(kind, parts, out, **ZERO, **options)
    return f.bytes()


def padded(kind, *value, reader="CONV_2D"):
    """A PAD, and what reads it."""
    f = TfliteFile((1, 5, 6, 3), scale=0.02, zero=-3)
    more = [f.constant(list(value), "INT8", scale=0.02, zero=-3)] if value else []
    around = f.constant([[0, 0], [1, 2], [2, 0], [0, 0]])
    at = f.then(kind, [0, around, *more], (1, 8, 8, 3), scale=0.02, zero=-3)
    if reader == "CONV_2D":
        f.then(reader, [at, f.drawn(4, 3, 3, 3), f.bias(4)], (1, 8, 8, 4), **ZERO, **windows())
    else:
        f.then(reader, [at], (1, 4, 4, 3), scale=0.02, zero=-3, **windows((2, 2), (2, 2), "VALID"))
    return f.bytes()


def reshaped(shape, made):
    """The input in another shape, and a convolution of it."""
    f = TfliteFile(shape, scale=0.02, zero=-3)
    at = f.then("RESHAPE", [0, f.constant(made)], made, scale=0.02, zero=-3)
    f.then(
        "CONV_2D", [at, f.drawn(5, 3, 3, made[3]), f.bias(5)], (*made[:3], 5), **ZERO, **windows()
    )
    return f.bytes()


def parts():
    """Halves of the channels, of which one is convolved, and rows that are cut off."""
    f = TfliteFile((1, 7, 6, 4), scale=0.02, zero=-3)
    a, b = f.split(0, 1, 3)
    b = f.then("CONV_2D", [b, f.drawn(2, 3, 3, 3), f.bias(2)], (1, 7, 6, 2), scale=0.02, zero=-3,
               **windows())  # fmt: skip
    at = f.then("CONCATENATION", [a, b], (1, 7, 6, 3), scale=0.02, zero=-3, Axis=3)
    f.rows(at, -5, -1)
    f.then("CONV_2D", [f.at, f.drawn(3, 2, 2, 3), f.bias(3)], (1, 4, 6, 3), **ZERO, **windows())
    return f.bytes()


def squeezed():
    """A line of pixels without its axis of one row, and half of its channels."""
    steps = {"scale": 0.02, "zero": -3}
    f = TfliteFile((1, 1, 7, 4), **steps)
    at = f.then("SQUEEZE", [0], (1, 7, 4), **steps, SqueezeDims=[1])
    halves = [f.tensor((1, 7, 2), **steps) for _ in range(2)]
    f.operators.append(("SPLIT", [f.constant(2), at], halves, {"NumSplits": 2}))
    f.then("TANH", [halves[1]], (1, 7, 2), scale=1 / 128)
    return f.bytes()


plane = (1, 7, 6, 4)
OPERATORS = {
    "conv": one_op("CONV_2D", plane, (1, 4, 3, 6), arrays=conv(6, 3, 3, 4),
                   **windows(stride=(2, 2)), **RELU6),
    "conv, zero point -128": one_op("CONV_2D", plane, (1, 7, 6, 6), arrays=conv(6, 3, 2, 4),
                                    zero=-128, **windows()),
    "dense without bias": one_op("FULLY_CONNECTED", (1, 30), (1, 9),
                                 arrays=lambda f: (f.drawn(9, 30),)),
    "dilated conv": one_op("CONV_2D", plane, (1, 7, 6, 6), arrays=conv(6, 3, 3, 4),
                           **windows(DilationHFactor=2, DilationWFactor=2)),
    "grouped conv": one_op("CONV_2D", plane, (1, 7, 6, 6), arrays=conv(6, 3, 3, 2), **windows()),
    "depthwise": one_op("DEPTHWISE_CONV_2D", plane, (1, 4, 3, 4), arrays=depthwise(1, 3, 3, 4),
                        **windows(stride=(2, 2), DepthMultiplier=1), **RELU6),
    "depthwise, two outputs a channel": one_op(
        "DEPTHWISE_CONV_2D", plane, (1, 7, 6, 8), arrays=depthwise(1, 3, 3, 8),
        **windows(DepthMultiplier=2)),
    "depthwise of one channel": one_op(
        "DEPTHWISE_CONV_2D", (1, 7, 6, 1), (1, 7, 6, 5), arrays=depthwise(1, 3, 3, 5),
        **windows(DepthMultiplier=5)),
    "dense": one_op("FULLY_CONNECTED", (1, 30), (1, 9), arrays=conv(9, 30), **RELU6),
    "dense of a plane": one_op("FULLY_CONNECTED", plane, (1, 9), arrays=conv(9, 168)),
    "maximum": one_op("MAX_POOL_2D", plane, (1, 7, 6, 4), to={"scale": 0.02, "zero": -3},
                      **windows((3, 3))),
    "least with a number": one_op("MINIMUM", plane, plane, arrays=number([20], 0.02, -3),
                                  to={"scale": 0.02, "zero": -3}),
    "largest with a number": one_op("MAXIMUM", plane, plane, arrays=number([[-30]], 0.02, -3),
                                    to={"scale": 0.02, "zero": -3}),
    "mean of windows": one_op("AVERAGE_POOL_2D", plane, (1, 3, 2, 4),
                              to={"scale": 0.02, "zero": -3},
                              **windows((3, 3), (2, 2), "VALID")),
    "mean of the plane": one_op("MEAN", plane, (1, 4), arrays=chosen(1, 2), KeepDims=False),
    "mean of rows": one_op("MEAN", plane, (1, 1, 6, 4), arrays=chosen(-3), KeepDims=True),
    "sum": joined("ADD", [((2, 4), 0.0517, -128), ((2, 4), 0.0113, 9)], (1, 3, 6, 4), **RELU6),
    "product": joined("MUL", [((2, 4), 0.05, 3), ((2, 4), 0.02, -9)], (1, 3, 6, 4)),
    "concatenation": joined("CONCATENATION", [((2, c), 0.04, -128) for c in (4, 2, 3)],
                            (1, 3, 6, 9), Axis=-1),
    "sum with a number": one_op("ADD", plane, plane, arrays=number([20])),
    "number less a plane": one_op("SUB", plane, plane, arrays=number([[[[-9]]]])),
    "sum with channels": one_op("ADD", plane, plane,
                                arrays=number([20, -7, 90, -128], 0.0313)),
    "product with channels": one_op("MUL", plane, plane, arrays=number([[20, -7, 90, 4]])),
    "pad before a conv": padded("PAD"),
    "padding values before a conv": padded("PADV2", 55),
    "pad before a maximum": padded("PAD", reader="MAX_POOL_2D"),
    "parts of channels and rows": parts(),
    "quantize": one_op("QUANTIZE", plane, plane),
    "relu": one_op("RELU", plane, plane),
    "relu from -1 to 1": one_op("RELU_N1_TO_1", plane, plane),
    "squeezed and split": squeezed(),
    "leaky relu": one_op("LEAKY_RELU", plane, plane, Alpha=0.1, to={"scale": 0.02, "zero": -90}),
    "a slope for each channel": one_op("PRELU", plane, plane, to={"scale": 0.02, "zero": -20},
                                       arrays=number([[[20, -7, 90, 4]]], 0.01, 0)),
    "reshaped input": reshaped((1, 168), plane),
    "tanh": one_op("TANH", plane, plane, to={"scale": 1 / 128, "zero": 0}),
    "logistic": one_op("LOGISTIC", plane, plane, to={"scale": 1 / 256, "zero": -128}),
    "hard swish": one_op("HARD_SWISH", plane, plane, scale=0.05, to={"scale": 0.04, "zero": -110}),
    "gelu": one_op("GELU", plane, plane, Approximate=False, to={"scale": 0.02, "zero": -100}),
    "elu": one_op("ELU", plane, plane, to={"scale": 0.02, "zero": -60}),
}  # fmt: skip


def test_every_operator_computes_what_litert_computes_but_for_single_steps_of_one():
    for name, content in OPERATORS.items():
        check_integers(content, 0.1, name)


def test_a_maximum_behind_a_depthwise_convolution_is_fused():
    """Oracle: LiteRT. Apart, the two outputs took 2,048 + 512 bytes."""
    f = TfliteFile((1, 8, 8, 32), scale=0.02, zero=-3)
    at = f.then("DEPTHWISE_CONV_2D", [0, f.drawn(1, 3, 3, 32, axis=3), f.bias(32)], (1, 8, 8, 32),
                **ZERO, **windows(DepthMultiplier=1))  # fmt: skip
    f.then("MAX_POOL_2D", [at], (1, 4, 4, 32), **ZERO, **windows((2, 2), (2, 2), "VALID"))
    f.then("FULLY_CONNECTED", [f.at, f.drawn(4, 512), f.bias(4)], (1, 4), scale=0.3, zero=2)
    program = check_integers(f.bytes())
    assert [(type(op), getattr(op, "pool", None)) for op in program.ops] == [
        (DepthwiseConv, (2, 2)),
        (Dense, None),
    ]
    assert program.arena_size == 512


def test_a_maximum_of_the_input_needs_no_table():
    """The program reads i8 with zero point -128, which has the steps of u8."""
    f = TfliteFile((1, 6, 6, 2), **ZERO)
    at = f.then("MAX_POOL_2D", [0], (1, 3, 3, 2), **ZERO, **windows((2, 2), (2, 2), "VALID"))
    right = f.then("MAX_POOL_2D", [0], (1, 3, 3, 2), **ZERO, **windows((2, 2), (2, 2), "VALID"))
    left = f.then("CONV_2D", [at, f.drawn(2, 3, 3, 2), f.bias(2)], (1, 3, 3, 2), **ZERO,
                  **windows())  # fmt: skip
    f.then("CONCATENATION", [left, right], (1, 3, 3, 4), **ZERO, Axis=3)
    program = check_integers(f.bytes())
    assert [type(op) for op in program.ops] == [MaxPool, MaxPool, Conv, Lookup, Concat]


def test_zeros_and_another_value_around_a_plane_keep_their_places():
    """Oracle: LiteRT. The reader takes no padding, so a copy of the plane has both."""
    steps = {"scale": 0.02, "zero": -3}
    f = TfliteFile((1, 4, 4, 2), **steps)
    zeros = f.constant([[0, 0], [1, 0], [1, 0], [0, 0]])
    at = f.then("PAD", [0, zeros], (1, 5, 5, 2), **steps)
    fill = [f.constant([[0, 0], [0, 1], [0, 1], [0, 0]]), f.constant([50], "INT8", **steps)]
    at = f.then("PADV2", [at, *fill], (1, 6, 6, 2), **steps)
    shape = (1, 6, 6, 3)
    f.then("TRANSPOSE_CONV", [f.constant(shape), f.drawn(3, 1, 1, 2), at], shape, **ZERO,
           **windows(padding="VALID"))  # fmt: skip
    check_integers(f.bytes())


def test_a_convolution_reads_two_paddings_of_different_values():
    steps = {"scale": 0.05, "zero": -3}
    f = TfliteFile((1, 3, 4, 2), **steps)
    zeros = f.constant([[0, 0], [1, 0], [0, 1], [0, 0]])
    at = f.then("PAD", [0, zeros], (1, 4, 5, 2), **steps)
    fill = [f.constant([[0, 0], [0, 1], [1, 0], [0, 0]]), f.constant([90], "INT8", **steps)]
    at = f.then("PADV2", [at, *fill], (1, 5, 6, 2), **steps)
    valid = windows(padding="VALID", DilationHFactor=1, DilationWFactor=1)
    weights = f.drawn(3, 2, 2, 2), f.bias(3)
    f.then("CONV_2D", [at, *weights], (1, 4, 5, 3), scale=0.1, zero=4, **valid)
    check_integers(f.bytes(), 0.01)


def test_planes_that_the_operator_would_broadcast_or_pad_to_another_shape_are_refused():
    """(1, 8, 8, 1) and its view (1, 1, 1, 64) add up to (1, 8, 8, 64), whatever the file says."""
    steps, view = {"scale": 0.02, "zero": -3}, (1, 1, 1, 64)
    f = TfliteFile((1, 8, 8, 1), **steps)
    at = f.then("TANH", [0], (1, 8, 8, 1), **steps)
    f.then("ADD", [f.then("RESHAPE", [at, f.constant(view)], view, **steps), at], view, **ZERO)
    assert "makes 8x8x64, and the file says 1x1x64" in refusal(f.bytes())
    f = TfliteFile((1, 4, 4, 2), **steps)
    around = f.constant([[0, 0], [1, 0], [1, 0], [0, 0]])
    at = f.then("PAD", [0, around], (1, 6, 5, 2), **steps)
    f.then("CONV_2D", [at, f.drawn(3, 1, 1, 2)], (1, 5, 5, 3), **ZERO, **windows())
    assert "makes 5x5x2, and the file says 6x5x2" in refusal(f.bytes())


def test_a_sum_adds_the_real_values_of_any_two_scales():
    """Oracle: float64. LiteRT takes no scales so far apart. Beyond the rounding to half a step are
    2^-8 of a step, of a multiplier of 17 bits and accumulators up to 2^24, and what the quotient of
    the factors is off, at most 1 / 32,767 of the coarser scale.
    """
    for scale in (0.05, 0.0113, 2.4e-6, 5e-7):
        content = joined("ADD", [((2, 4), 0.05, 3), ((2, 4), scale, -9)], (1, 3, 6, 4))
        program = interop.program_from_tflite(content)
        *_, a, b, y = reference.trace(program, int8s(program.input_shape))
        op = program.ops[-1]
        scales = [float(np.float32(one)) for one in (0.05, scale)]
        assert op.factors == sum_factors(*scales)[0]
        parts = zip((a, b), op.inputs, scales, strict=True)
        real = sum(s * (x.astype(float) - tensor.zero) for x, tensor, s in parts)
        steps = (real / program.output_scale).clip(op.lo, op.hi)
        off = 0.5 + 2.0**-8 + 137 / 32_767 * max(scales) / program.output_scale
        assert np.abs(y - steps).max() <= off, scale


@examples(30)
@given(*[st.floats(2.0**-10, 4.0, width=32)] * 3, st.integers(-128, 127), st.integers(-128, 127))
def test_sums_products_and_means_have_the_quantizers_integers(a, b, out, zero_a, zero_b):
    """Oracle: the integers that `quant` makes of these scales and zero points."""
    sources = [(a, zero_a), (b, zero_b)]
    pair = [QuantParams("u8", s) if z == -128 else QuantParams("i8", s, z) for s, z in sources]
    plane, joined = (1, 4, 2, 3), {}
    for kind in ("ADD", "MUL"):
        f = TfliteFile(plane, scale=0.02, zero=-3)
        parts = [f.then("QUANTIZE", [0], plane, scale=s, zero=z) for s, z in sources]
        f.then(kind, parts, plane, scale=out, zero=5)
        joined[kind] = f.bytes()
    mean = one_op("MEAN", plane, (1, 3), arrays=chosen(1, 2), scale=a, zero=zero_b,
                  to={"scale": out, "zero": 5}, KeepDims=False)  # fmt: skip
    given = Given(fields={}, sources=tuple(pair))
    for content, lowered in (
        (joined["ADD"], Add.lower(given)),
        (joined["MUL"], Mul.lower(given)),
        (mean, lower_mean(QuantParams("i8", a, zero_b), 8)),
    ):
        wanted = op_integers(lowered, out_scale=out)
        op = interop.program_from_tflite(content).ops[-1]
        assert (op.bias.tolist(), op.mult.tolist(), op.shift) == (
            wanted.bias.tolist(), wanted.mult.tolist(), wanted.shift
        )  # fmt: skip
        assert getattr(op, "factors", None) == wanted.fields.get("factors")


def weighted(kind, inputs, output, seed, **fields):
    """An op with random weights whose multipliers have 22 significant bits: what float32 scales of
    a file hold exactly.
    """
    rng, channels = np.random.default_rng(seed), output.shape.c
    shapes = {Conv: (channels, *fields.get("kernel", ()), inputs.shape.c),
              DepthwiseConv: (*fields.get("kernel", ()), channels),
              Dense: (channels, inputs.shape.size)}  # fmt: skip
    limits = {"u8": (0, 255), "i8": (-128, 127), "i32": (-(2**31), 2**31 - 1)}[output.type]
    return kind(
        name=f"op{seed}", inputs=(inputs,), output=output, **fields, shift=0,
        weight=rng.integers(-127, 128, shapes[kind]).astype(np.int8),
        bias=rng.integers(-9000, 9000, channels).astype(np.int32),
        mult=(rng.integers(2**14, 2**15, channels) * 2**9).astype(np.int32),
        lo=limits[0], hi=limits[1],
    )  # fmt: skip


def a_line():
    """A program of one line of ops, whose padded convolutions read real zero as 0."""
    tensors = [Tensor(Shape(9, 8, 3), "i8", 0), Tensor(Shape(9, 8, 8), "u8"),
               Tensor(Shape(5, 4, 8), "i8", -11), Tensor(Shape(2, 2, 6), "u8"),
               Tensor(Shape(2, 2, 6), "u8"), Tensor(Shape(1, 1, 5), "i32")]  # fmt: skip
    around = {"kernel": (3, 3), "padding": (1, 1, 1, 1)}
    return Program(
        name="model", input_scale=1.0, outputs=only_output(),
        ops=(
            weighted(Conv, *tensors[0:2], 1, **around),
            weighted(DepthwiseConv, *tensors[1:3], 2, stride=(2, 2), **around),
            weighted(Conv, *tensors[2:4], 3, kernel=(1, 1), pool=(2, 2)),
            MaxPool(name="op4", inputs=(tensors[3],), output=tensors[4], **around),
            weighted(Dense, *tensors[4:6], 5),
        ),
    )  # fmt: skip


def written(program):
    """The program's file, whose last op has the steps of the program's."""
    pytest.importorskip("ai_edge_litert.schema_py_generated")
    return to_tflite(program, outputs=np.array([[120]], np.int32))


def test_a_program_that_was_written_is_read_with_all_its_integers():
    """But for the last op's clamp: the file's output has 8 bits."""
    program = a_line()
    found = interop.program_from_tflite(written(program))
    assert found.reads == program.reads
    for op, wanted in zip(found.ops, program.ops, strict=True):
        assert type(op) is type(wanted)
        for field in dataclasses.fields(op):
            if field.name not in ("name", *(("lo", "hi") if op is found.ops[-1] else ())):
                came, there = getattr(op, field.name), getattr(wanted, field.name)
                same = np.array_equal if isinstance(came, np.ndarray) else operator.eq
                assert same(came, there), f"{wanted.name}.{field.name}"
    assert (found.ops[-1].lo, found.ops[-1].hi) == (-128, 127)


def test_a_graph_that_was_written_is_read_with_its_edges_and_weights():
    """Multipliers follow from float32 scales: they are right to 2^-22. The quotient of a sum's
    factors is the nearest one to such scales, and its multiplier has 17 bits.
    """
    conv = nn.Conv2d(4, 3, padding=1)
    layers = {"a": conv, "relu": nn.ReLU(), "b": conv, "add": nn.Add(), "fc": nn.Linear(3),
              "flatten": nn.Flatten()}  # fmt: skip
    edges = [("input", "a", "relu", "b", "add.a"), ("relu", "add.b"), ("add", "flatten", "fc")]
    net = nn.Graph(layers, edges, {"input": (2, 6, 6)}).initialize(0)
    x = np.random.default_rng(0).normal(0, 1, (50, 2, 6, 6))
    program = quant.quantize(net, quant.calibrate(net, x))
    found = interop.program_from_tflite(written(program))
    assert [type(op) for op in found.ops] == [type(op) for op in program.ops]
    for op, wanted in zip(found.ops[:-1], program.ops[:-1], strict=True):
        ratio = op.mult * 2.0**op.shift / (wanted.mult * 2.0**wanted.shift)
        if op is found.ops[2]:
            quotient = op.factors[0] * wanted.factors[1] / (op.factors[1] * wanted.factors[0])
            assert abs(quotient - 1) <= 2.0**-22
            ratio = ratio * np.array(op.factors) / wanted.factors
        assert np.abs(ratio - 1).max() <= (2.0**-16 if op is found.ops[2] else 2.0**-22)
        assert np.array_equal(getattr(op, "weight", 0), getattr(wanted, "weight", 0))


def test_a_convolution_pads_with_the_integer_of_real_zero():
    source, output = Tensor(Shape(5, 5, 3), "i8", 83), Tensor(Shape(5, 5, 4), "i32")
    around = {"kernel": (3, 3), "padding": (1, 1, 1, 1), "pad": np.full(3, 83, np.int8)}
    op = dataclasses.replace(weighted(Conv, source, output, 1, **around), lo=-128, hi=127)
    program = Program(name="model", ops=(op,), input_scale=1.0, outputs=only_output())
    (found,) = interop.program_from_tflite(written(program)).ops
    assert (type(found), found.pad.tolist()) == (Conv, [83, 83, 83])


def test_a_net_of_all_of_them_decides_as_litert():
    content = a_net()
    program = interop.program_from_tflite(content, name="blocks")
    assert (program.name, program.softmax) == ("blocks", True)
    assert program.input == Tensor(Shape(8, 6, 3), "i8", -3)
    assert program.input_scale == float(np.float32(0.02))
    x = int8s((8, 6, 3))
    outputs = reference.run(program, x)
    assert np.array_equal(outputs.argmax(axis=1), litert(content, x).argmax(axis=1))
    probabilities = (litert(content, x)) / 256  # of outputs that differ by a step of 0.2 at most
    assert np.abs(program.real(outputs) - probabilities).max() <= 0.06


def with_borders(kind, zero):
    """A net whose input is of another type, and whose output is too."""
    f = TfliteFile((1, 4, 4, 2), kind=kind, scale=0.5, zero=zero)
    at = f.then("QUANTIZE", [0], (1, 4, 4, 2), type="INT8", scale=0.5, zero=zero - 128)
    f.kind = "INT8"
    f.then("CONV_2D", [at, f.drawn(3, 3, 3, 2), f.bias(3)], (1, 4, 4, 3), **ZERO, **windows())
    last, more = ("DEQUANTIZE", {}) if kind == "FLOAT32" else ("QUANTIZE", {"scale": 0.04})
    f.then(last, [f.at], (1, 4, 4, 3), type=kind, **more)
    return f.bytes()


def test_inputs_and_outputs_of_other_types_are_the_integers_behind_them():
    bytes_ = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 2)).astype(np.uint8)
    for zero, wanted, x in (
        (0, Tensor(Shape(4, 4, 2), "u8"), bytes_),
        (128, Tensor(Shape(4, 4, 2), "i8"), (bytes_ ^ 128).view(np.int8)),
    ):
        content = with_borders("UINT8", zero)
        program = interop.program_from_tflite(content)
        assert program.input == wanted
        assert np.abs(reference.run(program, x) - litert(content, bytes_)).max() <= 1
    content = with_borders("FLOAT32", 3)
    program = interop.program_from_tflite(content)
    x = np.random.default_rng(0).normal(0, 30, (20, 4, 4, 2)).astype(np.float32)
    outputs = reference.run(program, program.integers(x.transpose(0, 3, 1, 2)))
    assert np.abs(program.real(outputs) - litert(content, x)).max() <= 0.04 * 1.01  # one step


def test_outputs_that_are_copied_lose_their_zero_point():
    for kind, made, options in (
        ("MAX_POOL_2D", (1, 1, 2, 3), windows((2, 2), (2, 2), "VALID")),
        ("PAD", (1, 2, 6, 3), {}),
    ):
        f = TfliteFile((1, 2, 4, 3), scale=0.5, zero=9)
        more = [f.constant([[0, 0], [0, 0], [1, 1], [0, 0]])] if kind == "PAD" else []
        f.then(kind, [0, *more], made, scale=0.5, zero=9, **options)
        program = interop.program_from_tflite(f.bytes())
        x = int8s((2, 4, 3))
        assert np.array_equal(reference.run(program, x), litert(f.bytes(), x))


def test_a_channel_of_zeros_with_a_tiny_scale_keeps_its_one_output():
    """Files have such channels: their bias is 2^30, their scale what makes the bias real."""
    f = TfliteFile((1, 3, 3, 2), scale=0.1, zero=-128)
    weight, bias = np.ones((4, 1, 1, 2), np.int8), np.array([5, 2**30, -(2**30), 2**30])
    weight[1:] = 0
    scale = np.array([0.05, 3.3e-9, 3.3e-9, 1.3e-7])
    inputs = [0, f.constant(weight, "INT8", scale=scale), f.constant(bias, scale=scale * 0.1)]
    f.then("CONV_2D", inputs, (1, 3, 3, 4), scale=0.05, zero=-128, **windows())
    program = interop.program_from_tflite(f.bytes())
    x = int8s((3, 3, 2))
    assert reference.run(program, x).reshape(-1, 4)[0, 1:].tolist() == [7, 0, 255]
    assert np.abs(reference.run(program, x) - litert(f.bytes(), x)).max() <= 1


def refusal(content, read=interop.program_from_tflite):
    with pytest.raises(interop.TfliteError) as found:
        read(content)
    assert all(line.isprintable() for line in str(found.value).split("\n  "))
    return str(found.value)


def test_one_message_names_all_operators_without_a_counterpart():
    f = TfliteFile((1, 4, 4, 2), scale=0.5)
    at = f.then("MIRROR_PAD", [0], (1, 4, 4, 2))
    at = f.then("CONV_2D", [at, f.drawn(3, 3, 3, 2), f.bias(3)], (1, 4, 4, 3), **windows())
    at = f.then("RESIZE_BILINEAR", [at, f.constant([8, 7])], (1, 8, 8, 3))
    at = f.then("AVERAGE_POOL_2D", [at], (1, 8, 8, 3), **windows((3, 3)))
    for read in (interop.program_from_tflite, interop.from_tflite):
        message = refusal(f.bytes(), read)
        first, *lines = message.splitlines()
        assert first.endswith("3 of 4 operators:")
        assert [line.split()[:4] for line in lines] == [
            ["operator", "0", "MIRROR_PAD", "pads"],
            ["operator", "2", "RESIZE_BILINEAR", "makes"],
            ["operator", "3", "AVERAGE_POOL_2D", "leaves"],
        ]


def test_an_operator_is_not_blamed_for_what_it_reads():
    """The reshape's output has no scale: nothing is known of what reads it."""
    f = TfliteFile((1, 8), scale=0.02, zero=-3)
    at = f.then("RESHAPE", [0, f.constant([1, 4, 2, 1])], (1, 4, 2, 1), scale=None)
    at = f.then("CONV_2D", [at, f.drawn(3, 1, 1, 1), f.bias(3)], (1, 4, 2, 3), **windows())
    f.then("MAX_POOL_2D", [at], (1, 2, 1, 3), **windows((2, 2), (2, 2), "VALID"))
    assert refusal(f.bytes()).endswith(
        "1 of 3 operators: operator 0 RESHAPE has an activation of 0 scales; wanted: one, above 0"
    )


def four_operators():
    """A file of a dense operator, an addition, a reshape and a softmax."""
    f = TfliteFile((1, 8), scale=0.02, zero=-3)
    at = f.then("FULLY_CONNECTED", [0, f.drawn(8, 8), f.bias(8)], (1, 8), **ZERO)
    f.then("ADD", [at, 0], (1, 8), scale=0.05, zero=1)
    f.then("RESHAPE", [f.at, f.constant([1, 8], scale=[1.0])], (1, 8), scale=0.05, zero=1)
    f.then("SOFTMAX", [f.at], (1, 8), scale=1 / 256, zero=-128, Beta=1.0)
    return f.bytes()


def with_other_outputs(model):
    (graph,) = model.subgraphs
    graph.outputs = [graph.operators[1].outputs[0], *graph.outputs]


def without_options(model):
    operator = model.subgraphs[0].operators[1]
    operator.builtinOptions, operator.builtinOptionsType = None, 0


def with_longer_buffers(model):
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.append(buffer.data, np.arange(5, dtype=np.uint8))


def with_scales(model, scales):
    """The shape that the reshape reads has scales, and one zero point."""
    (graph,) = model.subgraphs
    graph.tensors[graph.operators[2].inputs[1]].quantization.scale = scales


def without_scales(model):
    with_scales(model, None)


def with_a_scale_of_nan(model):
    with_scales(model, np.array([np.nan], np.float32))


def test_what_litert_opens_is_never_called_damaged():
    """Oracle: LiteRT, which opens the files. Fields that LiteRT does not need, or has a default
    for, change no integer of the program.
    """
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    import flatbuffers
    from ai_edge_litert.interpreter import Interpreter

    content = four_operators()
    wanted = interop.program_from_tflite(content)
    for change, line in {
        with_other_outputs: "",
        without_options: "",
        with_longer_buffers: "",
        without_scales: "",
        with_a_scale_of_nan: "has 1 scales and 1 zero points; wanted as many of each",
    }.items():
        model = schema.ModelT.InitFromPackedBuf(content)
        change(model)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        other = bytes(builder.Output())
        Interpreter(model_content=other).allocate_tensors()
        for read in (interop.program_from_tflite, interop.from_tflite):
            if line:
                message = refusal(other, read)
                assert line in message, change
                assert "damaged" not in message
            else:
                read(other)
        if not line:
            found = interop.program_from_tflite(other)
            x = int8s(found.input_shape)
            values = reference.run(found, x)
            values = values["t7"] if change is with_other_outputs else values
            assert np.array_equal(values, reference.run(wanted, x)), change


def changed(kind, shape, out, change, **options):
    """A file of one operator with weights, after a change of a tensor's fields."""
    f = TfliteFile(shape, scale=0.02, zero=-3)
    inputs = [0, f.drawn(out[-1], 3, 3, shape[-1]), f.bias(out[-1])]
    f.then(kind, inputs, out, **ZERO, **options)
    number, field, value = change
    one = list(f.tensors[number])
    one[field] = value
    f.tensors[number] = tuple(one)
    return f.bytes()


def test_what_integers_cannot_be_is_refused_with_the_reason():
    image, out = (1, 4, 4, 2), (1, 4, 4, 3)
    for number, field, value, reason in (
        (
            1,
            2,
            np.full((3, 3, 3, 2), -128, np.int8),
            "lie -128 to -128 from their zero point; wanted: -127 to 127",
        ),
        (1, 4, 5, "has weights that lie -132 to 122 from their zero point"),
        (1, 3, [0.1, 0.2], "2 scales along axis 0"),
        (2, 2, np.full(3, 2**31 - 10_000, np.int32), "an accumulator could reach"),
        (3, 0, (1, 4, 3, 3), "makes 4x4x3"),
        (3, 0, (4, 4, 3), "a tensor [4, 4, 3]"),
        (3, 1, "INT16", "an activation INT16"),
        (3, 3, [0.1, 0.1], "an activation of 2 scales"),
        (3, 3, [1e-30], "whose ratio is no number"),
    ):
        content = changed("CONV_2D", image, out, (number, field, value), **windows())
        assert reason in refusal(content), reason
    assert "the input has an activation INT16" in refusal(
        changed("CONV_2D", image, out, (0, 1, "INT16"), **windows())
    )
    tanh = {"FusedActivationFunction": "TANH"}
    content = one_op("CONV_2D", image, out, arrays=conv(3, 3, 3, 2), **windows(), **tanh)
    assert "fused activation TANH" in refusal(content)
    assert "interop.from_tflite reads float nets" in refusal(a_net("FLOAT32"))
    assert "bytes 4 to 7 are not TFL3" in refusal(b"no model")
    with pytest.raises(DrypointError, match="nowhere"):
        interop.from_tflite("nowhere.tflite")


def looked_up(*, kind="INT8", more=128, size=256, axis=0):
    """A table of a tensor's integers, as `to_tflite` writes it."""
    f = TfliteFile((1, 4), kind=kind, scale=0.02, zero=-3 if kind == "INT8" else 0)
    places = f.then("CAST", [0], (1, 4), type="INT32", scale=None)
    places = f.then("ADD", [places, f.constant([more])], (1, 4), type="INT32", scale=None)
    table = f.constant(np.arange(size) - 128, "INT8", scale=0.5, zero=7)
    f.then("GATHER", [table, places], (1, 4), scale=0.5, zero=7, Axis=axis)
    return f.bytes()


def test_a_table_is_read_where_its_places_are_the_integers():
    content = looked_up()
    x = int8s((1, 1, 4))
    program = interop.program_from_tflite(content)
    assert [op.kind for op in program.ops] == ["lookup"]
    assert np.array_equal(reference.run(program, x), litert(content, x))
    for changes, reason in (
        ({"more": 127}, "reads its table from -1 on; wanted from 0"),
        ({"size": 255}, "has a table [255]; wanted 256 integers of 8 bits"),
        ({"axis": 1}, "chooses parts of a tensor"),
    ):
        assert reason in refusal(looked_up(**changes))
    assert "makes INT32 of FLOAT32" in refusal(looked_up(kind="FLOAT32"), interop.from_tflite)


def test_a_table_of_a_quantized_float_input_is_read():
    """The program's integers are 128 more than the file's. Oracle: LiteRT."""
    f = TfliteFile((1, 4), kind="FLOAT32")
    steps = {"type": "INT8", "scale": 0.02, "zero": -3}
    at = f.then("QUANTIZE", [0], (1, 4), **steps)
    f.kind = "INT8"
    places = f.then("CAST", [at], (1, 4), type="INT32", scale=None)
    places = f.then("ADD", [places, f.constant([128])], (1, 4), type="INT32", scale=None)
    table = f.constant(f.rng.integers(-128, 128, 256), "INT8", scale=0.5, zero=7)
    f.then("GATHER", [table, places], (1, 4), scale=0.5, zero=7, Axis=0)
    program = interop.program_from_tflite(f.bytes())
    x = np.random.default_rng(0).normal(0, 2, (40, 4)).astype(np.float32)
    found = reference.run(program, program.integers(x)).reshape(40, 4)
    assert np.array_equal(found, litert(f.bytes(), x).reshape(40, 4))


def test_one_constant_of_very_many_operators_is_refused():
    """A small file would become a large program."""
    f = TfliteFile((1, 64), scale=0.5)
    weight, at = f.drawn(64, 64), 0
    for _ in range(300):
        at = f.then("FULLY_CONNECTED", [at, weight], (1, 64))
    for read in (interop.program_from_tflite, interop.from_tflite):
        assert "1,267,200 bytes of constants and channels" in refusal(f.bytes(), read)


def test_float_nets_compute_what_litert_computes():
    assert isinstance(check_floats(a_net("FLOAT32")), nn.Graph)
    f = TfliteFile((1, 5, 6, 2), kind="FLOAT32")
    at = f.then("DEPTHWISE_CONV_2D", [0, f.drawn(1, 3, 3, 4), f.bias(4)], (1, 3, 3, 4),
                **windows(stride=(2, 2), DepthMultiplier=2), **RELU6)  # fmt: skip
    scales = f.constant([0.5, -1, 2, 3], "FLOAT32")
    at = f.then("MUL", [at, scales], (1, 3, 3, 4))
    at = f.then("SUB", [at, f.constant([0.25], "FLOAT32")], (1, 3, 3, 4))
    at = f.then("HARD_SWISH", [at], (1, 3, 3, 4))
    at = f.then("MINIMUM", [at, f.constant([2.5], "FLOAT32")], (1, 3, 3, 4))
    at = f.then("PAD", [at, f.constant([[0, 0], [1, 0], [0, 1], [0, 0]])], (1, 4, 4, 4))
    at = f.then("AVERAGE_POOL_2D", [at], (1, 2, 2, 4), **windows((2, 2), (2, 2), "VALID"))
    at = f.then("FULLY_CONNECTED", [at, f.drawn(7, 4)], (1, 2, 2, 7), KeepNumDims=True)
    at = f.then("MEAN", [at, f.constant([1, 2])], (1, 7), KeepDims=False)
    f.then("LOGISTIC", [at], (1, 7))
    net = check_floats(f.bytes())
    assert isinstance(net, nn.Sequential)
    assert net.input_shape == (2, 5, 6)
    assert np.array_equal(net.params["mul_1.scale"], [0.5, -1, 2, 3])


def test_differences_and_negatives_of_float_planes_are_read():
    f = TfliteFile((1, 5, 6, 2), kind="FLOAT32")
    a, b = (
        f.then("CONV_2D", [0, f.drawn(4, 3, 3, 2), f.bias(4)], (1, 5, 6, 4), **windows())
        for _ in range(2)
    )
    f.then("SUB", [f.then("NEG", [a], (1, 5, 6, 4)), b], (1, 5, 6, 4))
    check_floats(f.bytes())


def test_weights_of_16_and_8_bits_are_their_real_values():
    for kind, values, quantized in (
        ("FLOAT16", [[0.5, -1.5]], {}), ("INT8", [[10, -30]], {"scale": [0.05], "zero": 0}),
    ):  # fmt: skip
        f = TfliteFile((1, 2), kind="FLOAT32")
        weight = f.then("DEQUANTIZE", [f.constant(values, kind, **quantized)], (1, 2))
        f.then("FULLY_CONNECTED", [0, weight], (1, 1))
        net = interop.from_tflite(f.bytes())
        assert np.abs(net.params["fully_connected_1.weight"] - [[0.5, -1.5]]).max() <= 1e-7


def test_a_quantized_file_is_a_float_net_of_the_real_values_of_its_integers():
    content = a_net()
    net, program = interop.from_tflite(content), interop.program_from_tflite(content)
    conv, scale = program.ops[0], None
    weight = net.params["conv_2d_0.weight"]  # (O, C, h, w)
    scale = np.abs(weight).max(axis=(1, 2, 3)) / np.abs(conv.rows).max(axis=1)
    integers = weight.transpose(0, 2, 3, 1) / scale[:, None, None, None]
    assert np.abs(integers - conv.weight).max() <= 1e-4  # float32 of integers up to 127
    x = int8s((8, 6, 3))
    real = (0.02 * (x.transpose(0, 3, 1, 2) + np.float32(3))).astype(np.float32)
    decided = reference.run(program, x).argmax(axis=1)
    assert (net(real).argmax(axis=1) == decided).mean() >= 0.7  # the oracle is the rounded net


def test_a_table_of_a_last_function_has_32_bits():
    program = interop.program_from_tflite(OPERATORS["logistic"])
    (op,) = program.ops
    assert isinstance(op, Lookup)
    assert interop.is_quantized_tflite(OPERATORS["logistic"])
    assert not interop.is_quantized_tflite(a_net("FLOAT32"))
    wanted = np.rint(256 / (1 + np.exp(-0.02 * (np.arange(-128, 128) + 3)))).clip(0, 255)
    assert np.array_equal(np.roll(op.table, 128), wanted)


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tflite", None)
    with pytest.raises(DrypointError, match=r"drypoint\[interop\]"):
        interop.from_tflite(a_net())
