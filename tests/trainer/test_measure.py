"""Measurements against naive loops over the examples and against closed forms."""

import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from answers import check_answers
from hypothesis import given
from hypothesis import strategies as st

from drypoint.data import ClassDecoder, CoderError, Dataset, DatasetError, UnknownClassError
from drypoint.measure import MeasureError, compare, measure, read_log, wilson_interval

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


def test_misfits_are_refused_in_one_line():
    check_answers("measurements", globals(), (MeasureError, DatasetError, UnknownClassError))


def test_classes_and_k_are_checked():
    with pytest.raises(CoderError):
        measure(predictions=[0], y=[0], classes=("a", "a"))
    for k in (0, 4):
        with pytest.raises(MeasureError, match="k must be"):
            measure(probabilities=_TABLE, y=[0] * 6).top_k_accuracy(k)


def _named(order):
    """A model whose outputs are in an order; it is right on all of `_striped`."""
    decoder = ClassDecoder(tuple(order))

    class Named:
        def __init__(self):
            self.decoder = decoder

        def predict_proba(self, images):
            said = [("a", "b", "c")[v] for v in images[:, 0, 0]]
            return np.eye(len(order))[decoder.encoder()(said)]

    return Named()


def _striped(names="abc"):
    x = np.zeros((6, 2, 2), np.uint8)
    x[:, 0, 0] = np.arange(6) % 3
    places = [names.index("abc"[v]) for v in x[:, 0, 0]]
    return Dataset(x, np.array(places), tuple(names))


def test_classes_are_matched_by_their_names_in_any_order():
    """The oracle: a model that answers with the right name, whatever the two orders are."""
    for order in itertools.permutations("abc"):
        for names in ("abc", "cab"):
            m = measure(_named(order), _striped(names))
            assert m.accuracy == 1
            assert m.classes == tuple(names)
            assert m.probabilities.argmax(axis=1).tolist() == m.y.tolist()
    more = measure(_named("dcba"), _striped())
    assert (more.accuracy, more.classes) == (1, ("a", "b", "c", "d"))
    assert more.probabilities.shape == (6, 4)


def test_classes_that_the_model_lacks_are_refused_by_name():
    data = _striped("abcd")
    for model in (_named("abc"), _named("xabc"[::-1])):
        with pytest.raises(UnknownClassError, match=r"^the data have 'd', which the model lacks"):
            measure(model, data)
    with pytest.raises(UnknownClassError, match="which the model lacks"):
        compare({"a": _named("abc")}, data, seconds=0)


def test_of_tied_probabilities_the_models_first_class_is_decided():
    class Tied:
        classes = ("c", "b", "a")

        def predict_proba(self, images):
            return np.full((len(images), 3), 1 / 3)

    assert set(measure(Tied(), _striped()).predicted.tolist()) == {2}  # "c", as the model decides


def test_models_of_different_orders_are_compared_by_name():
    models = {order: _named(order) for order in ("abc", "bca", "dcba")}
    rows = compare(models, _striped(), seconds=0)
    assert [(row.accuracy, row.differ) for row in rows] == [(1.0, 0)] * 3
    elsewhere = measure(predictions=[2, 1, 0] * 2, y=[2, 1, 0] * 2, classes=("c", "b", "a"))
    row = compare({"net": _named("bca"), "log": elsewhere}, _striped(), seconds=0)["log"]
    assert (row.accuracy, row.differ) == (1.0, 0)


def test_a_whole_number_and_its_digits_name_one_class():
    x, y = _striped().x, _striped().y
    m = measure(_named("abc"), Dataset(x, y, ("a", "b", "c")))
    assert m.accuracy == 1

    class Digits:
        classes = ("2", "1", "0")

        def predict_proba(self, images):
            return np.eye(3)[2 - images[:, 0, 0].astype(int)]

    assert measure(Digits(), Dataset(x, y)).accuracy == 1


def test_a_pair_of_arrays_is_measured_as_the_data_set():
    data, names = _striped(), np.array(["a", "b", "c"])
    for labels in (data.y, data.y.astype(float), data.y[:, None], np.eye(3)[data.y], names[data.y]):
        assert measure(_named("abc"), (data.x, labels)).accuracy == 1
    first = measure(_named("cab"), (data.x[:, None], names[data.y]))
    assert first.dataset.x.shape == data.x.shape
    points = np.array([[0.0], [1.0], [2.0]])
    m = measure(lambda x: np.eye(3)[x[:, 0].astype(int)], (points, [0, 1, 2]))
    assert (m.accuracy, m.misclassified(), len(m.data_digest)) == (1, [], 64)
    assert m.throughput(seconds=0) > 0


def test_a_devices_log_counts_its_own_classes_in_its_own_order(tmp_path):
    data, device = _striped("cab"), ("b", "c", "a")
    names = [data.classes[i] for i in data.y]
    lines = [f"{i},{device.index(name)},{device.index(name)}" for i, name in enumerate(names)]
    path = tmp_path / "log.csv"
    path.write_text("index,true,predicted\n" + "\n".join(lines))
    assert read_log(path, dataset=data, classes=device).accuracy == 1
    with pytest.raises(MeasureError, match="says that image 0 is of class"):
        read_log(path, dataset=data)
    with pytest.raises(UnknownClassError, match="the data have 'c', which the device lacks"):
        read_log(path, dataset=data, classes=("b", "x", "a"))
