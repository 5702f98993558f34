"""Arrays that begin at a cache line.

NumPy's arrays begin 16 bytes after a cache line. Then each vector of 64 bytes lies in two lines,
which doubles the work of the first-level cache; of all caches where neighbours are far apart.
"""

import math
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LINE = 64
"""Bytes of a cache line, and of the widest vector."""


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A contiguous, uninitialized array."""
    return _align(shape, dtype, np.empty(_n_bytes(shape, dtype), np.uint8))


def _n_bytes(shape: tuple[int, ...], dtype: DTypeLike) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize + _LINE - 1


def _align(shape: tuple[int, ...], dtype: DTypeLike, memory: NDArray[Any]) -> NDArray[Any]:
    begin = -memory.__array_interface__["data"][0] % _LINE
    return np.ndarray(shape, dtype, memory, begin)


class BlockPool:
    """Blocks of memory that arrays use one after the other.

    A block is free again when Python has dropped the last array or view in it. So the gradients of
    a net take few blocks, which stay in a cache.

    Attributes:
        blocks: all blocks, kept alive.
    """

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.uint8]] = []
        self._free: list[NDArray[np.uint8]] = []
        self._loans: dict[int, weakref.ref[NDArray[Any]]] = {}

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """As `aligned_empty`, in the smallest free block that fits, the latest of equal ones.

        A block of more than 1.5 times the size does not fit: the next large array needs it.
        """
        n = _n_bytes(shape, dtype)
        fitting = (block for block in reversed(self._free) if n <= block.size <= n + n // 2)
        block = min(fitting, key=lambda block: block.size, default=None)
        if block is None:
            block = np.empty(n, np.uint8)
            self.blocks.append(block)
        else:
            self._free = [other for other in self._free if other is not block]
        # The base of all views of an array whose memory is not NumPy's is this array.
        loan = np.frombuffer(block.data, np.uint8)
        key = id(loan)
        self._loans[key] = weakref.ref(loan, lambda _: self._end(key, block))
        return _align(shape, dtype, loan)

    def lends(self, owner: NDArray[Any]) -> bool:
        """Whether an array that owns the memory of views lies in one of the blocks."""
        return id(owner) in self._loans

    def _end(self, loan: int, block: NDArray[np.uint8]) -> None:
        del self._loans[loan]
        self._free.append(block)


def memory_order(array: NDArray[Any]) -> list[int]:
    """The axes of an array, from the largest to the smallest stride."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def aligned_empty_like(array: NDArray[Any]) -> NDArray[Any]:
    """As `aligned_empty`, with an array's shape, dtype and memory order."""
    order = memory_order(array)
    dense = aligned_empty(tuple(array.shape[axis] for axis in order), array.dtype)
    return dense.transpose([order.index(axis) for axis in range(array.ndim)])


def copy_aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A copy with the array's memory order."""
    copy = aligned_empty_like(array)
    copy[...] = array
    return copy


def same_strides(y: NDArray[Any], x: NDArray[Any]) -> bool:
    """Whether two arrays of one shape have equal strides on all axes of two or more elements."""
    strides = zip(y.shape, y.strides, x.strides, strict=True)
    return all(a == b for n, a, b in strides if n > 1)


def has_no_gaps(array: NDArray[Any]) -> bool:
    """Whether an array is contiguous in some order of its axes."""
    if array.flags.forc:
        return True
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return bool(array.transpose(order).flags.c_contiguous)
