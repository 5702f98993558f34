"""Curves over probabilities: how far they can be trusted, and what a threshold buys."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class CalibrationCurve:
    """How often the decisions of each range of confidence are right; empty ranges are left out.

    The confidence of a decision is its own probability. Bin i of ``bins`` equal ones holds the
    confidences in (i / bins, (i + 1) / bins], the first one 0 as well.

    Attributes:
        bins: how many ranges [0, 1] was cut into.
        count: int64 (B,), decisions in each range that has any.
        confidence: float64 (B,), their mean confidence.
        accuracy: float64 (B,), the share of them that is right.
    """

    bins: int
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean gap of accuracy and confidence, by decisions.

        Source: M. P. Naeini et al., AAAI (2015) 2901.
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float(gaps @ self.count / self.count.sum())


@dataclass(frozen=True, eq=False, kw_only=True)
class RejectionCurve:
    """What is left and how good it is when decisions below a confidence are rejected.

    Attributes:
        threshold: float64 (T,), every confidence that occurs, rising: decisions below it are
            rejected, so the first one rejects none.
        rejected: float64 (T,), the share of all examples that is rejected, from 0.
        accuracy: float64 (T,), the share of the others that is right.
    """

    threshold: NDArray[np.float64]
    rejected: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class RocCurve:
    """One class against all others, for every threshold on its probability.

    Attributes:
        fpr, tpr: float64 (T,), false and true positive rate where examples with at least the
            threshold count as the class; from (0, 0) to (1, 1).
        thresholds: float64 (T,), falling; the first is infinite.
        auc: the area under the curve: how often an example of the class gets a higher
            probability than one of another class, equal ones counting half.
    """

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    auc: float


def calibration_curve(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], *, bins: int
) -> CalibrationCurve:
    """The curve for N decisions: float64 (N,) confidences in [0, 1], bool (N,) right or not."""
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    place = np.searchsorted(inner, confidence)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    return CalibrationCurve(
        bins=bins,
        count=count[filled],
        confidence=np.bincount(place, confidence, minlength=bins)[filled] / count[filled],
        accuracy=np.bincount(place, correct, minlength=bins)[filled] / count[filled],
    )


def rejection_curve(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> RejectionCurve:
    """The curve for N decisions: float64 (N,) confidences, bool (N,) right or not."""
    n = len(confidence)
    threshold, place = np.unique(confidence, return_inverse=True)
    decisions = np.bincount(place)
    right = np.bincount(place[correct], minlength=len(threshold))
    below = np.cumsum(decisions) - decisions
    right_kept = np.cumsum(right[::-1])[::-1]
    return RejectionCurve(
        threshold=threshold, rejected=below / n, accuracy=right_kept / (n - below)
    )


def roc_curve(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> RocCurve | None:
    """The curve for N examples: float64 (N,) scores, bool (N,); None if one side is empty."""
    positives = int(np.count_nonzero(positive))
    negatives = len(positive) - positives
    if not (positives and negatives):
        return None
    threshold, place = np.unique(-score, return_inverse=True)
    hits = np.bincount(place[positive], minlength=len(threshold))
    alarms = np.bincount(place[~positive], minlength=len(threshold))
    tp, fp = np.cumsum(hits), np.cumsum(alarms)
    # Twice the pairs (positive, negative) in the right order, ties once: an exact integer.
    twice = sum(a * (2 * t - h) for a, t, h in zip(*_ints(alarms, tp, hits), strict=True))
    return RocCurve(
        fpr=np.concatenate([[0.0], fp / negatives]),
        tpr=np.concatenate([[0.0], tp / positives]),
        thresholds=np.concatenate([[np.inf], -threshold]),
        auc=twice / (2 * positives * negatives),
    )


def _ints(*arrays: NDArray[np.int64]) -> list[list[int]]:
    return [array.tolist() for array in arrays]
