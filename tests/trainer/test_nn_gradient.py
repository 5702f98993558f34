"""Gradients by path: against closed forms, against differences, and as steps that lower a loss."""

import numpy as np
import pytest

from drypoint import nn
from drypoint.autodiff import GradcheckError


def net(seed=0):
    layers = {"conv1": nn.Conv2d(2, 3), "tanh": nn.Tanh(), "flatten": nn.Flatten()}
    head = {"fc": nn.Linear(3), "softmax": nn.Softmax()}
    return nn.Sequential({**layers, **head}, (1, 5, 5)).initialize(seed)


def images(n=4):
    return np.random.default_rng(0).normal(size=(n, 1, 5, 5)).astype(np.float32)


def test_gradients_of_a_linear_layer_by_hand():
    """The sum of weight @ x + bias over outputs and examples. Small integers: exact."""
    layer = nn.Linear(2, in_features=3).with_params(
        {"weight": [[1, 2, 3], [4, 5, 6]], "bias": [0, 0]}
    )
    x = np.array([[1, 0, 2], [0, 1, 1]], np.float32)
    found = layer.gradient(x, "all")
    assert list(found) == ["weight", "bias", "input"]
    assert found["weight"].tolist() == [[1, 1, 3], [1, 1, 3]]
    assert found["bias"].tolist() == [2, 2]
    assert found["input"].tolist() == [[5, 7, 9], [5, 7, 9]]
    assert layer.gradient(x, "bias").tolist() == [2, 2]
    assert layer.gradient(x, "bias", reduction="mean").tolist() == [1, 1]
    assert layer.gradient(x[0], "input").tolist() == [5, 7, 9]
    assert layer.gradient({"input": x[0]}, ["bias"])["bias"].tolist() == [1, 1]
    seeds = np.array([[1, 0], [0, -1]], np.float32)
    assert layer.vjp(x, seeds, wrt="bias").tolist() == [1, -1]
    assert layer.vjp(x, {"output": seeds}, wrt="input").tolist() == [[1, 2, 3], [-4, -5, -6]]
    assert layer.vjp(x[0], [0, 1], wrt=("weight",))["weight"].tolist() == [[0, 0, 0], [1, 0, 2]]


def test_a_relu_passes_nothing_at_and_below_zero():
    assert nn.ReLU().gradient([-1.0, 0.0, 2.0], "input").tolist() == [0, 0, 1]


def test_a_little_against_the_gradient_of_the_first_bias_lowers_the_loss():
    """To first order by the squared norm times the step; the original net is unchanged."""
    graph = nn.TrainingGraph(net(), nn.CrossEntropyLoss(), name="lenet")
    data = {"input": images(1)[0].astype(np.float64), "target": 1}
    before = float(graph(data))
    bias = graph.param("lenet.conv1.bias")
    gradient = graph.gradient(data, "lenet.conv1.bias")
    assert gradient.shape == bias.shape == (2,)
    moved = graph.with_params({"lenet.conv1.bias": bias - 1e-3 * gradient})
    fallen = before - float(moved(data))
    expected = 1e-3 * (gradient**2).sum()
    assert 0.95 * expected < fallen < 1.05 * expected
    assert float(graph(data)) == before
    assert graph.param("lenet.conv1.bias") is bias


def test_a_batch_sums_the_gradients_of_its_examples():
    """float64: only the order of four terms differs."""
    one, x, t = net(), images().astype(np.float64), [0, 1, 2, 0]
    loss = nn.CrossEntropyLoss()
    whole = one.gradient({"input": x, "target": t}, "fc.weight", loss=loss)
    singles = [
        one.gradient({"input": a, "target": b}, "fc.weight", loss=loss)
        for a, b in zip(x, t, strict=True)
    ]
    np.testing.assert_allclose(whole, sum(singles), rtol=1e-12, atol=1e-15)
    mean = one.gradient({"input": x, "target": t}, "fc.weight", loss=loss, reduction="mean")
    np.testing.assert_allclose(mean, whole / 4, rtol=1e-15)


def test_gradients_agree_with_differences():
    """Every parameter and every input that is no class index, in float64."""
    graph = nn.TrainingGraph(net(), nn.CrossEntropyLoss())
    assert nn.gradcheck_layer(graph, {"input": images(2), "target": [0, 2]}) < 1e-6
    rows = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    assert nn.gradcheck_layer(graph, {"input": images(2), "target": rows}) < 1e-6
    assert nn.gradcheck_layer(net(), images(1)[0]) < 1e-6
    norm = nn.Sequential([nn.BatchNorm2d(), nn.Dropout(0.5)], (1, 5, 5)).initialize()
    assert nn.gradcheck_layer(norm, images(3), training=True) < 1e-6


def test_a_wrong_gradient_is_found():
    wrong = nn.Elementwise(np.sin, np.cos)
    object.__setattr__(wrong, "derivative", np.sin)
    with pytest.raises(GradcheckError, match="argument 0 at"):
        nn.gradcheck_layer(wrong, [0.3, 0.7])


@pytest.mark.parametrize(
    "loss", [nn.MSELoss(), nn.MAELoss(), nn.CrossEntropyLoss(from_logits=True, label_smoothing=0.1)]
)
def test_a_target_that_is_no_index_has_a_gradient_too(loss):
    data = {"input": [[0.3, 0.6], [0.8, 0.1]], "target": [[0.9, 0.2], [0.4, 0.7]]}
    data = {port: np.array(x) for port, x in data.items()}
    assert nn.gradcheck_layer(loss, data) < 1e-6
    assert set(loss.gradient(data, "all")) == {"input", "target"}


def test_what_an_output_does_not_depend_on_has_a_gradient_of_zero():
    graph = nn.Graph({"hot": nn.OneHot(3), "fc": nn.Linear(2, in_features=3)}, [("hot", "fc")])
    graph = graph.initialize()
    assert graph(2.0).tolist() == graph["fc"].params["weight"][:, 2].tolist()
    assert graph.gradient(2.0, "input").tolist() == 0
    assert nn.OneHot(3).gradient([0.0, 1.0], "input").tolist() == [0, 0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda g, d: g.gradient(d, "net.fc.bais"), nn.PathError, "is it one of net.fc.bias"),
        (lambda g, d: g.gradient(d, "target"), nn.PathError, "input of floats at path 'target'"),
        (lambda g, d: g.gradient(d, ["input", "x"]), nn.PathError, "at path 'x'"),
        (lambda g, d: g.gradient(d, "input", reduction="max"), nn.ConfigError, "by sum or mean"),
        (lambda g, d: g.gradient(d["input"], "input"), nn.PortError, "ports input, target"),
        (lambda g, d: g["net"].gradient(d["input"], "input", loss=nn.MSELoss()), nn.PortError, "i"),
        (lambda g, d: g.vjp(d, [1.0], wrt="input"), nn.ShapeError, r"cotangent \(2,\) for loss"),
        (lambda g, d: g.vjp(d, {"x": [1, 1]}, wrt="input"), nn.PortError, "the outputs loss"),
    ],
)
def test_wrong_questions_are_refused(call, error, text):
    graph = nn.TrainingGraph(net(), nn.CrossEntropyLoss())
    with pytest.raises(error, match=text):
        call(graph, {"input": images(2), "target": [0, 1]})


def test_a_net_without_values_has_no_gradient():
    empty = nn.Sequential({"fc": nn.Linear(2)}, (3,))
    with pytest.raises(nn.NotInitializedError, match="Linear at path 'fc' has no weight"):
        empty.gradient([1, 2, 3], "fc.bias")
