"""The gradients of a batch, out of what its micro-batches leave.

A micro-batch leaves gradients, and of large ones by the weights of a Linear the factors that they
are products of. All is kept beside each other. Once all of them are there, the factors make one
product over all examples, and the other gradients are sums from the first micro-batch to the last:
what comes out depends on the micro-batches, and not on who went through them when.
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
        n_parts: micro-batches; what a single one leaves stays where it is.

    Attributes:
        terms: by path, what is to be added up.
        products: what is to be made of the factors of all examples, and is the only term then.
    """

    def __init__(self, like: Pass, *, size: int, n_parts: int) -> None:
        self._is_one = n_parts == 1
        self.terms: Terms = {path: (g,) for path, g in like.gradients.items()}
        self.products = dict(like.products)
        if not self._is_one:
            self.terms = {
                path: tuple(aligned_empty(g.shape, g.dtype) for _ in range(n_parts))
                for path, g in like.gradients.items()
            }
            self.products = {
                path: Product(*(aligned_empty((size, f.shape[1]), f.dtype) for f in product))
                for path, product in like.products.items()
            }

    def keep_factors(self, done: Pass, *, begin: int) -> None:
        """Those that a micro-batch has left: which example of the batch is its first."""
        if self._is_one:
            return
        for path, product in done.products.items():
            for room, factor in zip(self.products[path], product, strict=True):
                copy_into(room[begin : begin + len(factor)], factor)

    def keep_terms(self, done: Pass, *, number: int) -> None:
        """The gradients that a micro-batch has left, and which one it is."""
        if self._is_one:
            return
        for path, g in done.gradients.items():
            copy_into(self.terms[path][number], g)

    def made(self, room_for: Callable[[str], Array]) -> Terms:
        """By path, what is to be added up, products made.

        Args:
            room_for: memory for the gradient of a path.
        """
        terms = dict(self.terms)
        for path, product in self.products.items():
            product.put(room := room_for(path))
            terms[path] = (room,)
        return terms
