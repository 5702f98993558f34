"""Baselines: the plan in closed forms, the search on small pictures that can be learned."""

import builtins
import importlib
import itertools
import json
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint import baselines, nn
from drypoint.baselines import BaselineError
from drypoint.baselines._auto import nested_order, next_size
from drypoint.data import Dataset, DatasetError, UnknownClassError
from drypoint.measure import compare, measure

METHODS = {
    "naive Bayes",
    "softmax regression",
    "k-nearest neighbours",
    "random forest",
    "logistic regression",
    "support vector machine",
    "gradient boosting",
}


def pictures(n=120, seed=0, classes=("left", "right", "both")):
    """Noisy pictures of 5 x 6, bright on the left, on the right, or everywhere."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % len(classes)
    x = rng.integers(0, 90, (n, 5, 6))
    x[(y == 0) | (y == 2), :, :3] += 130
    x[(y == 1) | (y == 2), :, 3:] += 130
    return Dataset(x.astype(np.uint8), y, classes)


@pytest.fixture(scope="module")
def found():
    return baselines.auto(pictures(), time_limit=60, seed=3)


def test_every_method_is_tried_and_the_best_is_taken(found):
    assert {attempt.method for attempt in found.tried} == METHODS
    assert all(attempt.n_train == 108 and not attempt.reason for attempt in found.tried)
    best = max(attempt.accuracy for attempt in found.tried)
    assert best == 1.0
    first = next(attempt for attempt in found.tried if attempt.accuracy == best)
    assert found.method == first.method
    assert found.n_validation == 12
    assert found.seconds >= sum(attempt.seconds for attempt in found.tried)


def test_a_baseline_is_measured_by_the_names_of_its_classes(found):
    test, order = pictures(60, seed=9), ("both", "left", "right")
    places = np.array([order.index(name) for name in test.classes])
    turned = Dataset(test.x, places[test.y], order)
    assert measure(found, turned).correct == measure(found, test).correct > 50


def test_validation_images_are_judged_by_the_names_of_their_classes():
    held, order = pictures(12, seed=8), ("both", "right", "left")
    places = np.array([order.index(name) for name in held.classes])
    turned = Dataset(held.x, places[held.y], order)
    options = {"time_limit": 0.5, "max_train": 30}
    found = [baselines.auto(pictures(), validation=v, **options) for v in (held, turned)]
    assert [a.accuracy for a in found[0].tried][:1] == [a.accuracy for a in found[1].tried][:1]
    assert found[1].tried[0].accuracy > 0.9


def test_a_baseline_is_measured_like_a_model(found):
    test = pictures(60, seed=9)
    m = measure(found, test)
    assert m.accuracy == 1.0
    assert found.predict(test.x) == [test.classes[i] for i in test.y]
    assert found.predict(test.x[1]) == "right"
    np.testing.assert_array_equal(found.predict_proba(test.x[1]), m.probabilities[1])
    row = compare({"baseline": m}, test, seconds=0)["baseline"]
    assert row.size == found.nbytes > 0
    with pytest.raises(BaselineError, match="reads uint8"):
        found.predict(test.x[:, :4])
    with pytest.raises(BaselineError, match="reads uint8"):
        found.predict(test.x / 255)


def test_every_fitted_method_gives_probabilities_of_all_classes():
    """The class that no training image has gets 0; a pickle has the reported size."""
    from drypoint.baselines._methods import METHODS as ALL

    data = pictures(200, classes=("left", "right", "both", "never"))
    data = data.take(np.flatnonzero(data.y < 3))
    for method in ALL:
        fitted = method.fit(data, 0)
        p = fitted.predict_proba(data.x)
        assert p.shape == (len(data), 4)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)  # float32 softmax among them
        assert (p.argmax(axis=1) == data.y).mean() > 0.9, method.name
        if isinstance(fitted.model, nn.Model):
            assert fitted.nbytes == 4 * (30 * 4 + 4)
        else:
            assert (p[:, 3] == 0).all()
            assert fitted.nbytes == len(pickle.dumps(fitted.model, pickle.HIGHEST_PROTOCOL))


def test_two_classes():
    found = baselines.auto(pictures(60, classes=("left", "right")), time_limit=60)
    assert {attempt.accuracy for attempt in found.tried} == {1.0}


def test_the_seed_fixes_what_is_found():
    twice = [baselines.auto(pictures(60), time_limit=60, seed=5, max_train=30) for _ in range(2)]
    first, second = ([(a.method, a.n_train, a.accuracy) for a in b.tried] for b in twice)
    assert first == second
    assert {n for _, n, _ in first} == {30}


def test_given_validation_images_choose():
    held = pictures(33, seed=4)
    found = baselines.auto(pictures(45), time_limit=60, validation=held)
    assert found.n_validation == 33
    assert {attempt.n_train for attempt in found.tried} == {45}


def test_where_the_cores_cannot_be_counted_the_search_warns_of_nothing(monkeypatch):
    """A container may hide them from lscpu; joblib warns then, once in a process."""
    cores = importlib.import_module("joblib.externals.loky.backend.context")
    monkeypatch.setattr(cores, "_cpu_count_user", lambda every: every)  # no limit
    monkeypatch.setattr(cores, "_count_physical_cores_linux", lambda: 0)
    monkeypatch.setattr(cores, "physical_cores_cache", None)
    monkeypatch.setattr("sklearn.utils._openmp_helpers._CPU_COUNTS", {})
    found = baselines.auto(pictures(45), time_limit=60)
    assert all(attempt.accuracy is not None for attempt in found.tried)
    assert cores.physical_cores_cache == "not found"  # they were counted


def test_a_search_without_time_says_what_it_skipped(monkeypatch):
    """A clock that jumps by 10 s at each look: the first fit uses all of the time."""
    clock = itertools.count(step=10.0)
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    found = baselines.auto(pictures(1500), time_limit=15)
    first, *others = found.tried
    assert first.n_train == 500
    assert first.reason == "more than 500 of 1,350 would not finish in time"
    assert {attempt.reason for attempt in others} == {"skipped: the time was used up"}
    assert {attempt.accuracy for attempt in others} == {None}
    assert found.method == first.method


def test_forms(found):
    back = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [a["method"] for a in back["tried"]] == [a.method for a in found.tried]
    assert back["tried"][0]["settings"] == dict(found.tried[0].settings)
    lines = str(found).splitlines()
    assert len(lines) == 2 + len(METHODS)
    assert sum(line.startswith("* ") for line in lines[1:-1]) == 1
    assert "chosen by accuracy on 12 validation images" in lines[-1]
    assert repr(found) == f"Baseline({found.method!r}, classes=3)"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"time_limit": 0}, BaselineError, "time_limit must be above 0"),
        ({"time_limit": float("nan")}, BaselineError, "time_limit must be above 0"),
        ({"max_train": 1}, BaselineError, "max_train must be at least 2"),
        ({"validation": 0}, DatasetError, "each part needs at least 1"),
        (
            {"validation": pictures(9, classes=("left", "out"))},
            UnknownClassError,
            "the data have 'out', which the training set lacks",
        ),
        ({"validation": [1, 2]}, BaselineError, "validation is a list of 2; wanted: a Dataset"),
    ],
)
def test_what_is_out_of_range(options, error, message):
    with pytest.raises(error, match=message):
        baselines.auto(pictures(30), **options)


def test_data_of_one_class_is_refused(toolbox):
    toolbox.need_package("sklearn")
    data = pictures(30).take(np.arange(0, 30, 3))
    with pytest.raises(BaselineError, match="all of one class"):
        baselines.auto(data)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    real = importlib.import_module

    def missing(name, *rest):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(BaselineError, match=r"pip install 'drypoint\[baselines\]'"):
        baselines.auto(pictures(30))


def test_importing_baselines_imports_no_scikit_learn(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("drypoint.baselines")]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def strict(name, *rest):
        assert not name.startswith("sklearn")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", strict)
    assert importlib.import_module("drypoint.baselines").auto is not baselines.auto


@given(
    st.integers(1, 60_000),
    st.tuples(st.floats(0, 20), st.floats(0, 20)),
    st.sampled_from([1.0, 1.2, 2.0]),
    st.floats(-5, 60),
    st.integers(1, 60_000),
)
def test_the_next_size_fits_the_time(n, times, growth, left, total):
    size = next_size(n, times, growth=growth, left=left, total=total)
    if n >= total:
        assert size is None
    elif size is not None:
        assert min(total, 1.5 * n) <= size <= min(total, 8 * n + 1)
        factor = size / n
        assert times[0] * factor**growth + times[1] * factor <= left * (1 + 1e-12)


def test_sizes_grow_evenly_to_the_whole():
    """500 to 32,000 is 64-fold: two steps of 8; to 54,000 three steps of 108^(1/3) = 4.76."""
    assert next_size(500, (0, 0), growth=1, left=1, total=32_000) == 4000
    assert next_size(500, (0, 0), growth=1, left=1, total=54_000) == 2382
    assert next_size(500, (0, 0), growth=1, left=1, total=600) == 600
    assert next_size(500, (1, 0), growth=2, left=16, total=32_000) == 2000
    assert next_size(500, (1, 1), growth=2, left=6, total=32_000) == 1000
    assert next_size(500, (1, 0), growth=1, left=1.4, total=32_000) is None


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(0, 5))
def test_every_beginning_has_all_classes_in_proportion(labels, seed):
    y = np.array(labels)
    order = nested_order(y, seed=seed)
    assert sorted(order.tolist()) == list(range(len(y)))
    counts = np.bincount(y)
    for n in range(1, len(y) + 1):
        # A class's k-th place is at (k + 1/2) / count: at most one from its share at any cut,
        # and the cuts of all classes together shift n by at most one for each class.
        share = counts * n / len(y)
        assert (np.abs(np.bincount(y[order[:n]], minlength=len(counts)) - share) <= 3).all()
