"""Forward and back for a batch. What Python would arrange the same way each time it arranges once.

The first batch of a run goes through layers and tape, and what they ask of the kernels is recorded.
Batches of the same shape then are copied to where that one lay, and the kernels run again, without
Python between them: the same bytes, and for LeNet in batches of 64 a millisecond less a step.

A layer that is more than kernels (one of the user's own, dropout, batch norm, a function that NumPy
computes) is an island: it is called for each batch as always, between the kernels before it and
those after it. Where a loss of the user's own, or an operation of several inputs, needs Python,
`drypoint.autodiff.Recording` notices, and each batch goes through Python as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from drypoint.autodiff import Array, Recording, Tensor, aligned, island
from drypoint.nn import (
    LEAF_TYPES,
    AvgPool2d,
    Context,
    Conv2d,
    Flatten,
    Graph,
    Layer,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Reshape,
    Sequential,
)

from ._examples import Batch
from ._weights import Weights


@dataclass(frozen=True, eq=False)
class Pass:
    """What came of a batch of N examples; good until the next.

    Attributes:
        outputs: of the graph, by port.
        losses: (N,).
        gradients: path -> that of the losses' sum over a divisor.
    """

    outputs: Mapping[str, Tensor]
    losses: Array
    gradients: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Recorded:
    """A pass that can be made again.

    Attributes:
        batch: where the kernels read it.
        divisor: of the gradients.
    """

    recording: Recording
    batch: Batch
    divisor: int
    result: Pass

    def takes(self, batch: Batch, divisor: int) -> bool:
        """Whether only the values differ."""
        if divisor != self.divisor or not self.recording.current:
            return False
        return all(
            given.shape == column.shape
            and given.dtype == column.dtype
            and given.strides == column.strides
            for given, column in zip(batch.values(), self.batch.values(), strict=True)
        )

    def again(self, batch: Batch) -> Pass | None:
        """The pass for a batch that it takes; None if a kernel refused a value."""
        for port, column in self.batch.items():
            np.copyto(column, batch[port])
        return self.result if self.recording.replay() else None


class Passes:
    """Forward and back with a run's weights.

    Args:
        weights: what the optimizer changes in place.

    Attributes:
        recorded: what batches of one shape need no Python for.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights, self._layers = weights, _Layers(weights)
        self.recorded: Recorded | None = None
        self._records = _is_known(weights.goal.graph)

    def of(self, batch: Batch, *, seed: Sequence[int], divisor: int) -> Pass:
        """The pass of a batch.

        Args:
            batch: port -> (N, ...), as the graph takes it.
            seed: of what dropout draws.
            divisor: of the losses' sum whose gradients are wanted.
        """
        recorded = self.recorded
        if recorded and recorded.takes(batch, divisor):
            with self._layers.seeded(seed) as ctx:
                if result := recorded.again(batch):
                    return result
                ctx.updates.clear()
        scale = np.full(len(next(iter(batch.values()))), 1 / divisor, np.float32)
        stale = recorded is None or not recorded.recording.current
        with self._layers.seeded(seed) as ctx:
            if self._records and stale:
                return self._record(batch, ctx, scale, divisor)
            return self._tape(batch, ctx, scale)

    def _record(self, batch: Batch, ctx: Context, scale: Array, divisor: int) -> Pass:
        own = {port: aligned(column) for port, column in batch.items()}
        with Recording(scale, *own.values(), *self._weights.params.values()) as recording:
            result = self._tape(own, ctx, scale)
        outputs = (y.data for y in result.outputs.values())
        gradients = result.gradients.values()
        covered = recording.covers(result.losses, *outputs, *gradients)
        self._records = covered and all(gradient.flags.c_contiguous for gradient in gradients)
        if self._records:
            self.recorded = Recorded(recording, own, divisor, result)
        return result

    def _tape(self, batch: Batch, ctx: Context, scale: Array) -> Pass:
        weights = self._weights
        leaves = weights.leaves()
        outputs = weights.train(leaves, batch, ctx)
        losses = weights.goal.losses(outputs)
        losses.backward(scale)
        gradients = {
            path: np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad
            for path, leaf in leaves.items()
            if leaf.requires_grad
        }
        return Pass({p: Tensor(y.data) for p, y in outputs.items()}, losses.data, gradients)


class _Layers:
    """Calls layers for the batch at hand; what a recording keeps of a run, and so no `Passes`."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._ctx = Context()

    @contextmanager
    def seeded(self, seed: Sequence[int]) -> Iterator[Context]:
        """A batch's context; then its batch norms have moved."""
        rng = np.random.default_rng(seed)
        self._ctx = Context(training=True, rng=rng, calls=self._called)
        yield self._ctx
        self._weights.moved(self._ctx.updates)
        self._ctx = Context()

    def _called(
        self, layer: Layer, x: Tensor, params: Mapping[str, Tensor], ctx: Context
    ) -> Tensor:
        """A layer's output. Of an island that is the layer at its path as it then is: the buffers
        of a batch norm are others after each batch."""
        if type(layer) in _KERNELS:
            return layer.forward(x, params, ctx)
        path, names = ctx.path, tuple(params)

        def function(x: Tensor, *values: Tensor) -> Tensor:
            now = self._weights.goal.graph[path]
            assert isinstance(now, Layer)
            given = dict(zip(names, values, strict=True))
            return now.forward(x, given, replace(self._ctx, path=path))

        return island(function, x, *params.values())


def _is_known(module: Module) -> bool:
    """Whether all that happens is kernels and islands, or done by operations that a recording sees
    through: containers and losses are drypoint's, layers are called by `Layer.run`."""
    if isinstance(module, Sequential | Graph):
        return type(module) in _CONTAINERS and all(map(_is_known, module.layers.values()))
    return type(module) in LEAF_TYPES or type(module).run is Layer.run


_CONTAINERS = frozenset({Sequential, Graph})
_KERNELS = _CONTAINERS | {Conv2d, Linear, MaxPool2d, AvgPool2d, Flatten, Reshape, ReLU}
