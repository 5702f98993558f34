"""Micro-batches: parts of a batch that go forward and back one by one, and their gradient sums.

What the layers of LeNet pass on for 64 examples fits into the caches beside the cores, for 512 it
would not; and a worker thread with a micro-batch of its own seldom waits for another. A net with
more weights than that keeps whole batches, since each micro-batch reads all weights.

One value through it: a batch of 256 is four micro-batches of 64. A gradient is g1 + g2 + g3 + g4,
added from the left, each of losses divided by 256, whatever the number of threads. The gradient by
the weight of a large Linear is one product over all 256 examples.
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

from .._optimizers import Terms

MICRO_BATCH = 64
"""Examples, about: a batch of 48 or more has an even number of micro-batches of about one size."""
BLOCK = 16
"""Examples that the widest vectors take at a time: only the last micro-batch has a part of one."""
_SMALLEST = 24
"""Examples of a micro-batch, on average: with fewer, its fixed cost counts more."""


@dataclass(frozen=True)
class Splitting:
    """How the batches of a net are split.

    Attributes:
        smallest: examples of a micro-batch, on average; None: batches are not split.
    """

    smallest: float | None

    def micro_batches(self, n: int) -> list[slice]:
        """The rows of the micro-batches of a batch of n examples."""
        count = 2 * max((n + MICRO_BATCH) // (2 * MICRO_BATCH), 1)
        if self.smallest is None or n / count < self.smallest:
            return [slice(0, n)]
        n_blocks = -(-n // BLOCK)
        ends = [min(n_blocks * i // count * BLOCK, n) for i in range(count + 1)]
        return [slice(begin, end) for begin, end in pairwise(ends)]


def splitting(graph: Graph, *, per_example: bool) -> Splitting:
    """The splitting of a graph's batches.

    Args:
        graph: its shapes say what layers pass on.
        per_example: whether the loss of each example depends on that example alone.
    """
    if not per_example:
        return Splitting(None)
    shapes = (s for step in graph.steps(graph.input_shapes) for s in step.output_shapes.values())
    n_weights = sum(array.size for array in graph.params.values())
    return Splitting(max(n_weights / sum(map(math.prod, shapes)), _SMALLEST))


def n_workers(n_micro_batches: int) -> int:
    """How many micro-batches go forward and back at the same time."""
    return min(n_micro_batches, n_threads())


Gradient: TypeAlias = Array | LazyArray
"""Of a parameter."""


class GradientSums:
    """The gradients of a batch from those of its micro-batches, which are kept side by side.

    Args:
        size: examples of the batch.
        n: micro-batches.
        in_place: whether the gradients of a single micro-batch may stay where they are.
    """

    def __init__(self, size: int, n: int, *, in_place: bool) -> None:
        self._size, self._in_place = size, in_place and n == 1
        self._terms: dict[str, list[Array]] = {}
        self._products: dict[str, LinearGradient] = {}

    def add(self, number: int, rows: slice, gradients: dict[str, Gradient]) -> None:
        """Keep the gradients of a micro-batch: its number, and its rows of the batch."""
        for path, gradient in gradients.items():
            if isinstance(gradient, LinearGradient):
                factors = self._factors(path, gradient)
                copy_into(factors.gradient[rows], gradient.gradient)
                copy_into(factors.x[rows], gradient.x)
                continue
            kept = self._terms.setdefault(path, [])
            kept.append(dense(gradient) if self._in_place else _step_memory(gradient.shape))
            if not self._in_place:
                copy_into(kept[number], dense(gradient))

    def terms(self) -> Terms:
        """By path the arrays whose sum is the gradient of the batch, to be added in this order."""
        terms: dict[str, tuple[Array, ...]] = {p: tuple(kept) for p, kept in self._terms.items()}
        for path, product in self._products.items():
            gradient = _step_memory(product.shape)
            product.into(gradient)
            terms[path] = (gradient,)
        return terms

    def _factors(self, path: str, like: LinearGradient) -> LinearGradient:
        """Memory for the factors of all examples."""
        if path not in self._products:
            shapes = (self._size, like.gradient.shape[1]), (self._size, like.x.shape[1])
            self._products[path] = LinearGradient(*map(_step_memory, shapes))
        return self._products[path]


def sum_gradients(terms: Terms) -> dict[str, Array]:
    """The sums of terms, by kernels."""
    sums = {path: g[0] if len(g) == 1 else _step_memory(g[0].shape) for path, g in terms.items()}
    several = [path for path, g in terms.items() if len(g) > 1]
    if several:
        sum_terms([sums[path] for path in several], [terms[path] for path in several])
    return sums


def single_terms(gradients: Mapping[str, Array]) -> Terms:
    """Gradients as sums of one term."""
    return {path: (gradient,) for path, gradient in gradients.items()}


def _step_memory(shape: tuple[int, ...]) -> Array:
    """Memory of the step, not of a worker."""
    array: Array = constant(aligned_empty(shape, np.float32))
    return array
