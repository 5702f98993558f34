"""Fused layers: which layers, their outputs, and a user's layer between them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drypoint import nn, train
from drypoint.autodiff import Tensor
from drypoint.autodiff.kernels import runtime
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
        return [run[2:] for run in fusing.fuse(enumerate(layers))]

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
