"""Lazy gradients by the weight of `linear`: a product that several micro-batches make together.

The gradient by a large weight is larger than its factors: that of LeNet's first Linear, of 32
examples, is 1.6 MB, the product of 170 kB. So micro-batches keep the factors, and one product of
all examples writes the gradient once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ._tape import Array, LazyArray, dense
from ._tensor import Tensor
from .kernels import choose as kernels
from .kernels.native import linear
from .kernels.runtime import kernels_for

__all__ = [
    "LazyArray",
    "LinearGradient",
    "dense",
    "gradient_of",
    "lazy_gradients",
    "linear_weight_gradient",
]

_EXAMPLES = 64
"""A gradient that is larger than its factors for so many examples is lazy."""


@dataclass(frozen=True, eq=False)
class LinearGradient:
    """The gradient (O, I) by the weight of `linear`: gradient.T @ x.

    Attributes:
        gradient: (N, O), by the result of `linear`.
        x: (N, I).
    """

    gradient: Array
    x: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """(O, I)."""
        return self.gradient.shape[1], self.x.shape[1]

    def dense(self) -> Array:
        """The product."""
        return kernels.linear_weight_gradient(self.gradient, self.x)

    def into(self, array: Array) -> None:
        """Write the product into a contiguous array."""
        if native := kernels_for(self.gradient, self.x, array):
            linear.put_linear_weight_gradient(native, self.gradient, self.x, array)
        else:
            array[...] = self.dense()


_lazy: ContextVar[bool] = ContextVar("lazy", default=False)


@contextmanager
def lazy_gradients(when: bool = True) -> Iterator[None]:
    """Large gradients by the weight of `linear` are lazy inside; see `gradient_of`."""
    token = _lazy.set(when)
    try:
        yield
    finally:
        _lazy.reset(token)


def linear_weight_gradient(gradient: Array, x: Array) -> Array | LinearGradient:
    """The gradient by the weight, lazy where that is wanted and pays."""
    o, i = gradient.shape[1], x.shape[1]
    if _lazy.get() and o * i > _EXAMPLES * (o + i):
        return LinearGradient(gradient, x)
    return kernels.linear_weight_gradient(gradient, x)


def gradient_of(leaf: Tensor) -> Array | LazyArray | None:
    """What `Tensor.grad` is, lazy if it is so on the tape."""
    return None if leaf._node is None else leaf._node.gradient
