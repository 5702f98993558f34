"""The contract of a layer, for every layer class that there is."""

import copy
import inspect
import json
import math
import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from layer_samples import SAMPLES

from drypoint import nn
from drypoint.autodiff import Tensor, record


def concrete(base):
    for layer in base.__subclasses__():
        if not inspect.isabstract(layer) and layer.__module__.startswith("drypoint.nn."):
            yield layer
        yield from concrete(layer)


EVERY = [
    pytest.param(layer, shape, id=f"{kind.__name__}-{i}")
    for kind, samples in SAMPLES.items()
    for i, (layer, shape) in enumerate(samples.layers)
]
# OneHot takes whole numbers, which no difference is; test_nn_gradient.py has its gradient.
OF_REAL_NUMBERS = [case for case in EVERY if not isinstance(case.values[0], nn.OneHot)]
LAYERS = [case for samples in SAMPLES.values() for case in samples.layers]
INSIDE = {nn.Sequential: "Conv2d", nn.Graph: "Linear"}  # what complains in the first of the cases


def values(shape, seed=0):
    """Distinct values 0.02 apart and 0.01 from 0, so that no corner is near (see gradcheck)."""
    n = math.prod(shape)
    order = np.random.default_rng(seed).permutation(n)
    return ((order - n // 2) * 0.02 + 0.01).reshape(shape)


def sample(layer, shape, seed=0):
    """An example that the layer takes: of indices, one; else `values`."""
    return np.array(float(seed % 3)) if isinstance(layer, nn.OneHot) else values(shape, seed)


def test_every_layer_class_is_under_contract():
    classes = set(concrete(nn.Layer))
    assert classes == set(SAMPLES), "write the layer's samples in tests/support/layer_samples.py"
    leaves = {kind for kind in nn.LEAF_TYPES if issubclass(kind, nn.Layer)}
    assert classes == {*leaves, nn.Sequential, nn.Graph}


def test_a_layer_without_wrong_shapes_takes_all_shapes():
    for kind, samples in SAMPLES.items():
        if not samples.wrong:
            layer, _ = samples.layers[0]
            for shape in ((), (3,), (2, 3), (1, 2, 3), (2, 1, 3, 2)):
                size = math.prod(layer.output_shape(shape))
                assert size == math.prod(shape), kind


def test_every_merging_layer_of_kernels_is_in_a_graph_under_contract():
    kinds = {type(leaf) for graph, _ in SAMPLES[nn.Graph].layers for _, leaf in graph.leaves()}
    merging = {kind for kind in nn.LEAF_TYPES if issubclass(kind, nn.Merge) and kind.in_kernels}
    assert merging <= kinds


@pytest.mark.parametrize(("layer", "shape"), OF_REAL_NUMBERS)
def test_every_layer_keeps_the_published_contract(layer, shape):
    nn.check_layer(layer, shape)
    if layer.param_names and not isinstance(layer, nn.Sequential | nn.Graph):
        nn.check_layer(layer.initialize(1, input_shape=shape), shape)


@dataclass(frozen=True, eq=False, repr=False)
class Right(nn.Layer):
    """x * scale; the classes below break one promise each."""

    short_name: ClassVar[str] = "right"
    param_names = ("scale",)

    def param_shapes(self, input_shape=None):  # noqa: ARG002
        return {"scale": (3,)}

    def initial_arrays(self, draw):  # noqa: ARG002
        return {"scale": np.full(3, 2, np.float32)}

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x * params["scale"]


class WrongShape(Right):
    def output_shape(self, input_shape):
        return (*input_shape, 1)


class WrongGradient(Right):
    def forward(self, x, params, ctx):  # noqa: ARG002
        return record(
            x.data * params["scale"].data,
            (x, lambda g: g),
            (params["scale"], lambda g: g.sum(axis=0)),
        )


class WrongDtype(Right):
    def forward(self, x, params, ctx):  # noqa: ARG002
        return Tensor((x.data * params["scale"].data).astype(np.float32))


class WrongBatch(Right):
    def forward(self, x, params, ctx):  # noqa: ARG002
        return (x - x.data.mean(axis=0)) * params["scale"]


class WrongRepr(Right):
    def __repr__(self):
        return "two\nlines"


class NoKernels(Right):
    in_kernels: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (WrongShape, r"gives \(3,\) for \(3,\), but output_shape says \(3, 1\)"),
        (WrongGradient, "passes on a wrong gradient out of training"),
        (WrongDtype, "gives float32 for float64"),
        (WrongBatch, "gives other numbers for a batch than for its examples one by one"),
        (WrongRepr, "has a repr of several lines"),
        (NoKernels, "says in_kernels, but NumPy computes a part of it"),
    ],
)
def test_a_broken_promise_is_named(kind, text):
    nn.check_layer(Right(), (3,))
    with pytest.raises(nn.ContractError, match=f"^{kind.__name__} {text}"):
        nn.check_layer(kind(), (3,))


def test_the_check_wants_a_shape():
    with pytest.raises(nn.ContractError, match="is not bound to a shape: give input_shape"):
        nn.check_layer(nn.ReLU())
    nn.check_layer(nn.Linear(2, in_features=3))


@pytest.mark.parametrize(("layer", "shape"), EVERY)
def test_shapes_are_as_inferred_and_the_layer_is_a_value(layer, shape):
    ready = layer.initialize(1, input_shape=shape)
    assert ready.initialized
    x = sample(layer, shape)
    y = ready(x)
    assert y.shape == layer.output_shape(shape) == ready.output_shape(shape)
    assert y.flags.c_contiguous
    assert {p: a.shape for p, a in ready.parameters().items()} == layer.param_shapes(shape)
    assert {p: a.shape for p, a in ready.buffers.items()} == layer.buffer_shapes(shape)
    assert ready.n_params == sum(a.size for a in ready.params.values())
    assert ready.params.keys() == set(ready.param_names)
    if ready.param_names:
        assert not layer.params, "initialize changed the layer itself"
    for array in (*ready.params.values(), *ready.buffers.values()):
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(AttributeError):
        ready.params = {}
    with pytest.raises(TypeError):
        ready.params["weight"] = 0


@pytest.mark.parametrize(("layer", "shape"), EVERY)
def test_a_batch_is_the_stacked_singles(layer, shape):
    """float32 sums of at most 50 terms in another order: some 50 units in the last place."""
    ready = layer.initialize(1, input_shape=shape)
    singles = [sample(layer, shape, seed).astype(np.float32) for seed in range(3)]
    params = {p: Tensor(a) for p, a in ready.params.items()}
    batch = ready.apply(params, Tensor(np.stack(singles))).data
    expected = np.stack([ready(x) for x in singles])
    np.testing.assert_allclose(batch, expected, rtol=50 * 2**-23, atol=1e-6)
    if ready.example_rank is not None:
        np.testing.assert_array_equal(ready(np.stack(singles)), batch)
        assert ready(np.zeros((0, *shape))).shape == (0, *ready.output_shape(shape))


@pytest.mark.parametrize(("layer", "shape"), EVERY)
def test_dtypes(layer, shape):
    ready = layer.initialize(1, input_shape=shape)
    integers = np.asarray(np.arange(math.prod(shape)).reshape(shape) % 3)
    assert ready(np.asarray(integers, np.float64)).dtype == np.float64
    single = np.asarray(integers, np.float32)
    for x in (integers, integers.astype(np.uint8), single, integers.tolist()):
        y = ready(x)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, ready(single))


def test_functions_of_your_own_have_no_configuration():
    for layer, _ in SAMPLES[nn.Elementwise].layers:
        with pytest.raises(nn.ConfigError, match=r"^Elementwise holds functions of your own"):
            layer.config()


HAVE_CONFIG = [case for case in LAYERS if not isinstance(case[0], nn.Elementwise)]


def test_configuration_round_trip():
    for layer, shape in HAVE_CONFIG:
        for one in (layer, layer.bind(shape)):
            config = json.loads(json.dumps(one.config()))
            again = nn.layer_from_config(config)
            assert type(again) is type(layer)
            assert json.dumps(again.config()) == json.dumps(one.config())
            assert again.output_shape(shape) == one.output_shape(shape)
            assert not again.params
            for broken in (
                {**config, "extra": 1},
                {**config, "type": "Conv"},
                {"type": config["type"]},
            ):
                if broken != config:  # a layer without hyper-parameters is its type alone
                    with pytest.raises(nn.ConfigError):
                        nn.layer_from_config(broken)


def test_copies_are_equal():
    for layer, shape in LAYERS:
        ready = layer.initialize(1, input_shape=shape)
        x = sample(layer, shape)
        for again in (pickle.loads(pickle.dumps(ready)), copy.deepcopy(ready), copy.copy(ready)):
            np.testing.assert_array_equal(again(x), ready(x))
            assert repr(again) == repr(ready)
            if not isinstance(layer, nn.Elementwise):
                assert again.config() == ready.config()


def test_repr_is_one_line_with_a_mark():
    for layer, shape in LAYERS:
        assert repr(layer).startswith(f"{type(layer).__name__}(")
        assert "\n" not in repr(layer)
        assert ("uninitialized" in repr(layer)) == bool(layer.param_names)
        assert "uninitialized" not in repr(layer.initialize(1, input_shape=shape))


def test_repr_shows_what_is_not_default():
    assert repr(nn.Conv2d(3, 5)) == "Conv2d(out_channels=3, kernel_size=5, uninitialized)"
    assert repr(nn.MaxPool2d(2, stride=1)) == "MaxPool2d(kernel_size=2, stride=1)"


@pytest.mark.parametrize(
    ("layer", "wrong"),
    [(samples.layers[0][0], shape) for samples in SAMPLES.values() for shape in samples.wrong],
)
def test_wrong_shapes_are_refused_by_name(layer, wrong):
    with pytest.raises(nn.ShapeError) as caught:
        layer.output_shape(wrong)
    inner = INSIDE.get(type(layer), type(layer).__name__)
    assert str(caught.value).startswith(inner)
    assert str(wrong) in str(caught.value)


def test_a_bound_layer_takes_one_shape_only():
    for layer, shape in LAYERS:
        bound = layer.bind(shape)
        if bound.input_shape is not None:
            assert bound.input_shape == shape
            with pytest.raises(nn.ShapeError):
                bound.output_shape((*shape[:-1], math.prod(shape[-1:]) + 1))
        if layer.param_names:
            assert bound.param_shapes() == layer.param_shapes(shape)
            assert bound.initialize(1).initialized


def test_an_uninitialized_layer_does_not_run():
    for layer, shape in LAYERS:
        if layer.param_names:
            with pytest.raises(nn.NotInitializedError, match=r"has no weight|has no scale"):
                layer(values(shape))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        ([np.nan, 0, 0, 0], r"finite numbers, got nan at \(0,\)"),
        ([0, np.inf, 0, 0], r"got inf at \(1,\)"),
        ([1e39, 0, 0, 0], r"got 1e\+39 at \(0,\)"),  # beyond float32
        ([1j, 0, 0, 0], "real numbers, got complex128"),
        ([None] * 4, "real numbers, got object"),
        (["a"] * 4, "real numbers, got <U1"),
        ([[1, 2], [1]], "differ in length"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_inputs_that_are_no_finite_numbers_are_refused(x, text):
    for layer in (nn.Linear(3).initialize(input_shape=(4,)), nn.ReLU()):
        with pytest.raises(nn.InputError, match=text):
            layer(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2d(0, 3),
        lambda: nn.Conv2d(True, 3),
        lambda: nn.Conv2d(2.0, 3),
        lambda: nn.Conv2d(2, 0),
        lambda: nn.Conv2d(2, (3,)),
        lambda: nn.Conv2d(2, (3, 3, 3)),
        lambda: nn.Conv2d(2, "3"),
        lambda: nn.Conv2d(2**31, 3),
        lambda: nn.Conv2d(2, 3, stride=0),
        lambda: nn.Conv2d(2, 3, dilation=(1, 0)),
        lambda: nn.Conv2d(2, 3, padding=-1),
        lambda: nn.Conv2d(2, 3, padding="full"),
        lambda: nn.Conv2d(2, 3, padding=((1, 1), 1)),
        lambda: nn.Conv2d(2, 3, padding=((1, 1), (1, -1))),
        lambda: nn.Conv2d(2, 3, padding=((1, 1), (1, 1), (1, 1))),
        lambda: nn.Conv2d(3, 3, groups=2),
        lambda: nn.Conv2d(2, 3, groups=2, in_channels=3),
        lambda: nn.Conv2d(2, 3, bias=1),
        lambda: nn.MaxPool2d(0),
        lambda: nn.MaxPool2d(2, stride=0),
        lambda: nn.MaxPool2d(2, padding=2),
        lambda: nn.AvgPool2d(2, padding="same"),
        lambda: nn.Linear(0),
        lambda: nn.Linear(2, in_features=-1),
        lambda: nn.Linear(2, bias=None),
        lambda: nn.Dropout(1.0),
        lambda: nn.Dropout(-0.1),
        lambda: nn.Dropout(math.nan),
        lambda: nn.Dropout("0.5"),
        lambda: nn.Softmax(1.0),
        lambda: nn.BatchNorm2d(momentum=1.1),
        lambda: nn.BatchNorm2d(epsilon=0),
        lambda: nn.BatchNorm2d(epsilon=math.inf),
        lambda: nn.BatchNorm2d(channels=0),
        lambda: nn.BatchNorm1d(channels=True),
        lambda: nn.LeakyReLU(True),
        lambda: nn.LeakyReLU(math.inf),
        lambda: nn.LeakyReLU("0.1"),
        lambda: nn.AdaptiveAvgPool2d(0),
        lambda: nn.AdaptiveAvgPool2d((1, None)),
        lambda: nn.ZeroPad2d(-1),
        lambda: nn.ZeroPad2d((1, 2)),
        lambda: nn.ZeroPad2d((1, 2, 3, -4)),
        lambda: nn.Slice(3),
        lambda: nn.Slice(-1),
        lambda: nn.Slice(1, 0.5),
        lambda: nn.Slice(1, 0, True),
        lambda: nn.Slice(1, step=0),
        lambda: nn.Slice(0, step=2),
        lambda: nn.InputPart(-1, (2,)),
        lambda: nn.InputPart(0, ()),
        lambda: nn.InputPart(0, (2, 0)),
        lambda: nn.Permute((1, 2)),
        lambda: nn.Permute((0, 1, 2, 3)),
        lambda: nn.Permute(1),
        lambda: nn.Permute((True, 0)),
        lambda: nn.ChannelShuffle(0),
        lambda: nn.Upsample(0),
        lambda: nn.Upsample((2, 1.5)),
        lambda: nn.Upsample(2, mode="bicubic"),
        lambda: nn.Upsample(2, align_corners=True),
        lambda: nn.Upsample(2, mode="bilinear", align_corners=1),
        lambda: nn.Resize(0),
        lambda: nn.Resize((2, 1.5)),
        lambda: nn.Resize(2, alignment="corners"),
        lambda: nn.PixelShuffle((2, 2)),
        lambda: nn.PixelShuffle(2, mode="crd"),
        lambda: nn.ConvTranspose2d(0, 2),
        lambda: nn.ConvTranspose2d(2, (3,)),
        lambda: nn.ConvTranspose2d(2, 3, stride=0),
        lambda: nn.ConvTranspose2d(2, 3, padding=3),
        lambda: nn.ConvTranspose2d(2, 3, padding="full"),
        lambda: nn.ConvTranspose2d(2, 3, stride=2, output_padding=2),
        lambda: nn.ConvTranspose2d(2, 3, stride=2, output_padding=-1),
        lambda: nn.ConvTranspose2d(2, 3, stride=2, padding="same", output_padding=1),
        lambda: nn.ConvTranspose2d(2, 3, bias=0),
        lambda: nn.ConvTranspose2d(2, 3, in_channels=0),
        lambda: nn.Concat(1),
        lambda: nn.Concat(27),
        lambda: nn.Concat(2.0),
        lambda: nn.Linear(2).initialize(-1, input_shape=(2,)),
        lambda: nn.Linear(2).initialize(1.5, input_shape=(2,)),
        lambda: nn.Linear(2).initialize(method="zero", input_shape=(2,)),
        lambda: nn.Sequential([]),
        lambda: nn.Sequential([nn.ReLU]),
        lambda: nn.Sequential({"relu": 1.0}),
        lambda: nn.Sequential([True]),
        lambda: nn.Sequential([0]),
        lambda: nn.Sequential(["swish"]),
        lambda: nn.Sequential({"loss": nn.MSELoss()}),
        lambda: nn.Sequential([nn.Linear(2), nn.Dot()]),
        lambda: nn.Function("swish"),
        lambda: nn.Reshape(2),
        lambda: nn.Reshape((2, 0)),
        lambda: nn.OneHot(0),
        lambda: nn.BinaryCrossEntropyLoss(from_logits=1),
        lambda: nn.Graph({}),
        lambda: nn.Graph({"a": nn.ReLU(), "b": nn.Graph({"a/c": nn.ReLU()})}),
        lambda: nn.Linear(2).initialize(std=1.0, input_shape=(2,)),
        lambda: nn.Linear(2).initialize(method="normal", std=-1, input_shape=(2,)),
        lambda: nn.Linear(2).initialize(distribution="flat", input_shape=(2,)),
        lambda: nn.Linear(2).initialize(
            method="orthogonal", distribution="uniform", input_shape=(2,)
        ),
        lambda: nn.Sequential({"": nn.ReLU()}),
        lambda: nn.Sequential({"a/b": nn.ReLU()}),
        lambda: nn.Sequential([nn.ReLU()], (0,)),
        lambda: nn.Sequential({"a.b": nn.ReLU(), "a": nn.Sequential({"b": nn.ReLU()})}),
        lambda: nn.CrossEntropyLoss(label_smoothing=2),
        lambda: nn.CrossEntropyLoss(from_logits=1),
    ],
)
def test_hyper_parameters_out_of_range_are_refused(make):
    with pytest.raises(nn.ConfigError):
        make()


def test_same_padding_keeps_ceil_of_size_over_stride():
    """Every size, kernel, stride and dilation: the definition, and one element more below/right."""
    for size in range(1, 8):
        for kernel in range(1, 5):
            for stride in range(1, 4):
                for dilation in (1, 2):
                    conv = nn.Conv2d(1, kernel, padding="same", stride=stride, dilation=dilation)
                    assert conv.output_shape((1, size, size))[1:] == (-(-size // stride),) * 2
                    (top, bottom), (left, right) = conv.window((1, size, size)).padding
                    assert (top, bottom) == (left, right)
                    assert 0 <= bottom - top <= 1


def test_batch_norm_moves_its_statistics_by_the_momentum():
    norm = nn.BatchNorm2d(momentum=0.25).initialize(input_shape=(2, 3, 3))
    x = np.random.default_rng(0).normal(5, 3, (4, 2, 3, 3)).astype(np.float32)
    ctx = nn.Context(training=True)
    norm.apply({p: Tensor(a) for p, a in norm.params.items()}, Tensor(x), ctx)
    # float32 sums of 36 values of about 5 and 34: some units in the last place.
    expected = 0.25 * x.mean(axis=(0, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(ctx.updates["running_mean"], expected, rtol=1e-6)
    expected = 0.75 + 0.25 * x.var(axis=(0, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(ctx.updates["running_variance"], expected, rtol=1e-6)
    moved = norm.with_buffers(ctx.updates)
    np.testing.assert_array_equal(moved.buffers["running_mean"], ctx.updates["running_mean"])
    np.testing.assert_array_equal(norm.buffers["running_mean"], [0, 0])
    nothing = nn.Context()
    norm.apply({p: Tensor(a) for p, a in norm.params.items()}, Tensor(x), nothing)
    assert nothing.updates == {}


def test_batch_norm_misses_what_it_does_not_know():
    params = {"scale": [1, 1], "shift": [0, 0]}
    with pytest.raises(nn.ShapeError, match="does not know its channels"):
        nn.BatchNorm2d().with_params(params)
    without_buffers = nn.BatchNorm2d(channels=2).with_params(params)
    with pytest.raises(nn.NotInitializedError, match="has no running_mean"):
        without_buffers(np.zeros((2, 1, 1)))


def test_errors_survive_the_way_between_processes():
    error = nn.ShapeError("Conv2d", "wants more", "block.conv")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (nn.ShapeError, str(error))


def test_dropout_in_training_wants_a_generator():
    with pytest.raises(nn.ConfigError, match="Dropout wants a generator"):
        nn.Dropout(0.5).apply({}, Tensor([[1.0]]), nn.Context(training=True))


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.Tanh(), np.tanh),
        (nn.Sin(), np.sin),
        (nn.Cos(), np.cos),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Softmax(), lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)),
        (nn.LogSoftmax(), lambda x: x - np.log(np.exp(x).sum(axis=-1, keepdims=True))),
        (nn.Flatten(), np.ravel),
        (nn.Dropout(0.5), lambda x: x),
    ],
)
def test_layers_mirror_numpy(layer, function):
    """float64: the same formula up to rounding in another order."""
    x = values((2, 3))
    np.testing.assert_allclose(layer(x), function(x), rtol=1e-15, atol=1e-15)


def test_linear_is_weight_times_x_plus_bias():
    """Small integers: exact."""
    layer = nn.Linear(2, in_features=3).with_params(
        {"weight": [[1, 2, 3], [4, 5, 6]], "bias": [10, 20]}
    )
    assert layer([1, 0, -1]).tolist() == [8, 18]
    assert layer([[1, 0, -1], [0, 0, 0]]).tolist() == [[8, 18], [10, 20]]


def test_biases_start_at_zero_and_weights_with_their_deviation():
    """n = 40,000 draws: the deviation of a deviation is 1 / sqrt(2 n) = 0.35 %."""
    for method, variance in (("kaiming", 2 / 200), ("xavier", 2 / 400)):
        layer = nn.Linear(200).initialize(5, method=method, input_shape=(200,))
        weight = layer.params["weight"]
        assert abs(weight.std() / math.sqrt(variance) - 1) < 5 * 0.0035
        assert abs(weight.mean()) < 5 * math.sqrt(variance) / 200
        assert not layer.params["bias"].any()


def test_kaiming_counts_the_taps_of_a_group():
    conv = nn.Conv2d(400, 5, groups=2).initialize(3, input_shape=(8, 5, 5))
    # fan_in = 4 * 25; 40,000 draws again.
    assert abs(conv.params["weight"].std() / math.sqrt(2 / 100) - 1) < 5 * 0.0035
