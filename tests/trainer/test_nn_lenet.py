"""The LeNet of the tutorial: every number of its table, and how a fresh one behaves."""

import math

import numpy as np
import pytest

from drypoint import nn
from drypoint.autodiff import Tensor, cross_entropy

TABLE = [
    # path, class, output, weight, bias, params, MACs, int8 bytes of an output of its own
    ("conv1", "Conv2d", (20, 24, 24), 500, 20, 520, 288_000, 11_520),
    ("relu1", "ReLU", (20, 24, 24), 0, 0, 0, 0, 0),
    ("pool1", "MaxPool2d", (20, 12, 12), 0, 0, 0, 0, 2_880),
    ("conv2", "Conv2d", (50, 8, 8), 25_000, 50, 25_050, 1_600_000, 3_200),
    ("relu2", "ReLU", (50, 8, 8), 0, 0, 0, 0, 0),
    ("pool2", "MaxPool2d", (50, 4, 4), 0, 0, 0, 0, 800),
    ("flatten", "Flatten", (800,), 0, 0, 0, 0, 0),
    ("fc1", "Linear", (500,), 400_000, 500, 400_500, 400_000, 500),
    ("relu3", "ReLU", (500,), 0, 0, 0, 0, 0),
    ("fc2", "Linear", (10,), 5_000, 10, 5_010, 5_000, 10),
    ("softmax", "Softmax", (10,), 0, 0, 0, 0, 0),
]


def test_the_table():
    net = nn.lenet()
    shapes = net.param_shapes()
    rows = [
        (
            layer.path,
            layer.kind,
            layer.output_shape,
            math.prod(shapes.get(f"{layer.path}.weight", (0,))),
            math.prod(shapes.get(f"{layer.path}.bias", (0,))),
            layer.n_params,
            layer.macs,
            layer.int8_bytes,
        )
        for layer in net.info().layers
    ]
    assert rows == TABLE
    assert net.input_shape == (1, 28, 28)
    assert net.n_params == net.info().n_params == 431_080
    assert net.info().n_params == 431_080
    assert net.macs((1, 28, 28)) == net.info().macs == 2_293_000
    assert shapes["conv2.weight"] == (50, 20, 5, 5)
    assert shapes["fc1.weight"] == (500, 800)


def test_no_padding_no_dilation_no_groups():
    for name in ("conv1", "conv2"):
        config = nn.lenet()[name].config()
        assert {config[k] for k in ("stride", "dilation", "groups")} == {1}
        assert config["padding"] == 0
        assert config["bias"] is True


def test_lenet5():
    """61,706: the sizes of the published net with full connections."""
    net = nn.lenet5()
    assert net.n_params == 61_706
    assert net.output_shape((1, 28, 28)) == (10,)
    assert net.info().layers[5].output_shape == (16, 5, 5)


def test_seeds():
    assert not nn.lenet().initialized
    a, b = nn.lenet(seed=3).parameters(), nn.lenet().initialize(3).parameters()
    assert all(a[path].tobytes() == b[path].tobytes() for path in a)


def test_a_fresh_lenet_guesses():
    """On images as sparse as digits its mean loss is near ln 10 = 2.303, a little above since
    kaiming gives logits a spread of about one: in [2.0, 3.5]."""
    rng = np.random.default_rng(0)
    x = rng.random((200, 1, 28, 28)) * (rng.random((200, 1, 28, 28)) < 0.2)
    p = nn.lenet(seed=0)(x)
    # The sum of 10 float64 terms.
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-14)
    loss = nn.CrossEntropyLoss()(input=p, target=np.arange(200) % 10)
    assert loss.shape == (200,)
    assert 2.0 < loss.mean() < 3.5


@pytest.mark.parametrize("batch", [1, 64])
def test_one_step_stays_in_float32(batch):
    net = nn.lenet(seed=0)
    leaves = {p: Tensor(a, requires_grad=True) for p, a in net.parameters().items()}
    x = Tensor(np.zeros((batch, 1, 28, 28), np.float32))
    loss = cross_entropy(net[:-1].apply(leaves, x), np.zeros(batch, int), reduction="mean")
    assert loss.dtype == np.float32
    loss.backward()
    assert {t.grad.dtype for t in leaves.values()} == {np.dtype(np.float32)}
    assert x.grad is None
