"""Figures of anomaly detection, against pairs counted one by one and scikit-learn."""

import numpy as np
import pytest

from drypoint.measure import (
    MeasureError,
    anomaly_threshold,
    measure_anomalies,
    wilson_interval,
)


def test_auc_counts_pairs_also_of_large_integers():
    """2^62 and 2^62 + 1 are one float64, and two errors."""
    errors = np.array([2**62 + 1, 2**62, 5, 5, 9, 2**62], np.uint64)
    y = np.array([1, 0, 1, 0, 0, 1], bool)
    pairs = [(int(a), int(b)) for a in errors[y] for b in errors[~y]]
    expected = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
    assert measure_anomalies(errors, y).auc == expected


def test_areas_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    y = rng.random(300) < 0.3
    errors = np.round(rng.normal(y * 1.0, 1), 1)  # with ties
    m = measure_anomalies(errors, y.astype(int))
    assert m.auc == pytest.approx(metrics.roc_auc_score(y, errors), rel=1e-12)
    for most in (0.05, 0.1, 0.5):
        expected = metrics.roc_auc_score(y, errors, max_fpr=most)
        assert m.partial_auc(most) == pytest.approx(expected, rel=1e-9)
    assert m.partial_auc(1.0) == pytest.approx(m.auc, rel=1e-12)
    assert m.partial_auc() == m.partial_auc(0.1) != m.partial_auc(0.2)


def test_a_threshold_lets_at_most_the_share_of_normal_examples_through():
    errors = np.arange(100)
    assert anomaly_threshold(errors, false_alarms=0) == 99
    assert anomaly_threshold(errors, false_alarms=0.05) == 94
    assert isinstance(anomaly_threshold(errors), int)
    assert anomaly_threshold(errors) == 98  # one of 100 is above
    assert anomaly_threshold([3.5, 1.5, 2.5], false_alarms=0.34) == 2.5
    for share in (0, 0.01, 0.3, 0.999):
        assert (errors > anomaly_threshold(errors, false_alarms=share)).mean() <= share


def test_decisions_by_a_threshold():
    m = measure_anomalies([1, 2, 3, 4, 5], [0, 0, 1, 0, 1], threshold=3)
    assert m.found.tolist() == [False, False, False, True, True]
    assert (m.recall, m.false_alarms, m.precision) == (0.5, 1 / 3, 0.5)
    # Hanley and McNeil with 2 anomalies, 3 normal examples, by hand: Q1 = 5/7, Q2 = 25/33.
    spread = (5 / 36 + (5 / 7 - 25 / 36) + 2 * (25 / 33 - 25 / 36)) / 6
    low, high = m.auc_interval
    assert (low, high) == (pytest.approx(5 / 6 - 1.96 * spread**0.5, abs=1e-12), 1.0)  # rounding
    assert m.to_json() == {
        "n": 5, "anomalies": 2, "auc": 5 / 6, "auc_interval": [low, high],
        "partial_auc": m.partial_auc(), "threshold": 3,
        "recall": 0.5, "recall_interval": wilson_interval(1, 2), "false_alarms": 1 / 3,
        "false_alarms_interval": wilson_interval(1, 3), "precision": 0.5,
    }  # fmt: skip
    assert measure_anomalies([1, 2], [0, 1], threshold=9).precision == 0
    undecided = measure_anomalies([1, 2], [0, 1])
    assert undecided.to_json()["recall"] is None
    assert repr(undecided) == "AnomalyMeasurement(n=2, auc=1.0000)"
    with pytest.raises(MeasureError, match="no threshold"):
        _ = undecided.recall


@pytest.mark.parametrize(
    ("errors", "y", "message"),
    [
        ([1, 2], [0, 2], "booleans or 0 and 1"),
        ([1, 2], [0, 1, 1], "2 booleans"),
        ([1, np.nan], [0, 1], "finite numbers"),
        ([], [], "finite numbers"),
        ([1, 2], [1, 1], "of one kind"),
    ],
)
def test_wrong_values_are_refused(errors, y, message):
    with pytest.raises(MeasureError, match=message):
        measure_anomalies(errors, y)


def test_shares_have_ranges():
    with pytest.raises(MeasureError, match="false_alarms is 1"):
        anomaly_threshold([1, 2], false_alarms=1)
    with pytest.raises(MeasureError, match="max_fpr is 0"):
        measure_anomalies([1, 2], [0, 1]).partial_auc(0)


@pytest.mark.parametrize("threshold", [True, "3", [3]])
def test_a_threshold_is_a_number(threshold):
    with pytest.raises(MeasureError, match=r"threshold is .*; wanted: a number"):
        measure_anomalies([1, 2], [0, 1], threshold=threshold)
