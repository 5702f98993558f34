"""Figures of regression: the errors of predicted numbers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import json_of, kind_of

from ._errors import MeasureError


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionMeasurement:
    """Figures of predicted numbers; `measure_regression` checks the values and makes one.

    Attributes:
        y: float64 (N, ...), the true values.
        predicted: float64 (N, ...), the predicted values.
    """

    y: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.y)

    @cached_property
    def mae(self) -> float:
        """Mean absolute error over all values."""
        return float(np.abs(self.y - self.predicted).mean())

    @cached_property
    def rmse(self) -> float:
        """Root of the mean squared error over all values."""
        return float(np.sqrt(((self.y - self.predicted) ** 2).mean()))

    @cached_property
    def r2(self) -> float:
        """1 - squared errors / squared distances of the true values from their mean.

        If an example has several values, it is the mean of their R^2. If the true values are
        constant, it is 1 if all predictions are exact, else 0.
        """
        errors = ((self.y - self.predicted) ** 2).sum(axis=0).ravel()
        spread = ((self.y - self.y.mean(axis=0)) ** 2).sum(axis=0).ravel()
        missed = np.divide(errors, spread, out=(errors > 0) * 1.0, where=spread > 0)
        return float((1 - missed).mean())

    def to_json(self) -> dict[str, float]:
        """Name -> figure, of JSON types."""
        return json_of(self, "n", "r2", "mae", "rmse")


def measure_regression(predicted: ArrayLike, y: ArrayLike) -> RegressionMeasurement:
    """Measure predicted numbers (N, ...) against true values of one shape with them.

    Raises:
        MeasureError: shapes differ, there are no values, or a value is not finite.
    """
    numbers, true = _numbers(predicted, "predicted"), _numbers(y, "y")
    if numbers.shape != true.shape or numbers.ndim == 0 or numbers.size == 0:
        raise MeasureError(f"{numbers.shape} predicted values for {true.shape} true ones")
    if not (np.isfinite(numbers).all() and np.isfinite(true).all()):
        raise MeasureError("predicted and true values must be finite, these hold NaN or infinity")
    return RegressionMeasurement(y=true.copy(), predicted=numbers.copy())


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise MeasureError(f"{name} is {kind_of(values)}; wanted: an array of numbers") from error
