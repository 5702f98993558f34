"""Nets: short forms of layers, editing, initialization, printing."""

import math

import numpy as np
import pytest

from drypoint import nn


def net():
    return nn.Sequential(
        [nn.Conv2d(2, 3), "relu", nn.MaxPool2d(2), "flatten", 7, "relu", 3, "softmax"], (1, 6, 6)
    ).initialize(1)


def test_words_and_numbers_stand_for_layers():
    kinds = [type(layer) for layer in net()]
    assert kinds == [
        *(nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Flatten),
        *(nn.Linear, nn.ReLU, nn.Linear, nn.Softmax),
    ]
    assert [name for name, _ in net().items()] == (
        ["conv", "relu1", "pool", "flatten", "linear1", "relu2", "linear2", "softmax"]
    )
    assert net()["linear1"].out_features == 7
    named = nn.Sequential({"wave": "sin", "bend": "square", "out": 2})
    assert [type(layer) for layer in named] == [nn.Sin, nn.Function, nn.Linear]
    words = nn.Sequential(["relu6", "leaky_relu", "hardswish", "hardsigmoid", "silu", "gelu"])
    kinds = [nn.ReLU6, nn.LeakyReLU, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.GELU]
    assert [type(layer) for layer in words] == kinds
    assert repr(named["bend"]) == "Function(name='square')"


def test_adding_puts_layers_after():
    one, x = net(), np.ones((1, 6, 6), np.float32)
    longer = one + nn.Linear(2) + nn.Softmax()
    assert [name for name, _ in longer.items()][-3:] == ["softmax", "linear", "softmax2"]
    assert len(one) == 8
    assert (one[:4] + one[4:]).config() == one.config()
    np.testing.assert_array_equal((one[:4] + one[4:])(x), one(x))
    between = one[:1] + nn.BatchNorm2d() + one[1:]
    assert [name for name, _ in between.items()][:3] == ["conv", "norm", "relu1"]
    assert between["norm"].channels == 2
    dropped = one[:5] + one[6:]
    assert "relu2" not in dropped.layers
    with pytest.raises(nn.ConfigError, match="takes layers after its own, got 3"):
        one + 3
    with pytest.raises(nn.ShapeError, match=r"Conv2d at path 'conv2' wants"):
        one + nn.Conv2d(1, 1)


def test_a_layer_is_replaced_by_path():
    outer = nn.Sequential({"block": net(), "fc": nn.Linear(4)}).initialize()
    before = outer.params["block.conv.weight"].copy()
    for path in ("block.linear2", ("block", "linear2")):
        other = outer.with_layer(path, nn.Linear(3, bias=False))
        assert not other["block.linear2"].bias
        assert not other.initialized
        assert outer["block.linear2"].bias
        np.testing.assert_array_equal(other.params["block.conv.weight"], before)
    with pytest.raises(nn.ShapeError, match=r"Linear at path 'fc' wants \(3,\), got \(5,\)"):
        outer.with_layer("block.linear2", nn.Linear(5))
    with pytest.raises(nn.PathError, match=r"no layer at path 'block.linear3'"):
        outer.with_layer("block.linear3", nn.Linear(5))
    with pytest.raises(nn.ConfigError, match=r"wants layers, got <class .*ReLU'> as 'fc'"):
        outer.with_layer("fc", nn.ReLU)
    assert outer["block", "conv"] is outer["block.conv"]
    for wrong in (("block", "x"), ("x",), ()):
        with pytest.raises(nn.PathError):
            outer[wrong]


def test_layers_get_other_names():
    one, x = net(), np.ones((1, 6, 6), np.float32)
    other = one.rename({"conv": "first", "linear2": "scores"})
    assert next(iter(other.layers)) == "first"
    assert "scores.bias" in other.params
    np.testing.assert_array_equal(other(x), one(x))
    with pytest.raises(nn.PathError, match="no layer at path 'conv1'; is it one of conv"):
        one.rename({"conv1": "x"})
    with pytest.raises(nn.ConfigError, match="two layers of one name"):
        one.rename({"conv": "relu1"})
    with pytest.raises(nn.ConfigError, match="wants names of letters"):
        one.rename({"conv": "a/b"})


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize(
    ("method", "std", "deviation"),
    [
        ("kaiming", None, math.sqrt(2 / 200)),
        ("xavier", None, math.sqrt(2 / 500)),
        ("normal", None, 1.0),
        ("normal", 0.2, 0.2),
    ],
)
def test_deviations(distribution, method, std, deviation):
    """n = 60,000 draws: the deviation of a deviation is at most 1 / sqrt(2 n) = 0.29 %."""
    layer = nn.Linear(300).initialize(
        5, method=method, distribution=distribution, std=std, input_shape=(200,)
    )
    weight = layer.params["weight"]
    assert abs(weight.std() / deviation - 1) < 5 * 0.0029
    assert abs(weight.mean()) < 5 * deviation / math.sqrt(60_000)
    assert not layer.params["bias"].any()
    if distribution == "uniform":
        assert np.abs(weight).max() <= np.float32(deviation * math.sqrt(3))
        assert np.abs(weight).max() > 0.99 * deviation * math.sqrt(3)


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (20, 20)])
def test_orthogonal_rows_or_columns(shape):
    """Products of unit vectors, rounded to float32: some units in the last place of 1."""
    out, into = shape
    layer = nn.Linear(out).initialize(3, method="orthogonal", input_shape=(into,))
    w = layer.params["weight"].astype(np.float64)
    gram = w @ w.T if out <= into else w.T @ w
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-6)
    again = nn.Linear(out).initialize(3, method="orthogonal", input_shape=(into,))
    assert again.params["weight"].tobytes() == layer.params["weight"].tobytes()
    conv = nn.Conv2d(4, 3).initialize(method="orthogonal", input_shape=(2, 5, 5))
    rows = conv.params["weight"].reshape(4, -1).astype(np.float64)
    np.testing.assert_allclose(rows @ rows.T, np.eye(4), atol=1e-6)
    assert not conv.params["bias"].any()


def test_identity_starts_as_a_copy():
    x = np.random.default_rng(0).normal(size=(3, 5, 5)).astype(np.float32)
    conv = nn.Conv2d(3, 3, padding=1).initialize(method="identity", std=0.0, input_shape=x.shape)
    np.testing.assert_array_equal(conv(x), x)
    depthwise = nn.Conv2d(3, 3, padding=1, groups=3)
    depthwise = depthwise.initialize(method="identity", std=0.0, input_shape=x.shape)
    np.testing.assert_array_equal(depthwise(x), x)
    linear = nn.Linear(200).initialize(method="identity", input_shape=(200,))
    noise = linear.params["weight"] - np.eye(200, dtype=np.float32)
    assert abs(noise.std() / 0.01 - 1) < 5 / math.sqrt(2 * 40_000)
    assert not linear.params["bias"].any()


def test_parameters_one_at_a_time():
    one = net()
    assert one.param("conv.bias") is one.params["conv.bias"]
    assert one["conv"].param("weight").tolist() == one.params["conv.weight"].tolist()
    empty = nn.Sequential([nn.Linear(2)], (3,))
    assert empty.param("linear.weight") is None
    with pytest.raises(nn.PathError, match=r"no parameter at path 'linear.wieght'; is it one of"):
        empty.param("linear.wieght")
    assert empty.trainable
    assert not nn.ReLU().trainable


def test_a_layer_in_words():
    layer = nn.Linear(2, in_features=3)
    assert layer.describe().splitlines() == [
        "Linear",
        "  out_features = 2",
        "  in_features = 3",
        "  bias = True",
        "  takes input: (3,)",
        "  gives output: (2,)",
        "  learns weight: (2, 3), uninitialized",
        "  learns bias: (2,), uninitialized",
    ]
    full = layer.with_params({"weight": [[1, 2, 3], [3, 2, 1]], "bias": [0, 0]})
    assert "  learns weight: (2, 3), 1 to 3, mean 2, deviation 0.8165" in full.describe()
    assert "  layer conv: Conv2d(out_channels=2" in net().describe()
    assert "keeps running_mean: any shape, uninitialized" in nn.BatchNorm2d().describe()
    assert "takes target: any shape" in nn.MSELoss().describe()


def test_notebooks_show_tables():
    page = net()._repr_html_()
    assert page.count("<tr>") == 1 + 1 + 8 + 1
    assert "Sequential(conv, relu1" in page
    hostile = nn.Elementwise(Odd("<script>"), Odd("&"))._repr_html_()
    assert "<script>" not in hostile
    assert "&lt;script&gt;" in hostile
    assert nn.Conv2d(2, 3)._repr_html_().startswith("<pre>Conv2d\n")


class Odd:
    """x to 2 x or 2, with a name that is no text for a page."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def __call__(self, x):
        return 2 * x if self.name == "<script>" else np.full_like(x, 2)


def test_a_net_in_numbers():
    info = net().info()
    assert info.n_layers == 8
    kinds = ["Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear", "ReLU", "Linear", "Softmax"]
    assert [layer.kind for layer in info.layers] == kinds
    assert str(info.ports) == "input -> output"
    assert info.input_shapes == {"input": (1, 6, 6)}
    assert info.n_params == net().n_params
