"""Arrays that begin at a cache line.

NumPy's arrays begin 16 bytes after a cache line. Then each vector of 64 bytes lies in two lines,
which doubles the work of the first-level cache; of all caches where neighbours are far apart.
"""

import math
import weakref
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LINE = 64
"""Bytes of a cache line, and of the widest vector."""
FIRST_CHUNK, CHUNK = 3 << 20, 1 << 25
"""Bytes of the first chunk of an arena and of each other chunk, unless an array is larger. Pages of
a large chunk may have 2 MB; the arrays of a small net take less."""


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A contiguous, uninitialized array."""
    return np.ndarray(shape, dtype, _aligned_bytes(_n_bytes(shape, dtype)))


def _aligned_bytes(n: int) -> NDArray[np.uint8]:
    memory = np.empty(n + _LINE - 1, np.uint8)
    begin = -memory.__array_interface__["data"][0] % _LINE
    return memory[begin : begin + n]


def _n_bytes(shape: tuple[int, ...], dtype: DTypeLike) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize


class _Range(NamedTuple):
    """The bytes ``begin`` to ``end`` of a chunk."""

    chunk: int
    begin: int
    end: int


class Arena:
    """Memory that arrays use one after the other.

    The range of an array is free again when Python has dropped the last array or view in it. An
    array lies in the smallest free range that it fits into, and the rest of that range stays free;
    free ranges side by side are one range. So arrays of many sizes take little more memory than
    the most bytes in use at one time.

    Attributes:
        chunks: all memory, kept alive. The system provides a page of it when the page is written.
    """

    def __init__(self) -> None:
        self.chunks: list[NDArray[np.uint8]] = []
        self._free: list[_Range] = []
        self._loans: dict[int, weakref.ref[NDArray[Any]]] = {}

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """As `aligned_empty`."""
        n = -(-max(_n_bytes(shape, dtype), 1) // _LINE) * _LINE
        # Python may drop other arrays at any time: their ranges go into the new list.
        ranges, self._free = self._free, []
        free = _join(ranges)
        fitting = (r for r in free if r.end - r.begin >= n)
        best = min(fitting, key=lambda r: r.end - r.begin, default=None)
        if best is None:
            size = max(n, CHUNK if self.chunks else FIRST_CHUNK)
            self.chunks.append(_aligned_bytes(size))
            best = _Range(len(self.chunks) - 1, 0, size)
        else:
            free.remove(best)
        end = best.begin + n
        self._free += free
        if end < best.end:
            self._free.append(best._replace(begin=end))
        # The base of all views of an array whose memory is not NumPy's is this array.
        loan = np.frombuffer(self.chunks[best.chunk].data, np.uint8, n, best.begin)
        key, own = id(loan), best._replace(end=end)
        self._loans[key] = weakref.ref(loan, lambda _: self._end(key, own))
        return np.ndarray(shape, dtype, loan)

    def lends(self, owner: NDArray[Any]) -> bool:
        """Whether an array that owns the memory of views lies in the arena."""
        return id(owner) in self._loans

    def _end(self, loan: int, memory: _Range) -> None:
        del self._loans[loan]
        self._free.append(memory)


def _join(ranges: list[_Range]) -> list[_Range]:
    """The ranges in order; of ranges side by side, one."""
    joined: list[_Range] = []
    for r in sorted(ranges):
        if joined and (joined[-1].chunk, joined[-1].end) == (r.chunk, r.begin):
            joined[-1] = joined[-1]._replace(end=r.end)
        else:
            joined.append(r)
    return joined


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
