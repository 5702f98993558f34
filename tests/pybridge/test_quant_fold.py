"""Folding, calibration and the choice of scales, each against an independent computation."""

import json
import math
import re
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from answers import check_answers
from drawn_nets import every_case
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from drypoint.data import ImageEncoder
from drypoint.graph import QuantParams, weighted_integers
from drypoint.nn import (
    AdaptiveAvgPool2d,
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dot,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Graph,
    Hardswish,
    Layer,
    Linear,
    MaxPool2d,
    Model,
    MSELoss,
    Mul,
    ReLU,
    ReLU6,
    Reshape,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    ZeroPad2d,
)
from drypoint.program import Add as AddOp
from drypoint.program import (
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    Lookup,
    MaxPool,
    Program,
    blob,
    multipliers,
    reference,
)
from drypoint.program import Concat as ConcatOp
from drypoint.program import Mul as MulOp
from drypoint.quant import (
    Calibration,
    QuantizationError,
    UnsupportedError,
    calibrate,
    quantize,
    report,
)
from drypoint.quant._fold import fold
from drypoint.quant._quantized_nodes import quant_params_of, quantize_nodes

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 6, 8)).astype(np.uint8)  # 6 high, 8 wide


def model(layers, *, mean=None, std=None, color="gray", seed=0):
    net = Sequential(layers, (1 if color == "gray" else 3, 6, 8)).initialize(seed)
    return Model(net, encoder=ImageEncoder(width=8, height=6, color=color, mean=mean, std=std))


def quantize_model(given_model, images=IMAGES):
    return quantize(given_model, calibrate(given_model, images))


def test_batch_norm_disappears_into_the_convolution():
    """Oracle: convolution then normalization, in float64, on the window that fills the image."""
    norm = {"scale": [-2.0, 0.5], "shift": [1, -1]}
    running = {"running_mean": [0.3, -4.0], "running_variance": [2.0, 0.01]}
    net = Sequential({"conv": Conv2d(2, (6, 8)), "norm": BatchNorm2d()}, (1, 6, 8)).initialize(0)
    net = net.with_params({f"norm.{k}": v for k, v in norm.items()})
    net = net.with_buffers({f"norm.{k}": v for k, v in running.items()})
    _, node = fold(Model(net)).nodes.values()
    x = RNG.normal(size=(5, 6, 8))
    came = np.einsum("nhw,ohw->no", x, node.weight[..., 0]) + node.bias
    np.testing.assert_allclose(came, net(x[:, None])[..., 0, 0], rtol=1e-12)  # float64 rounding
    assert (node.name, node.layer) == ("conv", "norm")


def test_the_encoder_disappears_into_the_first_weights():
    """Oracle: (pixel / 255 - mean) / std, then the weights, in float64."""
    options = {"mean": (0.2, 0.5, 0.7), "std": (0.1, 1.0, 3.0), "color": "rgb"}
    given_model = model({"flatten": Flatten(), "fc": Linear(4)}, **options)
    _, node = fold(given_model).nodes.values()
    pixels = RNG.integers(0, 256, (7, 6, 8, 3))
    came = np.einsum("nhwc,ohwc->no", pixels, node.weight) + node.bias
    encoded = (pixels / 255 - np.array(options["mean"])) / np.array(options["std"])
    weight = given_model.net["fc"].params["weight"].astype(np.float64)
    wanted = encoded.transpose(0, 3, 1, 2).reshape(7, -1) @ weight.T
    np.testing.assert_allclose(came, wanted, rtol=1e-9, atol=1e-12)  # float64 rounding


def test_the_encoder_reaches_each_group_by_its_channels():
    """Oracle: the encoder, then a depthwise convolution of two outputs a channel, in float64."""
    mean, std = (0.2, 0.5, 0.7), (0.1, 1.0, 3.0)
    given_model = model([Conv2d(6, (6, 8), groups=3)], mean=mean, std=std, color="rgb")
    _, node = fold(given_model).nodes.values()
    assert (node.groups, node.weight.shape) == (3, (6, 6, 8, 1))
    pixels = RNG.integers(0, 256, (7, 6, 8, 3))
    encoded = (pixels / 255 - np.array(mean)) / np.array(std)
    weight = given_model.net["conv"].params["weight"].astype(np.float64)[:, 0]
    bias = given_model.net["conv"].params["bias"].astype(np.float64)
    for o in range(6):
        came = (pixels[..., o // 2] * node.weight[o, ..., 0]).sum(axis=(1, 2)) + node.bias[o]
        wanted = (encoded[..., o // 2] * weight[o]).sum(axis=(1, 2)) + bias[o]
        np.testing.assert_allclose(came, wanted, rtol=1e-9, atol=1e-12)  # float64 rounding


def test_dense_columns_follow_the_plane_of_a_wide_image():
    """A weight that is non-zero at one position reads that input: no axes are swapped."""
    net = Sequential({"conv": Conv2d(2, 1, bias=False), "flatten": Flatten(), "fc": Linear(1)})
    net = net.bind((1, 6, 8)).initialize(0)
    for channel, row, column in ((0, 0, 7), (1, 5, 0), (1, 2, 3)):
        weight = np.zeros((2, 6, 8))
        weight[channel, row, column] = 1
        flat = net.with_params({"fc.weight": weight.reshape(1, -1)})
        *_, dense = fold(Model(flat)).nodes.values()
        at = [index.tolist() for index in np.nonzero(dense.weight)]
        assert at == [[0], [row], [column], [channel]]


def test_a_fused_pool_gives_the_bytes_of_a_pool_of_its_own():
    layers = {"conv": Conv2d(3, 3), "relu": ReLU(), "pool": MaxPool2d(2), "flat": Flatten()}
    program = quantize_model(model({**layers, "fc": Linear(2)}))
    conv, dense = program.ops
    assert conv.pool == (2, 2)
    plane = conv.output._replace(shape=conv.out_shape._replace(h=4, w=6))
    alone = replace(conv, pool=(1, 1), output=plane)
    pool = MaxPool(name="pool", inputs=(plane,), output=conv.output, kernel=(2, 2), stride=(2, 2))
    apart = Program(
        name="apart",
        ops=(alone, pool, dense),
        input_scale=program.input_scale,
        outputs=program.outputs,
        encoder=program.encoder,
    )
    x = program.check_input(IMAGES)
    fused, separate = reference.trace(program, x), reference.trace(apart, x)
    np.testing.assert_array_equal(fused[0], separate[1])
    np.testing.assert_array_equal(fused[1], separate[2])


def test_what_is_fused_and_what_stands_alone():
    layers = [
        Conv2d(2, 3, padding=1), BatchNorm2d(), Dropout(0.1), MaxPool2d(2), ReLU(),
        Conv2d(3, 2), MaxPool2d(2, stride=1), ReLU(),
        AvgPool2d((1, 2)), Flatten(), Linear(4), ReLU(), Linear(2), Softmax(),
    ]  # fmt: skip
    program = quantize_model(model(layers))
    assert [(type(op), op.name) for op in program.ops] == [
        (Conv, "conv1"), (Conv, "conv2"), (MaxPool, "pool2"), (AvgPool, "pool3"),
        (Dense, "linear1"), (Dense, "linear2"),
    ]  # fmt: skip
    assert [op.out_type for op in program.ops] == ["u8", "u8", "u8", "u8", "u8", "i32"]
    assert [getattr(op, "pool", None) for op in program.ops[:2]] == [(2, 2), (1, 1)]
    assert program.softmax


def test_a_global_mean_is_a_mean_over_the_whole_plane():
    layers = {"conv": Conv2d(3, 3), "relu": ReLU()}
    tail = {"flat": Flatten(), "fc": Linear(2)}
    ours = model({**layers, "pool": GlobalAvgPool2d(), "fc": Linear(2)})
    by_size = model({**layers, "pool": AvgPool2d((4, 6)), **tail}).with_net(
        Sequential({**layers, "pool": AvgPool2d((4, 6)), **tail}, (1, 6, 8)).with_params(
            ours.net.params
        )
    )
    assert blob.dumps(quantize_model(ours)) == blob.dumps(quantize_model(by_size))


def test_a_mean_has_steps_of_its_own_range():
    """Of 16 pixels one is bright: the mean's range is a sixteenth of its input's, so M is 1."""
    layers = [Conv2d(1, 1, bias=False), ReLU(), GlobalAvgPool2d(), Linear(2)]
    net = Sequential(layers, (1, 4, 4)).initialize(0)
    net = net.with_params({"conv.weight": np.ones((1, 1, 1, 1))})
    x = np.zeros((2, 1, 4, 4))
    x[0, 0, 2, 3] = 1
    program = quantize(Model(net), calibrate(Model(net), x))
    assert (program.ops[1].mult[0], program.ops[1].shift) == (2**30, 2)
    bright, dark = reference.trace(program, np.uint8(255 * x.transpose(0, 2, 3, 1)))[1].ravel()
    assert (bright, dark) == (255, 0)


def test_a_reshape_that_moves_nothing_is_nothing():
    """Oracle: the net without the layer."""
    layers = {"conv": Conv2d(2, 3), "relu": ReLU()}
    plain = model({**layers, "flat": Flatten(), "fc": Linear(3)})
    for between in (
        {"flat": Reshape((48,))},
        {"same": Reshape((2, 4, 6)), "flat": Flatten()},
        {"flat": Flatten(), "back": Reshape((2, 4, 6)), "again": Flatten()},
    ):
        net = Sequential({**layers, **between, "fc": Linear(3)}, (1, 6, 8))
        other = plain.with_net(net.with_params(plain.net.params))
        assert blob.dumps(quantize_model(other)) == blob.dumps(quantize_model(plain))


def test_a_vector_may_begin_as_a_plane_of_one_channel():
    net = Sequential({"view": Reshape((1, 6, 8)), "conv": Conv2d(2, 3), "flat": Flatten(),
                      "fc": Linear(3)}, (48,)).initialize(0)  # fmt: skip
    program = quantize(Model(net), calibrate(Model(net), IMAGES.reshape(10, 48) / 255))
    assert program.input_shape == (6, 8, 1)
    plane = Sequential({"conv": Conv2d(2, 3), "flat": Flatten(), "fc": Linear(3)}, (1, 6, 8))
    plane = Model(plane.with_params(net.params))
    again = quantize(plane, calibrate(plane, IMAGES[:, None] / 255))
    x = program.check_input(IMAGES)
    assert np.array_equal(reference.run(program, x), reference.run(again, x))


def test_every_layer_without_an_integer_form_is_named_at_once():
    inner = Sequential({"wide": Conv2d(4, 3), "view": Reshape((6, 4, 4)), "tanh": Tanh()})
    layers = {
        "body": inner, "flatten": Flatten(), "fc": Linear(3), "softmax": Softmax(),
        "sigmoid": Sigmoid(),
    }  # fmt: skip
    with pytest.raises(UnsupportedError) as refused:
        fold(model(layers))
    text = str(refused.value)
    assert "\n" not in text
    assert re.findall(r"(?:for|;) ([\w.]+) \((\w+)\): ", text) == [
        ("body.view", "Reshape"), ("sigmoid", "Sigmoid"),
    ]  # fmt: skip


def test_nets_without_an_exact_integer_form_are_refused():
    """Among them ends whose order or scale would be wrong."""
    check_answers("nets", globals(), QuantizationError)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["weight", "bias"])
def test_weights_that_are_no_numbers_are_refused(value, what):
    bad = model({"flatten": Flatten(), "fc": Linear(2)})
    array = np.array(bad.net["fc"].params[what])
    array.flat[1] = value
    bad = bad.with_net(bad.net.with_params({f"fc.{what}": array}))
    calibration = calibrate(model({"flatten": Flatten(), "fc": Linear(2)}), IMAGES)
    with pytest.raises(QuantizationError, match=rf"^fc\.{what} holds NaN or infinity"):
        quantize(bad, calibration)


def test_a_negative_variance_is_refused():
    bad = model({"conv": Conv2d(1, 3), "norm": BatchNorm2d()})
    bad = bad.with_net(bad.net.with_buffers({"norm.running_variance": [-1]}))
    with pytest.raises(UnsupportedError, match=r"norm \(BatchNorm2d\): a running variance is neg"):
        fold(bad)


@given(every_case)
@examples(25)
def test_quantize_repeats_itself_and_changes_nothing(case):
    net, calibration = case.model.net, case.calibration()
    before = {path: array.tobytes() for path, array in net.parameters().items()}
    first = blob.dumps(quantize(case.model, calibration))
    assert blob.dumps(quantize(case.model, calibration)) == first
    assert {path: array.tobytes() for path, array in net.parameters().items()} == before


def test_a_graph_that_is_a_chain_gives_the_program_of_the_sequential():
    chain = model({"conv": Conv2d(2, 3), "relu": ReLU(), "flatten": Flatten(), "fc": Linear(3)})
    graph = chain.with_net(Graph.from_sequential(chain.net))
    assert blob.dumps(quantize_model(graph)) == blob.dumps(quantize_model(chain))


def branching(layers, edges, shape=(3, 4, 4), seed=0):
    return Model(Graph(layers, edges, {"input": shape}).initialize(seed))


def floats(n=20, shape=(3, 4, 4)):
    return np.random.default_rng(5).normal(size=(n, *shape))


def test_a_residual_block_is_convolutions_and_an_addition():
    block = branching(
        {"first": Conv2d(4, 1), "relu": ReLU(), "conv": Conv2d(4, 3, padding=1),
         "norm": BatchNorm2d(), "add": Add(), "out": ReLU6(), "pool": GlobalAvgPool2d(),
         "fc": Linear(2)},
        [("input", "first", "relu", "conv", "norm", "add.a"), ("relu", "add.b"),
         ("add", "out", "pool", "fc")],
    )  # fmt: skip
    program = quantize_model(block, floats())
    kinds = [type(op) for op in program.ops]
    assert kinds == [Conv, Conv, AddOp, AvgPool, Dense]
    assert program.reads == ((0,), (1,), (2, 1), (3,), (4,))
    add = program.ops[2]
    six = 6 / quantize_nodes(fold(block), calibrate(block, floats()))[2].target.scale
    assert (add.lo, add.hi) == (0, min(255, round(six)))


def test_a_layer_that_two_layers_read_is_not_fused():
    """Oracle: the relu of a shared convolution is a table, the norm a depthwise convolution."""
    net = branching(
        {"conv": Conv2d(3, 1), "relu": ReLU(), "norm": BatchNorm2d(), "join": Add()},
        [("input", "conv", "relu", "join.a"), ("conv", "norm", "join.b")],
    )
    program = quantize_model(net, floats())
    assert [type(op) for op in program.ops] == [Conv, Lookup, DepthwiseConv, AddOp]
    table = program.ops[1].table.astype(int)
    negative = np.arange(256, dtype=np.uint8).view(np.int8) <= program.ops[0].output.zero
    assert (table[negative] == 0).all()


def test_a_clip_of_a_mean_of_pixels_clips_real_values():
    """Oracle: the float net. Real zero is pixel 128 here: a clamp at pixel 0 clips nothing."""
    pooled = model([AvgPool2d(2), ReLU(), Flatten(), Linear(3)], mean=(0.5,), std=(0.5,))
    images = RNG.integers(0, 256, (20, 6, 8, 1), np.uint8)
    program = quantize(pooled, calibrate(pooled, images))
    assert [type(op) for op in program.ops] == [AvgPool, Lookup, Dense]
    real = reference.run(program, images).reshape(20, 3) * program.output_scale
    wanted = pooled.net(pooled.encode(images))
    assert np.abs(real - wanted).max() < 0.02 * np.abs(wanted).max()  # means are rounded to pixels


class Halved(Linear):
    """A user's layer: another `forward`, and no word on integers."""

    def forward(self, x, params, ctx):
        return super().forward(x, params, ctx) * 0.5


class Negated(Layer):
    """A user's layer that says which nodes it is."""

    exportable = "yes"

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x * -1.0

    def lower(self, graph, *values):
        ones = np.ones(values[0].shape.c)
        return graph.scale_channels(values[0], -ones, 0 * ones)


def test_a_layer_of_ones_own_is_what_its_lower_says_or_refused():
    """Oracle: the float net. The base class's nodes would be a wrong program."""
    with pytest.raises(UnsupportedError, match=r"fc \(Halved\): the engine has no such op"):
        fold(model({"flatten": Flatten(), "fc": Halved(3)}))
    net = Sequential(
        {"conv": Conv2d(2, 3), "own": Negated(), "flatten": Flatten(), "fc": Linear(3)}
    )
    own = Model(net.bind((3, 4, 4)).initialize(0))
    program = quantize_model(own, floats())
    assert [type(op) for op in program.ops] == [Conv, Dense]  # the factor -1 is in the weights
    real = reference.run(program, program.integers(floats())).reshape(-1, 3) * program.output_scale
    wanted = own.net(floats())
    assert np.abs(real - wanted).max() < 0.05 * np.abs(wanted).max()  # a few steps of i8


def test_squeeze_and_excite_is_a_product_with_a_factor_for_each_channel():
    net = branching(
        {"conv": Conv2d(4, 3, padding=1), "relu": ReLU(), "pool": AdaptiveAvgPool2d(1),
         "gate": Conv2d(4, 1), "sigmoid": Sigmoid(), "mul": Mul(), "mean": GlobalAvgPool2d(),
         "fc": Linear(2)},
        [("input", "conv", "relu", "pool", "gate", "sigmoid", "mul.b"), ("relu", "mul.a"),
         ("mul", "mean", "fc")],
    )  # fmt: skip
    program = quantize_model(net, floats())
    assert [type(op) for op in program.ops] == [
        Conv, AvgPool, Conv, Lookup, MulOp, AvgPool, Dense,
    ]  # fmt: skip
    assert [tensor.shape for tensor in program.inputs(4)] == [(4, 4, 4), (1, 1, 4)]
    real = reference.run(program, program.integers(floats())) * program.output_scale
    wanted = net.net(floats())
    assert np.abs(real - wanted).max() < 0.05 * np.abs(wanted).max()  # a few steps of u8


def test_what_a_concatenation_reads_has_one_scale():
    net = branching(
        {"a": Conv2d(2, 1), "b": Conv2d(3, 3, padding=1), "tanh": Tanh(), "join": Concat(),
         "pool": MaxPool2d(2), "conv": Conv2d(1, 1)},
        [("input", "a", "join.a"), ("input", "b", "tanh", "join.b"), ("join", "pool", "conv")],
    )  # fmt: skip
    program = quantize_model(net, floats())
    line = quantize_nodes(fold(net), calibrate(net, floats()))
    assert [type(op) for op in program.ops] == [Conv, Conv, Lookup, ConcatOp, MaxPool, Conv]
    joined = line[3].target
    assert line[0].target == line[2].target == joined == line[4].target
    assert line[1].target != joined


def test_three_inputs_of_a_concatenation_are_two_ops():
    net = branching(
        {"a": Conv2d(2, 1), "b": Conv2d(3, 1), "join": Concat(3), "conv": Conv2d(1, 1)},
        [("input", "a", "join.a"), ("input", "b", "join.b"), ("input", "join.c"), ("join", "conv")],
    )
    program = quantize_model(net, floats())
    assert [(op.name, op.out_shape.c) for op in program.ops[2:4]] == [("join.0", 5), ("join", 8)]
    assert [op.op for op in report(net, calibrate(net, floats()), floats())] == [
        "a", "b", "join", "conv",
    ]  # fmt: skip


def test_padding_layers_join_the_windows_that_follow_or_stand_alone():
    """A maximum takes the zeros of a padding layer for values; a convolution pads by itself."""
    before_conv = [Conv2d(2, 1), ZeroPad2d((1, 0, 2, 1)), Conv2d(2, 3, padding=1), Flatten()]
    program = quantize_model(model([*before_conv, Linear(2)]))
    assert [type(op) for op in program.ops] == [Conv, Conv, Dense]
    assert program.ops[1].padding == (3, 2, 2, 1)
    before_max = [Conv2d(2, 1), ZeroPad2d(1), MaxPool2d(3, stride=1), Flatten(), Linear(2)]
    program = quantize_model(model(before_max))
    assert [type(op) for op in program.ops] == [Conv, DepthwiseConv, MaxPool, Dense]
    inner, padded = reference.trace(program, program.check_input(IMAGES))[:2]
    np.testing.assert_array_equal(padded[:, 1:-1, 1:-1], inner)
    assert (padded[:, 0] == program.ops[1].output.zero).all()


def test_an_encoder_with_a_mean_pads_with_its_pixel():
    """Real zero is the pixel 255 * mean, rounded."""
    given_model = model(
        [Conv2d(2, 3, padding=1), Flatten(), Linear(2)], mean=(0.2, 0.5, 0.9), color="rgb"
    )
    conv = quantize_model(given_model, RNG.integers(0, 256, (5, 6, 8, 3)).astype(np.uint8)).ops[0]
    assert conv.pad.tolist() == [51, 128, 230]  # 127.5 to the even one, 229.5 as well


def test_padding_of_a_tensor_with_a_zero_point_is_that_zero_point():
    layers = [Conv2d(2, 1), Hardswish(), Conv2d(2, 3, padding=1), Flatten(), Linear(2)]
    program = quantize_model(model(layers))
    zero = program.ops[1].output.zero
    assert zero != 0
    assert program.ops[2].pad.tolist() == [zero, zero]


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 510, ("u8", 2.0, 0)),
        (-127, 127, ("i8", 1.0, 0)),
        (-127, 120, ("i8", 1.0, 0)),  # 0.97 of a step finer: not lopsided
        (-0.375, 10, ("i8", 10.375 / 255, -119)),
        (-10, 0, ("i8", 10 / 255, 127)),
        (-10, -5, ("i8", 10 / 255, 127)),  # real zero always has an integer
        (0, 0, ("u8", 1.0, 0)),
    ],
)
def test_zero_points_are_for_lopsided_ranges(low, high, wanted):
    came = quant_params_of(low, high)
    assert (came.dtype, came.scale, came.zero) == (wanted[0], pytest.approx(wanted[1]), wanted[2])
    ends = [came.scale * (q - came.zero) for q in came.limits]
    assert ends[0] <= min(low, 0) + came.scale
    assert ends[1] >= max(high, 0) - came.scale
    assert quant_params_of(low, high, centred=True).zero == 0


def test_graphs_with_losses_and_layers_without_an_integer_form_are_refused():
    layers = {"a": Linear(3), "b": Linear(3)}
    ends = {"loss": MSELoss()}, [("x", "loss.input"), ("y", "loss.target")], {"x": (4,)}
    with pytest.raises(QuantizationError, match="losses inside, which read x, y: quantize the net"):
        fold(Model(Graph(*ends)))
    dot = branching(
        {**layers, "dot": Dot()}, [("input", "a", "dot.a"), ("input", "b", "dot.b")], shape=(4,)
    )
    with pytest.raises(QuantizationError, match=r"is not \(C, H, W\)|no such op"):
        fold(dot)


def test_a_concatenation_of_a_tensor_and_what_huge_weights_make_of_it_is_refused():
    net = branching(
        {"first": Conv2d(2, 1), "tanh": Tanh(), "huge": Conv2d(2, 1), "join": Concat(),
         "last": Conv2d(1, 1)},
        [("input", "first", "tanh", "huge", "join.a"), ("tanh", "join.b"), ("join", "last")],
    )  # fmt: skip
    weights = net.net["huge"].params["weight"] * 1e6
    huge = net.with_net(net.net.with_params({"huge.weight": weights}))
    with pytest.raises(QuantizationError, match="huge: its weights are too large for one scale"):
        quantize_model(huge, floats())


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 4, 4), (3, 2)])
def test_a_concatenation_of_flattened_planes_is_that_of_the_planes(shape):
    """Oracle: the blob of the net that joins the planes and flattens then, with equal weights."""
    shapes = {"a": shape, "b": shape}
    x = {name: np.random.default_rng(0).random((9, *shape), np.float32) for name in shapes}
    flat = {"f": Flatten(), "g": Flatten(), "join": Concat(), "fc": Linear(2)}
    edges = [("a", "f", "join.a"), ("b", "g", "join.b"), ("join", "fc")]
    after = Model(Graph(flat, edges, shapes).initialize(0))
    planes = {"join": Concat(), "f": Flatten(), "fc": Linear(2)}
    edges = [("a", "join.a"), ("b", "join.b"), ("join", "f", "fc")]
    before = Model(Graph(planes, edges, shapes).initialize(0).with_params(after.net.params))
    made = [blob.dumps(quantize(net, calibrate(net, x))) for net in (after, before)]
    assert made[0] == made[1]


def test_a_concatenation_of_flattened_planes_of_two_sizes_is_refused():
    shapes = {"a": (1, 4, 4), "b": (1, 2, 4)}
    layers = {"f": Flatten(), "g": Flatten(), "join": Concat(), "fc": Linear(2)}
    edges = [("a", "f", "join.a"), ("b", "g", "join.b"), ("join", "fc")]
    net = Model(Graph(layers, edges, shapes).initialize(0))
    x = {
        name: np.ones((9, *shape)) * np.arange(9)[:, None, None, None]
        for name, shape in shapes.items()
    }
    with pytest.raises(UnsupportedError, match=r"join \(Concat\): it joins a flattened plane"):
        quantize(net, calibrate(net, x))


def test_a_calibration_of_another_net_is_refused():
    other = calibrate(model({"flatten": Flatten(), "fc": Linear(2)}), IMAGES)
    deep = model({"flatten": Flatten(), "hidden": Linear(4), "fc": Linear(2)})
    with pytest.raises(QuantizationError, match="knows no layer 'hidden': it is of another net"):
        quantize(deep, other)


# Calibration


CALIBRATED = model({"conv": Conv2d(2, 3), "relu": ReLU(), "flatten": Flatten(), "fc": Linear(3)})


@pytest.mark.parametrize("percentile", [100, 99.99, 99.9, 97.5, 70])
@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_a_percentile_is_an_order_statistic_of_all_values(percentile, batch_size):
    """Oracle: sort everything, drop floor(n (100 - p) / 100) at each end, in exact fractions."""
    options = {"method": "percentile", "percentile": percentile, "batch_size": batch_size}
    came = calibrate(CALIBRATED, IMAGES, **options).ranges
    x = CALIBRATED.encode(IMAGES)
    for path, values in {"input": x, **CALIBRATED.net.activations(x)}.items():
        ordered = np.sort(values, axis=None)
        cut = len(ordered) * round((100 - percentile) * 100) // 10_000
        wanted = (ordered[cut], ordered[len(ordered) - 1 - cut])
        # A batch of another size may add in another order, by a rounding of float32.
        assert came[path] == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_the_ranges_do_not_depend_on_the_size_of_a_batch():
    """To the last bit; before, NumPy added the single row of a batch of one in another order."""
    layers = {"conv": Conv2d(4, 3), "relu": ReLU(), "flatten": Flatten(), "fc": Linear(40)}
    net = model({**layers, "softmax": Softmax()})
    x = np.random.default_rng(3).integers(0, 256, (61, 6, 6), dtype=np.uint8)
    whole = calibrate(net, x, batch_size=61)
    for size in (1, 2, 3, 7, 60, None):
        assert calibrate(net, x, batch_size=size) == whole, size


def test_calibration_takes_memory_by_batches_and_counts_each(monkeypatch):
    """100 inputs of 3.5 MB of activations each; before, all 350 MB were one batch."""
    counted = []

    @contextmanager
    def counter(*_what, total, **_options):
        assert total == 100
        yield counted.append

    monkeypatch.setattr("drypoint.quant._calibration.progress", counter)
    layers = {"conv": Conv2d(32, 1)} | {f"relu{i}": ReLU() for i in range(11)}
    net = Sequential(layers, (1, 48, 48)).initialize(0)
    x = np.random.default_rng(0).random((100, 1, 48, 48), np.float32)
    tracemalloc.start()
    try:
        calibrate(net, x)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100e6
    assert sum(counted) == 100
    assert max(counted) < 15


def test_the_cut_is_exact_where_floats_are_not():
    """100 - 99.9 is 0.0999...943 in floats; of 1,000 values one is to go at each end."""
    x = np.arange(1000.0)[:, None]
    net = Model(Sequential({"fc": Linear(1)}, (1,)).initialize(0))
    came = calibrate(net, x, method="percentile", percentile=99.9)
    assert came.ranges["input"] == (1, 998)


def test_min_max_keeps_the_extremes():
    came = calibrate(CALIBRATED, IMAGES)
    x = CALIBRATED.encode(IMAGES)
    relu = CALIBRATED.net.activations(x)["relu"]
    assert came.ranges["relu"] == (relu.min(), relu.max())
    assert came.ranges["input"] == (x.min(), x.max())
    assert (came.method, came.percentile, came.n_examples) == ("minmax", 100.0, 10)


def test_a_calibration_survives_json_and_prints_itself():
    came = calibrate(CALIBRATED, IMAGES, method="percentile", percentile=99.5)
    assert Calibration.from_json(came.to_json()) == came
    lines = str(came).splitlines()
    assert lines[0] == "calibration on 10 examples, 99.5 % percentile"
    assert [line.split()[0] for line in lines[1:]] == ["input", "conv", "relu", "flatten", "fc"]


def edit(**fields):
    return json.dumps({**json.loads(calibrate(CALIBRATED, IMAGES).to_json()), **fields})


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "3", "{}", "[" * 100_000, edit(ranges=[1]), edit(ranges={"input": [1]}),
        edit(ranges={"input": [2, 1]}), edit(ranges={"input": [0, math.nan]}),
        edit(ranges={"conv": [0, 1]}), edit(method="magic"), edit(percentile=10),
        edit(n_examples=0), edit(n_examples="many"), edit(other=1),
        edit(percentile="x"),
    ],
)  # fmt: skip
def test_other_json_is_refused_in_one_line(text):
    with pytest.raises(QuantizationError):
        Calibration.from_json(text)


def test_images_and_settings_that_cannot_calibrate_are_refused():
    check_answers("calibrations", globals())


# Scales


@given(st.lists(st.floats(2.0**-40, 4.0), min_size=1, max_size=5))
def test_multipliers_are_the_nearest_even_integers(ratios):
    """Oracle: M = m 2^(e-32), so m 2^(e-32) is within 2^(e-32) of M, m even, e as small as can."""
    m, e = multipliers(np.array(ratios))
    assert (m % 2 == 0).all()
    assert (m >= 2).all()
    for value, ratio in zip(m.tolist(), ratios, strict=True):
        wanted = math.ldexp(ratio, 32 - e)
        assert abs(value - wanted) <= 1 or value == 2
    assert e == 0 or math.ldexp(max(ratios), 32 - (e - 1)) > 2**31 - 3


def test_the_largest_multiplier_needs_no_larger_shift():
    """Section 5 of NUMERICS.md: m is at most 2^31 - 2; what rounds to 2^31 takes another e."""
    for ratio, m, e in ((2**31 - 2, 2**31 - 2, 0), (2**31 - 0.5, 2**30, 1)):
        found, shift = multipliers(np.array([math.ldexp(ratio, -32)]))
        assert (found.tolist(), shift) == ([m], e)


ADVERSARIAL = {
    "zeros": ([[0, 0], [0, 0]], [0, 0]),
    "zero channel": ([[0, 0], [1, -1]], [3, 0]),
    "zeros with bias": ([[0, 0], [0, 0]], [5, -7]),
    "huge bias": ([[1, 2], [1e-3, 1]], [1e9, -1e12]),
    "one huge weight": ([[1e12, 1], [1, 1]], [0, 1]),
    "tiny": ([[1e-30, -1e-30], [1e-38, 0]], [1e-30, 0]),
    "far apart": ([[1e8, 1e8], [1e-30, 1e-30]], [1e-30, 1e8]),
    "tiny with huge bias": ([[1e-30, 1e-30], [1, 1]], [1e9, 0]),
}


@pytest.mark.parametrize(("weight", "bias"), ADVERSARIAL.values(), ids=ADVERSARIAL)
@pytest.mark.parametrize(
    "source", [QuantParams("u8", 1.0), QuantParams("i8", 1e-6), QuantParams("i8", 0.3, -100)]
)
@pytest.mark.parametrize("out_scale", [None, 1e-12, 1.0, 1e12])
def test_scales_hold_their_promises_for_any_weights(weight, bias, source, out_scale):
    """NUMERICS.md sections 4 and 5, in Python's exact integers."""
    weight, bias = np.array(weight, np.float64), np.array(bias, np.float64)
    q, out = weighted_integers(weight, bias, source=source, out_scale=out_scale)
    assert np.abs(q.weight.astype(int)).max() <= 127
    assert (q.mult >= 2**15).all()
    assert (q.mult % 2 == 0).all()
    assert 0 <= q.shift <= 2
    magnitude = 255 if source.dtype == "u8" else 128
    for row, b in zip(q.weight.tolist(), q.bias.tolist(), strict=True):
        assert (abs(b) + magnitude * sum(map(abs, row))) << q.shift < 2**31
    # Only rounding is lost: half a step of each channel's weights and of its accumulator.
    unit, scale = q.unit, q.unit / source.scale
    off = np.abs(weight - q.weight * scale[:, None]).max(axis=1)
    assert (off <= scale * 0.5000001).all()
    own = q.bias + source.zero * q.weight.astype(int).sum(axis=1)
    assert (np.abs(bias - own * unit) <= unit * 0.5000001).all()
    assert out_scale is None or out >= out_scale
    # And the multiplier is what carries accumulators to outputs, to 15 bits.
    np.testing.assert_allclose(q.mult * 2.0 ** (q.shift - 32), unit / out, rtol=2.0**-15)


WRITTEN = {
    "as wide as the window": [Conv2d(2, 1), ZeroPad2d(2), AvgPool2d(2)],
    "around pixels": [ZeroPad2d(1), AvgPool2d(2), Conv2d(2, 1)],
}


@pytest.mark.parametrize("layers", WRITTEN.values(), ids=WRITTEN)
def test_padding_that_a_mean_cannot_take_in_is_written_before_it(layers):
    """Oracle: the float net, within 2 % of the output's range, since weights have 8 bits."""
    given_model = model(layers, mean=0.4)
    program = quantize_model(given_model)
    assert len(program.ops) == 3
    found = program.real(reference.run(program, IMAGES)).reshape(len(IMAGES), *program.output_shape)
    wanted = given_model.net(given_model.encode(IMAGES)).transpose(0, 2, 3, 1)
    assert np.abs(found - wanted).max() < 0.02 * np.ptp(wanted)
