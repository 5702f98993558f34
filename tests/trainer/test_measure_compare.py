"""Comparisons against loops over the examples; logs and regression against what they state."""

import json

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from drypoint import nn
from drypoint.data import ClassDecoder, Dataset, ImageEncoder
from drypoint.measure import MeasureError, compare, measure, measure_regression, read_log


def dataset(n=60):
    x = np.zeros((n, 5, 5), np.uint8)
    x[:, 0, 0] = np.arange(n)
    return Dataset(x, np.arange(n) % 3, ("a", "b", "c"))


class Guesser:
    nbytes = 123

    def __init__(self, seed):
        self.table = np.random.default_rng(seed).dirichlet(np.ones(3), size=60)
        self.calls = 0

    def predict_proba(self, images):
        self.calls += 1
        return self.table[images[:, 0, 0]]


def test_rows_agree_with_a_loop():
    test, one, two = dataset(), Guesser(1), Guesser(2)
    found = compare({"one": one, "two": two}, test, seconds=0)
    said = [model.table.argmax(axis=1) for model in (one, two)]
    pairs = list(zip(*said, test.y, strict=True))
    row = found["two"]
    assert row.accuracy == sum(b == true for _, b, true in pairs) / 60
    assert row.differ == sum(a != b for a, b, _ in pairs)
    assert row.better == sum(a != true and b == true for a, b, true in pairs)
    assert row.worse == sum(a == true and b != true for a, b, true in pairs)
    exact = binomtest(row.better, row.better + row.worse, 0.5).pvalue
    assert row.mcnemar_p == pytest.approx(exact, rel=1e-12)  # SciPy sums in floats
    assert row.accuracy_interval == measure(two, test).accuracy_interval
    first = found["one"]
    assert (first.differ, first.better, first.worse, first.mcnemar_p) == (0, 0, 0, 1.0)
    assert [r.name for r in found] == ["one", "two"]
    assert (first.microseconds_batched, first.microseconds_single, first.size) == (None, None, 123)


def test_a_measurement_is_used_as_it_is():
    test, model = dataset(), Guesser(1)
    m = measure(model, test)
    log = measure(predictions=test.y, dataset=test)
    model.calls = 0
    found = compare({"model": m, "log": log}, test, seconds=0)
    assert model.calls == 0
    assert found.measurements["model"] is m
    assert found["model"].size == 123
    assert found["log"].size is None
    timed = compare({"model": m, "log": log}, test, seconds=0.01)
    assert timed["model"].microseconds_batched > 0
    assert timed["model"].microseconds_single > 0
    assert timed["log"].microseconds_single is None


def test_sizes():
    net = nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 5, 5)).initialize(0)
    model = nn.Model(
        net, encoder=ImageEncoder(width=5, height=5), decoder=ClassDecoder(("a", "b", "c"))
    )
    models = {"float": model, "function": lambda images: np.eye(3)[images[:, 0, 0] % 3]}
    found = compare(models, dataset(), seconds=0)
    assert found["float"].size == 4 * (25 * 3 + 3)
    assert found["function"].size is None
    assert compare(models, dataset(), sizes={"function": 7}, seconds=0)["function"].size == 7


def test_forms_of_a_comparison():
    found = compare({"<one>": Guesser(1), "two": Guesser(2)}, dataset(), seconds=0)
    back = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert back["n"] == 60
    assert [row["better"] for row in back["rows"]] == [row.better for row in found]
    lines = str(found).splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("<one>  ")
    assert len({len(line) for line in lines[:3]}) == 1
    assert "&lt;one&gt;" in found._repr_html_()
    assert repr(found) == "Comparison(n=60: <one>, two)"


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ({}, {}, "nothing to compare"),
        ({"a": Guesser(1)}, {"sizes": {"b": 1}}, "sizes name 'b'"),
        ({"a": measure(Guesser(1), dataset(30))}, {}, "'a' was measured on other data"),
        ({"a": measure(predictions=[0] * 60, y=[0] * 60)}, {}, "'a' was measured on other data"),
    ],
)
def test_what_cannot_be_compared(models, options, message):
    with pytest.raises(MeasureError, match=message):
        compare(models, dataset(), seconds=0, **options)
    with pytest.raises(MeasureError, match="no 'x' was compared: a"):
        compare({"a": Guesser(1)}, dataset(), seconds=0)["x"]


class Runner:
    """Runs a program of one op whose integers are 3, 2, 1 times the pixel's remainders."""

    class program:  # noqa: N801
        ops, outputs, labels, decoder = (), (), (), None

        @staticmethod
        def output_values(planes):
            return planes[-1].reshape(len(planes[-1]), -1)

        @staticmethod
        def real(outputs):
            assert outputs.dtype == np.int32
            powers = np.exp(outputs * 0.5)
            return powers / powers.sum(axis=1, keepdims=True)

        provenance = {"model": {"data_sha256": dataset().digest()}}  # noqa: RUF012

    def trace(self, x):
        return [(x[:, :1, :1, None] % np.array([2, 3, 4], np.uint8)).astype(np.int32)]


def test_a_runner_of_a_program_is_measured_by_its_last_op():
    test = dataset()
    m = measure(Runner(), test)
    integers = np.arange(60)[:, None] % [2, 3, 4]
    np.testing.assert_array_equal(m.predicted, integers.argmax(axis=1))
    np.testing.assert_array_equal(m.probabilities, Runner.program.real(integers.astype(np.int32)))
    assert m.seen_as == "model.data_sha256"
    assert m.latency(calls=2).calls == 2


OUTPUTS = [[5, -3, 0], [1, 9, 2], [4, 4, 1]]


def written(tmp_path, lines, name="log"):
    path = tmp_path / name
    path.write_text("\n".join(lines))
    return path


def logs(tmp_path):
    """Three records as CSV and as JSON lines, out of order."""
    rows = [(2, 2, 0), (0, 0, 0), (1, 1, 1)]
    table = ["index,true,predicted,o0,o1,o2"]
    table += [",".join(map(str, (*row, *OUTPUTS[row[0]]))) for row in rows]
    fields = ("index", "true", "predicted")
    objects = [dict(zip(fields, row, strict=True)) | {"outputs": OUTPUTS[row[0]]} for row in rows]
    return written(tmp_path, table), written(tmp_path, map(json.dumps, objects), "log.jsonl")


def test_a_log_is_measured(tmp_path):
    values = np.array(OUTPUTS) * 0.5
    expected = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    for path in logs(tmp_path):
        m = read_log(path, classes=("a", "b", "c"))
        assert m.y.tolist() == [0, 1, 2]
        assert m.predicted.tolist() == [0, 1, 0]
        assert m.probabilities is None
        assert [(e.index, e.true, e.predicted) for e in m.misclassified()] == [(2, "c", "a")]
        scaled = read_log(path, dataset=dataset(), output_scale=0.5)
        # exp is shifted by the largest value before: a few roundings.
        np.testing.assert_allclose(scaled.probabilities, expected, rtol=1e-14)
        assert scaled.dataset.x[:, 0, 0].tolist() == [0, 1, 2]
    bare = written(tmp_path, ["index,true,predicted", "59,2,1", "", "3,0,0"], "bare")
    m = read_log(bare, dataset=dataset())
    assert m.dataset.x[:, 0, 0].tolist() == [3, 59]
    assert m.accuracy == 0.5


HEAD = "index,true,predicted"


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([""], {}, "not with index,true,predicted"),
        ([HEAD], {}, "no records"),
        (["a,b,c"], {}, "not with index,true,predicted"),
        ([HEAD, "0,1"], {}, "line 2: 2 fields, the head has 3"),
        ([HEAD, "0,1,x"], {}, "line 2: 'x' is no integer"),
        ([HEAD, "0,1,-1"], {}, "line 2: -1 is below 0"),
        ([HEAD, "0,0,0", "0,1,1"], {}, "index 0 twice"),
        ([HEAD, "60,0,0"], {"dataset": dataset()}, "index 60, the data have 60"),
        ([HEAD, "1,0,0"], {"dataset": dataset()}, "image 1 is of class 0, the data say 1"),
        ([HEAD, "0,0,0"], {"output_scale": 1.0}, "has no outputs"),
        ([HEAD + ",a,b", "0,0,0,1,2"], {}, "predicted is 0, but output 1 is the largest"),
        (["{"], {}, "line 1: no JSON"),
        (['{"index": 0}'], {}, "line 1 wants index, true, predicted"),
        (['{"index": 0, "true": 1.5, "predicted": 0}'], {}, "1.5 is no integer"),
        (['{"index": 0, "true": 1, "predicted": 0, "outputs": 3}'], {}, "not 3"),
        (
            [
                '{"index": 0, "true": 1, "predicted": 0, "outputs": [1]}',
                '{"index": 1, "true": 1, "predicted": 0}',
            ],
            {},
            "with 0 and with 1 outputs",
        ),
    ],
)
def test_a_log_that_is_none(tmp_path, lines, options, message):
    with pytest.raises(MeasureError, match=message):
        read_log(written(tmp_path, lines), **options)


def test_a_log_that_is_no_text(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(MeasureError, match="is not UTF-8"):
        read_log(path)


NUMBERS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=20)


@given(NUMBERS)
def test_regression_agrees_with_scikit_learn(pairs):
    predicted, y = (np.array(side) for side in zip(*pairs, strict=True))
    m = measure_regression(predicted, y)
    assert m.n == len(pairs)
    # Sums of at most 20 values in another order.
    assert m.mae == pytest.approx(oracle.mean_absolute_error(y, predicted), rel=1e-12)
    assert m.rmse == pytest.approx(oracle.root_mean_squared_error(y, predicted), rel=1e-12)
    assert m.r2 == pytest.approx(oracle.r2_score(y, predicted), rel=1e-9, abs=1e-9)
    assert json.loads(json.dumps(m.to_json())) == m.to_json()


def test_regression_of_several_values_and_of_constants():
    y, predicted = np.array([[1.0, 5], [2, 5], [3, 5]]), np.array([[1.0, 5], [2, 5], [4, 5]])
    assert measure_regression(predicted, y).r2 == (0.5 + 1) / 2
    assert measure_regression([1.0, 2], [3.0, 3]).r2 == 0
    for wrong in (([1.0], [1.0, 2]), ([], []), (1.0, 1.0)):
        with pytest.raises(MeasureError, match="predicted values for"):
            measure_regression(*wrong)
    with pytest.raises(MeasureError, match="NaN or infinity"):
        measure_regression([np.nan], [1.0])
