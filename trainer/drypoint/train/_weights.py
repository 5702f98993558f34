"""The parameters and buffers of a graph in training, and their average over the steps."""

from collections.abc import Hashable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.kernels import aligned
from drypoint.autodiff.kernels.updates import AverageStep, Formula, Parameter, Parameters
from drypoint.nn import Graph

from ._errors import TrainError
from ._objective import Objective

EVALUATION_TYPE = np.dtype(np.float32)


class Weights:
    """Parameters that an optimizer changes in place, and buffers that batch norms update.

    Args:
        objective: the objective whose graph has the initial values.
        frozen: paths of parameters that do not change.
        average: the decay of the mean over steps that is validated and returned in place of the
            last values; None: the last values.
    """

    def __init__(
        self, objective: Objective, *, frozen: Iterable[str], average: float | None
    ) -> None:
        self.objective = objective
        self.params = {path: aligned(array) for path, array in objective.graph.params.items()}
        self.buffers = {path: aligned(array) for path, array in objective.graph.buffers.items()}
        self._frozen = frozenset(frozen)
        self._evaluation_objective = objective.without_label_smoothing
        self.average = None if average is None else Average(average, self.arrays)

    @property
    def arrays(self) -> dict[str, Array]:
        """Path -> parameter or buffer, to be changed in place only."""
        return {**self.params, **self.buffers}

    def leaves(self) -> dict[str, Tensor]:
        """Path -> parameter as a tensor; parameters that are not frozen have a gradient."""
        return {
            path: Tensor(array, requires_grad=path not in self._frozen)
            for path, array in self.params.items()
        }

    def store_buffers(self, updates: Mapping[str, Array]) -> None:
        """Store the updated buffers of layers of the user's own, after a forward pass."""
        if updates:
            for path, array in updates.items():
                self.buffers[path][...] = array
            self.objective = self.objective.with_graph(self.objective.graph.with_buffers(updates))

    def restored(self) -> None:
        """Update the buffers of the objective's graph after `arrays` were filled from a checkpoint."""
        if self.buffers:
            self.objective = self.objective.with_graph(
                self.objective.graph.with_buffers(self.buffers)
            )

    def evaluation_arrays(self) -> dict[str, Array]:
        """Path -> array to validate and return: the current values, or their average."""
        return self.arrays if self.average is None else self.average.arrays

    def evaluation(self) -> tuple[Objective, dict[str, Tensor]]:
        """The objective of validation, without label smoothing, and its parameters as constants."""
        graph = with_arrays(self._evaluation_objective.graph, self.evaluation_arrays())
        return self._evaluation_objective.with_graph(graph), graph.constants(EVALUATION_TYPE)

    @property
    def finite(self) -> bool:
        """Whether no parameter or buffer is NaN or infinite."""
        return all(np.isfinite(array).all() for array in self.arrays.values())


def with_arrays(graph: Graph, arrays: Mapping[str, Array]) -> Graph:
    """The graph with other parameters and buffers, by path."""
    graph = graph.with_params({path: arrays[path] for path in graph.params})
    return graph.with_buffers({path: arrays[path] for path in graph.buffers})


Arrays = Mapping[str, NDArray[np.float32]]


class Average:
    """The exponentially weighted mean of arrays over the steps so far.

    After t updates with x_1, ..., x_t the mean is sum d^(t-i) x_i / sum d^(t-i). The initial values
    have no extra weight, so the mean of a short run is not biased towards them.

    Args:
        decay: d; the last 1 / (1 - d) steps make up two thirds of the mean.
        arrays: the arrays to average, which the optimizer changes in place.
    """

    def __init__(self, decay: float, arrays: Arrays) -> None:
        self._decay = decay
        self.arrays = {path: aligned(array) for path, array in arrays.items()}
        pairs = ((array, self.arrays[path]) for path, array in arrays.items())
        self._parameters = Parameters(Parameter(array, (), (mean,)) for array, mean in pairs)

    def update(self, t: int, *, placeholder: Hashable = None) -> None:
        """Add the arrays of step t, counted from 1; see `Parameters.update`."""
        self._parameters.update(self.formula(t), placeholder=placeholder)

    def formula(self, t: int) -> Formula:
        """The update of `update` as a formula for the update program."""
        return AverageStep((1 - self._decay) / (1 - self._decay**t))


def check_decay(decay: float | None) -> None:
    """Check the decay of an average.

    Raises:
        TrainError: the decay is not between 0 and 1.
    """
    if decay is not None and not 0 < decay < 1:
        raise TrainError(f"average is {decay!r}, not a decay between 0 and 1, such as 0.998")
