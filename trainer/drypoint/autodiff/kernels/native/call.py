"""Calls of kernels: arrays as pointers, memory for results, and the trace that notes calls."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..._errors import AutodiffError
from ..memory import aligned, aligned_empty, has_no_gaps, memory_order, same_strides
from ..runtime import Settings, ffi, lib

FROM_MEMORY = 16
"""What a float that a kernel reads, and does little with, costs: multiplications."""


class Tracer(Protocol):
    """What notes the calls of kernels; see `Trace`."""

    def know(self, *arrays: NDArray[Any]) -> None:
        """Arrays keep their place in memory."""
        ...

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """Memory that a kernel is going to write."""
        ...

    def uses(self, array: NDArray[Any]) -> None:
        """A kernel is going to read or write an array."""
        ...

    def called(self, task: Any, arguments: Any, n_parts: int, keeps: object) -> None:
        """A kernel is called."""
        ...

    def hole(self, arguments: Any, field: str, name: Hashable) -> None:
        """A number within arguments is another one in each run."""
        ...

    def drew(self, key: NDArray[np.uint32]) -> None:
        """A dropout drew a key."""
        ...

    def callback(self, function: Callable[[], bool]) -> None:
        """Python is to call a function at this place."""
        ...

    def worker(self, number: int) -> AbstractContextManager[None]:
        """One worker makes the calls inside."""
        ...


tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
"""The trace of this thread."""


def run(task: Any, arguments: Any, work: int, *, each: int = 4, keeps: object = None) -> None:
    """All parts of a task; the interpreter is free meanwhile.

    Args:
        work: about how many multiplications it is; see `FROM_MEMORY`.
        each: parts for each thread. Several let threads that got less time do less; one is for
            tasks of which every part repeats some work of the others.
        keeps: what the arguments point to, beside arrays, for a program that makes the call again.
    """
    n_parts = max(min(each * Settings.n_threads, work // Settings.grain), 1)
    if trace := tracer.get():
        trace.called(task, arguments, n_parts, keeps)
    _check(lib.dpk_run(task, arguments, Settings.n_threads, n_parts))


def run_program(calls: Any, varying: Any = None, n_times: int = 1) -> int:
    """The tasks of rows of `dpk_call`, one after the other, n times, until one refuses a value.

    Args:
        varying: rows of `dpk_varying`.

    Returns:
        How many times all were done.

    Raises:
        MemoryError: a kernel found no memory for its scratch.
    """
    n_done, fields = ffi.new("size_t *"), {"calls": calls, "n_calls": len(calls)}
    if varying is not None:
        fields |= {"varying": varying, "n_varying": len(varying)}
    program = struct("dpk_program", n_times=n_times, **fields)
    status = lib.dpk_run_program(program, Settings.n_threads, n_done)
    if status != lib.DPK_REFUSED:
        _check(status)
    return int(n_done[0])


def field_of(arguments: Any, name: str) -> tuple[Any, int]:
    """Where a field of a struct is, and of how many bytes."""
    at = ffi.addressof(arguments[0], name)
    return at, ffi.sizeof(ffi.typeof(at).item)


def pointers_in(arguments: Any) -> Iterator[tuple[Any, int]]:
    """The pointers in a struct, and in the structs within it: where each is, and its value."""
    for name, field in ffi.typeof(arguments).item.fields:
        to = ffi.addressof(arguments[0], name)
        if field.type.kind == "pointer":
            yield to, int(ffi.cast("uintptr_t", to[0]))
        elif field.type.kind == "struct":
            yield from pointers_in(to)


def rows_of(table: NDArray[Any], n: int, n_bytes: int) -> Any:
    """The memory of n rows of so many bytes each. The caller keeps the array."""
    if not table.flags.c_contiguous or table.nbytes != n * n_bytes:
        raise AutodiffError(f"{n} rows of {n_bytes} bytes are wanted, got {table.nbytes} bytes")
    return ffi.from_buffer(table)


def side_by_side(sequences: Sequence[Any]) -> tuple[Any, Any, int, object]:
    """Sequences of calls that do not depend on each other, as one call: its task, arguments and
    parts, and what the arguments point to.

    Args:
        sequences: rows of `dpk_call` each.
    """
    rows = array_of("dpk_sequence", [{"calls": c, "n_calls": len(c)} for c in sequences])
    arguments = struct("dpk_sequences", sequences=rows, n_sequences=len(rows))
    return ffi.addressof(lib, "dpk_run_sequences"), arguments, len(rows), (rows, sequences)


def _check(status: int) -> None:
    if status:
        raise MemoryError("a kernel found no memory for its scratch")


def empty(shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> Any:
    """A contiguous array for a kernel to write, all of it."""
    if trace := tracer.get():
        return trace.allocate(shape, dtype)
    return aligned_empty(shape, dtype)


def empty_like(array: NDArray[Any]) -> Any:
    """The same, of an array's shape and type and with its axes in the same order in memory."""
    order = memory_order(array)
    dense = empty(tuple(array.shape[axis] for axis in order), array.dtype.type)
    return dense.transpose([order.index(axis) for axis in range(array.ndim)])


def zeros(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """For kernels that add to what is there, or leave gaps: cleared by a kernel."""
    y: NDArray[np.float32] = empty(shape)
    _copy(y, {"n_axes": 1, "shape": [y.size]})
    return y


def contiguous(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array as it is, if it is contiguous, or a copy made by a kernel."""
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
    """y = x, by a kernel where there are any.

    Args:
        y: of x's type and shape, elements of 4 or 8 bytes. It has no gaps, and either x's strides
            or the order of its axes.
        x: to be copied, with whatever strides.

    Raises:
        AutodiffError: y and x are not as above.
    """
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
        if words == 2:  # an element is two floats, side by side
            shape, strides = [*shape, 2], [*strides, 1]
        fields = {"n_axes": len(shape), "shape": shape, "strides": strides}
    arguments = struct("dpk_copy", x=pointer(x), y=pointer(y), **fields)
    run(Settings.kernels.copy, arguments, FROM_MEMORY * x.size)


def _copies_by_axes(y: NDArray[Any], x: NDArray[Any]) -> bool:
    """Whether the copy kernel can write y in the order of its axes."""
    return y.flags.c_contiguous and x.ndim + x.dtype.itemsize // 4 - 1 <= 6


def aligned_copy(x: NDArray[Any]) -> NDArray[Any]:
    """A copy with its axes in the same order in memory, by a kernel where a kernel can."""
    y: NDArray[Any] = empty_like(x)
    if x.itemsize in (4, 8) and (same_strides(y, x) or _copies_by_axes(y, x)):
        copy_into(y, x)
        return y
    return aligned(x)


def _copy(y: NDArray[np.float32], fields: dict[str, object]) -> None:
    copy = struct("dpk_copy", y=pointer(y), **fields)
    run(Settings.kernels.copy, copy, FROM_MEMORY * y.size)


def struct(name: str, **fields: object) -> Any:
    """An argument struct of the kernels; arrays are given by `pointer`, and kept alive by it."""
    return ffi.new(f"{name} *", fields)


def array_of(name: str, rows: Sequence[object]) -> Any:
    """Structs in a row. The caller keeps it until the kernel is done."""
    return ffi.new(f"{name}[]", rows)


def pointer(array: NDArray[Any], kind: str = "float") -> Any:
    """The address of the first element. The caller keeps the array until the kernel is done."""
    if trace := tracer.get():
        trace.uses(array)
    if array.flags.c_contiguous:
        return ffi.from_buffer(f"{kind}[]", array)  # a sixth of the time of the general way
    return ffi.cast(f"{kind} *", address(array))


def address(array: NDArray[Any]) -> int:
    """Of the first element, as a number."""
    return int(array.__array_interface__["data"][0])


def pointers(arrays: Sequence[NDArray[Any]]) -> Any:
    """Their addresses, one after the other. The caller keeps these too."""
    return ffi.new("float *[]", [pointer(array) for array in arrays])


def images(array: NDArray[np.float32]) -> tuple[object, ...]:
    """The struct of images (N, C, H, W), with whatever strides."""
    return (pointer(array), *array.shape, *(stride // 4 for stride in array.strides))
