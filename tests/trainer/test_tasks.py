"""Tasks: what `fit` makes of them for one output and for several, how a net's task is found again,
and that `make_study` is what ``drypoint train`` does.

Oracles: the run without a task on targets that NumPy makes here; the figures of `drypoint.measure`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from drypoint import data, engine, nn, quant, tasks, train
from drypoint.cli.__main__ import main
from drypoint.common import DrypointError
from drypoint.measure import measure_regression

RNG = np.random.default_rng(0)
X = RNG.normal(0, 1, (200, 1, 3)).astype(np.float32)
Y = (500 + 40 * X[:, 0, 0] - 7 * X[:, 0, 1]).round(3)
FLATS = data.Dataset(X, [str(number) for number in Y])
SIGNALS = data.Dataset(RNG.normal(0, 1, (80, 6, 2)).astype(np.float32), ["usual"] * 80)


def net(outputs=1):
    return nn.Sequential([nn.Flatten(), nn.Linear(8), nn.ReLU(), nn.Linear(outputs)])


def fit(model, given, **options):
    """A run of 8 epochs, and the lines that it prints."""
    return train.fit(model, given, epochs=8, seed=1, progress="none", **options)


def test_numbers_are_learnt_with_mean_0_and_deviation_1_and_scaled_back():
    """Oracle: a run on the scaled numbers, whose last layer NumPy scales."""
    encoder = data.SignalEncoder.from_data(FLATS)
    model = nn.Model(net(), encoder=encoder)
    found = fit(model, FLATS, task="numbers")
    mean, std = FLATS.numbers.mean(), FLATS.numbers.std()
    targets = ((FLATS.numbers - mean) / std).astype(np.float32)[:, None]
    plain = fit(model, (X, targets), loss=nn.MSELoss())
    assert found.history["loss"] == plain.history["loss"]
    (weight, bias) = (plain.net.params[f"linear2.{name}"] for name in ("weight", "bias"))
    params = found.net.params
    assert (params["linear2.weight"] == weight * np.float32(std)).all()
    assert (params["linear2.bias"] == bias * np.float32(std) + np.float32(mean)).all()
    assert found.model.provenance == {"task": "numbers"}
    assert found.config["task"] == "numbers"
    again = train.fit(
        found.model, FLATS, task="numbers", epochs=1, optimizer=train.SGD(lr=1e-9), progress="none"
    )
    wanted = found.model.predict_proba(X)
    np.testing.assert_allclose(again.model.predict_proba(X), wanted, rtol=1e-4)  # of two scalings


def test_fit_chooses_numbers_and_reconstructions_by_the_data_and_says_so(capsys):
    """Oracle: the runs that name the task."""
    for model, given, name, line in (
        (net(), FLATS, "numbers", "task: numbers, by the data's labels"),
        (
            nn.Sequential([nn.Flatten(), nn.Linear(4), nn.ReLU(), nn.Linear(12)], (2, 6)),
            SIGNALS,
            "reconstruction",
            "task: reconstruction, by as many outputs as inputs",
        ),
    ):
        capsys.readouterr()
        chosen = train.fit(model, given, epochs=2, progress="lines").model
        said = "".join(capsys.readouterr())
        assert line in said
        named = train.fit(model, given, epochs=2, task=name, progress="none").model
        assert chosen.dumps() == named.dumps()
        assert tasks.task_of(chosen).name == name


def test_classes_stay_what_the_last_layer_and_the_labels_say():
    """Oracle: the run without a task."""
    y = np.where(X[:, 0, 0] > 0, "high", "low")
    model = net(2) + nn.Softmax()
    plain, named = (fit(model, data.Dataset(X, y), task=task) for task in (None, "classes"))
    assert named.model.dumps() == plain.model.dumps()
    assert (plain.config["task"], plain.model.provenance) == ("classes", {})


def signs_off(outputs, targets):
    return (np.sign(outputs) != np.sign(targets)).mean(axis=1)


@dataclass(frozen=True)
class Signs(tasks.Task):
    """Whether each sensor is above 0, as -1 and 1."""

    name = "signs"
    metrics = (signs_off,)

    def loss(self):
        return nn.MAELoss()

    def targets(self, model, x, labels):  # noqa: ARG002 - as the library calls it
        assert isinstance(model, nn.Model)
        return np.sign(labels).astype(np.float32)


def test_a_task_of_ones_own_has_targets_loss_and_metrics():
    found = fit(net(3), (X, X[:, 0]), task=Signs())
    plain = fit(net(3), (X, np.sign(X[:, 0])), loss=nn.MAELoss(), metrics=[signs_off])
    assert found.history["val_signs_off"] == plain.history["val_signs_off"]
    assert found.net.params.keys() == plain.net.params.keys()
    assert all((found.net.params[n] == plain.net.params[n]).all() for n in plain.net.params)
    assert found.model.provenance == {"task": "signs"}


def test_each_output_has_a_task_of_its_own():
    """Oracle: losses and targets named one by one."""
    layers = {"flat": nn.Flatten(), "body": nn.Linear(8), "sign": nn.Linear(3)}
    layers |= {"price": nn.Linear(1), "kind": nn.Linear(2), "end": nn.Softmax()}
    edges = [("input", "flat", "body", "sign", ".sign"), ("body", "price", ".price")]
    graph = nn.Graph(layers, [*edges, ("body", "kind", "end", ".kind")], {"input": (1, 3)})
    kinds = (X[:, 0, 2] > 0).astype(np.int64)
    labels = {"sign": X[:, 0], "price": Y, "kind": kinds}
    found = fit(graph, (X, labels), task={"sign": Signs(), "price": "numbers"})
    scaled = ((Y - Y.mean()) / Y.std()).astype(np.float32)[:, None]
    targets = {"sign": np.sign(X[:, 0]), "price": scaled, "kind": kinds}
    plain = fit(graph, (X, targets), loss={"sign": nn.MAELoss(), "price": nn.MSELoss()})
    assert found.history["loss"] == plain.history["loss"]
    assert {*found.history} - {*plain.history} == {"sign_signs_off", "val_sign_signs_off"}
    assert found.config["task"] == {"sign": "signs", "price": "numbers", "kind": "classes"}
    price = plain.model.predict_proba(X)["price"][:, 0]
    np.testing.assert_allclose(
        found.model.predict_proba(X)["price"][:, 0], price * Y.std() + Y.mean(), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("model", "given", "options", "message"),
    [
        (net(), FLATS, {"task": "number"}, "there is no task 'number'"),
        (net(), FLATS, {"task": 3}, "there is no task"),
        (net(), FLATS, {"task": {"output": "numbers"}}, "the net has one: give its task alone"),
        (net(), [(X[0], 1.0)], {"task": "numbers"}, "a Dataset, or a pair"),
        (net(), (X, np.full(200, 3.0)), {"task": "numbers"}, "every example has the number 3"),
        (net(2) + nn.Softmax(), FLATS, {"task": "numbers"}, "wanted: a Linear with a bias"),
        (
            nn.TrainingGraph(nn.Sequential([nn.Linear(1)], (3,)), nn.MSELoss()),
            {"input": X[:, 0], "target": Y[:, None]},
            {"task": "numbers"},
            "the graph has its losses inside",
        ),
    ],
)
def test_tasks_that_do_not_fit_are_refused_in_one_line(model, given, options, message):
    with pytest.raises(DrypointError) as caught:
        fit(model, given, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_study_is_what_the_command_trains(tmp_path, monkeypatch):
    """Oracle: the file of ``drypoint train`` on a CSV file."""
    monkeypatch.chdir(tmp_path)
    rows = [",".join(map(str, (*x[0].tolist(), y))) for x, y in zip(X, Y, strict=True)]
    (tmp_path / "flats.csv").write_text("\n".join(["a,b,c,price", *rows]), "utf-8")
    words = ["--data", "flats.csv", "--label", "price", "--task", "regression", "--epochs", "3"]
    assert main(["train", *words, "--out", "net.npz"]) == 0
    pool = data.read("flats.csv", label="price", task="regression")["all"]
    rest, test = data.hold_out(pool, 0.2, stratify=False)
    study = train.make_study(train.StudyData(train=rest, test=test), task="numbers", epochs=3)
    model = study.fit(progress="none").model
    saved = nn.load("net.npz")
    assert all((saved.net.params[n] == model.net.params[n]).all() for n in model.net.params)
    figures = study.test(model).facts
    predicted = model.predict_proba(test.x)[:, 0]
    assert figures == measure_regression(predicted, test.numbers).to_json()


def test_the_task_of_a_net_is_found_again():
    autoencoder = nn.Sequential([nn.Flatten(), nn.Linear(12)], (2, 6)).initialize(0)
    model = nn.Model(autoencoder)
    program = quant.quantize(model, quant.calibrate(model, RNG.normal(0, 1, (20, 2, 6))))
    named = nn.Model(autoencoder, provenance={"data": {"read": {"task": "regression"}}})
    for reader, name in (
        (model, "reconstruction"),
        (program, "reconstruction"),
        (named, "numbers"),
        (nn.Model(autoencoder, provenance={"task": "keywords"}), "keywords"),
        (nn.Model(autoencoder, provenance={"data": 3}), "reconstruction"),
        (nn.Model(autoencoder, provenance={"task": ["numbers"]}), "reconstruction"),
        (nn.Model(autoencoder + nn.Softmax()), "classes"),
    ):
        assert tasks.task_of(reader).name == name


def test_a_program_that_ends_in_scores_has_the_probabilities_of_their_softmax():
    """Oracle: the softmax of the real outputs in NumPy."""
    model = nn.Model(net(3).bind((1, 3)).initialize(0))
    program = quant.quantize(model, quant.calibrate(model, X))
    named = replace(program, labels=("a", "b", "c"))
    runner = engine.Engine(named)
    real = np.exp(runner.predict_proba(X))
    wanted = real / real.sum(axis=1, keepdims=True)
    answers = tasks.answer_inputs(runner, X)
    np.testing.assert_allclose([a.facts["probabilities"] for a in answers], wanted, rtol=1e-12)
    labels = [named.labels[i] for i in wanted.argmax(axis=1)]
    given = data.Dataset(X, labels, named.labels)
    figures = tasks.task_of(named).measure(tasks.Trial(runner, given))
    assert figures.facts["accuracy"] == 1
    assert f"{100 * wanted[0].max():.2f} %" in answers[0].text


def test_a_data_set_of_several_inputs_trains_a_graph_as_its_pair_does():
    layers = {"join": nn.Concat(), "fc": nn.Linear(2), "end": nn.Softmax()}
    edges = [("a", "join.a"), ("b", "join.b"), ("join", "fc", "end")]
    graph = nn.Graph(layers, edges, {"a": (2,), "b": (1,)})
    y = np.where(X[:, 0, 0] > 0, "high", "low")
    shapes = (("a", (2,)), ("b", (1,)))
    several = data.Dataset(X, y, input_shapes=shapes)
    pair = {"a": X[:, 0, :2], "b": X[:, 0, 2:]}, y.tolist()
    assert fit(graph, several).model.dumps() == fit(graph, pair).model.dumps()
