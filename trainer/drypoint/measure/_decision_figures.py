"""Figures of decisions alone, from the counts of (true class, predicted class)."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class

from ._class_scores import ClassScores
from ._errors import MeasureError
from ._outputs import Outputs
from ._scores import (
    cohen_kappa,
    confusion_counts,
    matthews_corrcoef,
    scott_pi,
    wilson_bounds,
)

DECISION_FIGURES = (
    "accuracy",
    "accuracy_interval",
    "error",
    "baseline_accuracy",
    "confusion_matrix",
    "top_confusions",
    "precision",
    "recall",
    "f1",
    "fbeta",
    "specificity",
    "negative_predictive_value",
    "false_positive_rate",
    "matthews_corrcoef",
    "cohen_kappa",
    "scott_pi",
)


class DecisionFigures(Outputs):
    """Figures from true and predicted classes; ratios of a class that does not occur are 0."""

    @cached_property
    def correct(self) -> int:
        """The number of examples whose predicted class is the true one."""
        return int(np.count_nonzero(self.y == self.predicted))

    @property
    def accuracy(self) -> float:
        """The share of examples predicted right, in [0, 1]."""
        return self.correct / self.n

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval (low, high) of the accuracy.

        Of data with `Dataset.groups`, N counts for N^2 / (sum of n^2) examples, n the size of each
        group: the number of groups, if they have one size. So the interval is wide enough even if
        the examples of a group are all right or all wrong. Source: L. Kish, Survey Sampling, 1965.
        """
        return wilson_bounds(self.accuracy, self.n**2 / int(np.square(self.group_sizes).sum()))

    @property
    def error(self) -> float:
        """The share of examples predicted wrong: 1 - accuracy."""
        return (self.n - self.correct) / self.n

    @cached_property
    def baseline_accuracy(self) -> float:
        """The accuracy of always predicting the most frequent true class."""
        return int(np.bincount(self.y).max()) / self.n

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """int64 (C, C), read-only: row = true class, column = predicted class."""
        matrix = confusion_counts(self.y, self.predicted, len(self.classes))
        matrix.flags.writeable = False
        return matrix

    def top_confusions(self, n: int = 10) -> list[tuple[Class, Class, int]]:
        """The ``n`` most frequent errors (true, predicted, count), most frequent first; counts of
        0 are left out."""
        matrix = self.confusion_matrix.copy()
        np.fill_diagonal(matrix, 0)
        order = np.argsort(-matrix.ravel(), kind="stable")[:n].tolist()
        pairs = [divmod(place, len(self.classes)) for place in order]
        return [
            (self.classes[true], self.classes[predicted], int(matrix[true, predicted]))
            for true, predicted in pairs
            if matrix[true, predicted] > 0
        ]

    @cached_property
    def precision(self) -> ClassScores:
        """Of the examples predicted as a class, the share that is of it: TP / (TP + FP)."""
        return self._scores(self._true_positives, self._predicted_counts)

    @cached_property
    def recall(self) -> ClassScores:
        """Of the examples of a class, the share predicted as it: TP / (TP + FN)."""
        return self._scores(self._true_positives, self._true_counts)

    @cached_property
    def f1(self) -> ClassScores:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return self._scores(2 * self._true_positives, self._predicted_counts + self._true_counts)

    def fbeta(self, beta: float) -> ClassScores:
        """The mean of precision and recall with recall ``beta`` times as important.

        (1 + beta^2) TP / (TP + FP + beta^2 (TP + FN)); at 1 it is `f1`.

        Raises:
            MeasureError: ``beta`` is not above 0 and finite.
        """
        if not 0 < beta < np.inf:
            raise MeasureError(f"beta must be a finite number above 0, not {beta}")
        square = beta * beta
        return self._scores(
            (1 + square) * self._true_positives, self._predicted_counts + square * self._true_counts
        )

    @cached_property
    def specificity(self) -> ClassScores:
        """Of the examples of other classes, the share not predicted as it: TN / (TN + FP)."""
        return self._scores(self._other_counts - self._false_positives, self._other_counts)

    @cached_property
    def false_positive_rate(self) -> ClassScores:
        """Of the examples of other classes, the share predicted as it: FP / (TN + FP)."""
        return self._scores(self._false_positives, self._other_counts)

    @cached_property
    def negative_predictive_value(self) -> ClassScores:
        """Of the examples not predicted as a class, the share that is not of it: TN / (TN + FN)."""
        return self._scores(
            self._other_counts - self._false_positives, self.n - self._predicted_counts
        )

    @cached_property
    def matthews_corrcoef(self) -> float:
        """Correlation of truth and prediction, in [-1, 1]; 0 where one of them is constant."""
        return matthews_corrcoef(self.confusion_matrix)

    @cached_property
    def cohen_kappa(self) -> float:
        """Agreement with the truth beyond chance, in [-1, 1]; 0 is chance."""
        return cohen_kappa(self.confusion_matrix)

    @cached_property
    def scott_pi(self) -> float:
        """As `cohen_kappa`, with the chance agreement of one distribution for truth and
        prediction."""
        return scott_pi(self.confusion_matrix)

    @property
    def _true_positives(self) -> NDArray[np.int64]:
        """int64 (C,): examples of each class predicted right, TP."""
        hits: NDArray[np.int64] = np.diagonal(self.confusion_matrix)
        return hits

    @cached_property
    def _true_counts(self) -> NDArray[np.int64]:
        """int64 (C,): examples of each class, TP + FN."""
        counts: NDArray[np.int64] = self.confusion_matrix.sum(axis=1)
        return counts

    @cached_property
    def _predicted_counts(self) -> NDArray[np.int64]:
        """int64 (C,): examples predicted as each class, TP + FP."""
        counts: NDArray[np.int64] = self.confusion_matrix.sum(axis=0)
        return counts

    @property
    def _other_counts(self) -> NDArray[np.int64]:
        """int64 (C,): examples of all other classes, TN + FP."""
        return self.n - self._true_counts

    @property
    def _false_positives(self) -> NDArray[np.int64]:
        """int64 (C,): examples of other classes predicted as the class, FP."""
        return self._predicted_counts - self._true_positives

    def _scores(
        self,
        numerator: NDArray[np.int64] | NDArray[np.floating],
        denominator: NDArray[np.int64] | NDArray[np.floating],
    ) -> ClassScores:
        return ClassScores(
            self.classes, numerator=numerator, denominator=denominator, support=self._true_counts
        )
