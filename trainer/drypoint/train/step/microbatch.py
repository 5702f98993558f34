"""Micro-batches: parts of a batch with a forward and backward pass each, and their gradient sums.

The activations of LeNet for 64 examples fit into the caches of a core, for 512 examples they do
not; and worker threads with a micro-batch each seldom wait for one another. Each micro-batch reads
all weights: the batches of a net with more weights than activations are not split.

Example: a batch of 256 is four micro-batches of 64. Each gives the gradient of its losses, divided
by 256. The gradient of the batch is g1 + g2 + g3 + g4, added from the left, for any number of
threads. The gradient of the weight of a large Linear is one product over all 256 examples.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from drypoint.autodiff import Array, n_threads
from drypoint.autodiff.kernels import aligned_empty, copy_into
from drypoint.autodiff.kernels.updates import sum_terms
from drypoint.autodiff.lazy import LazyArray, LinearGradient, dense
from drypoint.autodiff.trace import constant
from drypoint.nn import Graph

from .._optimizers import MicroBatchGradients

MICRO_BATCH = 64
"""Examples of a micro-batch, about: a batch of 48 or more is an even number of micro-batches."""
BLOCK = 16
"""Examples of the widest vector: each micro-batch but the last is a multiple of it."""
_SMALLEST = 24
"""The least mean size of micro-batches; the fixed cost of smaller ones is too high."""


@dataclass(frozen=True)
class Splitting:
    """The splitting of the batches of a net into micro-batches.

    Attributes:
        smallest: the least mean size of micro-batches; None: batches are not split.
    """

    smallest: float | None

    def micro_batches(self, n: int) -> list[slice]:
        """The rows of each micro-batch of a batch of n examples."""
        count = 2 * max((n + MICRO_BATCH) // (2 * MICRO_BATCH), 1)
        if self.smallest is None or n / count < self.smallest:
            return [slice(0, n)]
        n_blocks = -(-n // BLOCK)
        ends = [min(n_blocks * i // count * BLOCK, n) for i in range(count + 1)]
        return [slice(begin, end) for begin, end in pairwise(ends)]


def splitting(graph: Graph, *, per_example: bool) -> Splitting:
    """The splitting of a graph's batches.

    Args:
        graph: the training graph with its shapes.
        per_example: whether the loss of each example depends on that example alone.
    """
    if not per_example:
        return Splitting(None)
    shapes = (s for step in graph.steps(graph.input_shapes) for s in step.output_shapes.values())
    n_weights = sum(array.size for array in graph.params.values())
    return Splitting(max(n_weights / sum(map(math.prod, shapes)), _SMALLEST))


def n_workers(n_micro_batches: int) -> int:
    """The number of micro-batches that are computed at one time."""
    return min(n_micro_batches, n_threads())


Gradient: TypeAlias = Array | LazyArray
"""The gradient of a parameter."""


class GradientAccumulator:
    """The gradients of a batch, as terms: one gradient for each micro-batch.

    Args:
        size: the number of examples of the batch.
        n: the number of micro-batches.
        in_place: whether the gradients of a single micro-batch need no copy.
    """

    def __init__(self, size: int, n: int, *, in_place: bool) -> None:
        self._size, self._in_place = size, in_place and n == 1
        self._terms: dict[str, list[Array]] = {}
        self._products: dict[str, LinearGradient] = {}

    def add(self, number: int, rows: slice, gradients: dict[str, Gradient]) -> None:
        """Store the gradients of a micro-batch.

        Args:
            number: the number of the micro-batch in the batch.
            rows: the rows of the batch that the micro-batch has.
            gradients: path -> gradient.
        """
        for path, gradient in gradients.items():
            if isinstance(gradient, LinearGradient):
                factors = self._factors(path, gradient)
                copy_into(factors.gradient[rows], gradient.gradient)
                copy_into(factors.x[rows], gradient.x)
                continue
            terms = self._terms.setdefault(path, [])
            terms.append(dense(gradient) if self._in_place else step_memory(gradient.shape))
            if not self._in_place:
                copy_into(terms[number], dense(gradient))

    def terms(self) -> MicroBatchGradients:
        """Path -> terms of the gradient of the batch, to be added from the first to the last."""
        terms: dict[str, tuple[Array, ...]] = {p: tuple(given) for p, given in self._terms.items()}
        for path, product in self._products.items():
            gradient = step_memory(product.shape)
            product.into(gradient)
            terms[path] = (gradient,)
        return terms

    def _factors(self, path: str, like: LinearGradient) -> LinearGradient:
        """Memory for the two factors of a lazy gradient, for all examples of the batch."""
        if path not in self._products:
            shapes = (self._size, like.gradient.shape[1]), (self._size, like.x.shape[1])
            self._products[path] = LinearGradient(*map(step_memory, shapes))
        return self._products[path]


def sum_gradients(terms: MicroBatchGradients) -> dict[str, Array]:
    """Path -> sum of the terms, by kernels."""
    sums = {path: g[0] if len(g) == 1 else step_memory(g[0].shape) for path, g in terms.items()}
    several = [path for path, g in terms.items() if len(g) > 1]
    if several:
        sum_terms([sums[path] for path in several], [terms[path] for path in several])
    return sums


def single_terms(gradients: Mapping[str, Array]) -> MicroBatchGradients:
    """Path -> gradient as its only term."""
    return {path: (gradient,) for path, gradient in gradients.items()}


def step_memory(shape: tuple[int, ...]) -> Array:
    """An uninitialized array that all workers of a step share."""
    array: Array = constant(aligned_empty(shape, np.float32))
    return array
