"""examples/own_layer.py: a user's layer trains correctly between layers computed in C."""

import re

import numpy as np
import pytest
from example_modules import example_module

from drypoint import data, nn
from drypoint.autodiff.kernels import choose


@pytest.fixture(scope="module")
def example():
    yield from example_module("own_layer")


def test_its_gradients_are_those_of_small_steps(example):
    net = nn.Sequential([example.ChannelScale(3)], (3, 4, 4)).initialize()
    x = np.random.default_rng(0).normal(size=(5, 3, 4, 4))
    assert nn.gradcheck_layer(net, x) < 1e-6  # float64, steps of differences


def test_it_learns_and_its_neighbours_stay_fused(example, monkeypatch):
    """Oracle: the net without the layer. Each convolution is one pass with its ReLU and
    pooling in both, over arrays in the same order in memory."""
    digits, seen = data.load("mnist", "train")[:2560], []
    conv2d = choose.conv2d

    def watched(x, weight, bias, spec, **more):
        seen.append((spec, x.shape[1:], tuple(np.argsort(x.strides))))
        return conv2d(x, weight, bias, spec, **more)

    monkeypatch.setattr(choose, "conv2d", watched)
    example.train_epoch(nn.lenet(), digits)
    bare, seen[:] = set(seen), []
    result = example.train_epoch(example.with_layer(nn.lenet()), digits)
    assert bare == set(seen)
    assert all(spec.relu and spec.pool == (2, 2) for spec, *_ in seen)
    scale = result.net.param("scale.scale")
    assert scale.shape == (20, 1, 1)
    assert (scale != 1).all()
    assert result.history["loss"][0] < np.log(10)  # what a net that knows nothing has


def test_the_command_prints_what_the_layer_costs(example, capsys):
    example.main(256, 1)
    out = capsys.readouterr().out
    assert re.search(r"^LeNet  +\d+\.\d us an image\nLeNet with the layer +\d+\.\d us an im", out)
    assert re.search(r"^the layer costs -?\d+% \(medians of 1 rounds\)$", out, re.MULTILINE)
