"""The training state: all values that change in a run, which a checkpoint holds."""

from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array

from ._optimizers import State
from ._weights import Weights

Figures = dict[str, float]


@dataclass(eq=False, kw_only=True)
class TrainingState:
    """The state of a run between two steps.

    Attributes:
        weights: parameters and buffers, and their average.
        moments: path -> the optimizer's state for a parameter.
        best: path -> array of the best epoch so far; None before the end of an epoch.
        best_epoch: the epoch of ``best``; 0 before the end of an epoch.
        epoch: the number of finished epochs.
        step: the number of updates.
        examples: the number of examples trained on.
        seconds: seconds of the run, including its parts before a checkpoint.
        history: name -> one number for each finished epoch.
        batch_loss: the mean loss of each batch.
    """

    weights: Weights
    moments: State
    best: dict[str, Array] | None = None
    best_epoch: int = 0
    epoch: int = 0
    step: int = 0
    examples: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict)
    batch_loss: list[float] = field(default_factory=list)

    def record(self, figures: Figures) -> None:
        """Count a finished epoch and append its figures to the history."""
        self.epoch += 1
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)

    def store_best(self) -> None:
        """Copy the current weights, or their average, to ``best``."""
        self.best = {path: array.copy() for path, array in self.weights.evaluation_arrays().items()}
        self.best_epoch = self.epoch

    def live_arrays(self) -> list[NDArray[np.float32]]:
        """The arrays that a step changes in place: weights, buffers, their average, moments."""
        average = self.weights.average
        arrays = [*self.weights.arrays.values(), *chain(*self.moments.values())]
        return [*arrays, *([] if average is None else average.arrays.values())]

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Name -> array for all arrays of the state, not copied: to be read or filled in place."""
        average = self.weights.average
        moments = {
            f"{path}/{i}": array
            for path, arrays in self.moments.items()
            for i, array in enumerate(arrays)
        }
        parts = {
            "weights": self.weights.arrays,
            "average": {} if average is None else average.arrays,
            "optimizer": moments,
            "best": self.best or {},
        }
        return {
            f"{part}/{p}": array for part, arrays in parts.items() for p, array in arrays.items()
        }
