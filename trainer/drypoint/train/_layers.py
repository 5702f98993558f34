"""Which nets a recording sees through, and layers that it has to call."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor, copy_into, island
from drypoint.nn import (
    LEAF_TYPES,
    Add,
    AvgPool2d,
    BatchNorm2d,
    Context,
    Conv2d,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Graph,
    Layer,
    Linear,
    Loss,
    MaxPool2d,
    Module,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
)

from ._weights import Weights

Seed: TypeAlias = Sequence[int]


def keys(seed: Seed) -> np.random.Generator:
    """Where the dropouts of a batch draw their keys. What layers of the user's own draw comes from
    another stream of the seed: a recording draws all keys before the first of these is called."""
    (child,) = np.random.SeedSequence(seed).spawn(1)
    return np.random.default_rng(child)


class Layers:
    """Calls layers for the batch at hand; what a recording keeps of a run."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._ctx = Context()
        self._seed: Seed = ()
        self._keys: np.random.Generator | None = None
        self._moved: dict[str, Array] = {}

    @contextmanager
    def seeded(self, seed: Seed) -> Iterator[Context]:
        """A batch's context; then buffers of layers of the user's own have moved."""
        rng = np.random.default_rng(seed)
        self._ctx = Context(training=True, rng=rng, calls=self._called, losses=_lost)
        self._seed, self._keys = seed, None
        self._moved.clear()
        yield self._ctx
        self._weights.moved(self._ctx.updates)
        self._ctx = Context()

    def move(self) -> None:
        """The batch has moved the batch norms."""
        for path, array in self._moved.items():
            copy_into(self._weights.buffers[path], array)

    def _called(
        self, layer: Layer, x: Tensor, params: Mapping[str, Tensor], ctx: Context
    ) -> Tensor:
        """A layer's output. Of an island that is the layer at its path as it then is: its buffers
        may be others after each batch."""
        if type(layer) is BatchNorm2d:
            own = replace(ctx, buffers=self._weights.buffers, updates=self._moved)
            return layer.forward(x, params, own)
        if type(layer) is Dropout:
            self._keys = self._keys or keys(self._seed)
            return layer.forward(x, params, replace(ctx, rng=self._keys))
        if type(layer) in _KERNELS:
            return layer.forward(x, params, ctx)
        path, names = ctx.path, tuple(params)

        def function(x: Tensor, *values: Tensor) -> Tensor:
            now = self._weights.goal.graph[path]
            assert isinstance(now, Layer)
            given = dict(zip(names, values, strict=True))
            return now.forward(x, given, replace(self._ctx, path=path))

        return island(function, x, *params.values())


def _lost(loss: Loss, x: Tensor, target: ArrayLike | Tensor) -> Tensor:
    """A loss, which NumPy computes but for the usual one."""
    if type(loss) is CrossEntropyLoss and loss.from_logits and not isinstance(target, Tensor):
        return loss.forward(x, target)
    if isinstance(target, Tensor):
        return island(loss.forward, x, target)
    return island(lambda x: loss.forward(x, target), x, reads=[np.asarray(target)])


def is_known(module: Module) -> bool:
    """Whether all that happens is kernels and islands, or done by operations that a recording sees
    through: containers are drypoint's, layers are called by `Layer.run`, losses by `Loss.run`."""
    if isinstance(module, Sequential | Graph):
        return type(module) in _CONTAINERS and all(map(is_known, module.layers.values()))
    return type(module) in LEAF_TYPES or type(module).run in (Layer.run, Loss.run)


def is_by_example(module: Module) -> bool:
    """Whether each example's loss is a matter of that example alone, and of kernels."""
    if isinstance(module, Sequential | Graph):
        return type(module) in _CONTAINERS and all(map(is_by_example, module.layers.values()))
    return type(module) in _KERNELS or type(module) is CrossEntropyLoss


def handed_on(graph: Graph) -> int:
    """How many numbers the layers of a net hand on for an example."""
    shapes = (s for step in graph.steps(graph.input_shapes) for s in step.output_shapes.values())
    return sum(map(math.prod, shapes))


_CONTAINERS = frozenset({Sequential, Graph})
_KERNELS = _CONTAINERS | {
    Conv2d,
    Linear,
    MaxPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    Flatten,
    Reshape,
    ReLU,
    Add,
    Dropout,
    Sigmoid,
    Tanh,
}
