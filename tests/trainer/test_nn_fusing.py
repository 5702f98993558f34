"""Fused layers: which layers, their outputs, and a user's layer between them."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from drypoint import nn, train
from drypoint.autodiff import Tensor
from drypoint.autodiff.kernels import runtime
from drypoint.nn import Context
from drypoint.nn._containers import fusing


def test_lenet_is_six_operations():
    runs = fusing.fuse(nn.lenet().items())
    assert [(run.name, run.relu, run.pool) for run in runs] == [
        ("conv1", True, (2, 2)),
        ("conv2", True, (2, 2)),
        ("flatten", False, (1, 1)),
        ("fc1", True, (1, 1)),
        ("fc2", False, (1, 1)),
        ("softmax", False, (1, 1)),
    ]


@dataclass(frozen=True, eq=False, repr=False)
class Doubled(nn.Conv2d):
    """A convolution of another kind."""

    def forward(self, x, params, ctx):
        return super().forward(x, params, ctx) * 2.0


def test_other_layers_are_not_fused():
    def taken(*layers):
        return [run[2:4] for run in fusing.fuse(enumerate(layers))]

    alone = (False, (1, 1))
    conv, relu = nn.Conv2d(2, 3), nn.ReLU()
    assert taken(Doubled(2, 3), relu) == [alone, alone]
    assert taken(conv, nn.MaxPool2d(3, stride=2)) == [alone, alone]
    assert taken(conv, nn.MaxPool2d(3, padding=1)) == [alone, alone]
    assert taken(conv, nn.MaxPool2d(16)) == [alone, alone]
    assert taken(conv, nn.Tanh(), nn.MaxPool2d(2)) == [alone, alone, alone]
    assert taken(nn.Linear(2), nn.MaxPool2d(2)) == [alone, alone]
    assert taken(conv, nn.MaxPool2d((3, 2)), relu) == [(False, (3, 2)), alone]


def test_watched_layers_give_what_they_give_together():
    """Small integers, so exactly."""
    net = nn.Sequential([nn.Conv2d(3, 3), "relu", nn.MaxPool2d(2), "flatten", 4, "relu"], (2, 8, 8))
    rng = np.random.default_rng(0)
    net = net.with_params(
        {path: rng.integers(-3, 4, shape) for path, shape in net.param_shapes().items()}
    )
    x = rng.integers(-3, 4, (5, 2, 8, 8)).astype(np.float32)
    seen = net.activations(x)
    assert list(seen) == ["conv", "relu1", "pool", "flatten", "linear", "relu2"]
    np.testing.assert_array_equal(seen["relu2"], net(x))


def test_a_batch_norm_is_fused_with_the_clip_after_it():
    layers = [nn.BatchNorm2d(), nn.ReLU6(), nn.BatchNorm1d(), nn.ReLU(), nn.BatchNorm2d(), "tanh"]
    runs = fusing.fuse(nn.Sequential(layers).items())
    assert [(run.name, run.clip, run.last) for run in runs] == [
        ("norm1", 6.0, "relu1"),
        ("norm2", math.inf, "relu2"),
        ("norm3", None, "norm3"),
        ("tanh", None, "tanh"),
    ]


def test_layers_of_a_graph_are_fused_where_one_reads_what_the_other_computes():
    layers = {"conv": nn.Conv2d(2, 3, padding=1), "norm": nn.BatchNorm2d(), "act": nn.ReLU()}
    chain = [("input", "conv", "norm", "act", "add.a")]
    layers["add"] = nn.Add()
    graph = nn.Graph(layers, [*chain, ("conv", "add.b")], {"input": (1, 5, 5)})
    runs = fusing.fuse_graph(graph.layers, graph.wiring)
    assert {name: (run.clip, run.last) for name, run in runs.items()} == {"norm": (math.inf, "act")}
    shown = nn.Graph(layers, [*chain, ("norm", "add.b")], {"input": (1, 5, 5)})
    assert not fusing.fuse_graph(shown.layers, shown.wiring)  # the addition reads the norm too


@pytest.mark.parametrize("name", [None, *runtime.Settings.sets])
def test_a_residual_net_trains_to_the_same_bytes_fused_or_not(name):
    """Fused: one kernel; watched: the batch norm, then its ReLU. Any numbers: both round alike."""
    net = nn.resnet8(classes=3, input_shape=(2, 8, 8), width=4).initialize(0)
    x = np.random.default_rng(0).normal(size=(20, 2, 8, 8)).astype(np.float32)

    def gradients(observe):
        params = {k: Tensor(v, requires_grad=True) for k, v in net.parameters().items()}
        ctx = Context(training=True, observe=observe)
        y = net.apply(params, Tensor(x), ctx)
        y.backward(np.ones(y.shape, np.float32) * np.arange(3, dtype=np.float32))
        return [y.data, *(p.grad for p in params.values()), *ctx.updates.values()]

    with runtime.force_kernels(name):
        for fused, apart in zip(gradients(None), gradients(lambda *_: None), strict=True):
            np.testing.assert_array_equal(fused, apart, strict=True)


@dataclass(frozen=True, eq=False, repr=False)
class Gate(nn.Layer):
    """Each channel times a number of its own: written in Tensor operations, nothing else."""

    channels: int
    short_name: ClassVar[str] = "gate"
    param_names: ClassVar[tuple[str, ...]] = ("gain",)

    def output_shape(self, input_shape):
        return input_shape

    def param_shapes(self, input_shape=None):  # noqa: ARG002
        return {"gain": (self.channels,)}

    def initial_arrays(self, draw):  # noqa: ARG002
        return {"gain": np.ones(self.channels, np.float32)}

    def forward(self, x: Tensor, params, ctx):  # noqa: ARG002
        return x * params["gain"].reshape((self.channels, 1, 1))


def test_a_layer_of_ones_own_trains_among_them():
    """Compiled kernels around a user's layer; NumPy trains an equal net within rounding."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 1, 12, 12)).astype(np.float32)
    y = (x[:, 0, :6].sum(axis=(1, 2)) > x[:, 0, 6:].sum(axis=(1, 2))).astype(np.int64)
    layers = [nn.Conv2d(8, 3), "relu", nn.MaxPool2d(2), Gate(8), nn.Conv2d(8, 3), "relu"]
    net = nn.Sequential([*layers, "flatten", 2, "softmax"], (1, 12, 12)).initialize(0)

    def trained(name, n_threads=1):
        with runtime.force_kernels(name, n_threads):
            options = {"optimizer": train.SGD(lr=0.05), "validation_split": 0, "progress": "none"}
            return train.fit(nn.Model(net), (x, y), epochs=3, batch_size=32, **options)

    best = next(iter(runtime.Settings.sets))
    by_numpy, by_kernels, by_threads = trained(None), trained(best), trained(best, 3)
    for path, array in by_kernels.model.net.parameters().items():
        np.testing.assert_array_equal(by_threads.model.net.param(path), array)  # to the byte
    losses = by_kernels.history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    gain = by_kernels.model.net.param("gate.gain")
    assert np.abs(gain - 1).max() > 1e-3
    # 24 steps, each within a few roundings of 2^-24 of the gradients' size.
    np.testing.assert_allclose(gain, by_numpy.model.net.param("gate.gain"), rtol=0, atol=1e-4)
