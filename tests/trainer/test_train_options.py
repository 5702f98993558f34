"""Options of a run: rates, bounds, metrics, stopping; graphs, losses, layers of the user's own."""

import json
import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
from trainable import blobs, classifier, image_model, images

from drypoint import autodiff, data, nn, train
from drypoint.nn import CrossEntropyLoss, Linear, Model, Sequential
from drypoint.train import SGD, EarlyStopping, TrainError


def fit(model=None, given=None, **options):
    options = {"epochs": 2, "batch_size": 30, "progress": "none", **options}
    return train.fit(model or classifier(), blobs() if given is None else given, **options)


def starting(net=None):
    """A net with values, and its parameters."""
    layers = {"fc1": Linear(4), "relu": "relu", "fc2": Linear(3), "softmax": "softmax"}
    net = (net or Sequential(layers, (2,))).initialize(5)
    return net, net.parameters()


ONE_STEP = {"epochs": 1, "batch_size": 90, "validation_split": 0, "schedule": "constant"}


def change(**options):
    """The change of each parameter by one step of plain descent."""
    net, before = starting()
    after = fit(Model(net), optimizer=SGD(lr=0.1, momentum=0), **ONE_STEP, **options)
    return {path: array - before[path] for path, array in after.net.parameters().items()}


def test_multipliers_scale_the_steps_of_the_parameters_that_match_first():
    plain = change()
    came = change(lr_multipliers={"fc1.bias": 0.5, "fc1": None, "*.weight": 2, "fc*": 3})
    factors = {"fc1.weight": 0, "fc1.bias": 0.5, "fc2.weight": 2, "fc2.bias": 3}
    for path, factor in factors.items():
        np.testing.assert_allclose(came[path], factor * plain[path], atol=1e-7)  # float32
    np.testing.assert_array_equal(came["fc1.weight"], 0)


class Descent:
    """An optimizer of the user's own: plain descent, with its rates noted."""

    def __init__(self):
        self.lr, self.calls = 0.1, []

    def start(self, params):
        return dict.fromkeys(params, ())

    def step(self, params, gradients, state, *, lr, t):  # noqa: ARG002
        self.calls.append((*params, lr, t))
        for path in params:
            params[path][...] -= np.float32(lr) * gradients[path]


@pytest.mark.parametrize("compiled", [True, False])
def test_an_optimizer_of_ones_own_gets_the_rate_of_each_group_and_step(compiled):
    """Oracle: SGD without momentum, whose formula test_train_optimizers.py proves."""
    net, _ = starting()
    options = {
        "batch_size": 30,
        "validation_split": 0,
        "compiled": compiled,
        "schedule": train.Step(at=(0.5,), factor=0.25),
        "lr_multipliers": {"fc1": 0.5, "fc2.bias": 0},
    }
    own = Descent()
    came = fit(Model(net), optimizer=own, **options).net.parameters()
    rates = [0.1, 0.1, 0.1, 0.025, 0.025, 0.025]  # two epochs of three batches
    calls = [
        call
        for t, rate in enumerate(rates, 1)
        for call in (
            ("net.fc1.weight", "net.fc1.bias", rate * 0.5, t),
            ("net.fc2.weight", rate, t),
        )
    ]
    assert own.calls == calls
    wanted = fit(Model(net), optimizer=SGD(lr=0.1, momentum=0), **options).net.parameters()
    for path, array in wanted.items():
        np.testing.assert_allclose(came[path], array, rtol=1e-5, atol=1e-7)  # fused or not


@pytest.mark.parametrize(
    ("multipliers", "message"),
    [
        (
            {"conv*": 0},
            "lr_multipliers: 'conv*' matches no parameter; there are fc.weight, fc.bias",
        ),
        (
            {"fc": 2, "fc.bias": 0.5},
            "lr_multipliers: 'fc.bias' has no effect: 'fc' before it matches every name that it "
            "matches, and the first pattern counts; write 'fc.bias' first, or leave it out",
        ),
        ({"*": 0}, "lr_multipliers freezes every parameter: there is nothing to train"),
        ({"fc": -1}, "lr_multipliers['fc'] is -1, not a number of at least 0, or None"),
        ({"fc": "slow"}, "lr_multipliers['fc'] is 'slow', not a number of at least 0, or None"),
    ],
)
def test_multipliers_without_meaning_are_refused(multipliers, message):
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        fit(lr_multipliers=multipliers)


def test_a_net_without_parameters_has_nothing_to_train():
    with pytest.raises(TrainError, match=r"^the net has no parameters: there is nothing to train$"):
        fit(Sequential(["softmax"], (3,)), (np.ones((9, 3)), np.arange(9) % 3))


def test_gradients_are_scaled_to_the_norm_that_is_allowed():
    """A step of descent is the gradient times the rate, so its norm is the clipped norm."""

    def norm(changes):
        return math.sqrt(sum(float((c.astype(float) ** 2).sum()) for c in changes.values()))

    plain, clipped = change(), change(clip_grad_norm=0.25)
    assert norm(plain) > 0.1 * 0.25
    assert norm(clipped) == pytest.approx(0.1 * 0.25, rel=1e-5)  # float32
    for path, array in plain.items():
        np.testing.assert_allclose(clipped[path], array * (norm(clipped) / norm(plain)), atol=1e-7)
    for path, array in change(clip_grad_norm=1e6).items():
        np.testing.assert_array_equal(array, plain[path])


NAMES = {"adam": train.Adam, "sgd": SGD, "rmsprop": train.RMSProp, "signsgd": train.SignSGD}
SCHEDULES = {
    "constant": train.Constant, "cosine": train.Cosine, "onecycle": train.OneCycle,
    "step": train.Step,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_optimizers_have_names(name):
    by_name, by_value = fit(optimizer=name), fit(optimizer=NAMES[name]())
    assert by_name.model.dumps() == by_value.model.dumps()
    assert by_name.optimizer == NAMES[name]()


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_have_names(name):
    by_name, by_value = fit(schedule=name), fit(schedule=SCHEDULES[name]())
    assert by_name.model.dumps() == by_value.model.dumps()
    steps = by_name.n_batches
    assert by_name.lr_initial == 1e-3 * SCHEDULES[name]()(0, steps)
    assert by_name.lr_final == 1e-3 * SCHEDULES[name]()(steps - 1, steps)


def test_the_usual_schedule_is_one_cycle():
    usual, other = fit(), fit(schedule="constant")
    assert usual.model.dumps() == fit(schedule="onecycle").model.dumps() != other.model.dumps()


BAD = {
    "optimizer name": ({"optimizer": "nadam"}, "no optimizer is called 'nadam'; there are adam, "),
    "optimizer class": ({"optimizer": SGD}, "optimizer is .*SGD.*: give a name or a value"),
    "schedule name": ({"schedule": "linear"}, "no schedule is called 'linear'; there are constant"),
    "schedule class": ({"schedule": train.OneCycle}, "schedule is .*: give a name or a value"),
    "schedule number": ({"schedule": 0.1}, "schedule is 0.1: give a name or a value"),
    "schedule of 1": (
        {"schedule": lambda s: 1.0},  # noqa: ARG005
        r"schedule takes \(s\); wanted: a function of \(step, total\)$",
    ),
    "schedule gives": (
        {"schedule": lambda step, total: None},  # noqa: ARG005
        r"schedule gave None for step 0 of \d+; wanted: a number, the factor of the learning rate$",
    ),
    "callback of 0": (
        {"callbacks": [lambda: 0]},
        r"a callback takes \(\); wanted: a function of \(state\)$",
    ),
    "augment of 1": (
        {"augment": lambda x: x},
        r"augment takes \(x\); wanted: a function of \(images, \*, seed, epoch, indices\)$",
    ),
    "metric of 1": (
        {"metrics": [lambda outputs: outputs]},
        r"metric <lambda> takes \(outputs\); wanted: a function of \(outputs, targets\)$",
    ),
    "loss of 1": ({"loss": lambda y: y}, r"loss takes \(y\); wanted: a function of \(outputs, "),
    "data of 1": (
        {"given": lambda size: [size]},
        r"the function of batches takes \(size\); wanted: a function of \(batch_size, epoch, rng\)",
    ),
    "norm": ({"clip_grad_norm": 0}, "clip_grad_norm is 0, not a number above 0"),
    "time": ({"time_limit": -1}, "time_limit is -1, not a number above 0"),
    "log": ({"log": "run.txt"}, r"log is run\.txt: its name must end in \.csv or \.jsonl"),
    "callback": ({"callbacks": [3]}, "callbacks holds 3, which cannot be called"),
    "metric name": ({"metrics": ["f1"]}, "no metric is called 'f1': 'accuracy', or give a func"),
    "metric": ({"metrics": [3]}, "a metric is a name or a function with a name, not 3"),
    "metrics": ({"metrics": ["accuracy"] * 2}, "two measurements are called 'accuracy'"),
    "loss name": ({"loss": "hinge"}, "loss is 'hinge'; wanted: a Loss"),
    "model": ({"model": "lenet"}, "model is the text 'lenet'; wanted: a Model, net or graph"),
    "monitor": (
        {"early_stopping": EarlyStopping(monitor="val_f1")},
        "early_stopping watches val_f1, which is not measured; there are loss, accuracy, val_loss",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(TrainError, match=f"^{message}"):
        fit(**options)


def test_metrics_of_ones_own_are_means_over_the_examples():
    """Oracle: the trained model's answers, in NumPy."""

    def confidence(outputs, targets):
        assert outputs.shape == (len(targets), 3)
        return outputs.max(axis=1)

    val = blobs(seed=1)
    result = fit(validation_data=val, metrics=["accuracy", confidence], epochs=3)
    assert set(result.metrics) == set(result.val_metrics) == {"accuracy", "confidence"}
    p = result.model.predict_proba(val[0])
    at = result.best_epoch - 1
    known = result.history["val_confidence"][at]
    assert known == pytest.approx(float(p.max(axis=1).mean()), rel=1e-5)  # float32
    assert result.history["val_accuracy"][at] == (p.argmax(axis=1) == val[1]).mean()
    assert result.loss == result.history["loss"][-1]
    assert result.val_loss == result.history["val_loss"][-1]


def test_a_metric_without_a_number_for_each_example_is_refused():
    with pytest.raises(TrainError, match=r"^metric <lambda> gave float64 \(\), not a number for"):
        fit(metrics=[lambda outputs, targets: np.float64(1)])  # noqa: ARG005
    with pytest.raises(
        TrainError,
        match=r"^metrics has 'accuracy', which compares class indices, and the targets are no",
    ):
        fit(Sequential([Linear(1)], (2,)), (blobs()[0], np.ones(90)), metrics=["accuracy"])
    with pytest.raises(TrainError, match=r"^metrics is the text 'accuracy'; wanted: a list"):
        fit(metrics="accuracy")


def test_callbacks_see_the_run_and_can_end_it():
    seen = []

    def watch(state):
        seen.append((state.epoch, state.step, state.model.dumps(), dict(state.metrics)))
        assert state.epochs == 9
        assert state.loss == state.history["loss"][-1]
        assert state.val_loss == state.history["val_loss"][-1]
        assert state.lr == state.history["lr"][-1]
        assert state.net.parameters().keys() == {"fc.weight", "fc.bias"}
        assert state.seconds > 0
        if state.epoch == 3:
            state.stop()

    result = fit(epochs=9, callbacks=[watch], restore_best=False)
    assert (result.stopped, result.n_epochs) == ("callback", 3)
    assert [(epoch, step) for epoch, step, *_ in seen] == [(1, 3), (2, 6), (3, 9)]
    assert seen[-1][2] == result.model.dumps()
    assert seen[0][3] == {n: result.history[n][0] for n in ("accuracy", "val_accuracy")}


def test_a_time_limit_ends_the_run(monkeypatch):
    now = iter(range(100_000))
    monkeypatch.setattr("drypoint.train._loop.time.perf_counter", lambda: next(now))
    result = fit(epochs=1000, time_limit=50.0)
    assert result.stopped == "time"
    assert 1 < result.n_epochs < 50
    short = fit(epochs=2, time_limit=1.0)
    assert (short.stopped, short.n_epochs, short.best_epoch) == ("time", 0, 0)
    assert short.net.initialized


@pytest.mark.parametrize(
    ("stopping", "history", "stop"),
    [
        (EarlyStopping(monitor="loss"), {"val_loss": [3, 4], "loss": [3, 2]}, False),
        (EarlyStopping(monitor="val_accuracy"), {"val_accuracy": [0.5, 0.6]}, False),
        (EarlyStopping(monitor="val_accuracy"), {"val_accuracy": [0.5, 0.5]}, True),
        (EarlyStopping(monitor="f1", mode="max"), {"f1": [0.5, 0.6]}, False),
        (EarlyStopping(monitor="f1", mode="min"), {"f1": [0.5, 0.6]}, True),
        (EarlyStopping(start_epoch=2), {"val_loss": [1, 2, 3]}, False),
        (EarlyStopping(start_epoch=2), {"val_loss": [1, 2, 3, 4]}, True),
        (EarlyStopping(), {"val_loss": [math.nan]}, True),
    ],
)
def test_early_stopping_watches_any_figure(stopping, history, stop):
    assert stopping.should_stop(history) is stop


def test_early_stopping_has_two_directions():
    with pytest.raises(TrainError, match=r"^mode is 'up', not one of auto, min, max$"):
        EarlyStopping(mode="up")


def test_a_training_graph_learns_what_its_net_learns():
    """Equal weights to the bit, and equal figures: fit fuses softmax and loss in both."""
    net, _ = starting()
    x, y = blobs()
    alone = fit(Model(net), (x, y), epochs=3)
    graph = nn.TrainingGraph(net, CrossEntropyLoss())
    result = fit(graph, {"input": x, "target": y}, epochs=3)
    assert isinstance(result.net, nn.Graph)
    assert result.net["net"].parameters().keys() == net.parameters().keys()
    for path, array in alone.net.parameters().items():
        np.testing.assert_array_equal(result.net.param(f"net.{path}"), array)
    assert {n: v for n, v in result.history.items() if n != "seconds"} == {
        n: v for n, v in alone.history.items() if n != "seconds"
    }
    assert fit(graph, (x, y), epochs=3).history["loss"] == result.history["loss"]
    with pytest.raises(TrainError, match=r"^a graph was trained: it is \.net; a model of a part"):
        result.model  # noqa: B018
    assert Model(result.net["net"]).dumps() == alone.model.dumps()
    np.testing.assert_allclose(  # two roundings: probabilities, and scores in their place
        result.training_graph({"input": x, "target": y})["loss"],
        result.net({"input": x, "target": y}),
        atol=1e-5,
    )


def test_a_training_graph_reads_images_of_the_data_set():
    net = image_model().net
    graph = nn.TrainingGraph(net, CrossEntropyLoss())
    result = fit(graph, images().as_ports(), lr_multipliers={"net.body": 0})
    before = net.initialize(0)["body"].parameters()
    for path, array in result.net["net"]["body"].parameters().items():
        assert array.shape == before[path].shape
    assert result.history["val_accuracy"]


def two_losses():
    net, _ = starting()
    return nn.Graph(
        {"net": net, "near": nn.MSELoss(), "far": nn.MAELoss()},
        [
            ("input", "net", "near.input"), ("target", "near.target"), ("near", "a"),
            ("net", "far.input"), ("other", "far.target"), ("far", "b"),
        ],
    )  # fmt: skip


def test_losses_of_a_graph_are_chosen_by_name_or_weighted():
    """Oracle: the gradient of the weighted sum of the losses, from `gradient`."""
    graph = two_losses()
    rng = np.random.default_rng(3)
    given = {"input": blobs()[0], **{p: rng.normal(size=(90, 3)) for p in ("target", "other")}}
    options = {**ONE_STEP, "optimizer": SGD(lr=0.1, momentum=0)}
    with pytest.raises(
        TrainError, match=r"^the graph has the outputs a, b: name what is to be min"
    ):
        fit(graph, given, **options)
    path = "net.fc2.bias"
    alone = {}
    for port in ("a", "b"):
        result = fit(graph, given, loss=port, **options)
        alone[port] = result.net.param(path) - graph.param(path)
    both = fit(graph, given, loss={"a": 2.0, "b": -0.5}, **options)
    expected = 2 * alone["a"] - 0.5 * alone["b"]
    np.testing.assert_allclose(both.net.param(path) - graph.param(path), expected, atol=1e-6)
    assert both.config["loss"] == "2 a + -0.5 b"
    values = {n: v.mean() for n, v in graph(given).items()}
    assert both.loss == pytest.approx(2 * values["a"] - 0.5 * values["b"], rel=1e-5)
    for loss, message in (
        ("c", "no output of the graph is called 'c'; it has"),
        ({}, "loss is empty: name an output to be minimised"),
        ({"a": "much"}, "the weight of loss 'a' is 'much', not a number"),
        ({"a": math.inf}, "the weight of loss 'a' is inf, not finite"),
        (nn.MSELoss(), "the graph has its losses inside: name an output, loss='loss'"),
    ):
        with pytest.raises(TrainError, match=f"^{re.escape(message)}"):
            fit(graph, given, loss=loss, **options)
    with pytest.raises(TrainError, match=r"^metrics compare one output with one target"):
        fit(graph, given, loss={"a": 1.0, "b": 1.0}, metrics=["accuracy"], **options)


def test_an_output_that_is_no_loss_can_be_minimised():
    """The mean square of the outputs falls towards 0."""
    net, _ = starting()
    graph = nn.Graph({"net": net[:-1], "square": nn.Function("square")}, [("net", "square")])
    result = fit(graph, {"input": blobs()[0]}, loss="output", epochs=30, optimizer=SGD(lr=0.05))
    assert result.history["loss"][-1] < 0.05 * result.history["loss"][0]
    assert set(result.metrics) == set()


def test_a_word_for_a_loss_is_no_output_of_a_graph():
    """As for a net that is no graph; an output of that name comes first."""
    x = np.random.default_rng(0).normal(0, 1, (60, 3)).astype(np.float32)
    layers, edges = {"a": nn.Linear(2), "b": nn.Linear(2), "add": nn.Add()}, [
        ("input", "a", "add.a"), ("input", "b", "add.b")
    ]  # fmt: skip
    graph = nn.Graph(layers, edges, {"input": (3,)}).initialize(0)
    by_word = fit(graph, (x, x[:, :2]), loss="mse", epochs=2)
    by_loss = fit(graph, (x, x[:, :2]), loss=nn.MSELoss(), epochs=2)
    assert by_word.history["loss"] == by_loss.history["loss"]
    squares = nn.Graph(
        {**layers, "square": nn.Function("square")}, [*edges, ("add", "square", "mse")]
    )
    assert fit(squares, {"input": x}, loss="mse", epochs=2).config["loss"] == "mse"


def test_a_loss_of_ones_own_leaves_the_classes_to_the_model():
    """After a softmax outputs are probabilities of the data's classes, whatever the loss is."""

    def focal(outputs, targets):
        p = outputs[np.arange(len(targets)), targets]
        return (1 - p) ** 2 * -autodiff.log(p + 1e-6)

    x = np.zeros((40, 2, 2), np.uint8)
    x[20:] = 200
    dataset = data.Dataset(x, np.repeat([0, 1], 20), ("dark", "light"))
    layers = [nn.Flatten(), nn.Linear(2)]
    options = {"epochs": 20, "optimizer": train.Adam(lr=0.1), "loss": focal}
    result = fit(nn.Sequential([*layers, nn.Softmax()]), dataset, **options)
    assert result.model(x[[0, 30]]) == ["dark", "light"]
    assert result.history["val_accuracy"][-1] == 1
    squares = {**options, "loss": lambda outputs, _: outputs[:, 0] ** 2}
    assert fit(nn.Sequential(layers), dataset, **squares).model.decoder is None


def test_a_loss_can_be_a_function():
    x, y = blobs()
    net = Sequential([Linear(1), nn.Reshape(())], (2,))

    def squares(outputs, targets):
        return (outputs - autodiff.Tensor(targets.astype(np.float32))) * (outputs - targets)

    options = {"validation_split": 0}
    own = fit(net, (x, x[:, 0]), loss=squares, **options)
    built_in = fit(net, (x, x[:, 0]), **options)
    assert own.config["loss"].endswith("squares")
    for path, array in own.net.parameters().items():
        np.testing.assert_allclose(array, built_in.net.param(path), atol=1e-6)
    with pytest.raises(TrainError, match=r"^the loss function gave \(\), not a Tensor \(30,\)$"):
        fit(net, (x, x[:, 0]), loss=lambda outputs, _: (outputs * outputs).mean(), **options)
    assert y is not None


@dataclass(frozen=True, eq=False, repr=False)
class Scale(nn.Layer):
    """A layer of the user's own: each element times a number that is learned."""

    short_name = "scale"
    param_names = ("factor",)

    def param_shapes(self, input_shape=None):  # noqa: ARG002
        return {"factor": ()}

    def initial_arrays(self, draw):  # noqa: ARG002
        return {"factor": np.float32(1)}

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x * params["factor"]


def test_a_layer_of_ones_own_is_trained(tmp_path):
    """It finds the factor of a scaling; and a run with it can be resumed."""
    x = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
    options = {"epochs": 90, "optimizer": SGD(lr=0.2), "schedule": "cosine"}
    net = Sequential([Scale()], (5,))
    result = fit(net, (x, 3 * x), **options)
    assert result.net.param("scale.factor") == pytest.approx(3, abs=1e-3)
    fit(net, (x, 3 * x), checkpoint=tmp_path, callbacks=[lambda s: s.stop()], **options)
    rest = fit(net, (x, 3 * x), resume_from=tmp_path, **options)
    assert rest.net.param("scale.factor") == result.net.param("scale.factor")


def test_the_result_has_losses_rates_and_settings(tmp_path):
    result = fit(image_model(), images(), batch_size=16, checkpoint=tmp_path / "run")
    assert (result.n_train, result.n_val, result.batch_size) == (54, 6, 16)
    assert (result.batches_per_epoch, result.n_batches, result.n_epochs) == (4, 8, 2)
    assert result.examples_seen == 108
    assert result.batch_loss.shape == (8,)
    weights = np.array([16, 16, 16, 6])
    means = (result.batch_loss.reshape(2, 4) * weights).sum(axis=1) / 54
    np.testing.assert_allclose(means, result.history["loss"], rtol=1e-12)  # sums in two orders
    assert result.checkpoints == (tmp_path / "run" / "checkpoint.npz",)
    assert result.config["data"] == fit(image_model(), images(), epochs=1).config["data"]
    assert result.config["checkpoint"] == str(tmp_path / "run")
    html = result._repr_html_()
    assert html.count("<tr>") == 5
    assert "TrainResult: 2 of 2 epochs" in html
    json.dumps(result.to_json(), allow_nan=False)
    x, y = images().x, images().y
    encoded = result.model.encode(x)
    losses = result.training_graph({"input": encoded, "target": y})["loss"]
    p = result.model.predict_proba(x)[np.arange(60), y]
    np.testing.assert_allclose(losses, -np.log(p), atol=1e-5)  # scores against probabilities


def test_a_result_draws_itself():
    result = fit(epochs=3)
    loss = result.plot_loss()
    assert set(loss.history) == {"loss", "val_loss"}
    np.testing.assert_array_equal(loss.batch_loss, result.batch_loss)
    assert loss.best_epoch == result.best_epoch
    assert "batch loss" in str(loss)
    assert set(result.plot().history) == {"loss", "val_loss", "accuracy", "val_accuracy", "lr"}
    from drypoint import plot

    with pytest.raises(plot.PlotError, match="no quantity is called 'speed'; there are loss, "):
        plot.training(result, quantities=("speed",))
