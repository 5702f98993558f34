"""The memory of a training step, behind which a trace stands.

A trace sees kernel calls and host calls, but no assignment of NumPy: ``losses[rows] = x`` would
happen in the traced step alone, and in no replay. So kernels make all copies here, and each array
that they write is known to the trace. Without a trace the same functions compute the same bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.callback import host_call
from drypoint.autodiff.kernels import aligned_copy, aligned_empty, copy_into, copy_rows
from drypoint.autodiff.kernels.updates import sum_terms
from drypoint.autodiff.lazy import LazyArray, LinearGradient, dense, gradient_of
from drypoint.autodiff.trace import constant
from drypoint.autodiff.workers import worker

from .._examples import Batch, LazyBatch, Rows
from .._optimizers import MicroBatchGradients
from .microbatch import Block, MicroBatch


class StepMemory:
    """The memory of one step of N examples.

    Attributes:
        losses: (N,).
        outputs: output port of the graph -> (N, ...).
    """

    def __init__(self, n: int) -> None:
        self.losses = _empty((n,))
        self.outputs: dict[str, Array] = {}

    @contextmanager
    def micro_batch(self, micro_batch: MicroBatch) -> Iterator[None]:
        """A context in which the worker of a micro-batch computes, in memory of its own."""
        with worker(micro_batch.worker):
            yield

    def copy_inputs(self, batch: LazyBatch, rows: slice) -> Batch:
        """Some rows of each column, in aligned memory."""
        return {
            port: copy_rows(constant(part.column), part.indices)
            if isinstance(part := column[rows], Rows)
            else aligned_copy(part)
            for port, column in batch.items()
        }

    def full(self, shape: tuple[int, ...], value: float) -> Array:
        """An array of one value, equal in each step."""
        return constant(np.full(shape, value, np.float32))

    def gradients(self, leaves: Mapping[str, Tensor]) -> dict[str, Array | LazyArray]:
        """Path -> gradient of each leaf that is not frozen; zeros if the loss does not use it."""
        by_path = {path: gradient_of(leaf) for path, leaf in leaves.items() if leaf.requires_grad}
        return {p: self.full(leaves[p].shape, 0) if g is None else g for p, g in by_path.items()}

    def store_result(self, rows: slice, losses: Tensor, outputs: Mapping[str, Tensor]) -> None:
        """Copy the losses and outputs of a micro-batch into its rows of `losses` and `outputs`."""
        copy_into(self.losses[rows], losses.data)
        for port, y in outputs.items():
            if port not in self.outputs:
                self.outputs[port] = _empty((len(self.losses), *y.shape[1:]))
            copy_into(self.outputs[port][rows], y.data)

    def host_call(
        self, function: Callable[..., Mapping[str, Array]], *gradients: MicroBatchGradients
    ) -> MicroBatchGradients:
        """The gradients that Python computes between kernels: a function of sums of gradients."""
        sums = [*map(sum_gradients, gradients)]
        results = {path: np.empty_like(array) for path, array in sums[0].items()}

        def call() -> None:
            for path, array in function(*sums).items():
                results[path][...] = array

        reads = [array for arrays in sums for array in arrays.values()]
        host_call(call, reads=reads, writes=[*results.values()])
        return {path: (array,) for path, array in results.items()}

    def repeat(self, n: int) -> "StepMemory":
        """Memory for the results of n such steps, one after the other."""
        memory = StepMemory(n * len(self.losses))
        for port, array in self.outputs.items():
            memory.outputs[port] = _empty((n * len(array), *array.shape[1:]))
        return memory


class GradientAccumulator:
    """The gradients of a block, as terms: one gradient for each micro-batch."""

    def __init__(self, block: Block) -> None:
        self._rows = block.rows
        self._in_place = [part.place for part in block.micro_batches] == [()]
        self._terms: dict[str, list[Array]] = {}
        self._products: dict[str, LinearGradient] = {}

    def add(self, rows: slice, gradients: Mapping[str, Array | LazyArray]) -> None:
        """Store the gradients of the next micro-batch; copy them if another one will follow."""
        own = slice(rows.start - self._rows.start, rows.stop - self._rows.start)
        for path, gradient in gradients.items():
            terms = self._terms.setdefault(path, [])
            if isinstance(gradient, LinearGradient):
                factors = self._factors(path, gradient)
                copy_into(factors.gradient[own], gradient.gradient)
                copy_into(factors.x[own], gradient.x)
            elif self._in_place:
                terms.append(dense(gradient))
            else:
                terms.append(_empty(gradient.shape))
                copy_into(terms[-1], dense(gradient))

    def add_joint(self, gradients: Mapping[str, Array | LazyArray]) -> None:
        """Store gradients of the whole block."""
        for path, gradient in gradients.items():
            self._terms[path] = [dense(gradient)]

    def terms(self) -> MicroBatchGradients:
        """Path -> terms of the gradient of the block, to be added from the first to the last."""
        products = {path: _empty(product.shape) for path, product in self._products.items()}
        for path, array in products.items():
            self._products[path].into(array)
        return {
            path: (products[path],) if path in products else tuple(terms)
            for path, terms in self._terms.items()
        }

    def _factors(self, path: str, like: LinearGradient) -> LinearGradient:
        """Memory for the two factors of a lazy gradient, for all examples of the block."""
        if path not in self._products:
            size = self._rows.stop - self._rows.start
            shapes = (size, like.gradient.shape[1]), (size, like.x.shape[1])
            self._products[path] = LinearGradient(*map(_empty, shapes))
        return self._products[path]


def sum_gradients(terms: MicroBatchGradients) -> dict[str, Array]:
    """Path -> sum of the terms, by kernels."""
    sums = {path: g[0] if len(g) == 1 else _empty(g[0].shape) for path, g in terms.items()}
    several = [path for path, g in terms.items() if len(g) > 1]
    if several:
        sum_terms([sums[path] for path in several], [terms[path] for path in several])
    return sums


def _empty(shape: tuple[int, ...]) -> Array:
    """An uninitialized array that all workers of a step share."""
    return constant(aligned_empty(shape, np.float32))
