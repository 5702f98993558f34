"""Nets with several outputs: training, decoders, files, measuring, quantizing.

Oracles: the tape step; each loss by itself; a net that has one of the outputs alone.
"""

import numpy as np
import pytest

from drypoint import data, measure, nn, quant, train
from drypoint.engine import Engine
from drypoint.program import reference


def two_heads(**layers):
    """A net of 8 x 8 pictures with the outputs size (2 numbers) and class (3 classes)."""
    body = [nn.Conv2d(4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Graph(
        {
            "body": nn.Sequential(body),
            "flat": nn.Flatten(),
            "sizes": nn.Linear(2),
            "classes": nn.Linear(3),
            "softmax": nn.Softmax(),
            **layers,
        },
        [("input", "body", "flat", "sizes", ".size"), ("flat", "classes", "softmax", ".class")],
        {"input": (1, 8, 8)},
    )


def examples(n=120, seed=0):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, n)
    x = rng.normal(0, 0.1, (n, 1, 8, 8)).astype(np.float32)
    for i, kind in enumerate(classes):
        x[i, 0, : 2 + 2 * kind, : 2 + 2 * kind] += 1
    sizes = np.stack([classes / 2, 1 - classes / 2], axis=1).astype(np.float32)
    return x, {"size": sizes, "class": classes}


def fitted(net, given=None, **options):
    options = {"epochs": 2, "progress": "none", "validation_split": 0, **options}
    return train.fit(net, given or examples(), **options)


@pytest.fixture(scope="module")
def trained():
    adam = train.Adam(lr=0.01)
    return fitted(two_heads(), epochs=12, batch_size=20, optimizer=adam).model


def test_each_output_has_a_loss_and_classes_an_accuracy():
    x, y = examples()
    result = fitted(two_heads(), validation_data=(x[:20], {k: v[:20] for k, v in y.items()}))
    names = {"size_loss", "class_loss", "class_accuracy"}
    assert {*result.history} == {
        "loss", "lr", "seconds", "val_loss", *names, *(f"val_{name}" for name in names),
    }  # fmt: skip
    np.testing.assert_allclose(
        result.history["loss"],  # sums of float32 losses in another order
        np.add(result.history["size_loss"], result.history["class_loss"]),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    "losses",
    [
        None,
        {"size": nn.MSELoss(), "class": nn.CrossEntropyLoss()},
        {"size": "mse", "class": "sparse_categorical_crossentropy"},
        {"class": nn.CrossEntropyLoss()},
    ],
)
def test_the_losses_by_default_are_the_losses_by_name(losses):
    wanted = fitted(two_heads(), seed=3)
    found = fitted(two_heads(), seed=3, loss=losses)
    assert found.history["loss"] == wanted.history["loss"]
    for path, array in wanted.model.net.params.items():
        assert found.model.net.params[path].tobytes() == array.tobytes()


def test_the_compiled_step_equals_the_tape():
    steps = [fitted(two_heads(), compiled=compiled, seed=1) for compiled in (True, False)]
    for path, array in steps[0].model.net.params.items():
        assert steps[1].model.net.params[path].tobytes() == array.tobytes()
    assert steps[0].history["class_loss"] == steps[1].history["class_loss"]


def test_a_weight_of_0_trains_as_without_the_output():
    """Oracle: the net without the head, from the same values."""
    net = two_heads().initialize(0)
    both = fitted(net, loss_weights={"class": 0}).model.net
    x, y = examples()
    alone = nn.Graph(
        {name: net[name] for name in ("body", "flat", "sizes")},
        [("input", "body", "flat", "sizes")],
        {"input": (1, 8, 8)},
    )
    one = fitted(alone, (x, y["size"])).model.net
    for path in ("body.conv.weight", "sizes.weight"):
        np.testing.assert_allclose(both.params[path], one.params[path], rtol=1e-5)
    assert both.params["classes.weight"].tobytes() == net.params["classes.weight"].tobytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "mse"}, "the net has the outputs size, class: give loss={'size': ..."),
        ({"loss": {"sise": nn.MSELoss()}}, "loss names the output 'sise'; the net has size, class"),
        ({"loss": {"size": "square"}}, "the loss of size is 'square'; wanted: a Loss, such as"),
        ({"loss_weights": {"size": -1}}, "the weight of loss 'size' is -1, not a number from 0 on"),
        ({"loss_weights": 3}, "loss_weights is 3, but the net has the outputs size, class"),
        ({"metrics": ["accuracy"]}, "metrics compare one output with one target"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(train.TrainError) as error:
        fitted(two_heads(), **options)
    assert words in str(error.value)


def test_data_that_does_not_fit_is_refused():
    x, y = examples()
    for given, words in (
        ((x, y["class"]), "the net has the ports input, size, class: give a dict"),
        ((x, {"size": y["size"]}), "size, class are wanted"),
        ((x, {**y, "class": y["class"] + 1}), "labels run from 1 to 3"),
        ((x, {**y, "size": y["size"][:5]}), "examples at"),
    ):
        with pytest.raises(train.TrainError) as error:
            fitted(two_heads(), given)
        assert words in str(error.value), words


def test_loss_weights_are_for_several_outputs():
    net = nn.Sequential([nn.Linear(2)], (3,))
    with pytest.raises(train.TrainError, match="loss_weights is for a net with several outputs"):
        fitted(net, (np.zeros((4, 3)), np.zeros((4, 2))), loss_weights={"a": 1})


def test_a_dict_of_all_ports_is_data_too():
    x, y = examples()
    one, other = fitted(two_heads(), (x, y)), fitted(two_heads(), {"input": x, **y})
    assert one.history["loss"] == other.history["loss"]


def test_each_output_is_decoded_by_its_own_decoder(trained):
    x, y = examples(30, seed=1)
    assert trained.decoders == {"class": data.ClassDecoder((0, 1, 2))}
    decided = trained(x)
    assert np.mean(np.array(decided["class"]) == y["class"]) > 0.9
    assert decided["size"].shape == (30, 2)
    assert trained.predict(x, batch_size=7)["class"] == decided["class"]
    assert trained(x[0])["class"] == decided["class"][0]
    assert nn.loads(trained.dumps()).predict(x)["class"] == decided["class"]


def test_decoders_that_do_not_fit_are_refused(trained):
    decoder = data.ClassDecoder((0, 1, 2))
    with pytest.raises(nn.ModelError, match="wanted: a decoder by name, such as"):
        trained.with_decoder(decoder)
    with pytest.raises(nn.ModelError, match="the decoder of 'sise' is of no output"):
        trained.with_decoder({"sise": decoder})
    with pytest.raises(nn.ModelError, match="the net has 2 outputs, the decoder 3 classes"):
        trained.with_decoder({"size": decoder})


@pytest.mark.parametrize(
    "config", [{"outputs": 3}, {"outputs": {"class": 3}}, {"outputs": {"class": {"type": "?"}}}]
)
def test_a_model_file_with_a_bad_decoder_is_refused(trained, monkeypatch, config):
    monkeypatch.setattr("drypoint.nn._model._decoder_config", lambda _: config)
    with pytest.raises(nn.ModelFileError):
        nn.loads(trained.dumps())


def test_one_output_is_measured_at_a_time(trained):
    x, y = examples(90, seed=2)
    program = quant.quantize(trained, quant.calibrate(trained, x))
    floats = measure.measure(trained, (x, y["class"]), output="class")
    integers = measure.measure(Engine(program), (x, y["class"]), output="class")
    assert floats.accuracy == integers.accuracy > 0.9
    assert floats.classes == integers.classes == (0, 1, 2)
    sizes = Engine(program).predict_proba(x)["size"]
    assert measure.measure_regression(sizes, y["size"]).mae < 0.2
    for output, words in (
        (None, "the model has the outputs size, class, and none is named"),
        ("sise", "and none is 'sise'"),
    ):
        with pytest.raises(measure.MeasureError, match=words):
            measure.measure(trained, (x, y["class"]), output=output)
    alone = nn.Model(nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 8, 8)))
    alone = alone.with_net(alone.net.initialize(0))
    with pytest.raises(measure.MeasureError, match="the model has one output: leave it out"):
        measure.measure(alone, (x, y["class"]), output="class")


def test_an_output_has_the_integers_that_it_has_alone(trained):
    """Oracle: the net without the other head."""
    x, _ = examples(40, seed=4)
    calibration, net = quant.calibrate(trained, x), trained.net
    both = quant.quantize(trained, calibration)
    for name, layers in (
        ("size", ("body", "flat", "sizes")),
        ("class", ("body", "flat", "classes", "softmax")),
    ):
        chain = ["input", *layers]
        graph = nn.Graph({layer: net[layer] for layer in layers}, [chain], {"input": (1, 8, 8)})
        alone = quant.quantize(graph, calibration)
        integers = both.integers(x)
        wanted = reference.run(alone, integers)
        np.testing.assert_array_equal(reference.run(both, integers)[name], wanted)
        output = next(one for one in both.outputs if one.name == name)
        assert (output.scale, output.softmax) == (alone.output_scale, alone.softmax)
    assert both.labels == ("0", "1", "2")


def test_a_plane_that_is_read_too_is_copied():
    """Oracle: the plane that the reader reads."""
    net = nn.Graph(
        {"conv": nn.Conv2d(3, 3), "relu": nn.ReLU(), "flat": nn.Flatten(), "fc": nn.Linear(2)},
        [("input", "conv", "relu", "flat", "fc", ".end"), ("relu", ".plane"), ("relu", ".again")],
        {"input": (1, 8, 8)},
    ).initialize(0)
    x, _ = examples(20)
    program = quant.quantize(net, quant.calibrate(net, x))
    assert [op.name for op in program.ops] == ["conv", "conv.output", "conv.output1", "fc"]
    planes = reference.trace(program, program.integers(x))
    for op in program.ops[1:3]:
        assert (op.kernel, op.shift, op.mult.tolist()) == ((1, 1), 10, [2**30])
    for plane in planes[1:3]:
        zero = program.ops[0].output.zero
        np.testing.assert_array_equal(plane, 256 * (planes[0].astype(np.int32) - zero))
    assert program.outputs[0].scale == program.outputs[1].scale
    real, floats = program.real(reference.run(program, program.integers(x))), net(x)
    bound = quant.error_bound(net, quant.calibrate(net, x))["conv.output"]
    off = np.moveaxis(floats["plane"], 1, -1).reshape(20, -1) - real["plane"]
    assert np.abs(off).max() <= bound + 1e-5  # the float net computes in float32
