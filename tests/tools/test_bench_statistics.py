"""Medians, spreads and ratios of rounds; oracle: NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint.bench import Figure

POSITIVE = st.floats(0.1, 1e6)


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_median_and_quartiles_equal_numpy(values):
    figure = Figure(tuple(values))
    assert figure.median == pytest.approx(np.median(values), rel=1e-12)  # both average two floats
    assert (figure.low, figure.high) == (min(values), max(values))
    low, high = np.quantile(values, [0.25, 0.75])
    wanted = (high - low) / np.median(values)
    assert figure.spread == pytest.approx(wanted, rel=1e-9, abs=1e-9)  # two ways to interpolate


def test_ratios_are_taken_within_rounds():
    """Both are twice as slow in the second round, so the ratio is constant."""
    ours, theirs = Figure((1.0, 2.0, 1.5)), Figure((2.0, 4.0, 3.0))
    assert ours.over(theirs).values == (0.5, 0.5, 0.5)
    assert ours.over(theirs).spread == 0
    assert ours.spread > 0


def test_one_disturbed_round_does_not_move_the_figure():
    quiet = Figure((10.0, 10.1, 9.9, 10.0, 10.05))
    disturbed = Figure((10.0, 10.1, 9.9, 10.0, 99.0))
    assert disturbed.median == quiet.median == 10.0
    assert disturbed.spread < 0.02
    assert disturbed.high == 99.0


def test_rounds_of_different_numbers_have_no_ratio():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        Figure((1.0, 2.0)).over(Figure((1.0,)))


def test_figures_as_json():
    assert Figure((3.0, 1.0, 2.0)).to_json() == {
        "median": 2.0,
        "low": 1.0,
        "high": 3.0,
        "spread": 0.5,
    }
