"""Everything that changes in a run, and nothing else: what a checkpoint holds."""

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
        weights: parameters, buffers, their average.
        moments: path -> what the optimizer keeps of a parameter.
        best: path -> array of what would be kept if the run ended here; None before an epoch.
        best_epoch: whose they are; 0 before.
        epoch: finished epochs.
        step: updates made.
        examples: trained on so far.
        seconds: of earlier parts of the run, which this one goes on with.
        history: name -> one number for each finished epoch.
        batch_loss: mean loss of each batch.
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
        """An epoch is over, with these figures."""
        self.epoch += 1
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)

    def keep(self) -> None:
        """What there is now is the best so far."""
        self.best = {path: array.copy() for path, array in self.weights.kept().items()}
        self.best_epoch = self.epoch

    def live_arrays(self) -> list[NDArray[np.float32]]:
        """What a step changes in place: weights, buffers, their average, and moments."""
        average = self.weights.average
        arrays = [*self.weights.arrays.values(), *chain(*self.moments.values())]
        return [*arrays, *([] if average is None else average.arrays.values())]

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Every array by a name: live ones, to be read or filled in place."""
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
