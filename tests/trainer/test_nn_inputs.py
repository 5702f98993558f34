"""Nets of several inputs: as models, in training, in files, quantized.

Oracles: the graph that such a model is made of, called with its inputs by name; a training graph of
these ports; the float net, within the proven bound of the integers.
"""

import numpy as np
import pytest
from same_values import check_engine

from drypoint import engine, nn, quant, train
from drypoint.program import reference

SHAPES = {"image": (2, 6, 5), "age": (7,)}


def two_inputs():
    return nn.Graph(
        {
            "conv": nn.Conv2d(4, 3, padding=1),
            "relu": nn.ReLU(),
            "flat": nn.Flatten(),
            "fc1": nn.Linear(5),
            "fc2": nn.Linear(4),
            "join": nn.Concat(),
            "fc": nn.Linear(2),
            "softmax": nn.Softmax(),
        },
        [("image", "conv", "relu", "flat", "fc1", "join.a"), ("age", "fc2", "join.b"),
         ("join", "fc", "softmax")],
        SHAPES,
    )  # fmt: skip


def examples(n, seed=0):
    rng = np.random.default_rng(seed)
    x = {
        "image": rng.random((n, *SHAPES["image"]), dtype=np.float32),
        "age": rng.normal(0, 3, (n, *SHAPES["age"])).astype(np.float32),
    }
    return x, (x["image"].mean(axis=(1, 2, 3)) * 20 - 10 + x["age"][:, 0] > 0).astype(np.int64)


def test_a_model_reads_the_inputs_of_its_graph_by_name():
    net, (x, _) = two_inputs().initialize(0), examples(9)
    model = nn.Model(net)
    assert model.net.input_ports == ("input",)
    assert model.net.input_shape == (67,)
    assert (model.predict_proba(x) == net(x)).all()
    single = {name: values[0] for name, values in x.items()}
    assert (model(single) == net(single)).all()
    assert (nn.loads(model.dumps()).predict(x) == net(x)).all()
    assert (model.net["image"].first, model.net["age"].first) == (0, 60)


def test_a_port_of_the_name_of_a_layer_gets_another_name():
    edges = [(".fc", "fc", "join.a"), ("b", "other", "join.b")]
    layers = {"fc": nn.Linear(2), "other": nn.Linear(2), "join": nn.Add()}
    net = nn.Graph(layers, edges, {"fc": (3,), "b": (4,)}).initialize(0)
    x = {"fc": np.ones(3, np.float32), "b": np.ones(4, np.float32)}
    named = {"fc_input": x["fc"], "b": x["b"]}
    assert (nn.Model(net)(named) == net(x)).all()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"image": np.zeros((3, 2, 6, 5))}, "the net has the inputs image, age; got image"),
        (
            {"image": np.zeros((3, 2, 6, 5)), "age": np.zeros((2, 7))},
            "inputs by name are as many of each, got 3 of image, 2 of age",
        ),
        (
            {"image": np.zeros((3, 6, 5, 2)), "age": np.zeros((3, 7))},
            r"the input image is of shape \(3, 6, 5, 2\); wanted: \(2, 6, 5\), or a batch",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, words):
    with pytest.raises(nn.ModelError, match=words):
        nn.Model(two_inputs().initialize(0)).encode(inputs)


def test_a_net_of_one_input_takes_no_dict_and_a_model_of_several_no_encoder():
    from drypoint.data import ImageEncoder

    with pytest.raises(nn.ModelError, match="the net has one input: give an array; got image"):
        nn.Model(nn.Sequential([nn.Linear(2)], (3,)).initialize(0))({"image": np.zeros(3)})
    with pytest.raises(nn.ModelError, match="takes arrays by name, and no encoder"):
        nn.Model(two_inputs(), encoder=ImageEncoder(width=5, height=6))
    open_shapes = nn.Graph({"join": nn.Add()}, [("a", "join.a"), ("b", "join.b")])
    with pytest.raises(nn.ShapeError, match="does not know the shape of its input a"):
        nn.Model(open_shapes)


def test_training_by_pairs_gives_the_bytes_of_a_training_graph_of_all_ports():
    x, y = examples(300)
    result = train.fit(two_inputs(), (x, y), epochs=2, progress="none")
    graph = nn.Graph(
        {"net": two_inputs(), "loss": nn.CrossEntropyLoss()},
        [("image", "net.image"), ("age", "net.age"), ("net", "loss.input"),
         ("target", "loss.target")],
    )  # fmt: skip
    wanted = train.fit(graph, {**x, "target": y}, epochs=2, progress="none")
    assert result.history["val_loss"] == wanted.history["val_loss"]
    for path, array in result.model.net.params.items():
        assert (array == wanted.net.params[f"net.{path}"]).all()
    assert result.model(x) == [int(row.argmax()) for row in result.model.predict_proba(x)]


def test_validation_data_are_pairs_by_name_too():
    x, y = examples(80)
    result = train.fit(
        nn.Model(two_inputs()), (x, y), validation_data=examples(20, seed=1), epochs=1,
        progress="none",
    )  # fmt: skip
    assert result.n_val == 20


def test_each_input_of_the_program_has_a_type_and_a_scale_of_its_own():
    """Oracle: the ranges of the inputs; the float net within the proven bound of the last op."""
    model, (x, _) = nn.Model(two_inputs().initialize(3)), examples(60)
    calibration = quant.calibrate(model, x)
    program = quant.quantize(model, calibration, name="two")
    image, age = program.input_parts
    assert [part.name for part in program.input_parts] == ["image", "age"]
    assert (image.tensor.type, image.tensor.shape) == ("u8", (6, 5, 2))
    assert image.scale == x["image"].max() / 255
    assert (age.tensor.type, age.tensor.shape) == ("i8", (1, 1, 7))
    assert age.scale == np.abs(x["age"]).max() / 127
    assert [op.kind for op in program.ops[:4]] == ["slice", "upsample", "slice", "lookup"]
    check_engine(program, x)
    bound = quant.error_bound(model, calibration)["fc"]
    off = np.abs(engine.Engine(program).predict_proba(x) - model.predict_proba(x)).max()
    assert off <= bound  # a softmax changes by less than its logits do
    assert {op.op for op in quant.report(model, calibration, x)} >= {"age", "conv", "fc"}
    flat = model.encode(x)
    assert (program.integers(flat) == program.encode(x)).all()


def test_inputs_of_one_type_need_no_table():
    net = nn.Graph(
        {"fc1": nn.Linear(3), "fc2": nn.Linear(3), "sum": nn.Add()},
        [("a", "fc1", "sum.a"), ("b", "fc2", "sum.b")],
        {"a": (4,), "b": (5,)},
    ).initialize(0)
    rng = np.random.default_rng(0)
    x = {"a": rng.random((30, 4), np.float32), "b": 9 * rng.random((30, 5), np.float32)}
    program = quant.quantize(net, quant.calibrate(net, x))
    assert [op.kind for op in program.ops] == ["slice", "slice", "dense", "dense", "add"]
    scales = [part.scale * 255 for part in program.input_parts]
    assert np.allclose(scales, [x["a"].max(), x["b"].max()], rtol=1e-6, atol=0)
    assert (
        engine.Engine(program).run(program.encode(x)) == reference.run(program, program.encode(x))
    ).all()


def test_an_input_that_is_an_output_or_unread_is_refused():
    x = {"a": np.eye(3, dtype=np.float32), "b": np.eye(3, dtype=np.float32)}
    layers = {"fc": nn.Linear(2), "drop": nn.Dropout(0.5)}
    net = nn.Graph(layers, [("a", "fc", ".y"), ("b", "drop", ".z")], {"a": (3,), "b": (3,)})
    model = nn.Model(net.initialize(0))
    with pytest.raises(quant.QuantizationError, match="the output z of the net has no layer"):
        quant.quantize(model, x)


def test_training_in_integers_names_what_it_does_not_have():
    model, (x, y) = nn.Model(two_inputs().initialize(0)), examples(80)
    with pytest.raises(quant.UnsupportedError, match="for nets of one input; quantize this one"):
        quant.finetune(model, (x, y), 4, epochs=1, progress="none")


def test_measurements_and_reports_take_inputs_by_name():
    """Oracle: the decisions of the model and of the engine."""
    from drypoint import measure, report

    model, (x, y) = nn.Model(two_inputs().initialize(3)), examples(60)
    program = quant.quantize(model, x, name="two")
    for reader in (model, engine.Engine(program)):
        rows = reader.predict_proba(x)
        wanted = float((rows.argmax(axis=1) == y).mean())
        assert measure.measure(reader, (x, y)).accuracy == wanted
    assert "needs" in str(report.make_report(program))
    assert (
        str(program).splitlines()[1]
        == f"inputs: image u8 6x5x2, age {program.input_parts[1].tensor}"
    )
