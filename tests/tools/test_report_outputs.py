"""Reports of autoencoders and regressions, against NumPy on the outputs; pictures of signals."""

import json

import numpy as np
import pytest
from detection_nets import TEST as FOUND
from detection_nets import TRAIN as SQUARES
from detection_nets import finder
from html_page import Page
from report_nets import CLASSES, signals

from drypoint import nn, report
from drypoint.data import ClassDecoder, Dataset, ImageEncoder, SignalEncoder
from drypoint.engine import Engine
from drypoint.measure import measure_anomalies, measure_regression
from drypoint.nn import Model
from drypoint.tasks import Detect, TaskError, Trial
from drypoint.train import Adam, fit


def rules_of(found):
    return [each["rule"] for each in found.facts["verdict"]["findings"]]


@pytest.fixture(scope="module")
def autoencoder():
    """An autoencoder of the waves of one class, and waves of all classes."""
    train, test = signals(600, seed=1, noise=0.1), signals(200, seed=2, noise=0.1)
    usual = train.x[train.y == 0]
    encoder = SignalEncoder(window=24, channels=2)
    net = nn.create_net("autoencoder:32,2,8", input_shape=(2, 24), classes=2)
    model = Model(net.bind((2, 24)).initialize(0), encoder=encoder)
    targets = model.encode(usual).reshape(len(usual), -1)
    found = fit(
        model, (usual, targets), epochs=40, batch_size=16, optimizer=Adam(lr=3e-3), loss="mse",
        progress="none",
    )  # fmt: skip
    return found.model, usual, test


def test_an_autoencoder_has_its_errors_and_the_curve_of_its_anomalies(autoencoder):
    model, usual, test = autoencoder
    found = report.make_report(model, test, calibration=usual, normal=["up"])
    outputs = found.facts["outputs"]
    assert found.facts["quality"] is None
    errors = Engine(found.program).reconstruction_error(test.x)
    squares = found.program.mean_squared_error(errors)
    normal = test.y == 0
    assert outputs["error"] == float(squares[normal].mean())
    assert outputs["float_error"] == float(model.reconstruction_error(test.x)[normal].mean())
    assert outputs["by_class"] == {
        name: float(squares[test.y == i].mean()) for i, name in enumerate(CLASSES)
    }
    expected = measure_anomalies(errors, test.y != 0, threshold=None)
    assert outputs["anomalies"] == expected.to_json()
    assert expected.auc > 0.9
    assert rules_of(found) == []
    assert found.facts == json.loads(json.dumps(found.to_json()))
    text = found.html()
    page = Page(text)
    assert "ROC" in page.words
    assert text.count('<svg class="signal"') == 10
    assert text.count('<svg class="square"') == 1
    assert f"AUC of anomalies {expected.auc:.3f}" in str(found).replace("\n", " ")
    assert (
        "Which examples are normal is not known"
        in Page(report.make_report(found.program, test).html()).words
    )


def test_an_autoencoder_of_pixels_has_its_errors():
    """Oracle: NumPy on the engine's outputs and the encoder's."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(20, 200, 6)[:, None] * np.linspace(0.4, 1, 6)
    x = (ramp * rng.uniform(0.6, 1.2, (120, 1, 1)) + rng.normal(0, 4, (120, 6, 6))).clip(0, 255)
    x[100:] = rng.integers(0, 256, (20, 6, 6))
    dataset = Dataset(x.astype(np.uint8), np.repeat([0, 1], (100, 20)), ("usual", "noise"))
    encoder = ImageEncoder(width=6, height=6, mean=(0.4,), std=(0.2,))
    net = nn.create_net("autoencoder:16,1,4", input_shape=(1, 6, 6), classes=2)
    model = Model(net.bind((1, 6, 6)).initialize(0), encoder=encoder)
    usual = dataset.x[:100]
    targets = encoder(usual).reshape(100, -1)
    found = report.make_report(
        fit(model, (usual, targets), epochs=20, loss="mse", progress="none").model,
        dataset,
        calibration=usual,
        normal=["usual"],
    )
    off = Engine(found.program).predict_proba(dataset.x).reshape(120, -1)
    squares = np.square(off - encoder(dataset.x).reshape(120, -1)).mean(axis=1)
    outputs = found.facts["outputs"]
    # float32 means in another order
    assert np.isclose(outputs["error"], squares[:100].mean(), rtol=1e-5)
    expected = measure_anomalies(squares, dataset.y == 1, threshold=None)
    assert outputs["anomalies"]["auc"] == expected.auc > 0.9
    assert Page(found.html()).count["img"] == 10  # the pictures with the largest errors


def test_normal_names_classes_of_an_autoencoder(autoencoder):
    model, usual, test = autoencoder
    with pytest.raises(TaskError, match="--normal sideways: no such class; classes: up"):
        report.make_report(model, test, calibration=usual, normal=["sideways"])


@pytest.fixture(scope="module")
def regression():
    """A net that adds and subtracts means of a signal's channels, inputs and true numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (500, 12, 2)).astype(np.float32)
    y = np.stack([x[:, :6, 0].mean(1) + x[:, 6:, 1].mean(1), x[:, :, 0].mean(1)], 1)
    layers = {"flatten": nn.Flatten(), "fc1": nn.Linear(16), "relu": nn.ReLU()}
    net = nn.Sequential({**layers, "fc2": nn.Linear(2)}, (2, 12)).initialize(0)
    model = Model(net, encoder=SignalEncoder(window=12, channels=2))
    found = fit(
        model, (x[:400], y[:400].astype(np.float32)), epochs=40, batch_size=32,
        optimizer=Adam(lr=1e-2), loss="mse", progress="none",
    )  # fmt: skip
    return found.model, x[:400], (x[400:], y[400:])


def test_a_regression_has_its_errors_and_its_points(regression):
    model, x, test = regression
    found = report.make_report(model, test, calibration=x)
    outputs = found.facts["outputs"]
    integers = measure_regression(Engine(found.program).predict_proba(test[0]), test[1])
    floats = measure_regression(model.predict_proba(test[0]), test[1])
    assert outputs["integers"] == integers.to_json()
    assert outputs["float"] == floats.to_json()
    assert (outputs["error"], outputs["float_error"]) == (integers.rmse, floats.rmse)
    assert rules_of(found) == []
    text = found.html()
    assert text.count('<svg class="square"') == 1
    assert text.count("<circle") == 200
    assert "R2" in str(found)
    with pytest.raises(TaskError, match="test has 3 numbers an example, the program"):
        report.make_report(model, (test[0], np.zeros((100, 3))), calibration=x)


def test_integers_that_raise_the_error_are_named(regression):
    """Oracle: true numbers closer to the float net's than 8 bits an input can be, and others."""
    model, x, test = regression
    rng = np.random.default_rng(1)
    exact = model.predict_proba(test[0])
    for noise, expected in ((0.001, ["input bits"]), (0.2, [])):
        true = exact + rng.normal(0, noise, exact.shape)
        found = report.make_report(model, (test[0], true), calibration=x)
        assert rules_of(found) == expected


def test_the_examples_of_a_classifier_of_signals_are_drawn():
    test = signals(80, seed=2)
    layers = {"conv": nn.Conv1d(4, 3), "flatten": nn.Flatten(), "fc": nn.Linear(4)}
    net = nn.Sequential({**layers, "softmax": nn.Softmax()}, (2, 24)).initialize(0)
    encoder = SignalEncoder(window=24, channels=2)
    model = Model(net, encoder=encoder, decoder=ClassDecoder(CLASSES))
    found = report.make_report(model, Dataset(test.x, test.y, CLASSES), calibration=test.x)
    text = found.html()
    assert text.count('<svg class="signal"') >= 20
    (points,) = {
        line.count(",") for line in text.split('points="')[1:2] for line in [line.split('"')[0]]
    }
    assert points == 24


def test_a_net_that_finds_objects_has_its_figures_curve_and_pictures():
    """Oracle: the task's figures of the engine and of the float net."""
    found = report.make_report(finder(), FOUND, train=SQUARES)
    outputs = found.facts["outputs"]
    for runner, name in ((Engine(found.program), "integers"), (finder(), "float")):
        assert outputs[name] == Detect().measure(Trial(runner, FOUND)).facts
    assert outputs["error"] == 1 - outputs["integers"]["F1"]
    assert (outputs["seen"], outputs["examples"]) == (0, len(FOUND))
    assert rules_of(found) == []
    assert found.facts == json.loads(json.dumps(found.to_json()))
    text = found.html()
    assert text.count('<svg class="marks"') == 10
    wrong = [marked for marked in found.reported.pictures.values() if len(marked.marks)]
    kinds = {mark.kind for marked in wrong for mark in marked.marks}
    assert {"found", "right"} <= kinds <= {"found", "missed", "right", "wrong"}
    assert "mAP50" in Page(text).words
    assert "mAP50" in str(found)
