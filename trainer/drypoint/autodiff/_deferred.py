"""Gradients by the weights of `linear` that are left to be made, in one product for many batches.

For few examples such a gradient may be larger than all that it is made of: that by LeNet's first
one, of 32 examples, is 1.6 MB out of 170 kB. Micro-batches keep what it is made of, and it is
written once for all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np

from . import _compiled_linear
from . import _kernels as kernels
from ._compiled import kernels_for, recorder
from ._tape import Array

_EXAMPLES = 64
"""A gradient larger than what it is made of for so many is left."""


class Product(NamedTuple):
    """The gradient by a weight (O, I) of `linear` is gradient.T @ x.

    Attributes:
        gradient: (N, O), by its result.
        x: (N, I).
    """

    gradient: Array
    x: Array

    def put(self, to: Array, *, soon: Array | None = None) -> None:
        """Make the gradient there.

        Args:
            soon: what changes right after, of the same shape: it is asked for meanwhile. Two cores
                that have read a weight hold it both, and who changes it waits for the other: with
                two threads Adam would take more than twice as long.
        """
        if compiled := kernels_for(self.gradient, self.x, to):
            _compiled_linear.put_linear_weight_gradient(compiled, *self, to=to, soon=soon)
        else:
            to[...] = kernels.linear_weight_gradient(*self)


class Deferred:
    """What was left to be made, by the arrays that stand for it: they hold NaN."""

    def __init__(self) -> None:
        self._products: list[tuple[Array, Product]] = []

    def add(self, product: Product) -> Array:
        """An array that stands for it."""
        shape = product.gradient.shape[1], product.x.shape[1]
        stands = np.broadcast_to(product.x.dtype.type(np.nan), shape)
        self._products.append((stands, product))
        if told := recorder.get():
            told.mark()  # all that reads the weight, or makes the factors, has been called
        return stands

    def of(self, array: Array | None) -> Product | None:
        """What an array stands for, if it does."""
        return next((product for stands, product in self._products if stands is array), None)


_deferred: ContextVar[Deferred | None] = ContextVar("deferred", default=None)


@contextmanager
def deferred() -> Iterator[Deferred]:
    """Leave large gradients by the weights of `linear` to be made. Inside, each weight may be of
    one `linear` only, or the sum of its gradients is NaN."""
    token = _deferred.set(found := Deferred())
    try:
        yield found
    finally:
        _deferred.reset(token)


def linear_weight_gradient(gradient: Array, x: Array) -> Array:
    """The gradient, or what stands for it."""
    o, i = gradient.shape[1], x.shape[1]
    if (found := _deferred.get()) and o * i > _EXAMPLES * (o + i):
        return found.add(Product(gradient, x))
    return kernels.linear_weight_gradient(gradient, x)
