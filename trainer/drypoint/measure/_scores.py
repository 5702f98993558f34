"""Figures as pure functions of counts."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

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
    if not (0 <= correct <= n and n >= 1 and 0 < confidence < 1):
        raise MeasureError(
            f"no interval for {correct} correct of {n} at confidence {confidence}: "
            "0 <= correct <= n, n >= 1 and a confidence between 0 and 1 are wanted"
        )
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = correct / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # By the formula the bounds enclose p and stay in [0, 1]; rounding could move them across.
    return max(0.0, min(p, (centre - half) / scale)), min(1.0, max(p, (centre + half) / scale))


def confusion_counts(
    y: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """int64 (classes, classes): entry [i, j] counts the examples of class i predicted as j."""
    counts = np.bincount(y * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def ratios(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """Element by element, 0 where the denominator is 0."""
    out = np.zeros(len(numerator))
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def cohen_kappa(confusion: NDArray[np.int64]) -> float:
    """Agreement beyond chance: (p_o - p_e) / (1 - p_e); 1 where all is one class and right.

    p_o is the observed agreement, p_e the one that the two marginals give by chance.
    Source: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37.
    """
    n = int(confusion.sum())
    chance = int(confusion.sum(axis=0) @ confusion.sum(axis=1))  # p_e times n^2, exact
    agreement = int(np.trace(confusion)) * n
    return 1.0 if chance == n * n else (agreement - chance) / (n * n - chance)
