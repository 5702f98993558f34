"""Losses and layers of several inputs, functions by name and of the user's own: closed forms."""

import math
import re

import numpy as np
import pytest

from drypoint import nn


def test_every_module_of_several_inputs_has_its_ports():
    for loss in (nn.MSELoss(), nn.MAELoss(), nn.BinaryCrossEntropyLoss(), nn.CrossEntropyLoss()):
        assert str(loss.ports) == "input, target -> loss"
        assert not loss.trainable
    for merge in (kind for kind in nn.LEAF_TYPES if issubclass(kind, nn.Merge)):
        assert str(merge().ports) == "a, b -> output"
    assert str(nn.Concat(4).ports) == "a, b, c, d -> output"
    assert nn.Linear(2).ports == nn.Ports(("input",), ("output",))
    leaves = {t for t in nn.LEAF_TYPES if not issubclass(t, nn.Layer | nn.Loss | nn.Merge)}
    assert leaves == set()


def test_one_input_can_be_named_too():
    x = [1.0, -1.0]
    for y in (nn.ReLU()({"input": x}), nn.ReLU()(input=x)):
        np.testing.assert_array_equal(y, [1, 0])
    for wrong in ({"x": x}, {}, {"input": x, "x": x}):
        with pytest.raises(nn.PortError, match="ReLU has the ports input; got"):
            nn.ReLU()(wrong)


def test_dot_is_tensordot():
    """float64 sums of at most 3 products, in whatever order."""
    rng = np.random.default_rng(0)
    for a, b in [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((3,), (3, 2, 4)),
        ((5, 2, 3), (3,)),
    ]:
        x, y = rng.normal(size=a), rng.normal(size=b)
        dot = nn.Dot()(a=x, b=y)
        np.testing.assert_allclose(dot, np.tensordot(x, y, 1), rtol=1e-14, atol=1e-15)
        assert dot.shape == nn.Dot().output_shapes({"a": a, "b": b})["output"]
        assert nn.Dot().operations({"a": a, "b": b}) == math.prod(dot.shape) * 3
        assert nn.gradcheck_layer(nn.Dot(), {"a": x, "b": y}) < 1e-6
        graph = nn.Graph([nn.Dot()], input_shapes={"a": a, "b": b})
        batch = graph(a=np.stack([x, -x]), b=np.stack([y, y]))
        np.testing.assert_allclose(batch, np.stack([dot, -dot]), rtol=1e-14, atol=1e-15)
    with pytest.raises(nn.ShapeError, match="Dot wants the last axis of a as long as"):
        nn.Dot()(a=[1, 2], b=[1, 2, 3])


def test_add_wants_one_shape():
    assert nn.Add()({"a": [1, 2], "b": [3, 4]}).tolist() == [4, 6]
    with pytest.raises(
        nn.ShapeError, match=r"Add wants two arrays of one shape, got \(2,\) and \(1,"
    ):
        nn.Add()(a=[1, 2], b=[3])
    with pytest.raises(nn.PortError, match="Add has the ports a, b; got a"):
        nn.Add()(a=[1])
    assert nn.gradcheck_layer(nn.Add(), {"a": [0.5, 1.5], "b": [2.5, 3.5]}) < 1e-6


def test_mul_takes_one_shape_or_a_factor_for_each_channel():
    """Oracle: NumPy's product, which rounds each element once."""
    rng = np.random.default_rng(0)
    for a, b in [((3,), (3,)), ((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (2, 1, 1)), ((2, 3), (2, 1))]:
        x, y = rng.normal(size=a), rng.normal(size=b)
        np.testing.assert_array_equal(nn.Mul()(a=x, b=y), x * y)
        assert nn.gradcheck_layer(nn.Mul(), {"a": x, "b": y}) < 1e-6
    for wrong in ([[1.0], [2], [3]], [1.0, 2, 3], [[[1.0]]]):
        with pytest.raises(
            nn.ShapeError, match=r"Mul wants b of a's shape or \(C, 1, 1\), got \(2"
        ):
            nn.Mul()(a=[[1.0, 2, 3], [4, 5, 6]], b=wrong)


def test_concat_joins_channels():
    """Oracle: NumPy's concatenate."""
    rng = np.random.default_rng(0)
    for shapes in ([(2, 3, 4), (1, 3, 4)], [(1,), (4,), (2,)], [(2, 2), (1, 2), (1, 2), (3, 2)]):
        arrays = dict(zip("abcd", (rng.normal(size=shape) for shape in shapes), strict=False))
        layer, joined = nn.Concat(len(shapes)), np.concatenate([*arrays.values()])
        np.testing.assert_array_equal(layer(arrays), joined)
        given = {port: array.shape for port, array in arrays.items()}
        assert layer.output_shapes(given) == {"output": joined.shape}
        assert nn.gradcheck_layer(layer, arrays) < 1e-6
    for wrong in ([[1.0, 2]], [1.0], 1.0):
        with pytest.raises(nn.ShapeError, match="Concat wants inputs of one height and width, got"):
            nn.Concat()(a=[[1.0, 2, 3]], b=wrong)
    assert nn.module_from_config(nn.Concat(3).config()).input_ports == ("a", "b", "c")


def test_absolute_error():
    """Exact in binary."""
    loss = nn.MAELoss()
    assert float(loss(input=[1, 2, 4], target=[1, 3, 1.5])) == np.float32(3.5 / 3)
    assert loss(input=[[1, 2], [3, 4]], target=[[1, 2], [3, 2]]).tolist() == [0, 1]
    assert loss.gradient({"input": [1.0, 2.0], "target": [1.0, 3.0]}, "input").tolist() == [0, -0.5]


def test_binary_cross_entropy():
    """float64; the loss by logits equals the loss by probabilities."""
    p, t = np.array([0.9, 0.2]), np.array([1.0, 0.0])
    expected = -(math.log(0.9) + math.log(0.8)) / 2
    loss = nn.BinaryCrossEntropyLoss()
    assert float(loss(input=p, target=t)) == pytest.approx(expected, rel=1e-14)
    assert float(loss(input=p, target=[1, 0])) == pytest.approx(expected, rel=1e-14)
    assert float(loss(input=p, target=[True, False])) == pytest.approx(expected, rel=1e-14)
    scores = np.random.default_rng(0).normal(size=(3, 4)) * 5
    soft = np.random.default_rng(1).random((3, 4))
    by_scores = nn.BinaryCrossEntropyLoss(from_logits=True)
    np.testing.assert_allclose(
        by_scores(input=scores, target=soft), loss(input=nn.Sigmoid()(scores), target=soft), 1e-12
    )
    for one, x in ((by_scores, scores), (loss, nn.Sigmoid()(scores / 5))):
        assert nn.gradcheck_layer(one, {"input": x, "target": soft}) < 1e-6
    assert float(by_scores(input=[800.0], target=[0])) == 800
    assert float(loss(input=[0.0], target=[1])) == pytest.approx(69.0776)
    for x, target, text in [
        ([1.5], [1], r"wants p in \[0, 1\], got 1.5"),
        ([0.5], [2], r"wants targets in \[0, 1\], got 2"),
        ([0.5], [0, 1], "wants a target like its input"),
    ]:
        with pytest.raises(nn.InputError, match=text):
            loss(input=x, target=target)


def test_one_hot_rows():
    assert nn.OneHot(3)([2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert nn.OneHot(3)(1).tolist() == [0, 1, 0]
    for wrong in (3, -1, 0.5):
        with pytest.raises(nn.InputError, match=r"OneHot wants whole numbers in 0..2, got"):
            nn.OneHot(3)(wrong)


def test_reshape_and_global_average_mirror_numpy():
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(nn.Reshape((4, 6))(x), x.reshape(4, 6))
    np.testing.assert_array_equal(nn.GlobalAvgPool2d()(x), x.mean(axis=(1, 2)))


def test_adaptive_average_takes_equal_parts():
    """Oracle: NumPy's mean; sums of six numbers that are exact in float64."""
    x = np.arange(2 * 6 * 4.0).reshape(2, 6, 4)
    parts = x.reshape(2, 3, 2, 2, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(nn.AdaptiveAvgPool2d((3, 2))(x), parts)
    np.testing.assert_array_equal(nn.AdaptiveAvgPool2d((6, 4))(x), x)
    with pytest.raises(nn.ShapeError, match=r"to \(5, 5\) wants a height and .* use AvgPool2d"):
        nn.AdaptiveAvgPool2d(5)(x)


def test_batch_norms_name_what_they_want():
    words = r"BatchNorm1d wants vectors \(3,\) or signals \(3, L\), or images for"
    with pytest.raises(nn.ShapeError, match=words):
        nn.BatchNorm1d(channels=3).output_shape((4,))
    with pytest.raises(nn.ShapeError, match=r"BatchNorm2d wants images \(C, H, W\), got \(4,\)"):
        nn.BatchNorm2d().output_shape((4,))


REFERENCES = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: x.clip(0, 6),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hardsigmoid": lambda x: (x + 3).clip(0, 6) / 6,
    "hardswish": lambda x: x * (x + 3).clip(0, 6) / 6,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + np.array([math.erf(v / math.sqrt(2)) for v in x])),
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "square": np.square,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_functions_by_name_mirror_numpy(name):
    """float64: the same formula up to rounding in another order."""
    x = np.linspace(0.013, 3.1, 20) if name in ("log", "sqrt") else np.linspace(-3.07, 3.1, 20)
    layer = nn.Function(name)
    np.testing.assert_allclose(layer(x), REFERENCES[name](x), rtol=1e-13)
    assert nn.gradcheck_layer(layer, x) < 1e-6
    assert layer(x.astype(np.float32)).dtype == np.float32
    assert nn.Function.from_config(layer.config()) is not layer


def test_activations_at_their_corners():
    """Oracle: the formulas, by hand; all numbers but the sixths are exact in binary."""
    sixth = np.float32(1 / 6)
    for layer, x, y, slopes in [
        (nn.ReLU6(), [-1, 0, 2, 6, 7], [0, 0, 2, 6, 6], [0, 0, 1, 0, 0]),
        (nn.LeakyReLU(0.25), [-4, 0, 4], [-1, 0, 4], [0.25, 0.25, 1]),
        (nn.LeakyReLU(), [-1, 1], [np.float32(-0.01), 1], [np.float32(0.01), 1]),
        (nn.PReLU().initialize(0, input_shape=(3,)), [-4, 0, 4], [-1, 0, 4], [0.25, 0.25, 1]),
        (nn.Hardsigmoid(), [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1], [0, 0, sixth, 0, 0]),
        (nn.Hardtanh(), [-2, -1, 0.5, 1, 2], [-1, -1, 0.5, 1, 1], [0, 0, 1, 0, 0]),
        (nn.Hardtanh(0, 3), [-1, 0, 2, 3, 4], [0, 0, 2, 3, 3], [0, 0, 1, 0, 0]),
        (nn.Hardswish(), [-4, -3, 0, 1.5, 3, 4], [0, 0, 0, 1.125, 3, 4], [0, 0, 0.5, 1, 1, 1]),
    ]:
        assert layer(x).tolist() == y
        assert layer.gradient([float(v) for v in x], "input").tolist() == slopes


def test_the_list_of_functions_is_complete():
    with pytest.raises(nn.ConfigError, match=f"has one of {', '.join(REFERENCES)}, got 'x'"):
        nn.Function("x")
    named = set(re.findall(r"\w+", nn.Function.__doc__))
    assert set(REFERENCES) <= named, "user_functions.py: the docstring of Function lacks names"


def test_functions_at_the_ends_of_their_domain():
    with pytest.raises(nn.InputError, match="Function 'log' wants x > 0, got 0"):
        nn.Function("log")([1.0, 0.0])
    with pytest.raises(nn.InputError, match="Function 'sqrt' wants x >= 0, got -1"):
        nn.Function("sqrt")([-1.0])
    assert nn.Function("sqrt")([0.0]).tolist() == [0]
    assert nn.Function("softplus")([1000.0, -1000.0]).tolist() == [1000, 0]
    assert nn.Function("softplus").gradient([1000.0, -1000.0], "input").tolist() == [1, 0]
    assert nn.Function("abs").gradient([0.0, -2.0], "input").tolist() == [0, -1]


def test_functions_of_your_own():
    layer = nn.Elementwise(np.sin, np.cos)
    x = np.linspace(-2, 2, 7)
    np.testing.assert_array_equal(layer(x), np.sin(x))
    np.testing.assert_array_equal(layer.gradient(x, "input"), np.cos(x))
    chain = nn.Sequential([layer, nn.Elementwise(np.cos, lambda x: -np.sin(x))])
    np.testing.assert_array_equal(chain(x), np.cos(np.sin(x)))
    assert [name for name, _ in chain.items()] == ["elementwise1", "elementwise2"]
    positive = nn.Elementwise(np.log, lambda x: 1 / x)  # half of the points are no numbers
    assert positive([1.0]).tolist() == [0]
    doubled = nn.Elementwise(lambda x: x * 2.0, lambda x: np.full_like(x, 2))
    assert doubled(np.float32([1])).dtype == np.float32


@pytest.mark.parametrize(
    ("function", "derivative", "text"),
    [
        (np.sin, np.sin, r"the derivative of its function: at -3.97 it gives 0.7\d*, differences"),
        (np.cos, np.sin, "the derivative of its function"),
        (np.square, lambda x: 2.001 * x, "the derivative of its function"),
        (np.sum, np.cos, "functions of each element alone"),
        (np.cumsum, np.ones_like, "functions of each element alone"),
        (np.sin, lambda _: 1.0, "functions of each element alone"),
        (lambda x: x * np.nan, np.cos, "finite between -4 and 4"),
        (lambda: 1, np.cos, "wants functions of arrays: .* takes 0 positional"),
        (1, np.cos, "wants functions of arrays: 'int' object is not callable"),
    ],
)
def test_a_wrong_derivative_is_refused_at_once(function, derivative, text):
    with pytest.raises(nn.ConfigError, match=text):
        nn.Elementwise(function, derivative)
