"""Arrays that begin at a cache line.

NumPy's arrays begin 16 bytes after a cache line. Then each vector of 64 bytes lies in two lines,
which doubles the work of the first-level cache; of all caches where neighbours are far apart.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LINE = 64
"""Bytes of a cache line, and of the widest vector."""


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A contiguous, uninitialized array."""
    memory = np.empty(math.prod(shape) * np.dtype(dtype).itemsize + _LINE - 1, np.uint8)
    begin = -memory.__array_interface__["data"][0] % _LINE
    return np.ndarray(shape, dtype, memory, begin)


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
