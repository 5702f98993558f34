"""`Measurement`: the figures of one pass over the data, each computed at first use and cached."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drypoint.common import attribute_hints, json_of
from drypoint.data import Class, Dataset

from ._aliases import MEASUREMENT_HINTS
from ._data import Labelled
from ._decision_figures import DECISION_FIGURES
from ._errors import MeasureError
from ._models import Predict, predictor
from ._probability_figures import PROBABILITY_FIGURES, ProbabilityFigures
from ._text import classification_text, confusion_table, report_html, report_text
from ._timing import Latency, latency, throughput

_FACTS = ("n", "data_digest", "seen_as", "classes", "accuracy", "accuracy_interval", "error")
_OF_ALL = (*_FACTS, "baseline_accuracy", "matthews_corrcoef", "cohen_kappa", "scott_pi")
_CLASS_SCORES = (
    *("precision", "recall", "f1", "specificity", "negative_predictive_value"),
    "false_positive_rate",
)
_OF_PROBABILITIES = ("cross_entropy", "log_likelihood", "perplexity", "brier", "entropy", "ece")


def measurement_json(m: ProbabilityFigures) -> dict[str, object]:
    """Name -> figure; scores of classes are lists in the order of ``classes``.

    Figures of probabilities are None without probabilities; ``roc_auc`` is also None if all
    examples are of one class.
    """
    probable = m.probabilities is not None
    several = len(set(m.y.tolist())) > 1
    return {
        **json_of(m, *_OF_ALL),
        **{name: getattr(m, name) if probable else None for name in _OF_PROBABILITIES},
        "roc_auc": m.roc_auc if probable and several else None,
        **{name: list(getattr(m, name).values()) for name in _CLASS_SCORES},
        "confusion_matrix": m.confusion_matrix.tolist(),
    }


@dataclass(frozen=True, eq=False)
class Example:
    """One example of the data and its prediction.

    Attributes:
        index: the index of the example in the data.
        image: uint8 (H, W) or (H, W, 3), or None if the data have no images.
        true: the true class.
        predicted: the predicted class.
        p_true: the predicted probability of the true class; None without probabilities.
    """

    index: int
    image: NDArray[np.uint8] | None = field(repr=False)
    true: Class
    predicted: Class
    p_true: float | None


@attribute_hints(MEASUREMENT_HINTS)
class Measurement(ProbabilityFigures):
    """Every figure of a classifier on N examples of C classes, from its outputs alone.

    Figures are properties, or methods if they have arguments; `properties` names them. A figure
    that is one term of another one is no figure of its own: the false negative rate is 1 - recall,
    the false discovery rate 1 - precision. In lists of examples, ties are in the order of indices.
    """

    def __repr__(self) -> str:
        """Size and accuracy; `str` gives the report."""
        return f"Measurement(n={self.n}, accuracy={self.accuracy:.4f})"

    def __str__(self) -> str:
        """The report."""
        return self.report()

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of all figures of this measurement.

        Figures of probabilities need probabilities, figures of time a model.
        """
        names: tuple[str, ...] = (*DECISION_FIGURES, "misclassified")
        if self.probabilities is not None:
            names += (*PROBABILITY_FIGURES, "worst", "best", "least_certain", "most_certain")
        return names if self.model is None else (*names, "latency", "throughput")

    def worst(self, n: int = 10) -> list[Example]:
        """The ``n`` examples with the lowest probability of the true class, lowest first."""
        return self._examples(np.argsort(self._p_true, kind="stable")[:n])

    def best(self, n: int = 10) -> list[Example]:
        """The ``n`` examples with the highest probability of the true class, highest first."""
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
        """Time calls of the model with one image; every call of this method measures again.

        Args:
            calls: the number of timed calls, at least 1; one call before them is not timed.
            seconds: no call starts after this time.

        Raises:
            MeasureError: no model was measured, or ``calls`` is below 1.
        """
        if calls < 1:
            raise MeasureError(f"calls must be at least 1, not {calls}")
        predict, dataset = self._timed_model()
        return latency(predict, dataset.x, calls=calls, seconds=seconds)

    def throughput(self, batch_size: int = 256, *, seconds: float = 1.0) -> float:
        """Examples per second in batches; every call of this method measures again.

        Args:
            batch_size: examples for each call of the model, at least 1.
            seconds: approximate time of the measurement; at least one batch is timed.

        Raises:
            MeasureError: no model was measured, or ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise MeasureError(f"batch_size must be at least 1, not {batch_size}")
        predict, dataset = self._timed_model()
        return throughput(predict, dataset.x, batch_size=batch_size, seconds=seconds)

    def bootstrap(
        self, figure: str, *, samples: int = 1000, confidence: float = 0.95, seed: int = 0
    ) -> tuple[float, float]:
        """The bootstrap confidence interval (low, high) of a figure that is a number.

        Each sample draws N examples with replacement, or as many groups of examples as there are
        (`Dataset.groups`); the interval is between percentiles of the
        samples' figures. Source: B. Efron, Ann. Stat. 7 (1979) 1.

        Args:
            figure: the name of a property: "cohen_kappa", "ece", "cross_entropy", ...
            samples: the number of samples, at least 10.
            confidence: the share of samples inside the interval, above 0 and below 1.
            seed: the seed of the samples; equal seeds give equal intervals.

        Raises:
            MeasureError: an unknown figure, a figure that is no number, or an argument out of
                range.
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
        groups = self.dataset.groups if isinstance(self.dataset, Dataset) else None
        members = []
        if groups is not None:
            order = np.argsort(groups, kind="stable")
            members = np.split(order, np.cumsum(self.group_sizes)[:-1])
        figures = []
        for _ in range(samples):
            draw = rng.integers(0, self.n_groups, self.n_groups)
            if groups is not None:
                draw = np.concatenate([members[i] for i in draw.tolist()])
            figures.append(getattr(self._of(draw), figure))
        tail = 50 * (1 - confidence)
        low, high = np.percentile(figures, [tail, 100 - tail]).tolist()
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
        """The figures, a line for each class, the most frequent errors, the confusion matrix."""
        return report_text(self)

    def _repr_html_(self) -> str:
        return report_html(self)

    def classification_report(self, digits: int = 2) -> str:
        """Scores of each class and their averages, as scikit-learn's ``classification_report``."""
        return classification_text(self, digits=digits)

    def confusion_text(self) -> str:
        """The confusion matrix as an aligned table; zeros are dots."""
        return confusion_table(self.confusion_matrix, self.classes)

    def to_json(self) -> dict[str, object]:
        """Name -> figure, of JSON types; scores of classes are lists in the order of ``classes``.

        Figures of probabilities are None without probabilities.
        """
        return measurement_json(self)

    @cached_property
    def _rows_of_p_true(self) -> list[float] | None:
        return None if self.probabilities is None else self._p_true.tolist()

    def _timed_model(self) -> tuple[Predict, Dataset | Labelled]:
        if self.model is None or self.dataset is None:
            raise MeasureError("times need a model: measure(model, dataset) keeps it")
        return predictor(self.model), self.dataset

    def _image(self, index: int) -> NDArray[np.uint8] | None:
        pictures = isinstance(self.dataset, Dataset) and not self.dataset.is_signals
        return self.dataset.x[index] if pictures and self.dataset is not None else None

    def _examples(self, indices: NDArray[np.int64]) -> list[Example]:
        """The examples at ``indices``, in that order."""
        p_true = self._rows_of_p_true
        return [
            Example(
                index=i,
                image=self._image(i),
                true=self.classes[int(self.y[i])],
                predicted=self.classes[int(self.predicted[i])],
                p_true=None if p_true is None else p_true[i],
            )
            for i in indices.tolist()
        ]
