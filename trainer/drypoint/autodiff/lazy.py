"""Lazy gradients of the weight of `linear`: one matrix product for several micro-batches.

The gradient of a large weight is larger than its factors: for LeNet's first Linear and 32
examples it has 1.6 MB, its two factors 170 kB. So micro-batches keep the factors, and one matrix
product over the examples of all micro-batches writes the gradient once.
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
"""A gradient is lazy if it is larger than its factors for this number of examples."""


@dataclass(frozen=True, eq=False)
class LinearGradient:
    """The gradient (O, I) of the weight of `linear`: gradient.T @ x."""

    gradient: Array  # (N, O), of the result of `linear`
    x: Array  # (N, I), the input of `linear`

    @property
    def shape(self) -> tuple[int, ...]:
        """(O, I)."""
        return self.gradient.shape[1], self.x.shape[1]

    def dense(self) -> Array:
        """The product as an array."""
        return kernels.linear_weight_gradient(self.gradient, self.x)

    def into(self, array: Array) -> None:
        """Write the product into a contiguous array."""
        if native := kernels_for(self.gradient, self.x, array):
            linear.write_linear_weight_gradient(native, self.gradient, self.x, array)
        else:
            array[...] = self.dense()


_lazy: ContextVar[bool] = ContextVar("lazy", default=False)


@contextmanager
def lazy_gradients(when: bool = True) -> Iterator[None]:
    """A context in which large gradients of weights of `linear` are lazy; see `gradient_of`."""
    token = _lazy.set(when)
    try:
        yield
    finally:
        _lazy.reset(token)


def linear_weight_gradient(gradient: Array, x: Array) -> Array | LinearGradient:
    """The gradient of the weight; lazy inside `lazy_gradients` if it is larger than its factors."""
    o, i = gradient.shape[1], x.shape[1]
    if _lazy.get() and o * i > _EXAMPLES * (o + i):
        return LinearGradient(gradient, x)
    return kernels.linear_weight_gradient(gradient, x)


def gradient_of(leaf: Tensor) -> Array | LazyArray | None:
    """`Tensor.grad` of a leaf, without computing the array of a lazy gradient."""
    return None if leaf._node is None else leaf._node.gradient
