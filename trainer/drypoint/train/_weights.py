"""The numbers of a graph while it is trained: arrays that change in place."""

from collections.abc import Iterable, Mapping

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.kernels import aligned
from drypoint.nn import Context, Graph

from ._average import Average
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

    def train(
        self, leaves: Mapping[str, Tensor], batch: dict[str, Array], ctx: Context
    ) -> dict[str, Tensor]:
        """The outputs for a batch; `moved` must be told of it."""
        return self.goal.outputs(leaves, self.goal.inputs(batch), ctx)

    def moved(self, updates: Mapping[str, Array]) -> None:
        """A batch has moved these buffers, of layers of the user's own."""
        if updates:
            for path, array in updates.items():
                self.buffers[path][...] = array
            self.goal = self.goal.on(self.goal.graph.with_buffers(updates))

    def stepped(self, t: int) -> None:
        """The optimizer has made step t, counted from 1."""
        if self.average is not None:
            self.average.update(t)

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
