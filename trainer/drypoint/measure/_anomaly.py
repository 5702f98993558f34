"""Figures of anomaly detection: reconstruction errors against what is known of each example."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import kind_of

from ._curves import RocCurve, roc_curve
from ._errors import MeasureError
from ._scores import wilson_interval


@dataclass(frozen=True, eq=False, kw_only=True)
class AnomalyMeasurement:
    """Figures of errors, where a larger one speaks for an anomaly; `measure_anomalies` makes one.

    Attributes:
        errors: (N,), real numbers or integers, one an example.
        anomalous: bool (N,), whether the example is an anomaly.
        threshold: examples with a larger error are called anomalies; None: no decision is made.
    """

    errors: NDArray[Any]
    anomalous: NDArray[np.bool_]
    threshold: float | None

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.errors)

    @cached_property
    def roc(self) -> RocCurve:
        """True and false positive rate for every threshold; its thresholds are ranks of errors."""
        _, ranks = np.unique(self.errors, return_inverse=True)  # exact for integers of 64 bits too
        curve = roc_curve(ranks.astype(np.float64), self.anomalous)
        assert curve is not None  # `measure_anomalies` has checked that both kinds occur
        return curve

    @property
    def auc(self) -> float:
        """The area under the ROC curve: the share of pairs of an anomaly and a normal example in
        which the anomaly has the larger error; ties count half.
        """
        return self.roc.auc

    @property
    def auc_interval(self) -> tuple[float, float]:
        """The 95 % interval (low, high) of the area.

        Source: J. A. Hanley, B. J. McNeil, Radiology 143 (1982) 29.
        """
        auc, n = self.auc, int(self.anomalous.sum())
        others, square = len(self) - n, auc * auc
        spread = auc - square + (n - 1) * (auc / (2 - auc) - square)
        spread += (others - 1) * (2 * square / (1 + auc) - square)
        half = 1.96 * math.sqrt(max(spread, 0.0) / (n * others))
        return max(auc - half, 0.0), min(auc + half, 1.0)

    def partial_auc(self, max_fpr: float = 0.1) -> float:
        """The area under the ROC curve up to a false positive rate, scaled so that chance gives
        0.5 and a perfect detector 1, as scikit-learn's ``roc_auc_score(max_fpr=...)``.

        Source: D. K. McClish, Med. Decis. Making 9 (1989) 190.

        Raises:
            MeasureError: ``max_fpr`` is not above 0 and at most 1.
        """
        if not (_is_number(max_fpr) and 0 < max_fpr <= 1):
            raise MeasureError(f"max_fpr is {kind_of(max_fpr)}, not above 0 and at most 1")
        fpr, tpr = self.roc.fpr, self.roc.tpr
        inside = fpr < max_fpr
        x = np.append(fpr[inside], max_fpr)
        y = np.append(tpr[inside], np.interp(max_fpr, fpr, tpr))
        area = float(np.diff(x) @ (y[1:] + y[:-1]) / 2)
        chance = max_fpr**2 / 2
        return (1 + (area - chance) / (max_fpr - chance)) / 2

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether each example is called an anomaly.

        Raises:
            MeasureError: there is no threshold.
        """
        if self.threshold is None:
            raise MeasureError("there is no threshold: give one to measure_anomalies")
        return np.asarray(self.errors > self.threshold)

    @property
    def recall(self) -> float:
        """The share of the anomalies that are found."""
        return float(self.found[self.anomalous].mean())

    @property
    def false_alarms(self) -> float:
        """The share of the normal examples that are called anomalies."""
        return float(self.found[~self.anomalous].mean())

    @property
    def recall_interval(self) -> tuple[float, float]:
        """The 95 % interval of `recall`."""
        found = self.found[self.anomalous]
        return wilson_interval(int(found.sum()), len(found))

    @property
    def false_alarms_interval(self) -> tuple[float, float]:
        """The 95 % interval of `false_alarms`."""
        found = self.found[~self.anomalous]
        return wilson_interval(int(found.sum()), len(found))

    @property
    def precision(self) -> float:
        """The share of anomalies among the examples that are called so; 0 where none is."""
        alarms = self.found
        return float(self.anomalous[alarms].mean()) if alarms.any() else 0.0

    def to_json(self) -> dict[str, object]:
        """Name -> figure, of JSON types; figures of decisions are None without a threshold."""
        rates = ("recall", "recall_interval", "false_alarms", "false_alarms_interval")
        figures = (*rates, "precision")
        decided = {name: getattr(self, name) for name in figures if self.threshold is not None}
        threshold = None if self.threshold is None else np.asarray(self.threshold).item()
        return {
            "n": len(self),
            "anomalies": int(self.anomalous.sum()),
            "auc": self.auc,
            "auc_interval": list(self.auc_interval),
            "partial_auc": self.partial_auc(),
            "threshold": threshold,
            **dict.fromkeys(figures),
            **decided,
        }

    def __repr__(self) -> str:
        return f"AnomalyMeasurement(n={len(self)}, auc={self.auc:.4f})"


def measure_anomalies(
    errors: ArrayLike, y: ArrayLike, *, threshold: float | None = None
) -> AnomalyMeasurement:
    """Measure reconstruction errors, of a float model or of an engine.

    Args:
        errors: (N,), as ``reconstruction_error`` of a model or an engine gives them.
        y: (N,) booleans, or 0 and 1: True for an anomaly. Both kinds must occur.
        threshold: as `anomaly_threshold` gives it.

    Raises:
        MeasureError: other shapes or values.
    """
    values, labels = _error_values(errors), _array(y, "y")
    if labels.shape != values.shape or not np.isin(labels, (0, 1)).all():
        raise MeasureError(
            f"y must be {len(values)} booleans or 0 and 1, one an error, not {kind_of(labels)}"
        )
    if not (threshold is None or _is_number(threshold)):
        raise MeasureError(f"threshold is {kind_of(threshold)}; wanted: a number or None")
    anomalous = labels.astype(bool)
    if anomalous.all() or not anomalous.any():
        raise MeasureError("all examples are of one kind: anomalies and normal ones are wanted")
    return AnomalyMeasurement(errors=values, anomalous=anomalous, threshold=threshold)


def anomaly_threshold(errors: ArrayLike, *, false_alarms: float = 0.01) -> float:
    """The smallest of the errors above which at most a share of them lies.

    Args:
        errors: (N,), of normal examples that the net was not trained on: of the validation set.
        false_alarms: the share, from 0, below 1.

    Returns:
        One of the errors: an int if they are integers.

    Raises:
        MeasureError: no numbers, or a share out of range.
    """
    values = np.sort(_error_values(errors))
    if not (_is_number(false_alarms) and 0 <= false_alarms < 1):
        raise MeasureError(f"false_alarms is {kind_of(false_alarms)}, not from 0 and below 1")
    chosen: float = values[len(values) - 1 - int(false_alarms * len(values))].item()
    return chosen


def _error_values(errors: ArrayLike) -> NDArray[Any]:
    """The errors (N,)."""
    values = _array(errors, "errors")
    number = values.ndim == 1 and values.size > 0 and values.dtype.kind in "iuf"
    if not number or not np.isfinite(values).all():
        raise MeasureError(f"errors must be finite numbers (N,), not {kind_of(values)}")
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _array(values: ArrayLike, name: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise MeasureError(f"{name} are no array: rows of different lengths") from error
