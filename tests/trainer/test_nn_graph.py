"""Graphs: ports, edges, what they compute, and what they refuse."""

import numpy as np
import pytest

from drypoint import data, nn
from drypoint.autodiff import Tensor


def classifier(seed=0):
    layers = {"conv": nn.Conv2d(2, 3), "flatten": nn.Flatten(), "fc": nn.Linear(3)}
    return nn.Sequential({**layers, "softmax": nn.Softmax()}, (1, 5, 5)).initialize(seed)


def training(seed=0):
    return nn.Graph(
        {"net": classifier(seed), "loss": nn.CrossEntropyLoss()},
        [("input", "net"), ("net", "loss.input"), ("target", "loss.target")],
    )


def residual():
    """x + relu(conv x), then two heads: a mean, and scores."""
    return nn.Graph(
        {
            "conv": nn.Conv2d(2, 3, padding=1),
            "relu": nn.ReLU(),
            "sum": nn.Add(),
            "pool": nn.GlobalAvgPool2d(),
            "head": nn.Sequential([nn.Flatten(), nn.Linear(4)]),
        },
        [
            ("image", "conv", "relu", "sum.a"),
            ("image", "sum.b"),
            ("sum", "pool", "mean"),
            ("sum", "head", "scores"),
        ],
        {"image": (2, 4, 4)},
    ).initialize(1)


def images(n=4, shape=(1, 5, 5)):
    return np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)


def test_the_training_graph_gives_a_loss_for_each_example():
    """The same functions by hand: equal to the bit."""
    graph, x, t = training(), images(), np.array([0, 1, 2, 0])
    assert (graph.input_ports, graph.output_ports) == (("input", "target"), ("loss",))
    assert str(graph.ports) == "input, target -> loss"
    expected = nn.CrossEntropyLoss()(input=graph["net"](x), target=t)
    np.testing.assert_array_equal(graph({"input": x, "target": t}), expected)
    np.testing.assert_array_equal(graph(input=x, target=t.tolist()), expected)
    one = graph(input=x[0], target=0)
    assert one.shape == ()
    assert one == nn.CrossEntropyLoss()(input=graph["net"](x[0]), target=0)
    helper = nn.TrainingGraph(classifier(), nn.CrossEntropyLoss())
    np.testing.assert_array_equal(helper(input=x, target=t), expected)
    rows = np.eye(3, dtype=np.float32)[t]
    np.testing.assert_array_equal(helper(input=x, target=rows), expected)
    assert helper.input_shapes == {"input": (1, 5, 5)}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda g: g(), "Graph has the ports input, target; got none"),
        (lambda g: g(images()), "has the ports input, target; got a value: give a dict"),
        (lambda g: g(input=images()), "has the ports input, target; got input"),
        (lambda g: g(input=images(), target=[0] * 4, x=1), "got input, target, x"),
        (lambda g: g({"input": images(), "target": [0] * 4}, target=[0] * 4), "some twice"),
        (lambda g: g.apply({}, Tensor(images())), "has the ports input, target"),
        (lambda g: g.bind((1, 5, 5)), "one input and one output are wanted here"),
        (lambda g: nn.Model(g, encoder=data.ImageEncoder(width=5, height=5)), "one input and"),
    ],
)
def test_wrong_ports_are_refused(call, text):
    with pytest.raises(nn.PortError, match=text) as caught:
        call(training())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "error", "text"),
    [
        ((images(3), [0, 1]), nn.InputError, "one length, got 3 at port input and 2 at port targ"),
        ((images(3), 1), nn.InputError, "wants a batch at port target, got a number"),
        (
            (images(3, (5, 5)), [0] * 3),
            nn.ShapeError,
            r"wants \(1, 5, 5\) at port input, got \(3, 5, 5\)",
        ),
        ((images(3)[:, 0, 0], [0] * 3), nn.ShapeError, "3 axes or a batch of 4 at port input"),
        ((images(2), [0, 3]), nn.InputError, "CrossEntropyLoss at path 'loss' cannot use its tar"),
        ((images(1), [[np.nan] * 3]), nn.InputError, r"got nan at \(0, 0\) \(port target\)"),
    ],
)
def test_wrong_values_are_refused_by_port(inputs, error, text):
    with pytest.raises(error, match=text) as caught:
        training()(input=inputs[0], target=inputs[1])
    assert "\n" not in str(caught.value)


def test_several_outputs_are_a_dict():
    """float32, the same operations by hand; a mean of 16 terms in another order: some 16 ulps."""
    graph, x = residual(), images(3, (2, 4, 4))
    assert (graph.input_ports, graph.output_ports) == (("image",), ("mean", "scores"))
    y = graph(x)
    middle = x + np.maximum(graph["conv"](x), 0)
    np.testing.assert_allclose(y["mean"], middle.mean(axis=(2, 3)), rtol=16 * 2**-23, atol=1e-6)
    np.testing.assert_array_equal(y["scores"], graph["head"](middle))
    np.testing.assert_array_equal(graph(image=x[0])["mean"], graph(x[:1])["mean"][0])
    assert graph.output_shapes({}) == {"mean": (2,), "scores": (4,)}
    with pytest.raises(nn.PortError, match="image -> mean, scores: one input and one output"):
        graph.output_shape((2, 4, 4))


EDGES = [
    ([("input",)], "an edge is a tuple of two or more names, got"),
    (["ab"], "an edge is a tuple of two or more names, got 'ab'"),
    ([("input", 1)], "an edge is a tuple"),
    ([("input", "a.x")], "'a' has no input port 'x'; it has input"),
    ([("a.input", "b")], "'a' has no output port 'input'; it has output"),
    ([("c.output", "b")], "there is no layer for 'c.output'; there are a, b, sum"),
    ([("a", "sum")], "'sum' has the input ports a, b: write 'sum.a'"),
    ([("a", "sum.a"), ("b", "sum.a")], "'sum.a' is fed twice: by 'a.output' and 'b'"),
    ([("a", "y"), ("b", "y")], "'y' is fed twice"),
    ([("a", "b", "a")], "round in a cycle: a <- b <- a"),
    ([("a", "a")], "round in a cycle: a <- a"),
    ([("a", "sum.a"), ("sum", "b", "a")], "round in a cycle"),
    ([("x", "y")], "'x' -> 'y' touches no layer; there are a, b, sum"),
    ([("a", "x", "b")], "there is no layer 'x' between edges; there are a, b, sum"),
]


@pytest.mark.parametrize(("edges", "text"), EDGES)
def test_wrong_edges_are_refused_in_one_line(edges, text):
    with pytest.raises(nn.GraphError, match=text) as caught:
        nn.Graph({"a": nn.ReLU(), "b": nn.Sin(), "sum": nn.Add()}, edges)
    assert "\n" not in str(caught.value)


def test_shapes_that_do_not_meet_are_refused_with_the_path():
    net = {"inner": nn.Graph({"fc": nn.Linear(2, in_features=3)}), "out": nn.Linear(1)}
    with pytest.raises(
        nn.ShapeError, match=r"Graph at path 'inner' wants \(3,\) at port input, got \(4,\)"
    ):
        nn.Graph(net, [("inner", "out")], {"input": (4,)})
    with pytest.raises(nn.ShapeError, match=r"Linear at path 'out' wants \(5,\), got \(2,\)"):
        nn.Graph({**net, "out": nn.Linear(1, in_features=5)}, [("inner", "out")])
    with pytest.raises(nn.PortError, match="has the ports input; got x"):
        nn.Graph(net, [("inner", "out")], {"x": (4,)})
    with pytest.raises(nn.ShapeError, match="CrossEntropyLoss at path 'loss' wants a vector"):
        nn.TrainingGraph(nn.MaxPool2d(2), nn.CrossEntropyLoss()).with_shapes({"input": (1, 4, 4)})


def test_free_ports_get_names():
    two = nn.Graph({"a": nn.Sin(), "b": nn.Cos()})
    assert str(two.ports) == "a_input, b_input -> a_output, b_output"
    y = two(a_input=[0.0, 1.0], b_input=[0.0])
    assert {p: v.shape for p, v in y.items()} == {"a_output": (2,), "b_output": (1,)}
    assert str(nn.Graph([nn.Sin()]).ports) == "input -> output"
    assert str(nn.Graph([nn.Dot()]).ports) == "a, b -> output"
    tapped = nn.Graph([nn.Sin(), nn.Cos()], [("x", "sin", "cos"), ("sin", "middle")])
    assert str(tapped.ports) == "x -> middle, output"
    assert list(tapped(x=[0.0])) == ["middle", "output"]


def test_layers_are_computed_after_what_they_need_whatever_their_order():
    graph = nn.Graph({"cos": nn.Cos(), "sin": nn.Sin()}, [("input", "sin", "cos")])
    x = images()[0]
    np.testing.assert_array_equal(graph(x), np.cos(np.sin(x)))
    assert list(graph.activations(x)) == ["sin", "cos"]
    deep = nn.Graph({f"l{i}": nn.ReLU() for i in range(3000)}, [[f"l{i}" for i in range(3000)]])
    assert deep([1.0]).tolist() == [1.0]


def test_gradients_through_a_graph_are_those_of_the_sequential():
    """The same tape: equal to the bit, for every parameter and the input."""
    net, x, t = classifier(), images(), np.array([0, 1, 2, 0])
    given = {"input": x, "target": t}
    loss = nn.CrossEntropyLoss()
    direct = net.gradient(given, "all", loss=loss)
    through = nn.TrainingGraph(net, loss).gradient(given, "all")
    assert set(through) == {*(f"net.{path}" for path in net.params), "input"}
    for path, gradient in direct.items():
        own = path if path == "input" else f"net.{path}"
        np.testing.assert_array_equal(through[own], gradient)
