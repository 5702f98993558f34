"""Graphs: ports, edges, what they compute, and what they refuse."""

import json
import pickle

import numpy as np
import pytest
from mutants import json_replacements

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
    """Oracle: the functions by hand; equal to the bit."""
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
        (lambda g: g.bind((1, 5, 5)), "one input is wanted here"),
        (lambda g: nn.Model(g, encoder=data.ImageEncoder(width=5, height=5)), "one input is"),
    ],
)
def test_wrong_ports_are_refused(call, text):
    with pytest.raises(nn.PortError, match=text):
        call(training())


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
    with pytest.raises(error, match=text):
        training()(input=inputs[0], target=inputs[1])


def test_several_outputs_are_a_dict():
    """Oracle: the operations by hand, in float32; a mean's order of 16 terms: some 16 ulps."""
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
    (5, "edges are a list of tuples of names, got 5"),
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
    with pytest.raises(nn.GraphError, match=text):
        nn.Graph({"a": nn.ReLU(), "b": nn.Sin(), "sum": nn.Add()}, edges)


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
        nn.TrainingGraph(nn.ReLU(), nn.CrossEntropyLoss()).with_shapes({"input": (4, 4)})


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
    summed = nn.Graph({"sum": nn.Add()}, [("b", "sum.a")])  # "b" is taken by the other port
    assert str(summed.ports) == "b, sum_b -> output"
    assert summed(b=[1.0], sum_b=[2.0]).tolist() == [3.0]


def test_layers_are_computed_after_what_they_need_whatever_their_order():
    graph = nn.Graph({"cos": nn.Cos(), "sin": nn.Sin()}, [("input", "sin", "cos")])
    x = images()[0]
    np.testing.assert_array_equal(graph(x), np.cos(np.sin(x)))
    assert list(graph.activations(x)) == ["sin", "cos"]
    deep = nn.Graph({f"l{i}": nn.ReLU() for i in range(3000)}, [[f"l{i}" for i in range(3000)]])
    assert deep([1.0]).tolist() == [1.0]


def test_gradients_through_a_graph_are_those_of_the_sequential():
    """Oracle: the sequential's tape; equal to the bit, for every parameter and the input."""
    net, x, t = classifier(), images(), np.array([0, 1, 2, 0])
    given = {"input": x, "target": t}
    loss = nn.CrossEntropyLoss()
    direct = net.gradient(given, "all", loss=loss)
    through = nn.TrainingGraph(net, loss).gradient(given, "all")
    assert set(through) == {*(f"net.{path}" for path in net.params), "input"}
    for path, gradient in direct.items():
        own = path if path == "input" else f"net.{path}"
        np.testing.assert_array_equal(through[own], gradient)


def test_containers_nest_and_paths_go_all_the_way():
    graph, x = residual(), images(2, (2, 4, 4))
    assert graph["head.linear"] is graph["head", "linear"] is graph["head"]["linear"]
    outer = nn.Graph({"both": graph, "join": nn.Add()}, [("both.scores", "join.a")])
    assert str(outer.ports) == "image, b -> mean, output"
    y = outer(image=x, b=np.ones((2, 4), np.float32))
    np.testing.assert_array_equal(y["output"], graph(x)["scores"] + np.float32(1))
    np.testing.assert_array_equal(y["mean"], graph(x)["mean"])
    assert outer.param("both.conv.bias") is not None
    other = outer.with_params({"both.head.linear.bias": [1, 2, 3, 4]})
    assert other["both.head.linear"].params["bias"].tolist() == [1, 2, 3, 4]
    seen = outer.activations({"image": x, "b": np.ones((2, 4), np.float32)}, ["both.pool", "join"])
    np.testing.assert_array_equal(seen["both.pool"], y["mean"])
    assert list(seen) == ["both.pool", "join"]
    inside = nn.Sequential([nn.Graph.from_sequential(classifier()), nn.Linear(2)]).initialize()
    assert inside.input_shape == (1, 5, 5)
    assert inside(images()).shape == (4, 2)
    with pytest.raises(nn.PathError, match=r"no layer at path 'both.head.linea'; is it one of"):
        outer["both.head.linea"]


def test_flattening_keeps_paths_ports_and_every_bit():
    graph, x = residual(), images(2, (2, 4, 4))
    outer = nn.Graph({"both": graph, "join": nn.Add()}, [("both.scores", "join.a")])
    flat = outer.flatten()
    assert flat.ports == outer.ports
    assert list(flat.layers) == [path for path, _ in flat.leaves()]
    assert set(flat.layers) == {path for path, _ in outer.leaves()}
    given = {"image": x, "b": np.ones((2, 4), np.float32)}
    for port, y in outer(given).items():
        np.testing.assert_array_equal(flat(given)[port], y)
    flat_training = training().flatten()
    assert flat_training.ports == training().ports
    t = [0, 1]
    np.testing.assert_array_equal(
        flat_training(input=images(2), target=t), training()(input=images(2), target=t)
    )
    again = nn.layer_from_config(json.loads(json.dumps(flat.config())))
    assert again.ports == flat.ports


def test_chains_become_sequentials_and_back():
    net, x = classifier(), images()
    graph = nn.Graph.from_sequential(net)
    np.testing.assert_array_equal(graph(x), net(x))
    back = graph.to_sequential()
    assert [name for name, _ in back.items()] == [name for name, _ in net.items()]
    assert back.input_shape == net.input_shape
    np.testing.assert_array_equal(back(x), net(x))
    for wrong, text in [
        (residual(), "it has the inputs image and the outputs mean, scores"),
        (training(), "it has the inputs input, target and"),
        (nn.Graph([nn.Sin(), nn.Add()], [("x", "sin", "add.a"), ("x", "add.b")]), "'add' has the"),
    ]:
        with pytest.raises(nn.GraphError, match=f"the graph is no chain: {text}"):
            wrong.to_sequential()
    mixed = nn.Sequential({"chain": graph, "fc": nn.Linear(2)}).initialize()
    assert list(mixed.flatten().layers) == [path for path, _ in mixed.leaves()]
    np.testing.assert_array_equal(mixed.flatten()(x), mixed(x))


def test_models_of_graphs_are_saved_and_loaded():
    graph, x, t = training(), images(), np.array([0, 1, 2, 0])
    again = nn.loads(nn.Model(graph).dumps()).net
    np.testing.assert_array_equal(again(input=x, target=t), graph(input=x, target=t))
    assert again.ports == graph.ports
    assert nn.Model(again).dumps() == nn.Model(graph).dumps()
    with pytest.raises(nn.ModelFileError, match="cannot save: Elementwise at path 'own' holds"):
        nn.Model(nn.Sequential({"own": nn.Elementwise(np.sin, np.cos)})).dumps()
    chain = nn.Graph.from_sequential(classifier())
    model = nn.Model(
        chain, encoder=data.ImageEncoder(width=5, height=5), decoder=data.ClassDecoder(["a", 1, 2])
    )
    picture = np.arange(25, dtype=np.uint8).reshape(5, 5)
    assert nn.loads(model.dumps())(picture) == model(picture)
    pickled = pickle.loads(pickle.dumps(residual()))
    np.testing.assert_array_equal(
        pickled(images(1, (2, 4, 4)))["mean"], residual()(images(1, (2, 4, 4)))["mean"]
    )


def test_every_field_of_a_configuration_replaced_by_every_kind_of_value():
    """It reads, or is refused."""
    refused = 0
    for changed in json_replacements(residual().config()):
        try:
            nn.layer_from_config(changed)
        except (nn.LayerError, nn.GraphError, nn.PortError):
            refused += 1
    assert refused > 500


def test_drawings():
    graph = training()
    assert graph.draw().splitlines() == [
        "input   (1, 5, 5)",
        "target  any shape",
        "net*    Sequential        <- input",
        "loss    CrossEntropyLoss  <- input: net, target: target",
        "loss    ()                <- loss",
    ]
    assert repr(graph) == "Graph(net, loss; input, target -> loss)"
    empty = nn.Graph([nn.Linear(2)])
    assert repr(empty) == "Graph(linear; input -> output; uninitialized)"
    assert "linear*!" in empty.draw()


def test_a_net_with_branches_is_built_in_a_few_lines_and_saved():
    """A residual block, squeeze and excite, and joined channels, one after the other."""
    branch = nn.Sequential([nn.Conv2d(4, 3, padding=1), nn.BatchNorm2d(), nn.ReLU6()])
    block = nn.Graph(
        {"branch": branch, "add": nn.Add(), "relu": nn.LeakyReLU(0.2)},
        [("input", "branch", "add.a"), ("input", "add.b"), ("add", "relu")],
    )
    gate = nn.Sequential([nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 1), nn.Hardsigmoid()])
    gated = nn.Graph(
        {"gate": gate, "mul": nn.Mul()}, [("input", "mul.a"), ("input", "gate", "mul.b")]
    )
    wide = nn.Graph(
        {"pad": nn.ZeroPad2d(1), "conv": nn.Conv2d(2, 3), "concat": nn.Concat()},
        [("input", "pad", "conv", "concat.a"), ("input", "concat.b")],
    )
    layers = [nn.Conv2d(4, 1), block, gated, wide, nn.SiLU(), nn.GlobalAvgPool2d(), nn.Linear(3)]
    net = nn.Sequential([*layers, nn.BatchNorm1d()], (1, 5, 5)).initialize(0)
    again = nn.loads(nn.Model(net).dumps()).net
    np.testing.assert_array_equal(again(images()), net(images()))
    assert again.config() == net.config()
    assert again["graph3.concat"] is not net["graph3.concat"]
    assert net["graph3"].draw().splitlines() == [
        "input   (4, 5, 5)",
        "pad     ZeroPad2d  <- input",
        "conv*   Conv2d     <- pad",
        "concat  Concat     <- a: conv, b: input",
        "output  (6, 5, 5)  <- concat",
    ]
    assert "graph2.mul           Mul" in net.summary()


def test_a_graph_in_numbers():
    info = residual().info()
    assert info.ports == residual().ports
    assert info.n_layers == 6
    kinds = ["Conv2d", "ReLU", "Add", "GlobalAvgPool2d", "Flatten", "Linear"]
    assert sorted(layer.kind for layer in info.layers) == sorted(kinds)
    # A convolution of 4x4 outputs, 2x2 channels and 9 taps; 32 values to 4 scores.
    assert info.macs == 16 * 4 * 9 + 32 * 4
    assert info.n_params == 2 * 2 * 9 + 2 + 32 * 4 + 4
    assert info.int8_bytes == 32 + 32 + 2 + 4
    assert training().info().layers[-1].output_shape == ()
    with pytest.raises(nn.ShapeError, match="give an input_shape"):
        nn.Graph([nn.Conv2d(2, 3)]).info()
    assert nn.Graph([nn.Conv2d(2, 3)]).info({"input": (1, 3, 3)}).macs == 2 * 9


def test_editing_a_graph_gives_another():
    graph, x = residual(), images(1, (2, 4, 4))
    before = graph(x)["scores"]
    other = graph.with_layer("head.linear", nn.Linear(7)).initialize()
    assert other(x)["scores"].shape == (1, 7)
    assert other["conv"] is graph["conv"]
    np.testing.assert_array_equal(graph(x)["scores"], before)
    renamed = graph.rename({"conv": "first", "sum": "join"})
    assert list(renamed.layers) == ["first", "relu", "join", "pool", "head"]
    np.testing.assert_array_equal(renamed(x)["scores"], before)
    clash = graph.rename({"conv": "image", "relu": "mean"})  # names that ports have too
    assert clash.ports == graph.ports
    np.testing.assert_array_equal(clash(x)["scores"], before)
    assert graph.initialize(5).params.keys() == graph.params.keys()
    fresh = graph.initialize(5, overwrite=True)
    assert not np.array_equal(fresh.params["conv.weight"], graph.params["conv.weight"])
