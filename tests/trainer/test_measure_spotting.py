"""Keywords in a stream of decisions. Oracle: small streams, counted by hand."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from drypoint.measure import (
    MeasureError,
    Spoken,
    SpottingErrors,
    spot_keywords,
    spotting_errors,
    wilson_interval,
)


def stream(*scores):
    """Probabilities of the classes other, a, b; a score is of a where it is positive, else of b."""
    return np.array([[1 - abs(s), max(s, 0), max(-s, 0)] for s in scores])


def test_a_detection_holds_back_the_next_ones():
    values = stream(0, 0.9, 0.9, 0.9, 0.95, 0, -0.8)
    found = spot_keywords(values, (1, 2), threshold=0.8, hold=2)
    assert [(d.decision, d.keyword) for d in found] == [(1, 1), (4, 1)]
    assert spot_keywords(values, (1, 2), threshold=0.8, hold=0)[-1] == (6, 2, pytest.approx(0.8))
    assert spot_keywords(values, (2,), threshold=0.9) == []


def test_means_of_several_decisions_are_compared():
    values = stream(0.9, 0, 0.9, 0.9, 0.9)
    found = spot_keywords(values, (1,), threshold=0.85, smoothing=3, hold=0)
    assert [d.decision for d in found] == [0, 4]  # the first mean has one decision
    assert found[1].score == pytest.approx(0.9)


def test_errors_at_each_threshold_are_the_ones_counted_by_hand():
    """a is spoken at 1 .. 2 and 6, b at 4; a is spotted at 1, 3 (false), 6 with 0.6 only."""
    values = stream(0, 0.9, 0.9, 0.8, -0.2, 0, 0.6, 0, 0, 0)
    spoken = [Spoken(1, 3, 1), Spoken(4, 5, 2), Spoken(6, 7, 1)]
    low, middle, high = spotting_errors(
        values, spoken, (1, 2), thresholds=(0.1, 0.7, 0.95), seconds=360, hold=0
    )
    assert (low.missed, low.false_accepts, low.spoken, low.hours) == (0, 1, 3, 1.0)
    assert (middle.missed, middle.false_accepts) == (2, 1)
    assert (high.missed, high.false_accepts, high.false_reject_rate) == (3, 0, 1.0)
    assert str(middle) == (
        "threshold 0.70: 2 of 3 keywords missed (66.7 %, 95 %: 20.8 to 93.9 %), 1 false accepts in "
        "1 h (1.0 an hour, 95 %: 0.0 to 5.6)"
    )
    quiet = spotting_errors(values, [], (1,), thresholds=(0.7,), seconds=180, hold=0)[0]
    assert (quiet.false_reject_rate, quiet.false_accepts_per_hour) == (0.0, 6.0)


@pytest.mark.parametrize("count", [0, 1, 4, 30, 900])
def test_the_interval_of_false_accepts_solves_its_equations(count):
    """Oracle: sums of the Poisson distribution's terms, in 60 digits: each tail has 2.5 %."""
    errors = SpottingErrors(threshold=1, spoken=9, missed=0, false_accepts=count, hours=0.5)
    low, high = (Decimal(rate) / 2 for rate in errors.false_accepts_interval)

    def at_most(n, mean):
        term, total = (-mean).exp(), Decimal(0)
        for i in range(n + 1):
            total, term = total + term, term * mean / (i + 1)
        return float(total)

    with localcontext(prec=60):
        assert at_most(count, high) == pytest.approx(0.025, rel=1e-9)  # sums of floats
        if count:
            assert at_most(count - 1, low) == pytest.approx(0.975, rel=1e-9)
        bound = Decimal(errors.false_accepts_bound) / 2
        assert at_most(count, bound) == pytest.approx(0.05, rel=1e-9)
    assert (low > 0) == (count > 0)
    assert errors.false_reject_interval == wilson_interval(0, 9)
    assert errors.to_json()["false_accepts_interval"] == list(errors.false_accepts_interval)


@pytest.mark.parametrize(
    ("values", "keywords", "options", "message"),
    [
        (np.zeros(3), (0,), {}, r"probabilities are \(3,\); wanted: \(decisions, classes\)"),
        (np.full((2, 2), np.nan), (0,), {}, "wanted: .decisions, classes., finite"),
        (np.zeros((2, 2)), (2,), {}, r"keywords are \[2\]; wanted: classes of 2"),
        (np.zeros((2, 2)), (), {}, "wanted: classes of 2"),
        (np.zeros((2, 2)), (0,), {"smoothing": 0}, "smoothing is 0, hold 100"),
    ],
)
def test_arguments_out_of_range_are_refused(values, keywords, options, message):
    with pytest.raises(MeasureError, match=message):
        spot_keywords(values, keywords, threshold=0.5, **options)
    with pytest.raises(MeasureError, match="seconds from decision to decision are 0"):
        spotting_errors(np.zeros((2, 2)), [], (0,), thresholds=(1,), seconds=0)
