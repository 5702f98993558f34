"""Keywords in a stream of decisions. Oracle: small streams, counted by hand."""

from decimal import Decimal, localcontext

import pytest

from drypoint.measure import (
    MeasureError,
    Spoken,
    SpottingErrors,
    count_errors,
    wilson_interval,
)


def test_errors_at_each_threshold_are_the_ones_counted_by_hand():
    """a is spoken at 1 .. 2 and 6, b at 4; a is spotted at 1, 3 (false), 6 with 0.6 only."""
    spoken = [Spoken(1, 3, 1), Spoken(4, 5, 2), Spoken(6, 7, 1)]
    found = {0.1: [(1, 1), (2, 1), (3, 1), (4, 2), (6, 1)], 0.7: [(1, 1), (3, 1)], 0.95: []}
    low, middle, high = (
        count_errors(pairs, spoken, threshold=threshold, hours=1)
        for threshold, pairs in found.items()
    )
    assert (low.missed, low.false_accepts, low.spoken, low.hours) == (0, 1, 3, 1)
    assert (middle.missed, middle.false_accepts) == (2, 1)
    assert (high.missed, high.false_accepts, high.false_reject_rate) == (3, 0, 1.0)
    assert str(middle) == (
        "threshold 0.70: 2 of 3 keywords missed (66.7 %, 95 %: 20.8 to 93.9 %), 1 false accepts in "
        "1 h (1.0 an hour, 95 %: 0.0 to 5.6)"
    )
    quiet = count_errors([(1, 1), (2, 1), (3, 1)], [], threshold=0.7, hours=0.5)
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


def test_a_signal_of_no_length_is_refused():
    with pytest.raises(MeasureError, match="the signal has 0 hours; wanted: above 0"):
        count_errors([], [], threshold=0.5, hours=0)
