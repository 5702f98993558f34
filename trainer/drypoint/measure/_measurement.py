"""What one pass over the data tells; figures are computed when asked for, and kept."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class, Dataset

from ._data import Labelled
from ._decision_figures import DECISION_FIGURES
from ._errors import MeasureError
from ._json import measurement_json
from ._models import Predict, predictor
from ._probability_figures import PROBABILITY_FIGURES, ProbabilityFigures
from ._text import classification_text, confusion_table, report_html, report_text
from ._timing import Latency, latency, throughput


@dataclass(frozen=True, eq=False)
class Example:
    """One example of the data and what was made of it.

    Attributes:
        index: its place in the data.
        image: uint8 (H, W) or (H, W, 3), or None where there are no images.
        true: the true class.
        predicted: the predicted class.
        p_true: the probability that was given to the true class; None without probabilities.
    """

    index: int
    image: NDArray[np.uint8] | None
    true: Class
    predicted: Class
    p_true: float | None


class Measurement(ProbabilityFigures):
    """Every figure of a classifier on N examples of C classes, from its outputs alone.

    Figures are properties, or methods where there is something to choose; `properties` names
    them. Where examples tie in a list, the one with the lower index comes first.
    """

    def __repr__(self) -> str:
        """Size and accuracy; `str` gives the report."""
        return f"Measurement(n={self.n}, accuracy={self.accuracy:.4f})"

    def __str__(self) -> str:
        """The report."""
        return self.report()

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of all figures that this measurement can give.

        Those of probabilities only where there are any, those of time only with a model.
        """
        names: tuple[str, ...] = (*DECISION_FIGURES, "misclassified")
        if self.probabilities is not None:
            names += (*PROBABILITY_FIGURES, "worst", "best", "least_certain", "most_certain")
        return names if self.model is None else (*names, "latency", "throughput")

    def worst(self, n: int = 10) -> list[Example]:
        """The ``n`` examples whose true class was given the lowest probability, lowest first."""
        return self._examples(np.argsort(self._p_true, kind="stable")[:n])

    def best(self, n: int = 10) -> list[Example]:
        """The ``n`` examples whose true class was given the highest probability, highest first."""
        return self._examples(np.argsort(-self._p_true, kind="stable")[:n])

    def least_certain(self, n: int = 10) -> list[Example]:
        """The ``n`` examples with the highest entropy, highest first."""
        return self._examples(np.argsort(-self.entropies, kind="stable")[:n])

    def most_certain(self, n: int = 10) -> list[Example]:
        """The ``n`` examples with the lowest entropy, lowest first."""
        return self._examples(np.argsort(self.entropies, kind="stable")[:n])

    def misclassified(self, n: int | None = None) -> list[Example]:
        """The first ``n`` examples predicted wrong, or all of them, in the order of the data."""
        return self._examples(np.flatnonzero(self.y != self.predicted)[:n])

    def latency(self, calls: int = 100, *, seconds: float = 5.0) -> Latency:
        """Time single calls of the model, anew with every call of this method.

        Args:
            calls: how many, at least 1; one more goes before them and does not count.
            seconds: no further call is begun after that time.

        Raises:
            MeasureError: no model was measured, or ``calls`` is below 1.
        """
        if calls < 1:
            raise MeasureError(f"calls must be at least 1, not {calls}")
        predict, dataset = self._timed()
        return latency(predict, dataset.x, calls=calls, seconds=seconds)

    def throughput(self, batch_size: int = 256, *, seconds: float = 1.0) -> float:
        """Images a second in batches, measured anew with every call of this method.

        Args:
            batch_size: images a call of the model, at least 1.
            seconds: about how long to measure; one batch is always timed to its end.

        Raises:
            MeasureError: no model was measured, or ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise MeasureError(f"batch_size must be at least 1, not {batch_size}")
        predict, dataset = self._timed()
        return throughput(predict, dataset.x, batch_size=batch_size, seconds=seconds)

    def bootstrap(
        self, figure: str, *, samples: int = 1000, confidence: float = 0.95, seed: int = 0
    ) -> tuple[float, float]:
        """An interval (low, high) for any figure that is a number: how it scatters when the
        examples are drawn anew, with repetition, from those that there are.

        Source: B. Efron, Ann. Stat. 7 (1979) 1; the percentiles of the samples' figures.

        Args:
            figure: the name of a property: "cohen_kappa", "ece", "cross_entropy", ...
            samples: how many sets of examples are drawn, at least 10.
            confidence: the share of them inside, above 0 and below 1.
            seed: of the draw; the same one gives the same interval.

        Raises:
            MeasureError: no such figure or no number, a setting out of range.
        """
        if samples < 10 or not 0 < confidence < 1:
            raise MeasureError(
                f"{samples} samples at confidence {confidence}: at least 10, and a confidence "
                "between 0 and 1 are wanted"
            )
        if not isinstance(getattr(type(self), figure, None), property | cached_property):
            raise MeasureError(f"no figure {figure!r}; there are: {', '.join(self.properties)}")
        if not isinstance(getattr(self, figure), float):
            raise MeasureError(f"{figure!r} is no single number, of which there is no interval")
        rng = np.random.default_rng(seed)
        found = [getattr(self._of(rng.integers(0, self.n, self.n)), figure) for _ in range(samples)]
        tail = 50 * (1 - confidence)
        low, high = np.percentile(found, [tail, 100 - tail]).tolist()
        return low, high

    def _of(self, chosen: NDArray[np.int64]) -> "Measurement":
        """The measurement of some of the examples."""
        return Measurement(
            y=self.y[chosen],
            predicted=self.predicted[chosen],
            probabilities=None if self.probabilities is None else self.probabilities[chosen],
            classes=self.classes,
        )

    def report(self) -> str:
        """The figures, a line for each class, the commonest errors, the confusion matrix."""
        return report_text(self)

    def _repr_html_(self) -> str:
        return report_html(self)

    def classification_report(self, digits: int = 2) -> str:
        """Scores of each class and their averages, as scikit-learn's function of the name."""
        return classification_text(self, digits=digits)

    def confusion_text(self) -> str:
        """The confusion matrix as an aligned table; zeros are dots."""
        return confusion_table(self.confusion_matrix, self.classes)

    def to_json(self) -> dict[str, object]:
        """The figures as JSON takes them; those of classes are lists in the order of ``classes``.

        What needs probabilities is None without them.
        """
        return measurement_json(self)

    @cached_property
    def _rows_of_p_true(self) -> list[float] | None:
        return None if self.probabilities is None else self._p_true.tolist()

    def _timed(self) -> tuple[Predict, Dataset | Labelled]:
        if self.model is None or self.dataset is None:
            raise MeasureError("times need a model: measure(model, dataset) keeps it")
        return predictor(self.model), self.dataset

    def _examples(self, indices: NDArray[np.int64]) -> list[Example]:
        """The examples at ``indices``, in that order."""
        p_true = self._rows_of_p_true
        return [
            Example(
                index=i,
                image=self.dataset.x[i] if isinstance(self.dataset, Dataset) else None,
                true=self.classes[int(self.y[i])],
                predicted=self.classes[int(self.predicted[i])],
                p_true=None if p_true is None else p_true[i],
            )
            for i in indices.tolist()
        ]
