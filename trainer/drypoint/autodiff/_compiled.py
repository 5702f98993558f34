"""Which compiled kernels run, in how many threads, and how arrays are handed to them."""

import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ._errors import AutodiffError
from ._memory import aligned_empty, aligned_empty_like, has_no_gaps, same_strides

try:
    from ._native import ffi, lib
except ModuleNotFoundError:  # a checkout that nobody compiled: NumPy computes everything
    ffi = lib = None


def _sets() -> dict[str, Any]:
    """Name -> kernels, for every instruction set that this CPU has, the best first."""
    found: dict[str, Any] = {}
    while lib is not None and (kernels := lib.dpk_available(len(found))):
        found[ffi.string(kernels.name).decode()] = kernels
    return found


FROM_MEMORY = 16
"""What a float that a kernel reads, and does little with, costs: multiplications."""


class _Settings:
    """What holds for the whole process."""

    sets = _sets()
    kernels: Any = next(iter(sets.values()), None)
    n_threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, 64)
    grain = 1 << 17
    """Multiplications that are worth a part of their own: a few microseconds, several times what it
    costs to hand a part to another thread."""


def set_threads(n: int) -> None:
    """Run the compiled kernels in n threads, this one included; the results do not depend on it.

    Without a call it is as many as this process has cores.

    Raises:
        AutodiffError: n is no whole number in 1..64.
    """
    if type(n) is not int or not 1 <= n <= 64:
        raise AutodiffError(f"set_threads wants a whole number in 1..64, got {n!r}")
    _Settings.n_threads = n


def n_threads() -> int:
    """How many threads the compiled kernels run in."""
    return _Settings.n_threads


class Recorder(Protocol):
    """Who is told what kernels are asked to do; see `Recording`."""

    dry: bool

    def made(self, array: NDArray[Any]) -> None: ...
    def given(self, array: NDArray[Any]) -> None: ...
    def called(self, task: Any, arguments: Any, n_parts: int, keeps: object) -> None: ...
    def varies(self, arguments: Any, field: str, name: Hashable) -> None: ...
    def mark(self) -> None: ...
    def drawn(self, key: NDArray[np.uint32]) -> None: ...
    def python(self, step: Callable[[], bool]) -> None: ...


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
"""That of this thread."""


def settings() -> tuple[object, ...]:
    """All that decides how a kernel is called for given arrays."""
    return _Settings.kernels, _Settings.n_threads, _Settings.grain


def compiled_kernels() -> Any:
    """The kernels that run; None: NumPy computes."""
    return _Settings.kernels


def kernels_for(*arrays: NDArray[Any]) -> Any:
    """The compiled kernels if they take such arrays: all float32. None leaves it to NumPy."""
    if any(array.dtype != np.float32 for array in arrays):
        return None
    return _Settings.kernels


def run(task: Any, arguments: Any, work: int, *, each: int = 4, keeps: object = None) -> None:
    """All parts of a task; the interpreter is free meanwhile.

    Args:
        work: about how many multiplications it is; see `FROM_MEMORY`.
        each: parts for each thread. Several let threads that got less time do less; one is for
            tasks of which every part repeats some work of the others.
        keeps: what the arguments point to, beside arrays, for whoever makes the call again.
    """
    n_parts = max(min(each * _Settings.n_threads, work // _Settings.grain), 1)
    if told := recorder.get():
        told.called(task, arguments, n_parts, keeps)
        if told.dry:
            return
    _check(lib.dpk_run(task, arguments, _Settings.n_threads, n_parts))


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
    status = lib.dpk_run_program(program, _Settings.n_threads, n_done)
    if status != lib.DPK_REFUSED:
        _check(status)
    return int(n_done[0])


def field_of(arguments: Any, name: str) -> tuple[Any, int]:
    """Where a field of a struct is, and of how many bytes."""
    at = ffi.addressof(arguments[0], name)
    return at, ffi.sizeof(ffi.typeof(at).item)


def rows_of(table: NDArray[Any], n: int, n_bytes: int) -> Any:
    """The memory of n rows of so many bytes each. The caller keeps the array."""
    if not table.flags.c_contiguous or table.nbytes != n * n_bytes:
        raise AutodiffError(f"{n} rows of {n_bytes} bytes are wanted, got {table.nbytes} bytes")
    return ffi.from_buffer(table)


def side_by_side(parts: Sequence[tuple[Any, int]]) -> tuple[Any, Any, int, object]:
    """Sequences of which none writes what another one reads or writes, as one call: task,
    arguments, parts, and what the arguments point to.

    Args:
        parts: rows of `dpk_call` each, and how many of them a call that overlaps has to wait for.
    """
    rows = [{"calls": c, "n_calls": len(c), "n_early": n_early} for c, n_early in parts]
    sequences = array_of("dpk_sequence", rows)
    arguments = struct("dpk_sequences", sequences=sequences, n_sequences=len(rows))
    return ffi.addressof(lib, "dpk_run_sequences"), arguments, len(rows), (sequences, parts)


def _check(status: int) -> None:
    if status:
        raise MemoryError("a kernel found no memory for its scratch")


def empty(shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> Any:
    """A contiguous array for a kernel to write, all of it."""
    return _told(aligned_empty(shape, dtype))


def empty_like(array: NDArray[Any]) -> Any:
    """The same, of an array's shape and type and in its order in memory."""
    return _told(aligned_empty_like(array))


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


def _told(array: NDArray[Any]) -> NDArray[Any]:
    if told := recorder.get():
        told.made(array)
    return array


def copy_into(
    y: NDArray[Any], x: NDArray[Any], *, reads: Hashable = None, writes: Hashable = None
) -> None:
    """y = x, by a kernel where there are any.

    Args:
        y: of x's type and shape, elements of 4 or 8 bytes. It has no gaps, and either x's strides
            or the order of its axes.
        x: to be copied, with whatever strides.
        reads: recorded, the name of what is copied in place of x, which it is like.
        writes: likewise, of what it is copied to in place of y.

    Raises:
        AutodiffError: y and x are not as above.
    """
    words = x.dtype.itemsize // 4
    if (y.shape, y.dtype) != (x.shape, x.dtype) or x.dtype.itemsize not in (4, 8):
        raise AutodiffError(f"cannot copy {x.dtype} {x.shape} into {y.dtype} {y.shape}")
    if _Settings.kernels is None:
        np.copyto(y, x)
        return
    fields: dict[str, object] = {"n_axes": 1, "shape": [x.size * words], "strides": [1]}
    if not (has_no_gaps(y) and same_strides(y, x)):
        if not y.flags.c_contiguous or x.ndim + words - 1 > 6:
            raise AutodiffError(f"cannot copy strides {x.strides} into {y.strides} of {x.shape}")
        shape, strides = list(x.shape), [stride // 4 for stride in x.strides]
        if words == 2:  # an element is two floats, side by side
            shape, strides = [*shape, 2], [*strides, 1]
        fields = {"n_axes": len(shape), "shape": shape, "strides": strides}
    arguments = struct("dpk_copy", x=pointer(x), y=pointer(y), **fields)
    if told := recorder.get():
        for field, name in (("x", reads), ("y", writes)):
            if name is not None:
                told.varies(arguments, field, name)
    run(_Settings.kernels.copy, arguments, FROM_MEMORY * x.size)


def _copy(y: NDArray[np.float32], fields: dict[str, object]) -> None:
    copy = struct("dpk_copy", y=pointer(y), **fields)
    run(_Settings.kernels.copy, copy, FROM_MEMORY * y.size)


def struct(name: str, **fields: object) -> Any:
    """An argument struct of the kernels; arrays are given by `pointer`, and kept alive by it."""
    return ffi.new(f"{name} *", fields)


def array_of(name: str, rows: Sequence[object]) -> Any:
    """Structs in a row. The caller keeps it until the kernel is done."""
    return ffi.new(f"{name}[]", rows)


def pointer(array: NDArray[Any], kind: str = "float") -> Any:
    """The address of the first element. The caller keeps the array until the kernel is done."""
    if told := recorder.get():
        told.given(array)
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


@contextmanager
def forced(name: str | None, n_threads: int = 1) -> Iterator[None]:
    """Compute with the kernels of one instruction set, or with NumPy (None): for tests.

    With several threads the smallest work is shared out too.
    """
    before = _Settings.kernels, _Settings.n_threads, _Settings.grain
    _Settings.kernels = None if name is None else _Settings.sets[name]
    _Settings.n_threads, _Settings.grain = n_threads, 1
    try:
        yield
    finally:
        _Settings.kernels, _Settings.n_threads, _Settings.grain = before
