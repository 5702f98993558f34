"""What one pass over the data tells; figures are computed when asked for, and kept."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class, ClassDecoder, Dataset

from ._errors import MeasureError
from ._scores import cohen_kappa, confusion_counts, ratios, wilson_interval
from ._text import confusion_table, report_text

_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class Example:
    """One example of the data and what was made of it.

    Attributes:
        index: its place in the data.
        image: uint8 (H, W) or (H, W, 3), or None where the outputs came without images.
        true: the true class.
        predicted: the predicted class.
        p_true: the probability that was given to the true class.
    """

    index: int
    image: NDArray[np.uint8] | None
    true: Class
    predicted: Class
    p_true: float


@dataclass(frozen=True, eq=False, repr=False)
class Measurement:
    """The outputs for N examples of C classes; `measure` makes one, after checks.

    Where examples tie in a list, the one with the lower index comes first.

    Attributes:
        y: int64 (N,), true class indices.
        predicted: int64 (N,), predicted class indices; of tied probabilities the lowest.
        probabilities: float64 (N, C), or None when only decisions are known; then the figures
            made from probabilities raise `MeasureError`.
        classes: the C class names.
        dataset: the data measured on, or None.
    """

    y: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    classes: tuple[Class, ...]
    dataset: Dataset | None = None

    def __post_init__(self) -> None:
        for name in ("y", "predicted", "probabilities"):
            array = getattr(self, name)
            if array is not None:
                view = array.view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def __repr__(self) -> str:
        """Size and accuracy; `str` gives the report."""
        return f"Measurement(n={self.n}, accuracy={self.accuracy:.4f})"

    def __str__(self) -> str:
        """The report."""
        return self.report()

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.y)

    @cached_property
    def data_digest(self) -> str | None:
        """SHA-256 of the data measured on, so that a training set is recognised; None without."""
        return None if self.dataset is None else self.dataset.digest()

    @cached_property
    def correct(self) -> int:
        """The number of examples whose predicted class is the true one."""
        return int(np.count_nonzero(self.y == self.predicted))

    @property
    def accuracy(self) -> float:
        """The share of examples predicted right, in [0, 1]."""
        return self.correct / self.n

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval (low, high) of the accuracy."""
        return wilson_interval(self.correct, self.n)

    @property
    def error(self) -> float:
        """The share of examples predicted wrong: 1 - accuracy."""
        return (self.n - self.correct) / self.n

    @cached_property
    def baseline_accuracy(self) -> float:
        """The accuracy of always saying the commonest true class."""
        return int(np.bincount(self.y).max()) / self.n

    def top_k_accuracy(self, k: int) -> float:
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

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """int64 (C, C), read-only: row = true class, column = predicted class."""
        matrix = confusion_counts(self.y, self.predicted, len(self.classes))
        matrix.flags.writeable = False
        return matrix

    def top_confusions(self, n: int = 10) -> list[tuple[Class, Class, int]]:
        """The ``n`` commonest errors (true, predicted, count), commonest first, none with 0."""
        matrix = self.confusion_matrix.copy()
        np.fill_diagonal(matrix, 0)
        order = np.argsort(-matrix.ravel(), kind="stable")[:n].tolist()
        pairs = [divmod(place, len(self.classes)) for place in order]
        return [
            (self.classes[true], self.classes[said], int(matrix[true, said]))
            for true, said in pairs
            if matrix[true, said] > 0
        ]

    @cached_property
    def precision(self) -> dict[Class, float]:
        """Of the examples predicted as a class, the share that are; 0 where none is predicted."""
        return self._by_class(ratios(self._hits, self.confusion_matrix.sum(axis=0)))

    @cached_property
    def recall(self) -> dict[Class, float]:
        """Of the examples of a class, the share predicted as it; 0 where there are none."""
        return self._by_class(ratios(self._hits, self.confusion_matrix.sum(axis=1)))

    @cached_property
    def f1(self) -> dict[Class, float]:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); 0 for 0 / 0."""
        both = self.confusion_matrix.sum(axis=0) + self.confusion_matrix.sum(axis=1)
        return self._by_class(ratios(2 * self._hits, both))

    @cached_property
    def cohen_kappa(self) -> float:
        """Agreement with the truth beyond chance, in [-1, 1]; 0 is chance."""
        return cohen_kappa(self.confusion_matrix)

    @cached_property
    def entropies(self) -> NDArray[np.float64]:
        """float64 (N,): entropy in nats of each example's probabilities."""
        return np.asarray(ClassDecoder(self.classes).entropy(self._rows))

    def worst(self, n: int = 10) -> list[Example]:
        """The ``n`` examples whose true class was given the lowest probability, lowest first."""
        return self._examples(np.argsort(self._p_true, kind="stable")[:n])

    def least_certain(self, n: int = 10) -> list[Example]:
        """The ``n`` examples with the highest entropy, highest first."""
        return self._examples(np.argsort(-self.entropies, kind="stable")[:n])

    def report(self) -> str:
        """All of it as text for a terminal."""
        return report_text(self)

    def confusion_text(self) -> str:
        """The confusion matrix as an aligned table; zeros are dots."""
        return confusion_table(self.confusion_matrix, self.classes)

    def to_json(self) -> dict[str, object]:
        """The figures as JSON takes them; those of classes are lists in the order of ``classes``.

        What needs probabilities is None without them.
        """
        return {
            "n": self.n,
            "data_digest": self.data_digest,
            "classes": list(self.classes),
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "error": self.error,
            "baseline_accuracy": self.baseline_accuracy,
            "cross_entropy": None if self.probabilities is None else self.cross_entropy,
            "cohen_kappa": self.cohen_kappa,
            "precision": list(self.precision.values()),
            "recall": list(self.recall.values()),
            "f1": list(self.f1.values()),
            "confusion_matrix": self.confusion_matrix.tolist(),
        }

    @property
    def _rows(self) -> NDArray[np.float64]:
        """The probabilities, where there are any."""
        if self.probabilities is None:
            raise MeasureError(
                "this figure needs probabilities, the measurement was made from predictions; "
                "measure(probabilities=...) has it"
            )
        return self.probabilities

    @cached_property
    def _p_true(self) -> NDArray[np.float64]:
        """float64 (N,): the probability of each example's true class."""
        return self._rows[np.arange(self.n), self.y]

    @cached_property
    def _ranks(self) -> NDArray[np.int64]:
        """int64 (N,): how many classes come before the true one."""
        p_true = self._p_true[:, None]
        tied_before = (self._rows == p_true) & (np.arange(len(self.classes)) < self.y[:, None])
        before: NDArray[np.int64] = np.count_nonzero((self._rows > p_true) | tied_before, axis=1)
        return before

    @property
    def _hits(self) -> NDArray[np.int64]:
        """int64 (C,): examples of each class predicted right."""
        hits: NDArray[np.int64] = np.diagonal(self.confusion_matrix)
        return hits

    def _by_class(self, values: NDArray[np.float64]) -> dict[Class, float]:
        return dict(zip(self.classes, values.tolist(), strict=True))

    def _examples(self, indices: NDArray[np.int64]) -> list[Example]:
        """The examples at ``indices``, in that order."""
        return [
            Example(
                index=i,
                image=None if self.dataset is None else self.dataset.x[i],
                true=self.classes[int(self.y[i])],
                predicted=self.classes[int(self.predicted[i])],
                p_true=float(self._p_true[i]),
            )
            for i in indices.tolist()
        ]
