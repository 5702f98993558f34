"""Bootstrap intervals."""

import math

import numpy as np
import pytest

from drypoint import measure


def measured(n=400, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1.0, 1.0, 1.0], n)
    y = np.where(rng.random(n) < 0.7, p.argmax(axis=1), rng.integers(0, 3, n))
    return measure.measure(probabilities=p, y=y)


def test_the_interval_of_an_accuracy_is_that_of_the_binomial():
    """Oracle: the normal limit p -+ 1.96 sqrt(p (1 - p) / n); 4,000 samples know the ends to a
    twentieth of the deviation, and counts come in steps of 1 / n."""
    m = measured()
    low, high = m.bootstrap("accuracy", samples=4000)
    deviation = math.sqrt(m.accuracy * m.error / m.n)
    tolerance = 0.15 * deviation + 1 / m.n
    assert low == pytest.approx(m.accuracy - 1.96 * deviation, abs=tolerance)
    assert high == pytest.approx(m.accuracy + 1.96 * deviation, abs=tolerance)


@pytest.mark.parametrize("figure", ["cohen_kappa", "matthews_corrcoef", "cross_entropy", "ece"])
def test_other_figures_lie_within_and_the_seed_repeats(figure):
    m = measured()
    low, high = m.bootstrap(figure, samples=100)
    assert low < high
    assert figure == "ece" or low < getattr(m, figure) < high  # ece is biased upwards by sampling
    assert m.bootstrap(figure, samples=100) == (low, high)
    assert m.bootstrap(figure, samples=100, seed=1) != (low, high)
    narrow = m.bootstrap(figure, samples=100, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_what_never_varies_has_an_interval_of_no_width():
    m = measure.measure(predictions=[0, 1, 2], y=[0, 1, 2])
    assert m.bootstrap("accuracy", samples=20) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"figure": "beauty"}, "no figure 'beauty'; there are: accuracy, "),
        ({"figure": "f1"}, "'f1' is no single number"),
        ({"figure": "report"}, "no figure 'report'"),
        ({"figure": "accuracy", "samples": 9}, "9 samples at confidence 0.95: at least 10"),
        ({"figure": "accuracy", "confidence": 1.0}, "a confidence between 0 and 1"),
    ],
)
def test_what_has_no_interval(arguments, message):
    with pytest.raises(measure.MeasureError, match=message):
        measured().bootstrap(**arguments)


def test_figures_of_probabilities_need_them():
    m = measure.measure(predictions=[0, 1], y=[0, 1])
    with pytest.raises(measure.MeasureError, match="needs probabilities"):
        m.bootstrap("ece")
