"""Measurements against naive loops over the examples and against closed forms."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint.data import CoderError, Dataset
from drypoint.measure import MeasureError, measure, wilson_interval

_WEIGHTS = st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any)
_CASES = st.lists(st.tuples(_WEIGHTS, st.integers(0, 3)), min_size=1, max_size=25)


def _split(cases):
    p = np.array([[Fraction(w, sum(weights)) for w in weights] for weights, _ in cases], float)
    return p, np.array([label for _, label in cases])


@given(_CASES)
def test_counts_agree_with_a_loop(cases):
    p, y = _split(cases)
    m = measure(probabilities=p, y=y)
    said = [max(range(4), key=lambda c, row=row: (row[c], -c)) for row in p]
    pairs = list(zip(y.tolist(), said, strict=True))
    right = sum(true == guess for true, guess in pairs)
    assert m.predicted.tolist() == said
    assert m.n == len(pairs)
    assert m.accuracy == right / len(pairs)
    assert m.error == (len(pairs) - right) / len(pairs)
    assert m.baseline_accuracy == max(y.tolist().count(c) for c in range(4)) / len(pairs)
    for true in range(4):
        for guess in range(4):
            assert m.confusion_matrix[true, guess] == pairs.count((true, guess))
    for c in range(4):
        hits, rows, columns = pairs.count((c, c)), y.tolist().count(c), said.count(c)
        assert m.recall[c] == (hits / rows if rows else 0)
        assert m.precision[c] == (hits / columns if columns else 0)
        assert m.f1[c] == (2 * hits / (rows + columns) if rows + columns else 0)
    for k in range(1, 5):
        inside = [sorted(range(4), key=lambda c, row=row: (-row[c], c))[:k] for row in p]
        expected = sum(t in top for t, top in zip(y.tolist(), inside, strict=True)) / len(pairs)
        assert m.top_k_accuracy(k) == expected
    assert m.top_k_accuracy(1) == m.accuracy
    assert m.top_k_accuracy(4) == 1


@given(_CASES)
def test_kappa_agrees_with_its_definition_in_fractions(cases):
    p, y = _split(cases)
    m = measure(probabilities=p, y=y)
    n = len(y)
    observed = Fraction(sum((m.predicted == y).tolist()), n)
    chance = sum(
        Fraction(int((y == c).sum()), n) * Fraction(int((m.predicted == c).sum()), n)
        for c in range(4)
    )
    expected = 1.0 if chance == 1 else float((observed - chance) / (1 - chance))
    assert m.cohen_kappa == expected  # one correctly rounded division of exact integers


def test_kappa_of_a_textbook_table():
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: p_o = 0.7, p_e = 0.5, kappa = 0.4."""
    y = [1] * 25 + [0] * 25
    said = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert measure(predictions=said, y=y).cohen_kappa == 0.4


@given(_CASES)
def test_cross_entropy_is_the_mean_of_logs(cases):
    p, y = _split(cases)
    logs = [-math.log(max(float(row[c]), 1e-12)) for row, c in zip(p, y, strict=True)]
    # NumPy sums in pairs, math.fsum exactly: at most 25 roundings apart.
    assert measure(probabilities=p, y=y).cross_entropy == pytest.approx(
        math.fsum(logs) / len(logs), rel=1e-14, abs=1e-15
    )


def test_cross_entropy_closed_forms():
    uniform = np.full((7, 10), 0.1)
    assert measure(probabilities=uniform, y=[3] * 7).cross_entropy == pytest.approx(
        math.log(10), rel=1e-15
    )
    certain = np.eye(3)
    assert measure(probabilities=certain, y=[0, 1, 2]).cross_entropy == 0
    wrong = measure(probabilities=certain, y=[1, 2, 0]).cross_entropy
    assert wrong == pytest.approx(12 * math.log(10), rel=1e-15)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_solve_their_equation(case):
    """Oracle: the bounds are the roots q of (p - q)^2 = z^2 q (1 - q) / n, z = 1.959964."""
    correct, n = case
    p, z = correct / n, 1.959963984540054
    low, high = wilson_interval(correct, n)
    assert 0 <= low <= p <= high <= 1
    for q in (low, high):
        # Both sides are at most 1 and computed in a few roundings of 2^-53 each.
        assert (p - q) ** 2 == pytest.approx(z * z * q * (1 - q) / n, abs=1e-14)


def test_wilson_of_a_known_case():
    """8 of 10 at 95 %: 0.4901625 to 0.9433178, by the formula in 50 digits."""
    low, high = wilson_interval(8, 10)
    assert round(low, 7) == 0.4901625
    assert round(high, 7) == 0.9433178
    assert measure(predictions=[0] * 8 + [1] * 2, y=[0] * 10).accuracy_interval == (low, high)
    for wrong in ((-1, 5), (6, 5), (0, 0)):
        with pytest.raises(MeasureError):
            wilson_interval(*wrong)
    with pytest.raises(MeasureError):
        wilson_interval(1, 2, 1.0)


def test_top_confusions_leave_out_what_is_right_or_never_happened():
    y = [0, 0, 0, 1, 1, 2, 2, 2]
    said = [1, 1, 0, 2, 2, 0, 2, 2]
    m = measure(predictions=said, y=y, classes=("a", "b", "c"))
    assert m.top_confusions() == [("a", "b", 2), ("b", "c", 2), ("c", "a", 1)]
    assert m.top_confusions(1) == [("a", "b", 2)]
    assert measure(predictions=y, y=y).top_confusions() == []


def _dataset(n=6):
    x = np.zeros((n, 2, 3), np.uint8)
    x[:, 0, 0] = np.arange(n)
    return Dataset(x, np.arange(n) % 3, ("a", "b", "c"))


_TABLE = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.4, 0.3, 0.3],
        [0.1, 0.1, 0.8],
        [0.2, 0.7, 0.1],
        [0.5, 0.5, 0.0],
        [0.0, 0.0, 1.0],
    ]
)


def test_examples_in_order():
    m = measure(dataset=_dataset(), probabilities=_TABLE)
    worst = m.worst(3)
    assert [(e.index, e.true, e.predicted, e.p_true) for e in worst] == [
        (3, "a", "b", 0.2),
        (1, "b", "a", 0.3),
        (4, "b", "a", 0.5),
    ]
    assert [int(e.image[0, 0]) for e in worst] == [3, 1, 4]
    entropies = [-sum(p * math.log(p) for p in row if p) for row in _TABLE.tolist()]
    order = sorted(range(6), key=lambda i: -round(entropies[i], 12))
    assert [e.index for e in m.least_certain(6)] == order
    assert [e.index for e in m.least_certain(2)] == order[:2]
    assert measure(probabilities=_TABLE, y=[0] * 6).worst(1)[0].image is None


class _Model:
    def __init__(self):
        self.batches = []

    def predict_proba(self, images):
        self.batches.append(len(images))
        return _TABLE[images[:, 0, 0]]


def test_a_model_is_run_once_in_batches():
    model = _Model()
    m = measure(model, _dataset(), batch_size=4)
    assert model.batches == [4, 2]
    np.testing.assert_array_equal(m.probabilities, _TABLE)
    assert m.report() == str(m) == measure(dataset=_dataset(), probabilities=_TABLE).report()
    assert m.confusion_matrix is m.confusion_matrix
    assert m.data_digest == _dataset().digest()
    assert model.batches == [4, 2]


def test_any_callable_is_a_model():
    m = measure(lambda images: _TABLE[images[:, 0, 0]].tolist(), _dataset())
    np.testing.assert_array_equal(m.probabilities, _TABLE)


def test_a_log_of_decisions_has_no_probabilities():
    m = measure(predictions=[0, 1, 2, 0, 1, 0], dataset=_dataset())
    assert m.accuracy == 5 / 6
    assert repr(m) == "Measurement(n=6, accuracy=0.8333)"
    for figure in (
        lambda: m.cross_entropy,
        lambda: m.top_k_accuracy(2),
        m.worst,
        m.least_certain,
    ):
        with pytest.raises(MeasureError, match="needs probabilities"):
            figure()
    assert m.to_json()["cross_entropy"] is None
    assert "cross-entropy" not in m.report()


def test_classes_are_counted_when_none_are_named():
    assert measure(predictions=[0, 4], y=[1, 1]).classes == (0, 1, 2, 3, 4)
    assert measure(probabilities=_TABLE, y=[0] * 6).classes == (0, 1, 2)


def test_nothing_can_be_written():
    m = measure(probabilities=_TABLE.copy(), y=np.zeros(6, int))
    for array in (m.y, m.predicted, m.probabilities, m.confusion_matrix):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError):
        m.y = None


def test_the_confusion_table_as_text():
    m = measure(predictions=[0, 1, 1, 1], y=[0, 0, 1, 1], classes=("cat", "dog"))
    assert m.confusion_text() == "\n".join(
        ["true | predicted", "     | cat dog", " cat |   1   1", " dog |   .   2"]
    )


def test_the_report_says_the_figures():
    report = measure(dataset=_dataset(), probabilities=_TABLE).report()
    assert "accuracy       0.5000  (95 %: 0.1876 to 0.8124)" in report
    assert "error          0.5000  (3 of 6)" in report
    assert "    a     0.3333  0.5000  0.4000         2" in report
    assert "commonest errors  b as a: 2, a as b: 1" in report


def test_json_holds_the_figures():
    m = measure(dataset=_dataset(), probabilities=_TABLE)
    back = json.loads(json.dumps(m.to_json(), allow_nan=False))
    assert back["accuracy"] == m.accuracy
    assert tuple(back["accuracy_interval"]) == m.accuracy_interval
    assert back["classes"] == ["a", "b", "c"]
    assert back["confusion_matrix"] == m.confusion_matrix.tolist()
    assert back["f1"] == list(m.f1.values())
    assert back["cross_entropy"] == m.cross_entropy
    assert back["data_digest"] == _dataset().digest()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of model, probabilities, predictions is wanted, not 0"),
        ({"predictions": [0], "probabilities": [[1.0]], "y": [0]}, "not 2"),
        ({"predictions": [0]}, "one of dataset and y"),
        ({"predictions": [0] * 6, "y": [0], "dataset": _dataset()}, "one of dataset and y"),
        ({"predictions": [0] * 6, "classes": (1,), "dataset": _dataset()}, "brings its own"),
        ({"model": _Model(), "y": [0]}, "no images to run on"),
        ({"model": _Model(), "dataset": _dataset(), "batch_size": 0}, "batch_size"),
        ({"model": 7, "dataset": _dataset()}, "predict_proba or is callable; int not"),
        ({"model": lambda _x: _TABLE, "dataset": _dataset(4)}, "6 rows for a batch of 4"),
        ({"predictions": [0, 1], "y": [0]}, "2 outputs but 1 true"),
        ({"predictions": [0.5], "y": [0]}, "predictions must be class indices"),
        ({"predictions": [-1], "y": [0]}, "predictions must be class indices"),
        ({"predictions": [], "y": []}, "y must be class indices"),
        ({"predictions": [2], "y": [0], "classes": ("a", "b")}, "predictions reach 2"),
        ({"probabilities": [[0.5, 0.5]], "y": [2]}, "y reach 2, there are 2 classes"),
        ({"probabilities": [[0.5, 0.5]], "y": [0], "classes": ("a",)}, "but 1 classes"),
        ({"probabilities": [0.5, 0.5], "y": [0]}, r"not of shape \(2,\)"),
        ({"probabilities": [[3.0, -1.0]], "y": [0]}, "need a softmax first"),
        ({"probabilities": [[np.nan, 1.0]], "y": [0]}, "from nan"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(arguments, message):
    with pytest.raises(MeasureError, match=message) as caught:
        measure(**arguments)
    assert "\n" not in str(caught.value)


def test_classes_and_k_are_checked():
    with pytest.raises(CoderError):
        measure(predictions=[0], y=[0], classes=("a", "a"))
    for k in (0, 4):
        with pytest.raises(MeasureError, match="k must be"):
            measure(probabilities=_TABLE, y=[0] * 6).top_k_accuracy(k)
