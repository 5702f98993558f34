"""Rules for every figure: one inference, equal values on each access, plain values, times."""

import json

import numpy as np
import pytest

from drypoint.data import Dataset
from drypoint.measure import (
    CalibrationCurve,
    ClassScores,
    Example,
    MeasureError,
    Measurement,
    RejectionCurve,
    RocCurve,
    measure,
)

ARGUMENTS = {"fbeta": (2,), "reject": (0.5,), "roc_curve": ("b",)}
TIMES = {"latency", "throughput"}


class CountingModel:
    """Probabilities by the first pixel; counts the images it was given."""

    def __init__(self, table):
        self.provenance = {"recipe": {"epochs": 1}}
        self.table = table
        self.calls = []

    def predict_proba(self, images):
        self.calls.append(len(images))
        return self.table[images[:, 0, 0]]


def example(n=40):
    rng = np.random.default_rng(0)
    x = np.zeros((n, 2, 2), np.uint8)
    x[:, 0, 0] = np.arange(n)
    table = rng.dirichlet(np.ones(3), size=n)
    return CountingModel(table), Dataset(x, np.arange(n) % 3, ("a", "b", "c"))


def plain(value):
    """A figure with arrays as lists and small records as dicts."""
    match value:
        case np.ndarray():
            return value.tolist()
        case ClassScores():
            return {str(name): score for name, score in value.items()}
        case CalibrationCurve() | RejectionCurve() | RocCurve() | Example():
            return {name: plain(part) for name, part in vars(value).items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case _:
            return value


def figure_value(m, name):
    value = getattr(m, name)
    if callable(value) and not isinstance(value, ClassScores):
        return value(*ARGUMENTS.get(name, ()))
    return value


def test_every_figure_comes_from_one_inference():
    model, dataset = example()
    m = measure(model, dataset, batch_size=16)
    assert model.calls == [16, 16, 8]
    assert len(set(m.properties)) == len(m.properties) > 25
    for name in m.properties:
        if name not in TIMES:
            first, again = figure_value(m, name), figure_value(m, name)
            json.dumps(plain(first))
            assert plain(first) == plain(again), name
            if not callable(getattr(m, name)) and isinstance(first, np.ndarray | ClassScores):
                assert first is again, f"{name} is computed twice"
    for text in (m.report(), m._repr_html_(), m.classification_report(), str(m.to_json())):
        assert text
    assert model.calls == [16, 16, 8]


def test_the_names_are_all_that_there_is():
    """Oracle: the class itself; whatever is public is a figure, data, or a form of the whole."""
    data = {"y", "predicted", "probabilities", "classes", "dataset", "model", "n", "correct"}
    data |= {"n_groups", "group_sizes"}
    forms = {"properties", "report", "classification_report", "confusion_text", "to_json"}
    origin = {"data_digest", "seen_as", "bootstrap"}
    model, dataset = example()
    m = measure(model, dataset)
    public = {name for name in dir(m) if not name.startswith("_")}
    assert set(m.properties) == public - data - forms - origin


def test_only_what_can_be_answered_is_named():
    _, dataset = example()
    m = measure(predictions=dataset.y, dataset=dataset)
    for name in m.properties:
        figure_value(m, name)
    left_out = set(measure(*example()).properties) - set(m.properties)
    assert {"cross_entropy", "worst", "roc_auc", "latency", "throughput"} <= left_out
    for name in left_out:
        with pytest.raises(MeasureError):
            figure_value(m, name)


def test_examples_best_and_worst():
    model, dataset = example()
    m = measure(model, dataset)
    p_true = model.table[np.arange(40), dataset.y]
    assert [e.index for e in m.best(5)] == np.argsort(-p_true, kind="stable")[:5].tolist()
    assert [e.index for e in m.worst(40)] == [e.index for e in m.best(40)][::-1]
    assert [e.index for e in m.most_certain(40)] == [e.index for e in m.least_certain(40)][::-1]
    wrong = [e.index for e in m.misclassified()]
    assert wrong == np.flatnonzero(model.table.argmax(axis=1) != dataset.y).tolist()
    assert [e.index for e in m.misclassified(2)] == wrong[:2]
    log = measure(predictions=[1, 0], y=[1, 1])
    assert [(e.index, e.image, e.p_true) for e in log.misclassified()] == [(1, None, None)]


def test_times_are_measured_when_asked_for():
    model, dataset = example()
    m = measure(model, dataset)
    model.calls.clear()
    times = m.latency(calls=7)
    assert model.calls == [1] * 8  # one that does not count
    assert times.calls == 7
    assert 0 < times.median <= times.p95
    model.calls.clear()
    assert m.throughput(batch_size=30, seconds=0) > 0
    assert model.calls == [1, 30]
    model.calls.clear()
    assert m.latency(calls=100, seconds=0).calls == 1
    for wrong in (lambda: m.latency(0), lambda: m.throughput(0)):
        with pytest.raises(MeasureError, match="at least 1"):
            wrong()
    with pytest.raises(MeasureError, match="times need a model"):
        measure(probabilities=model.table, dataset=dataset).latency()


def test_training_data_are_recognised():
    model, dataset = example()
    assert measure(model, dataset).seen_as is None
    assert "not unseen" not in measure(model, dataset).report()
    model.provenance = {"versions": {}, "recipe": {"data_sha256": dataset.digest()}}
    m = measure(model, dataset)
    assert m.seen_as == m.to_json()["seen_as"] == "recipe.data_sha256"
    assert "(the model was made from these data: recipe.data_sha256)" in m.report()
    assert measure(model, dataset[:20]).seen_as is None
    assert measure(probabilities=model.table, dataset=dataset).seen_as is None


def test_html_is_escaped():
    m = measure(predictions=[0, 1], y=[0, 0], classes=("<b>", "&"))
    text = m._repr_html_()
    assert "<th>&lt;b&gt;</th>" in text
    assert "<b>" not in text
    assert text.count("<table>") == text.count("</table>") == 3


def test_a_measurement_says_what_it_is():
    assert isinstance(measure(predictions=[0], y=[0]), Measurement)
    assert repr(measure(predictions=[0, 1], y=[0, 1]).recall) == "{0: 1.0, 1: 1.0}"
