"""The context of layers in a training step: random numbers, buffers, and host callbacks.

A host callback computes a layer or loss that has no kernels.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
        self._keys: np.random.Generator | None = None
        self._statistics: dict[str, Array] = {}
        self._calls_python = False

    @contextmanager
    def seeded(self, seed: Seed) -> Iterator[Context]:
        """The layers' context for the random numbers of a seed."""
        rng = np.random.default_rng(seed)
        self._ctx = Context(training=True, rng=rng, layer_forward=self._call, loss_forward=_loss)
        self._seed, self._keys = seed, None
        yield self._ctx
        self._ctx = Context()

    @contextmanager
    def micro_batch(self, seed: Seed) -> Iterator[Context]:
        """The layers' context for a micro-batch; at its end the user's layers store buffers."""
        self._statistics.clear()
        self._calls_python = False
        with self.seeded(seed) as ctx:
            yield ctx
            if self._calls_python:
                host_call(self._store_buffers)

    def _store_buffers(self) -> None:
        self._weights.store_buffers(self._ctx.updates)

    def update_statistics(self) -> None:
        """Copy the new running statistics of batch norms to the buffers, by kernels."""
        for path, array in self._statistics.items():
            copy_into(self._weights.buffers[path], array)

    def _call(self, layer: Layer, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of a layer."""
        if type(layer) in (BatchNorm1d, BatchNorm2d):
            own = replace(ctx, buffers=self._weights.buffers, updates=self._statistics)
            return layer.forward(x, params, own)
        if type(layer) is Dropout:
            self._keys = self._keys or key_generator(self._seed)
            return layer.forward(x, params, replace(ctx, rng=self._keys))
        if layer.in_kernels:
            return layer.forward(x, params, ctx)
        self._calls_python = True
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
