"""Curves over probabilities: calibration, rejection by a threshold, and ROC."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class CalibrationCurve:
    """The accuracy of decisions by confidence, for each of B bins that are not empty.

    The confidence of a decision is the probability of the predicted class. Bin i of ``bins`` equal
    bins holds the confidences in (i / bins, (i + 1) / bins]; the first bin holds 0 too.

    Attributes:
        bins: the number of bins of [0, 1], empty bins included.
        count: int64 (B,), decisions in each bin.
        confidence: float64 (B,), mean confidence of the decisions in each bin.
        accuracy: float64 (B,), share of right decisions in each bin.
    """

    bins: int
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean over decisions of |accuracy - confidence| of the
        decision's bin.

        Source: M. P. Naeini et al., AAAI (2015) 2901.
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float(gaps @ self.count / self.count.sum())


@dataclass(frozen=True, eq=False, kw_only=True)
class RejectionCurve:
    """Share and accuracy of the accepted decisions when decisions below a confidence are rejected.

    Attributes:
        threshold: float64 (T,), every confidence that occurs, increasing; decisions below the
            threshold are rejected, so the first threshold rejects none.
        rejected: float64 (T,), the share of rejected examples, from 0.
        accuracy: float64 (T,), the share of right decisions among the accepted ones.
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
        thresholds: float64 (T,), decreasing; the first is infinite.
        auc: the area under the curve: the share of pairs of an example of the class and an example
            of another class in which the first has the higher probability; ties count half.
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
    # Twice the number of pairs (positive, negative) in the right order plus ties: exact integers.
    counts = (array.tolist() for array in (alarms, tp, hits))
    twice = sum(a * (2 * t - h) for a, t, h in zip(*counts, strict=True))
    return RocCurve(
        fpr=np.concatenate([[0.0], fp / negatives]),
        tpr=np.concatenate([[0.0], tp / positives]),
        thresholds=np.concatenate([[np.inf], -threshold]),
        auc=twice / (2 * positives * negatives),
    )
