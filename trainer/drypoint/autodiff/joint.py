"""Micro-batches that are computed apart and joined by their batch norms.

Each micro-batch has a tape of its own, between two batch norms; `JointBatchNorm` is a node that all
of them share. `backward` goes through all of them at once.
"""

from collections.abc import Sequence
from functools import partial

from ._normalization import check_training
from ._tape import Array, Deferred, Terms, backpropagate
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.native.call import empty_like
from .kernels.updates import sum_terms


class JointBatchNorm:
    """`batch_norm` of a batch in micro-batches, with the statistics of all of them.

    What joins the micro-batches is two numbers for each channel, forward the mean and the variance,
    backward two sums over the gradient. All else a micro-batch computes alone::

        norm = JointBatchNorm(scale, shift, epsilon=1e-5)
        for i, x in enumerate(micro_batches):
            norm.add(i, x)
        mean, variance = norm.join()
        ys = [norm.result(i) for i in range(len(micro_batches))]

    On the tape the joined statistics are a node: its parents are the micro-batches, scale and
    shift; its consumers are the results. The gradient that it passes on is the two sums. It passes
    it to the last micro-batch first: the one whose sums were the last, and are still in a cache.
    """

    def __init__(self, scale: Tensor, shift: Tensor, *, epsilon: float) -> None:
        self._vectors, self._epsilon = (scale, shift), epsilon
        self._clip: float | None = None
        self._xs: dict[int, Tensor] = {}
        self._parts: list[Array] = []
        self._gradients: dict[int, Array] = {}

    def add(self, i: int, x: Tensor) -> None:
        """Add micro-batch i, x (N, C, ...), and compute its statistics."""
        check_training(x, *self._vectors)
        self._xs[i] = x
        self._parts.append(kernels.batch_statistics(x.data))

    def join(self) -> tuple[Array, Array]:
        """The mean (C,) and the variance (C,) of all micro-batches; after the last `add`."""
        shapes = {i: x.shape for i, x in self._xs.items()}
        sizes = [shape[0] for shape in shapes.values()]
        statistics = kernels.merge_statistics(self._parts, sizes)
        scale, shift = self._vectors

        def to_x(i: int, sums: Array) -> Deferred:
            def compute() -> Array:
                arrays = self._gradients.pop(i), *self._arrays(i)
                del self._xs[i]  # its memory can be used again
                return kernels.batch_norm_input_gradient(
                    *arrays, sums=sums, n=sum(sizes), epsilon=self._epsilon, clip=self._clip
                )

            return Deferred(shapes[i], compute)

        edges = [(x, partial(to_x, i)) for i, x in self._xs.items()]
        self._statistics = record(
            statistics, *edges, (scale, lambda sums: sums[1]), (shift, lambda sums: sums[0])
        )
        return statistics[0], statistics[1]

    def result(self, i: int, clip: float | None = None) -> Tensor:
        """The result of micro-batch i; after `join`. All have one clip, as in `batch_norm`."""
        x, vectors, statistics = self._arrays(i)
        self._clip = clip

        def to_statistics(g: Array) -> Terms:
            self._gradients[i] = g
            arrays = g, *self._arrays(i)
            sums = kernels.batch_norm_sums(*arrays, epsilon=self._epsilon, clip=clip)
            return Terms((sums,), _total)

        y = kernels.batch_norm_inference(x, *vectors, *statistics, epsilon=self._epsilon, clip=clip)
        return record(y, (self._statistics, to_statistics))

    def _arrays(self, i: int) -> tuple[Array, tuple[Array, Array], Array]:
        """Micro-batch i, (scale, shift), and the joined statistics."""
        scale, shift = self._vectors
        return self._xs[i].data, (scale.data, shift.data), self._statistics.data


def backward(tensors: Sequence[Tensor], gradients: Sequence[Array]) -> None:
    """Add the gradient of tensors with respect to each leaf to the leaf's `grad`; free the tape."""
    roots = [tensor._root(g) for tensor, g in zip(tensors, gradients, strict=True)]
    backpropagate(roots, kernels.add, retain_graph=False)


def _total(terms: tuple[Array, ...]) -> Array:
    """The sum of arrays, from the first to the last."""
    total: Array = empty_like(terms[0])
    sum_terms([total], [terms])
    return total
