"""What the page draws of outputs that are no classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.measure import AnomalyMeasurement


@dataclass(frozen=True, eq=False, kw_only=True)
class OutputValues:
    """What the page draws of outputs that are no classes.

    Attributes:
        errors: (N,), the error of each example.
        anomalies: of an autoencoder whose normal examples are known.
        true, predicted: (N, values), of a regression.
    """

    errors: NDArray[Any]
    anomalies: AnomalyMeasurement | None
    true: NDArray[np.float64] | None
    predicted: NDArray[np.float64] | None
