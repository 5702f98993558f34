"""The training state: all values that change in a run, which a checkpoint holds."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.kernels import copy_aligned
from drypoint.autodiff.kernels.updates import AverageFormula, Formula, Parameter, Parameters
from drypoint.nn import Graph

from ._objective import Objective
from ._optimizers import Arrays, State

Figures = dict[str, float]


class Weights:
    """The parameters of a graph, which the optimizer updates in place, buffers, and an average."""

    def __init__(
        self, objective: Objective, *, frozen: Iterable[str], average: float | None
    ) -> None:
        self.objective = objective
        self.params = {path: copy_aligned(array) for path, array in objective.graph.params.items()}
        self.buffers = {
            path: copy_aligned(array) for path, array in objective.graph.buffers.items()
        }
        self._frozen = frozenset(frozen)
        self._validation = objective.without_label_smoothing
        self.average = None if average is None else Average(average, self.arrays)

    @property
    def arrays(self) -> dict[str, Array]:
        """Path -> parameter or buffer, to be changed in place only."""
        return {**self.params, **self.buffers}

    @property
    def averaged_arrays(self) -> dict[str, Array]:
        """Path -> average of a parameter or buffer; the current values if there is no average."""
        return self.arrays if self.average is None else self.average.arrays

    def leaves(self, paths: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Path -> parameter as a tensor, for some paths or for all (None); parameters that are not
        frozen have a gradient."""
        return {
            path: Tensor(self.params[path], requires_grad=path not in self._frozen)
            for path in (self.params if paths is None else paths)
        }

    def store_buffers(self, buffers: Mapping[str, Array]) -> None:
        """Copy buffers, by path, to `buffers` and to the graph of the objective."""
        if buffers:
            for path, array in buffers.items():
                self.buffers[path][...] = array
            graph = self.objective.graph.with_buffers(buffers)
            self.objective = self.objective.with_graph(graph)

    def validation(self) -> tuple[Objective, dict[str, Tensor]]:
        """The objective without label smoothing, and its averaged parameters as constants."""
        graph = with_arrays(self._validation.graph, self.averaged_arrays)
        return self._validation.with_graph(graph), graph.constants(np.dtype(np.float32))

    @property
    def finite(self) -> bool:
        """Whether no parameter or buffer is NaN or infinite."""
        return all(np.isfinite(array).all() for array in self.arrays.values())


def with_arrays(graph: Graph, arrays: Mapping[str, Array]) -> Graph:
    """The graph with other parameters and buffers, by path."""
    graph = graph.with_params({path: arrays[path] for path in graph.params})
    return graph.with_buffers({path: arrays[path] for path in graph.buffers})


class Average:
    """The exponentially weighted mean of arrays over the steps so far.

    After t updates with x_1, ..., x_t the mean is sum d^(t-i) x_i / sum d^(t-i). The initial values
    have no extra weight, so the mean of a short run is not biased towards them.
    """

    def __init__(self, decay: float, arrays: Arrays) -> None:
        self._decay = decay
        self.arrays = {path: copy_aligned(array) for path, array in arrays.items()}
        pairs = ((array, self.arrays[path]) for path, array in arrays.items())
        self._parameters = Parameters(Parameter(array, (), (mean,)) for array, mean in pairs)

    def update(self, t: int, *, placeholder: Hashable = None) -> None:
        """Add the arrays of step t, counted from 1; see `Parameters.update`."""
        self._parameters.update(self.formula(t), placeholder=placeholder)

    def formula(self, t: int) -> Formula:
        """The update of the mean in step t."""
        return AverageFormula((1 - self._decay) / (1 - self._decay**t))


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

    def finish_epoch(self, figures: Figures) -> None:
        """Count a finished epoch and append its figures to the history."""
        self.epoch += 1
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)

    def store_best(self) -> None:
        """Copy the averaged arrays to ``best``."""
        self.best = {path: array.copy() for path, array in self.weights.averaged_arrays.items()}
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
