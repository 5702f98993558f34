"""The figures that need probabilities: likelihood, certainty, ranking, calibration."""

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class, ClassDecoder

from ._curves import (
    CalibrationCurve,
    RejectionCurve,
    RocCurve,
    calibration_curve,
    rejection_curve,
    roc_curve,
)
from ._decision_figures import DecisionFigures
from ._errors import MeasureError

PROBABILITY_FIGURES = (
    "top_k_accuracy",
    "cross_entropy",
    "log_loss",
    "log_likelihood",
    "perplexity",
    "brier",
    "entropy",
    "entropies",
    "confidences",
    "calibration_curve",
    "ece",
    "accuracy_rejection",
    "reject",
    "roc_curve",
    "roc_auc",
)

_LEAST_PROBABILITY = 1e-12


class ProbabilityFigures(DecisionFigures):
    """Figures from the probabilities of all classes; each raises `MeasureError` without them."""

    def top_k_accuracy(self, k: int = 2) -> float:
        """The share of examples whose true class is among the ``k`` likeliest.

        Of tied classes the lower index is the likelier, so that k = 1 is the accuracy.

        Raises:
            MeasureError: ``k`` is not in [1, C], or there are no probabilities.
        """
        if not 1 <= k <= len(self.classes):
            raise MeasureError(f"k must be from 1 to {len(self.classes)} classes, not {k}")
        return int(np.count_nonzero(self._ranks < k)) / self.n

    @cached_property
    def cross_entropy(self) -> float:
        """Mean of ``-log p`` of the true class, in nats.

        A probability below 1e-12 counts as 1e-12, so that one certain error stays finite.
        """
        return float(-np.log(np.maximum(self._p_true, _LEAST_PROBABILITY)).mean())

    @property
    def log_loss(self) -> float:
        """`cross_entropy`, under scikit-learn's name."""
        return self.cross_entropy

    @property
    def log_likelihood(self) -> float:
        """Sum of ``log p`` of the true class, in nats: -N times the cross-entropy."""
        return -self.n * self.cross_entropy

    @property
    def perplexity(self) -> float:
        """exp(cross-entropy): 1 for certain and right predictions, C for uniform ones."""
        return math.exp(self.cross_entropy)

    @cached_property
    def brier(self) -> float:
        """Mean of the squared distance between probabilities and truth, in [0, 2].

        Summed over all classes, as first defined. Source: G. W. Brier, Mon. Weather Rev. 78
        (1950) 1.
        """
        squares = (self._rows**2).sum(axis=1) - 2 * self._p_true + 1
        return float(squares.mean())

    @cached_property
    def entropies(self) -> NDArray[np.float64]:
        """float64 (N,), read-only: entropy in nats of each example's probabilities."""
        entropies = np.asarray(ClassDecoder(self.classes).entropy(self._rows))
        entropies.flags.writeable = False
        return entropies

    @property
    def entropy(self) -> float:
        """The mean of `entropies`, from 0 (certain) to log C (uniform probabilities)."""
        return float(self.entropies.mean())

    @cached_property
    def confidences(self) -> NDArray[np.float64]:
        """float64 (N,), read-only: the probability of each predicted class."""
        confidences: NDArray[np.float64] = self._rows.max(axis=1)
        confidences.flags.writeable = False
        return confidences

    def calibration_curve(self, bins: int = 10) -> CalibrationCurve:
        """The accuracy of decisions by confidence, in ``bins`` equal bins of [0, 1].

        Raises:
            MeasureError: ``bins`` is below 1, or there are no probabilities.
        """
        if bins < 1:
            raise MeasureError(f"bins must be at least 1, not {bins}")
        return calibration_curve(self.confidences, self.y == self.predicted, bins=bins)

    @cached_property
    def ece(self) -> float:
        """The expected calibration error, in [0, 1], of `calibration_curve` with 10 bins."""
        return self.calibration_curve().ece

    def accuracy_rejection(self) -> RejectionCurve:
        """Accuracy against the share of rejected decisions, for every distinct threshold."""
        return rejection_curve(self.confidences, self.y == self.predicted)

    def reject(self, below: float) -> tuple[float, float]:
        """(share of rejected decisions, accuracy of the others), rejecting probabilities below
        ``below``, as `ClassDecoder(reject_below=...)` does.

        The accuracy is 1 if all decisions are rejected.

        Raises:
            MeasureError: ``below`` is not in [0, 1], or there are no probabilities.
        """
        if not 0 <= below <= 1:
            raise MeasureError(f"a threshold lies in [0, 1], {below} does not")
        accepted = self.confidences >= below
        count = int(np.count_nonzero(accepted))
        right = int(np.count_nonzero(accepted & (self.y == self.predicted)))
        return (self.n - count) / self.n, right / count if count else 1.0

    def roc_curve(self, cls: Class) -> RocCurve:
        """The receiver operating characteristic of one class against all others, and its area.

        Raises:
            MeasureError: an unknown class, no example of the class, or none of another class.
        """
        curve = self._roc(self._class_index(cls))
        if curve is None:
            raise MeasureError(f"no curve for class {cls!r}: it has none of the examples, or all")
        return curve

    @cached_property
    def roc_auc(self) -> float:
        """The mean over classes of the area under `roc_curve`: scikit-learn's ovr, macro.

        Classes without a curve are left out.

        Raises:
            MeasureError: no class has a curve, or there are no probabilities.
        """
        curves = [self._roc(index) for index in range(len(self.classes))]
        areas = [curve.auc for curve in curves if curve is not None]
        if not areas:
            raise MeasureError("roc_auc needs examples of two classes, these are all of one")
        return math.fsum(areas) / len(areas)

    @cached_property
    def _p_true(self) -> NDArray[np.float64]:
        """float64 (N,): the probability of each example's true class."""
        return self._rows[np.arange(self.n), self.y]

    @cached_property
    def _ranks(self) -> NDArray[np.int64]:
        """int64 (N,): the number of classes that are likelier than the true class."""
        p_true = self._p_true[:, None]
        tied_before = (self._rows == p_true) & (np.arange(len(self.classes)) < self.y[:, None])
        before: NDArray[np.int64] = np.count_nonzero((self._rows > p_true) | tied_before, axis=1)
        return before

    def _roc(self, index: int) -> RocCurve | None:
        return roc_curve(self._rows[:, index], self.y == index)
