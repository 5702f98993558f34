"""Nets of ONNX files whose axes have equal sizes or the size 1, so that one could be taken for
another.

Oracles: ONNX Runtime and ONNX's reference evaluator, on the same inputs.
"""

import itertools

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_files import OnnxFile, check_net, normals, onnx_runtime, qdq
from same_values import check_close

from drypoint import engine, interop, nn


def evaluate(f, x):
    """What the file computes, by ONNX's reference evaluator."""
    return ReferenceEvaluator(f.proto()).run(None, {"input": x})[0]


def quantized_weight(f, *shape):
    """Weights behind a DequantizeLinear."""
    integers = f.constant(f.rng.integers(-127, 128, shape), np.int8)
    return f.of("DequantizeLinear", integers, f.constant(0.01), f.constant(0, np.int8))


@pytest.mark.parametrize("order", [*itertools.permutations((1, 2, 3))])
def test_an_output_has_its_axes_as_the_file_but_for_channels_that_come_last(order):
    f = OnnxFile((3, 5, 4))
    f.then("Conv", f.drawn(2, 3, 2, 2)).then("Transpose", perm=(0, *order))
    x = normals((3, 5, 4))
    wanted = evaluate(f, x)
    wanted = np.moveaxis(wanted, -1, 1) if order[-1] == 1 else wanted
    net = interop.from_onnx(f.bytes())
    assert net(x).shape == wanted.shape
    check_close(net(x), wanted)


@pytest.mark.parametrize("order", [*itertools.permutations((1, 2, 3))])
def test_a_quantized_output_has_its_axes_so_too(order):
    """ONNX's float32 rounds halves in another way: one step of 0.05."""
    f = OnnxFile((3, 5, 4), opset=21)
    at = f.of("Conv", qdq(f, "input", 0.03, 3), quantized_weight(f, 2, 3, 2, 2))
    qdq(f, f.of("Transpose", qdq(f, at, 0.05, -5), perm=(0, *order)), 0.05, -5)
    x = normals((3, 5, 4))
    wanted = evaluate(f, x)
    wanted = np.moveaxis(wanted, -1, 1) if order[-1] == 1 else wanted
    program = interop.program_from_onnx(f.bytes())
    found = engine.Engine(program).predict_proba(x).reshape(len(x), *program.ops[-1].out_shape)
    off = np.abs(found.transpose(0, 3, 1, 2) - wanted)
    assert off.max() < 0.051
    assert (off > 0.01).mean() < 0.05


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [(2, 3), (2,), (3,)])
def test_a_sum_over_rows_and_columns_is_exact(axes, keep):
    """In integers too, whose sums are exact: float32's rounding of the scale alone, 1e-5."""
    f = OnnxFile((3, 5, 4))
    f.then("Conv", f.drawn(2, 3, 2, 2)).then("ReduceSum", f.ints(*axes), keepdims=keep)
    x = normals((3, 5, 4))
    wanted = evaluate(f, x)
    check_close(interop.from_onnx(f.bytes())(x), wanted)
    f = OnnxFile((3, 5, 4), opset=21)
    at = f.of("ReduceSum", qdq(f, "input", 0.03, 3), f.ints(*axes), keepdims=keep)
    qdq(f, at, 0.07, -2)
    wanted = evaluate(f, x)
    program = interop.program_from_onnx(f.bytes())
    found = engine.Engine(program).predict_proba(x).reshape(len(x), *program.ops[-1].out_shape)
    check_close(found.transpose(0, 3, 1, 2), wanted)


def test_the_larger_one_of_a_tensor_and_its_multiple_is_a_prelu():
    x = normals((3, 5, 4))
    for slopes in ([0.25, -0.5], [0.25, 1.5]):
        for swapped in (False, True):
            f = OnnxFile((3, 5, 4))
            at = f.of("Conv", "input", f.drawn(2, 3, 2, 2))
            both = at, f.of("Mul", at, f.constant(np.reshape(slopes, (2, 1, 1))))
            f.of("Max", *(both[::-1] if swapped else both))
            if slopes[1] > 1:
                with pytest.raises(interop.OnnxError, match="joins two computed tensors"):
                    interop.from_onnx(f.bytes())
                continue
            net = interop.from_onnx(f.bytes())
            assert [type(layer) for layer in net.layers.values()] == [nn.Conv2d, nn.PReLU]
            check_close(net(x), evaluate(f, x))


def test_two_images_of_one_channel_that_come_last_are_added_without_a_reshape():
    f = OnnxFile((3, 5, 4))
    sides = [f.of("Conv", "input", f.drawn(1, 3, 2, 2)) for _ in range(2)]
    last = [f.of("Transpose", side, perm=(0, 2, 3, 1)) for side in sides]
    f.of("Transpose", f.of("Add", *last), perm=(0, 3, 1, 2))
    net, x = interop.from_onnx(f.bytes()), normals((3, 5, 4))
    assert [type(layer) for layer in net.layers.values()] == [nn.Conv2d, nn.Conv2d, nn.Add]
    check_close(net(x), evaluate(f, x))


def test_functions_are_found_without_a_search_for_close_names(monkeypatch):
    """Oracle: `difflib`, which the hint of an unknown attribute takes."""
    f = OnnxFile((2, 3, 4))
    f.then("Softplus")
    monkeypatch.setattr("difflib.get_close_matches", None)
    assert [layer.name for layer in interop.from_onnx(f.bytes()).layers.values()] == ["softplus"]


def test_a_softmax_over_time_behind_a_difference_of_a_signal_and_its_maximum():
    f = OnnxFile((3, 3))
    peak = f.of("GlobalMaxPool", "input")
    f.of("Sub", "input", peak)
    f.then("Softmax", axis=2)
    net, x = interop.from_onnx(f.bytes()), normals((3, 3))
    wanted = onnx_runtime(f.bytes(), x)
    np.testing.assert_allclose(net(x[:, :, None]), wanted[:, :, None], rtol=1e-5)  # of float32


def test_the_only_channel_is_chosen_twice():
    f = OnnxFile((5, 2, 5))
    f.then("Reshape", f.ints(0, 1, 50))
    f.then("Gather", f.constant([0, -1], np.int64), axis=1)
    f.then("Flatten").then("Gemm", f.drawn(100, 3), f.drawn(3))
    check_net(f.bytes(), (5, 2, 5))


def test_slopes_of_one_axis_belong_to_the_last_axis():
    """From opset 7 on ONNX broadcasts slopes as the terms of a sum."""
    f = OnnxFile((2, 3, 2))
    f.then("PRelu", f.drawn(2))
    with pytest.raises(interop.OnnxError, match="PRelu 't0' computes with a constant of the shape"):
        interop.from_onnx(f.bytes())
    f = OnnxFile((2, 4, 3))
    f.then("Transpose", perm=[0, 2, 3, 1]).then("PRelu", f.drawn(2))
    check_net(f.bytes(), (2, 4, 3))


def test_an_input_in_an_order_of_its_own_stays_as_the_file_has_it():
    """Height and channels change places: only channels that come last are moved by the reader."""
    f = OnnxFile((4, 4, 6))
    f.then("Transpose", perm=[0, 2, 1, 3]).then("Conv", f.drawn(3, 4, 2, 2))
    check_net(f.bytes(), (4, 4, 6))


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
def test_a_transposed_convolution_of_gaps_says_its_padding(auto):
    """ONNX's specification and ONNX Runtime give outputs of other sizes."""
    f = OnnxFile((2, 4, 5))
    f.then("ConvTranspose", f.drawn(2, 3, 2, 1), strides=[2, 2], auto_pad=auto)
    with pytest.raises(interop.OnnxError, match="a kernel below its stride: write its pads"):
        interop.from_onnx(f.bytes())


def test_vectors_whose_values_lie_in_other_orders_are_not_joined():
    """Oracle: ONNX Runtime. A sum of a flattened image (H, W, C) and of a vector was of other
    values, without a word.
    """
    f = OnnxFile((2, 3, 4))
    first = f.then("Conv", f.drawn(2, 2, 1, 1)).then("Flatten").at
    f.at = first
    vector = f.then("Gemm", f.drawn(24, 24), transB=1).at
    f.at = "input"
    last = (
        f.then("Conv", f.drawn(2, 2, 1, 1)).then("Transpose", perm=[0, 2, 3, 1]).then("Flatten").at
    )
    f.at = "input"
    other = f.then("Conv", f.drawn(2, 2, 1, 1)).then("Transpose", perm=[0, 2, 3, 1])
    other = other.then("Flatten").at
    for pair, joined in (((last, other), True), ((first, vector), True), ((last, vector), False)):
        nodes = len(f.nodes)
        f.of("Add", *pair)
        f.then("Gemm", f.drawn(3, 24), transB=1)
        if joined:
            check_net(f.bytes(), (2, 3, 4))
        else:
            with pytest.raises(interop.OnnxError, match="whose values lie in other orders"):
                interop.from_onnx(f.bytes())
        del f.nodes[nodes:]


def test_images_of_one_channel_with_the_channels_last_are_joined_without_a_reshape():
    """Oracle: ONNX Runtime. Such a sum took three reshapes."""
    f = OnnxFile((2, 3, 4))
    ends = []
    for _ in range(2):
        f.at = "input"
        ends.append(f.then("Conv", f.drawn(1, 2, 1, 1)).then("Transpose", perm=[0, 2, 3, 1]).at)
    f.of("Add", *ends)
    f.then("Transpose", perm=[0, 3, 1, 2]).then("Conv", f.drawn(2, 1, 1, 1))
    net = check_net(f.bytes(), (2, 3, 4))
    assert [type(layer) for layer in net.layers.values()] == [
        nn.Conv2d,
        nn.Conv2d,
        nn.Add,
        nn.Conv2d,
    ]
