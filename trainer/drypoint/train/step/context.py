"""The context of layers in a training step: random numbers, buffers, and host callbacks.

A host callback computes a layer or loss that has no kernels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.callback import host_call, host_callback
from drypoint.autodiff.kernels.updates import AverageFormula, Parameter, Parameters
from drypoint.nn import (
    BatchNorm1d,
    BatchNorm2d,
    Context,
    CrossEntropyLoss,
    Dropout,
    Graph,
    Layer,
    Loss,
    Module,
    MSELoss,
)

from .._training_state import Weights
from .microbatch import Place

Seed: TypeAlias = Sequence[int]


def key_generator(seed: Seed) -> np.random.Generator:
    """The random generator of the dropout keys of a micro-batch.

    All other layers draw from another stream of the seed, because a replay draws all keys before
    it calls the first of these layers.
    """
    (child,) = np.random.SeedSequence(seed).spawn(1)
    return np.random.default_rng(child)


def in_kernels(loss: Loss) -> bool:
    """Whether kernels compute a loss: the cross-entropy of scores, or the squared error."""
    return type(loss) is MSELoss or (type(loss) is CrossEntropyLoss and loss.from_logits)


def is_batch_norm(module: Module) -> bool:
    """Whether a module is a batch norm that kernels compute."""
    return type(module) in (BatchNorm1d, BatchNorm2d)


class StepContext:
    """The context of the micro-batches of a step.

    Attributes:
        seed: of the step.
        key_places: of each dropout key that the step drew, the place of its micro-batch.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.seed: Seed = ()
        self.key_places: list[Place] = []
        self._averages: dict[float, list[Parameter]] = {}

    @cached_property
    def flat_graph(self) -> Graph:
        """The graph in training without containers inside. Its layers have old buffers."""
        return self.weights.objective.graph.flatten()

    @contextmanager
    def with_seed(self, seed: Seed) -> Iterator[None]:
        """A context for the micro-batches of a step, or of its replay."""
        self.seed, self.key_places = seed, []
        yield

    @contextmanager
    def group(self, places: Sequence[Place]) -> Iterator[list["MicroBatchContext"]]:
        """The contexts of micro-batches that are computed together; at the end the layers' buffers
        are updated."""
        contexts = [MicroBatchContext(self, place) for place in places]
        yield contexts
        for momentum, pairs in self._averages.items():
            Parameters(pairs).update(AverageFormula(momentum))
        self._averages = {}  # their arrays lie in the memory of the step
        for context in contexts:
            context.end()

    def of_batch_norm(self, path: str, clip: float | None = None) -> Context:
        """The context of a batch norm, whose buffers are updated at the end of the group."""
        return Context(training=True, average=self._average, path=path, clip=clip)

    def _average(self, path: str, value: Array, momentum: float) -> None:
        pair = Parameter(value, (), (self.weights.buffers[path],))
        self._averages.setdefault(momentum, []).append(pair)


class MicroBatchContext:
    """Calls the layers and losses of a micro-batch.

    Attributes:
        results: path of a batch norm that several micro-batches share -> its result for this one.
    """

    def __init__(self, step: StepContext, place: Place) -> None:
        self._step, self._place = step, place
        self._keys: np.random.Generator | None = None
        self._calls_python = False
        self.results: dict[str, Callable[[float | None], Tensor]] = {}
        self._begin()

    def end(self) -> None:
        """Store the buffers of the layers that Python computes."""
        if self._calls_python:
            host_call(lambda: self._step.weights.store_buffers(self._updates))

    @property
    def ctx(self) -> Context:
        """The layers' context. It is not kept, since it refers to this object: a cycle would keep a
        step's memory until Python looks for cycles."""
        return Context(
            training=True,
            rng=self._rng,
            updates=self._updates,
            layer_forward=self._call,
            loss_forward=_loss,
        )

    def _begin(self) -> None:
        """Seed the random numbers of the micro-batch; a host call does so again in each replay."""
        self._rng = np.random.default_rng((*self._step.seed, *self._place))
        self._updates: dict[str, Array] = {}

    def _call(self, layer: Layer, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of a layer."""
        if result := self.results.pop(ctx.path, None):
            return result(ctx.clip)
        if is_batch_norm(layer):
            return layer.forward(x, params, self._step.of_batch_norm(ctx.path, ctx.clip))
        if type(layer) is Dropout:
            self._keys = self._keys or key_generator((*self._step.seed, *self._place))
            self._step.key_places.append(self._place)
            return layer.forward(x, params, replace(ctx, rng=self._keys))
        if layer.in_kernels:
            return layer.forward(x, params, ctx)
        if not self._calls_python:
            self._calls_python = True
            host_call(self._begin)
        path, names = ctx.path, tuple(params)

        def forward(x: Tensor, *values: Tensor) -> Tensor:
            # Not `layer`, which the closure would keep: its buffers may differ after each batch.
            current = self._step.weights.objective.graph[path]
            assert isinstance(current, Layer)
            params = dict(zip(names, values, strict=True))
            return current.forward(x, params, replace(self.ctx, path=path))

        return host_callback(forward, x, *params.values())


def _loss(loss: Loss, x: Tensor, target: ArrayLike | Tensor) -> Tensor:
    """The losses of a micro-batch."""
    if in_kernels(loss) and not isinstance(target, Tensor):
        return loss.forward(x, target)
    if isinstance(target, Tensor):
        return host_callback(loss.forward, x, target)
    return host_callback(lambda x: loss.forward(x, target), x, reads=[np.asarray(target)])
