"""The context of layers in a training step: random numbers, buffers, and host callbacks.

A host callback computes a layer or loss that has no kernels.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.callback import host_call, host_callback
from drypoint.autodiff.kernels import copy_into
from drypoint.nn import (
    BatchNorm1d,
    BatchNorm2d,
    Context,
    CrossEntropyLoss,
    Dropout,
    Layer,
    Loss,
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


class StepContext:
    """Calls the layers and losses of one micro-batch after the other.

    Args:
        weights: the weights in training, whose buffers the layers update.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._ctx = Context()
        self._seed: Seed = ()
        self._place: Place = ()
        self._keys: np.random.Generator | None = None
        self._statistics: dict[str, Array] = {}
        self._calls_python = False

    @contextmanager
    def with_seed(self, seed: Seed) -> Iterator[None]:
        """A context for the micro-batches of a step, or of its replay."""
        self._seed = seed
        yield
        self._ctx = Context()

    @contextmanager
    def micro_batch(self, place: Place) -> Iterator[Context]:
        """The layers' context for a micro-batch; at its end the layers' buffers are stored."""
        self._statistics.clear()
        self._place, self._keys, self._calls_python = place, None, False
        self._begin(place)
        yield self._ctx
        for path, array in self._statistics.items():
            copy_into(self._weights.buffers[path], array)
        if self._calls_python:
            host_call(lambda: self._weights.store_buffers(self._ctx.updates))

    def _begin(self, place: Place) -> None:
        """Seed the random numbers of a micro-batch; a host call does so again in each replay."""
        rng = np.random.default_rng((*self._seed, *place))
        self._ctx = Context(training=True, rng=rng, layer_forward=self._call, loss_forward=_loss)

    def _call(self, layer: Layer, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of a layer."""
        if type(layer) in (BatchNorm1d, BatchNorm2d):
            own = replace(ctx, buffers=self._weights.buffers, updates=self._statistics)
            return layer.forward(x, params, own)
        if type(layer) is Dropout:
            self._keys = self._keys or key_generator((*self._seed, *self._place))
            return layer.forward(x, params, replace(ctx, rng=self._keys))
        if layer.in_kernels:
            return layer.forward(x, params, ctx)
        if not self._calls_python:
            self._calls_python = True
            host_call(partial(self._begin, self._place))
        path, names = ctx.path, tuple(params)

        def forward(x: Tensor, *values: Tensor) -> Tensor:
            # Not `layer`, which the closure would keep: its buffers may differ after each batch.
            current = self._weights.objective.graph[path]
            assert isinstance(current, Layer)
            params = dict(zip(names, values, strict=True))
            return current.forward(x, params, replace(self._ctx, path=path))

        return host_callback(forward, x, *params.values())


def _loss(loss: Loss, x: Tensor, target: ArrayLike | Tensor) -> Tensor:
    """The losses of a micro-batch."""
    if in_kernels(loss) and not isinstance(target, Tensor):
        return loss.forward(x, target)
    if isinstance(target, Tensor):
        return host_callback(loss.forward, x, target)
    return host_callback(lambda x: loss.forward(x, target), x, reads=[np.asarray(target)])
