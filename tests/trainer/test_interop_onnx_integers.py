"""Programs of quantized ONNX files, in both forms, with their own weights and scales.

Oracle: ONNX Runtime without its own changes of the graph. It rounds in float32, so a byte of one op
may differ by one step (`interop.rounding_report` counts where), and the ops after it pass that on:
outputs lie within a few steps of ONNX Runtime's, and nearly all are equal.
"""

import re

import numpy as np
import onnx
import pytest
from onnx_files import FORMS, OnnxFile, check_quantized, normals, onnx_runtime, qdq, quantized

from drypoint import interop
from drypoint.program import Add, Conv, Dense, DepthwiseConv, Lookup, reference


def residual():
    """Convolutions, a depthwise one, a residual connection, a mean, a dense op; no batch norm."""
    f = OnnxFile((3, 8, 8), opset=17)
    pads = {"pads": [1, 1, 1, 1]}
    f.then("Conv", f.drawn(8, 3, 3, 3), f.drawn(8), **pads)
    first = f.then("Relu").at
    f.then("Conv", f.drawn(8, 1, 3, 3), f.drawn(8), group=8, **pads)
    f.of("Relu", f.of("Add", f.at, first))
    f.then("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    f.then("GlobalAveragePool").then("Flatten")
    return f.then("Gemm", f.drawn(4, 8), f.drawn(4), transB=1), (3, 8, 8)


def concatenated():
    """A concatenation, a sigmoid, images that are flattened, a matrix product and its bias."""
    f = OnnxFile((2, 6, 6), opset=13)
    left = f.then("Conv", f.drawn(4, 2, 3, 3), f.drawn(4)).then("Sigmoid").at
    right = f.of("Conv", "input", f.drawn(4, 2, 3, 3), f.drawn(4))
    f.of("Concat", left, right, axis=1)
    f.then("Reshape", f.ints(-1, 128))
    return f.then("MatMul", f.drawn(128, 5)).then("Add", f.drawn(5)), (2, 6, 6)


def signal():
    """1-D, with a padding and a clip of its own."""
    f = OnnxFile((2, 24), opset=18)
    f.then("Conv", f.drawn(6, 2, 5), f.drawn(6), pads=[2, 2])
    f.then("Clip", f.constant(0.0), f.constant(6.0))
    f.then("MaxPool", kernel_shape=[2], strides=[2])
    f.then("Conv", f.drawn(6, 6, 3), f.drawn(6), strides=[2]).then("Relu")
    return f.then("Flatten").then("Gemm", f.drawn(3, 30), f.drawn(3), transB=1), (2, 24)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("build", [residual, concatenated, signal])
def test_a_quantized_file_computes_what_onnx_runtime_computes(build, form):
    f, shape = build()
    content = quantized(f.bytes(), shape, form)
    assert interop.is_quantized_onnx(content)
    assert not interop.is_quantized_onnx(f.bytes())
    check_quantized(content, shape)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_concatenation_of_flattened_planes_keeps_their_order(channels, form):
    """Oracle: ONNX Runtime, whose bytes are equal on this net."""
    f = OnnxFile((1, 4, 4))
    maps = [f.of("Conv", "input", f.drawn(n, 1, 3, 3), f.drawn(n)) for n in (channels, 1)]
    f.of("Concat", *[f.of("Flatten", f.of("Relu", plane)) for plane in maps], axis=1)
    size = 4 * (channels + 1)
    content = quantized(
        f.then("Gemm", f.drawn(3, size), f.drawn(3), transB=1).bytes(), (1, 4, 4), form
    )
    program = interop.program_from_onnx(content)
    x = normals((1, 4, 4), 40, seed=3)
    wanted = np.rint(onnx_runtime(content, x, plain=True) / program.output_scale)
    assert (reference.run(program, program.integers(x)).reshape(wanted.shape) == wanted).all()


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_a_flattened_plane_that_ends_a_net_keeps_the_files_order(channels):
    """Oracle: ONNX Runtime."""
    f = OnnxFile((1, 4, 4))
    f.then("Conv", f.drawn(channels, 1, 3, 3), f.drawn(channels)).then("Relu").then("Flatten")
    content = quantized(f.bytes(), (1, 4, 4), "QDQ int8")
    program = interop.program_from_onnx(content)
    x = normals((1, 4, 4), 40, seed=3)
    wanted = np.rint(onnx_runtime(content, x, plain=True) / program.output_scale)
    assert (reference.run(program, program.integers(x)).reshape(wanted.shape) == wanted).all()


def test_weights_scales_and_zero_points_are_the_files_own():
    f, shape = residual()
    content = quantized(f.bytes(), shape, "QDQ uint8")
    model = onnx.load_model_from_string(content)
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    program = interop.program_from_onnx(content)
    conv, depthwise, added, *_, dense = program.ops
    kinds = [type(op) for op in program.ops]
    assert (kinds[0], kinds[1], kinds[2], kinds[-1]) == (Conv, DepthwiseConv, Add, Dense)
    weights = {name: a for name, a in arrays.items() if a.dtype == np.int8 and a.ndim > 1}
    of_conv, of_depthwise = (
        next(a for a in weights.values() if a.shape == shape)
        for shape in ((8, 3, 3, 3), (8, 1, 3, 3))
    )
    of_dense = next(a for a in weights.values() if a.ndim == 2)
    assert (conv.weight == of_conv.transpose(0, 2, 3, 1)).all()
    assert (depthwise.weight == of_depthwise[:, 0].transpose(1, 2, 0)).all()
    assert (dense.weight == (of_dense if len(of_dense) == 4 else of_dense.T)).all()
    assert added.output.type == "u8"
    assert program.input_scale == arrays["input_scale"]
    assert program.ops[0].inputs[0].zero == int(arrays["input_zero_point"]) - 128


def weights(f, integers, scale):
    """A dequantized constant."""
    return f.of("DequantizeLinear", f.constant(integers, np.int8), f.constant(scale),
                f.constant(0, np.int8))  # fmt: skip


def test_any_function_between_two_steps_becomes_one_table():
    """tanh(softplus(x)) is no layer; a table has all of it. Oracle: ONNX Runtime's float32, which
    may round a tie otherwise: by one step.
    """
    f = OnnxFile((256,))
    x = qdq(f, "input", 0.05, 3)
    x = qdq(f, f.of("Tanh", f.of("Softplus", x)), 1 / 128, -20)
    f.at = x
    program = interop.program_from_onnx(f.bytes())
    assert [type(op) for op in program.ops] == [Lookup]
    reals = (np.arange(-128, 128) - 3) * np.float32(0.05)
    wanted = onnx_runtime(f.bytes(), reals[None].astype(np.float32), plain=True)
    got = reference.run(program, np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 1, 256))
    assert np.abs(got.ravel() - np.rint(wanted.ravel() * 128)).max() <= 1


@pytest.mark.parametrize("op", ["LeakyRelu", "Abs", "Identity", "HardSwish"])
def test_a_table_rounds_halves_to_even(op):
    """Oracle: ONNX Runtime, whose float32 is exact on these scales: half of the values are ties."""
    f = OnnxFile((256,))
    x = qdq(f, "input", 0.5, 3)
    f.at = qdq(f, f.of(op, x, **({"alpha": 0.5} if op == "LeakyRelu" else {})), 1.0, -20)
    program = interop.program_from_onnx(f.bytes())
    integers = np.arange(-128, 128, dtype=np.int8)
    reals = (integers.astype(np.float32) - 3) * np.float32(0.5)
    wanted = onnx_runtime(f.bytes(), reals[None], plain=True)
    got = reference.run(program, integers.reshape(1, 1, 1, 256))
    assert np.array_equal(got.ravel(), wanted.ravel())


def test_what_a_program_cannot_hold_is_refused_with_the_nearest_rewrite():
    def dense(integers=((1, 2), (3, 4)), scale=0.1):
        f = OnnxFile((2,))
        f.of("MatMul", qdq(f, "input", 0.1, 0), weights(f, integers, scale))
        return f

    lines = {}
    f = dense()
    lines["is computed in floats: no QuantizeLinear reads its output"] = f
    f = dense(((1, 2), (3, -128)))
    qdq(f, f.at, 0.1, 0)
    lines["weight_type=QuantType.QInt8, symmetric"] = f
    f = OnnxFile((2,))
    f.then("Mul", f.constant(2.0))
    qdq(f, f.at, 0.1, 0)
    f.of("MatMul", f.at, weights(f, ((1, 2), (3, 4)), 0.1))
    qdq(f, f.at, 0.1, 0)
    lines["Take that out of the net, and normalize before"] = f
    f = OnnxFile((2,))
    f.of("MatMul", qdq(f, "input", 0.1, 0), f.drawn(2, 2))
    qdq(f, f.at, 0.1, 0)
    lines["has float weights in a quantized net"] = f
    f = OnnxFile((2,))
    f.of("DynamicQuantizeLinear", "input", outputs=3)
    f.of("Cast", "t0", to=1)
    lines["use onnxruntime.quantization.quantize_static"] = f
    for line, file in lines.items():
        with pytest.raises(interop.OnnxError) as found:
            interop.program_from_onnx(file.bytes())
        assert line in str(found.value)
        assert str(found.value).isprintable()
    with pytest.raises(interop.OnnxError, match=r"interop\.program_from_onnx reads it"):
        interop.from_onnx(dense().bytes())


def test_large_biases_are_the_files_own_integers():
    """A bias has the scale of input and weights as float32, whose product in float64 is another."""
    f = OnnxFile((2,))
    integers = [1_234_567_891, -1_000_000_007, 3]
    scale = np.float32(np.float32(0.1) * np.float32(0.3))
    bias = f.of("DequantizeLinear", f.constant(integers, np.int32), f.constant(scale))
    x = qdq(f, "input", 0.1, 0)
    x = f.of("Gemm", x, weights(f, np.ones((3, 2)), np.float32(0.3)), bias, transB=1)
    f.at = qdq(f, x, 1e5, 0)
    (op,) = interop.program_from_onnx(f.bytes()).ops
    assert op.bias.tolist() == integers


def test_every_layer_that_a_file_leaves_in_floats_is_named():
    """What reads such a layer is checked with steps that stand in for the layer's; what moves its
    values, as a maximum and a flatten do, is not named.
    """
    f = OnnxFile((2, 6, 6))
    x = qdq(f, "input", 0.1, 0)
    y = f.of("Conv", x, weights(f, np.ones((2, 2, 1, 1)), np.float32(0.1)))
    x = f.of("Concat", f.of("Add", x, y), y, axis=1)
    x = f.of("Flatten", f.of("MaxPool", x, kernel_shape=[6, 6]))
    x = f.of("Gemm", x, weights(f, np.ones((3, 4)), np.float32(0.1)), transB=1)
    f.at = qdq(f, x, 0.1, 0)
    with pytest.raises(interop.OnnxError) as caught:
        interop.program_from_onnx(f.bytes())
    assert re.sub(r" '\w+'", "", str(caught.value)).endswith(
        "3 of 6 layers: Conv, Add, Concat is computed in floats: no QuantizeLinear reads its "
        "output. Quantize it too, or export the float net"
    )


def test_a_mean_rounds_to_the_nearest_integer():
    """Oracle: NUMERICS.md, section 5: a factor of 1/4, a bias of -4 * zero, halves up. Halves away
    from zero are of TensorFlow Lite's files alone.
    """
    f = OnnxFile((2, 4, 4))
    qdq(f, "input", 0.1, -128)
    f.then("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    qdq(f, f.at, 0.1, -128)
    (op,) = interop.program_from_onnx(f.bytes()).ops
    assert (op.mult.tolist(), op.shift, op.bias.tolist()) == ([2**30], 0, [512])


def test_a_pad_has_the_integer_of_its_value():
    f = OnnxFile((1, 3, 3))
    qdq(f, "input", 0.1, 5)
    f.then("Pad", f.ints(0, 0, 1, 1, 0, 0, 0, 0), f.constant(-0.72))
    qdq(f, f.at, 0.1, 5)
    weights(f, np.ones((1, 1, 2, 2)), np.array([0.1]))
    f.of("Conv", f.nodes[-2].output[0], f.at)
    qdq(f, f.at, 0.3, 0)
    (op,) = interop.program_from_onnx(f.bytes()).ops
    assert (op.padding, op.pad.tolist()) == ((1, 1, 0, 0), [-2])
