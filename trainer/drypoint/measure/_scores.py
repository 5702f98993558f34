"""Figures as pure functions of counts."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from drypoint.common import check_kind

from ._errors import MeasureError


def wilson_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval (low, high) for a proportion of ``correct`` out of ``n``.

    With p = correct / n and z the normal quantile of the confidence (two-sided):
    ``(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)``. Unlike the normal
    approximation it stays inside [0, 1] and holds near 1, where accuracies lie.
    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.

    Raises:
        MeasureError: not 0 <= correct <= n with n >= 1, or a confidence outside (0, 1).
    """
    for name, count in (("correct", correct), ("n", n)):
        check_kind(count, (int, np.integer), name=name, wanted="a count", error=MeasureError)
    if not (0 <= correct <= n and n >= 1 and 0 < confidence < 1):
        raise MeasureError(
            f"no interval for {correct} correct of {n} at confidence {confidence}: "
            "0 <= correct <= n, n >= 1 and a confidence between 0 and 1 are wanted"
        )
    return wilson_bounds(correct / n, n, confidence)


def wilson_bounds(p: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """As `wilson_interval`, of a share p of as many examples as n."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The bounds enclose p and stay in [0, 1]; min and max undo rounding beyond these limits.
    return max(0.0, min(p, (centre - half) / scale)), min(1.0, max(p, (centre + half) / scale))


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact 95 % interval (low, high) for the mean number of events, of which some occurred.

    At the mean ``high`` so few events, at ``low`` so many, have the probability 0.025: of no event
    low is 0 and high 3.69. Source: F. Garwood, Biometrika 28 (1936) 437.
    """
    return poisson_mean(count - 1, 0.975) if count else 0.0, poisson_mean(count, 0.025)


def poisson_mean(most: int, probability: float) -> float:
    """The mean at which at most so many events have a probability, by halving an interval."""
    counts = np.arange(most + 1)
    log_factorials = np.cumsum(np.log(np.maximum(counts, 1)))
    low, high = 0.0, most + 20 * math.sqrt(most + 1) - math.log(probability)
    while low < (middle := (low + high) / 2) < high:
        logs = counts * math.log(middle) - middle - log_factorials
        low, high = (middle, high) if np.exp(logs).sum() > probability else (low, middle)
    return middle


def confusion_counts(
    y: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """int64 (classes, classes): entry [i, j] counts the examples of class i predicted as j."""
    counts = np.bincount(y * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def ratios(
    numerator: NDArray[np.int64] | NDArray[np.floating],
    denominator: NDArray[np.int64] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """numerator / denominator, elementwise, 0 where the denominator is 0."""
    out = np.zeros(len(numerator))
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def cohen_kappa(confusion: NDArray[np.int64]) -> float:
    """Agreement beyond chance: (p_o - p_e) / (1 - p_e); 1 if all examples are of one class and
    right.

    p_o is the observed agreement, p_e the agreement expected by chance from the two marginals.
    Source: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37.
    """
    n = int(confusion.sum())
    chance = int(confusion.sum(axis=0) @ confusion.sum(axis=1))  # p_e times n^2, exact
    agreement = int(np.trace(confusion)) * n
    return 1.0 if chance == n * n else (agreement - chance) / (n * n - chance)


def scott_pi(confusion: NDArray[np.int64]) -> float:
    """As `cohen_kappa`, with p_e the sum over classes of the squared mean of the two marginals.

    Source: W. A. Scott, Public Opin. Q. 19 (1955) 321.
    """
    n = int(confusion.sum())
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    chance = int(both @ both)  # p_e times 4 n^2, exact
    agreement = 4 * int(np.trace(confusion)) * n
    return 1.0 if chance == 4 * n * n else (agreement - chance) / (4 * n * n - chance)


def matthews_corrcoef(confusion: NDArray[np.int64]) -> float:
    """The correlation of true and predicted class; 0 if one of the two is constant.

    With n examples, c of them right, t the examples and p the predictions of each class:
    ``(c n - t.p) / sqrt((n^2 - t.t)(n^2 - p.p))``.
    Source: J. Gorodkin, Comput. Biol. Chem. 28 (2004) 367.
    """
    n, right = int(confusion.sum()), int(np.trace(confusion))
    true: list[int] = confusion.sum(axis=1).tolist()
    predicted: list[int] = confusion.sum(axis=0).tolist()
    covariance = right * n - sum(t * p for t, p in zip(true, predicted, strict=True))
    spread_true = n * n - sum(t * t for t in true)
    spread_said = n * n - sum(p * p for p in predicted)
    if spread_true == 0 or spread_said == 0:
        return 0.0
    return covariance / math.sqrt(spread_true * spread_said)


def mcnemar_p(first_only: int, second_only: int) -> float:
    """McNemar's exact two-sided p-value of two classifiers being equally often right.

    ``first_only`` and ``second_only`` count the examples that only the first, or only the second
    classifier got right. The p-value is twice the binomial tail of the smaller count at 1/2, at
    most 1; it is 1 if both counts are 0.
    Source: Q. McNemar, Psychometrika 12 (1947) 153, with the binomial in place of its limit.

    Raises:
        MeasureError: a count that is no whole number from 0.
    """
    for name, count in (("first_only", first_only), ("second_only", second_only)):
        check_kind(count, (int, np.integer), name=name, wanted="a count", error=MeasureError)
        if count < 0:
            raise MeasureError(f"{name} is {count}; wanted: a count, from 0")
    n, smaller = first_only + second_only, min(first_only, second_only)
    term, tail = 1, 1  # binomial coefficients as integers: exact for any n
    for i in range(1, smaller + 1):
        term = term * (n - i + 1) // i
        tail += term
    return min(1.0, tail / 2 ** (n - 1)) if n else 1.0
