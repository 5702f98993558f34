"""The gradients of a batch, out of what its micro-batches leave.

A micro-batch leaves gradients, and of large ones by the weights of a Linear the factors that they
are products of. All is kept beside each other until the last micro-batch is through. Then the
factors make one product over all examples, and the other gradients are sums from the first
micro-batch to the last: what comes out depends on the micro-batches, and not on who went through
them when.
"""

from collections.abc import Callable

from drypoint.autodiff import Array, Product, aligned_empty, copy_into

from ._optimizers import Terms
from ._pass import Pass


class Sums:
    """Room for what the micro-batches of a batch leave, again and again.

    Args:
        like: what came of a micro-batch: of such shapes.
        size: examples of the batch.
        n_parts: micro-batches; what a single one leaves is not copied.
    """

    def __init__(self, like: Pass, *, size: int, n_parts: int) -> None:
        self._is_one = n_parts == 1
        self._terms: Terms = {}
        self._products: dict[str, Product] = {}
        if not self._is_one:
            self._terms = {
                path: tuple(aligned_empty(g.shape, g.dtype) for _ in range(n_parts))
                for path, g in like.gradients.items()
            }
            self._products = {
                path: Product(*(aligned_empty((size, f.shape[1]), f.dtype) for f in product))
                for path, product in like.products.items()
            }

    def keep(self, done: Pass, *, number: int, begin: int) -> None:
        """What a micro-batch has left: which one, and which example of the batch is its first."""
        if self._is_one:
            self._terms = {path: (g,) for path, g in done.gradients.items()}
            self._products = dict(done.products)
            return
        for path, g in done.gradients.items():
            copy_into(self._terms[path][number], g)
        for path, product in done.products.items():
            for room, factor in zip(self._products[path], product, strict=True):
                copy_into(room[begin : begin + len(factor)], factor)

    def terms(self, room_for: Callable[[str], Array]) -> Terms:
        """By path, what is to be added up. Products are made here.

        Args:
            room_for: memory for the gradient of a path.
        """
        terms = dict(self._terms)
        for path, product in self._products.items():
            product.put(room := room_for(path))
            terms[path] = (room,)
        return terms
