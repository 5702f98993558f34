"""The numbers of a graph while it is trained, and their average over the steps."""

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
    """Parameters that an optimizer changes in place, and buffers that batch norms move.

    Args:
        goal: where the numbers start.
        frozen: paths of parameters that do not change.
        average: the decay of the mean over steps that is evaluated in place of the numbers
            themselves; None: they are.
    """

    def __init__(self, goal: Objective, *, frozen: Iterable[str], average: float | None) -> None:
        self.goal = goal
        self.params = {path: aligned(array) for path, array in goal.graph.params.items()}
        self.buffers = {path: aligned(array) for path, array in goal.graph.buffers.items()}
        self._frozen = frozenset(frozen)
        self._judged = goal.judged
        self.average = None if average is None else Average(average, self.arrays)

    @property
    def arrays(self) -> dict[str, Array]:
        """Path -> parameter or buffer, to be changed in place only."""
        return {**self.params, **self.buffers}

    def leaves(self) -> dict[str, Tensor]:
        """The parameters as tensors; those that are trained want a gradient."""
        return {
            path: Tensor(array, requires_grad=path not in self._frozen)
            for path, array in self.params.items()
        }

    def moved(self, updates: Mapping[str, Array]) -> None:
        """A batch has moved these buffers, of layers of the user's own."""
        if updates:
            for path, array in updates.items():
                self.buffers[path][...] = array
            self.goal = self.goal.on(self.goal.graph.with_buffers(updates))

    def restored(self) -> None:
        """The arrays have been filled from outside."""
        if self.buffers:
            self.goal = self.goal.on(self.goal.graph.with_buffers(self.buffers))

    def kept(self) -> dict[str, Array]:
        """The arrays that are validated and kept: these, or their average."""
        return self.arrays if self.average is None else self.average.arrays

    def evaluated(self) -> tuple[Objective, dict[str, Tensor]]:
        """What validation applies: the objective without label smoothing, and constants."""
        graph = filled(self._judged.graph, self.kept())
        return self._judged.on(graph), graph.constants(EVALUATION_TYPE)

    @property
    def finite(self) -> bool:
        """Whether no parameter or buffer is NaN or infinite."""
        return all(np.isfinite(array).all() for array in self.arrays.values())


def filled(graph: Graph, arrays: Mapping[str, Array]) -> Graph:
    """The graph with these parameters and buffers."""
    graph = graph.with_params({path: arrays[path] for path in graph.params})
    return graph.with_buffers({path: arrays[path] for path in graph.buffers})


Arrays = Mapping[str, NDArray[np.float32]]


class Average:
    """The exponentially weighted mean of arrays over the steps so far.

    After t updates with x_1, ..., x_t it is sum d^(t-i) x_i / sum d^(t-i): what came first has no
    weight of its own, so a short run is not drawn to where it started.

    Args:
        decay: d; the last 1 / (1 - d) steps make up two thirds of the mean.
        arrays: what changes in place.
    """

    def __init__(self, decay: float, arrays: Arrays) -> None:
        self._decay = decay
        self.arrays = {path: aligned(array) for path, array in arrays.items()}
        pairs = ((array, self.arrays[path]) for path, array in arrays.items())
        self._parameters = Parameters(Parameter(array, (), (mean,)) for array, mean in pairs)

    def update(self, t: int, *, hole: Hashable = None) -> None:
        """Take in the arrays of step t, counted from 1; see `Parameters.move`."""
        self._parameters.move(self.formula(t), hole=hole)

    def formula(self, t: int) -> Formula:
        """What this does."""
        return AverageStep((1 - self._decay) / (1 - self._decay**t))


def check_decay(decay: float | None) -> None:
    """Refuse what is no decay.

    Raises:
        TrainError: it is not within 0 and 1.
    """
    if decay is not None and not 0 < decay < 1:
        raise TrainError(f"average is {decay!r}, not a decay between 0 and 1, such as 0.998")
