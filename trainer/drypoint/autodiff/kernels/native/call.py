"""Calls of kernels: pointers to arrays, memory for results, and the tracer that records calls."""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..._errors import AutodiffError
from ..memory import aligned_empty, copy_aligned, has_no_gaps, memory_order, same_strides
from ..runtime import Settings, ffi, lib

FROM_MEMORY = 16
"""The work of a kernel that mostly reads, for each float, in multiplications."""


class Tracer(Protocol):
    """Records the calls of kernels; see `Trace`."""

    def register(self, *arrays: NDArray[Any]) -> None:
        """Add arrays that stay at their address."""
        ...

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """Memory that a kernel writes completely."""
        ...

    def note_access(self, array: NDArray[Any]) -> None:
        """Note that a kernel reads or writes an array."""
        ...

    def append_call(self, task: Any, arguments: Any, n_parts: int, references: object) -> None:
        """Append a call of a kernel."""
        ...

    def add_placeholder(self, arguments: Any, field: str, name: Hashable) -> None:
        """Make a number in the arguments of a call a placeholder, which each run sets."""
        ...

    def append_key(self, key: NDArray[np.uint32]) -> None:
        """Append the key of a dropout."""
        ...

    def append_callback(self, function: Callable[[], bool]) -> None:
        """Append a host callback."""
        ...


tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
"""The tracer of this thread."""


def run(task: Any, arguments: Any, work: int, *, each: int = 4, references: object = None) -> None:
    """Run all parts of a task; other Python threads can run until it ends."""
    n_threads = Settings.n_threads
    n_parts = max(min(each * n_threads, work // Settings.grain), 1)
    if n_parts > n_threads:
        n_parts -= n_parts % n_threads  # an equal number for each thread
    if trace := tracer.get():
        trace.append_call(task, arguments, n_parts, references)
    _check(lib.dpk_run(task, arguments, n_threads, n_parts))


def run_program(calls: Any, placeholders: Any = None, n_times: int = 1) -> int:
    """Run calls one after the other, n times, until a kernel refuses a value."""
    n_done, fields = ffi.new("size_t *"), {"calls": calls, "n_calls": len(calls)}
    if placeholders is not None:
        fields |= {"placeholders": placeholders, "n_placeholders": len(placeholders)}
    program = struct("dpk_program", n_times=n_times, **fields)
    status = lib.dpk_run_program(program, Settings.n_threads, n_done)
    if status != lib.DPK_REFUSED:
        _check(status)
    return int(n_done[0])


def field_of(arguments: Any, name: str) -> tuple[Any, int]:
    """The address and the size in bytes of a field of a struct."""
    at = ffi.addressof(arguments[0], name)
    return at, ffi.sizeof(ffi.typeof(at).item)


def pointers_in(arguments: Any) -> Iterator[tuple[Any, int]]:
    """(address of the pointer, its value) for each pointer in a struct and in its inner structs."""
    for name, field in ffi.typeof(arguments).item.fields:
        to = ffi.addressof(arguments[0], name)
        if field.type.kind == "pointer":
            yield to, int(ffi.cast("uintptr_t", to[0]))
        elif field.type.kind == "struct":
            yield from pointers_in(to)


def rows_of(table: NDArray[Any], n: int, n_bytes: int) -> Any:
    """The memory of an array of n rows of n_bytes each; the caller keeps the array alive."""
    if not table.flags.c_contiguous or table.nbytes != n * n_bytes:
        raise AutodiffError(f"{n} rows of {n_bytes} bytes are wanted, got {table.nbytes} bytes")
    return ffi.from_buffer(table)


def side_by_side(sequences: Sequence[Any]) -> tuple[Any, Any, int, object]:
    """One call of several independent sequences of calls."""
    rows = array_of("dpk_sequence", [{"calls": c, "n_calls": len(c)} for c in sequences])
    arguments = struct("dpk_sequences", sequences=rows, n_sequences=len(rows))
    return ffi.addressof(lib, "dpk_run_sequences"), arguments, len(rows), (rows, sequences)


def _check(status: int) -> None:
    if status:
        raise MemoryError("a kernel found no memory for its scratch")


def empty(shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> Any:
    """A contiguous array that a kernel writes completely."""
    if trace := tracer.get():
        return trace.allocate(shape, dtype)
    return aligned_empty(shape, dtype)


def empty_like(array: NDArray[Any]) -> Any:
    """As `empty`, with an array's shape and dtype, and its axes in the same order in memory."""
    order = memory_order(array)
    dense = empty(tuple(array.shape[axis] for axis in order), array.dtype.type)
    return dense.transpose([order.index(axis) for axis in range(array.ndim)])


def zeros(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Zeros, written by a kernel, for kernels that add to their result or leave gaps in it."""
    y: NDArray[np.float32] = empty(shape)
    _copy(y, {"n_axes": 1, "shape": [y.size]})
    return y


def contiguous(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array if it is contiguous, else a copy by a kernel."""
    if array.flags.c_contiguous:
        return array
    y: NDArray[np.float32] = empty(array.shape)
    strides = [stride // 4 for stride in array.strides]
    _copy(y, {"x": pointer(array), "n_axes": y.ndim, "shape": array.shape, "strides": strides})
    return y


def to_rows(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, C, ...) as contiguous (C, ..., N): a view of the results of kernels, which lie so."""
    return contiguous(x.transpose(*range(1, x.ndim), 0))


def from_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, ..., N) seen as (N, C, ...)."""
    return rows.transpose(rows.ndim - 1, *range(rows.ndim - 1))


def copy_into(y: NDArray[Any], x: NDArray[Any]) -> None:
    """y = x, by a kernel where there are kernels."""
    words = x.dtype.itemsize // 4
    if (y.shape, y.dtype) != (x.shape, x.dtype) or x.dtype.itemsize not in (4, 8):
        raise AutodiffError(f"cannot copy {x.dtype} {x.shape} into {y.dtype} {y.shape}")
    if Settings.kernels is None:
        np.copyto(y, x)
        return
    fields: dict[str, object] = {"n_axes": 1, "shape": [x.size * words], "strides": [1]}
    if not (has_no_gaps(y) and same_strides(y, x)):
        if not _copies_by_axes(y, x):
            raise AutodiffError(f"cannot copy strides {x.strides} into {y.strides} of {x.shape}")
        shape, strides = list(x.shape), [stride // 4 for stride in x.strides]
        if words == 2:  # the kernel copies an element of 8 bytes as two floats
            shape, strides = [*shape, 2], [*strides, 1]
        fields = {"n_axes": len(shape), "shape": shape, "strides": strides}
    _copy(y, {"x": pointer(x), **fields})


def _copies_by_axes(y: NDArray[Any], x: NDArray[Any]) -> bool:
    """Whether the copy kernel can write y in the order of its axes."""
    return y.flags.c_contiguous and x.ndim + x.dtype.itemsize // 4 - 1 <= 6


def aligned_copy(x: NDArray[Any]) -> NDArray[Any]:
    """A copy with its axes in the same order in memory, by a kernel where a kernel can."""
    y: NDArray[Any] = empty_like(x)
    if x.itemsize in (4, 8) and (same_strides(y, x) or _copies_by_axes(y, x)):
        copy_into(y, x)
        return y
    return copy_aligned(x)


def copy_rows(x: NDArray[np.float32], indices: NDArray[np.int64]) -> NDArray[np.float32]:
    """``x[indices]``, by a kernel where there are kernels."""
    y: NDArray[np.float32] = empty((len(indices), *x.shape[1:]))
    if Settings.kernels is None:
        return x.take(indices, axis=0, out=y)
    n = math.prod(x.shape[1:])
    rows = {"rows": pointer(indices, "int64_t"), "n_axes": 2, "shape": [len(indices), n]}
    _copy(y, {"x": pointer(x), **rows, "strides": [n, 1]})
    return y


def _copy(y: NDArray[Any], fields: dict[str, object]) -> None:
    copy = struct("dpk_copy", y=pointer(y), **fields)
    run(Settings.kernels.copy, copy, FROM_MEMORY * y.size)


def struct(name: str, **fields: object) -> Any:
    """An argument struct of a kernel; it keeps the pointers in its fields alive."""
    return ffi.new(f"{name} *", fields)


def array_of(name: str, rows: Sequence[object]) -> Any:
    """A C array of structs. The caller keeps it alive until the kernel is done."""
    return ffi.new(f"{name}[]", rows)


def pointer(array: NDArray[Any], kind: str = "float") -> Any:
    """A pointer to the first element. The caller keeps the array alive until the kernel is done."""
    if trace := tracer.get():
        trace.note_access(array)
    if array.flags.c_contiguous:
        return ffi.from_buffer(f"{kind}[]", array)  # takes a sixth of the time of a cast
    return ffi.cast(f"{kind} *", address(array))


def address(array: NDArray[Any]) -> int:
    """The address of the first element."""
    return int(array.__array_interface__["data"][0])


def pointers(arrays: Sequence[NDArray[Any]]) -> Any:
    """A C array of pointers. The caller keeps it and the arrays alive."""
    return ffi.new("float *[]", [pointer(array) for array in arrays])


def floats(numbers: Sequence[float]) -> Any:
    """A C array of numbers. The caller keeps it alive until the kernel is done."""
    return ffi.new("float[]", numbers)


def images(array: NDArray[np.float32]) -> tuple[object, ...]:
    """The fields of `dpk_images` for images (N, C, H, W) with any strides."""
    return (pointer(array), *array.shape, *(stride // 4 for stride in array.strides))
