"""A trace of kernel calls, and the program that makes them again without Python in between.

Python finds shapes, allocates and builds the tape before each kernel: some 40 microseconds, as much
as the work of a small kernel. A trace notes the calls once. Its program makes them many times, each
time with other addresses and numbers in its holes::

    with Trace(x, *weights) as trace:
        y = net(x)
    if trace.complete:
        program = trace.compile({"x": x})
        program.run(2, {"x": np.array([address(a), address(b)], np.uintp)})

A trace follows memory: a kernel reads what the trace knows, or what another kernel wrote. Where
NumPy computed something in between, the trace is not complete. A trace cannot see Python that
decides by values or has effects of its own: put that into a host callback.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .kernels.memory import aligned_empty
from .kernels.native import algorithm
from .kernels.native import call as native
from .kernels.native.call import address, tracer
from .kernels.numpy.elementwise import Key
from .kernels.runtime import settings as kernel_settings

Values = Mapping[Hashable, NDArray[Any]]
"""By the name of a hole: a row for each run of a program, of addresses or of numbers."""

HostFunction = Callable[[], bool]
"""Python between kernels; False: the kernels after it do not fit what it found."""


class _Call(NamedTuple):
    """A call of a kernel.

    Attributes:
        keeps: arrays and structs that the arguments point to.
        worker: the worker that makes the call; None: all threads make it together.
    """

    task: Any
    arguments: Any
    n_parts: int
    keeps: object
    worker: int | None


class _Hole(NamedTuple):
    """Bytes within the arguments of a call that are others in each run.

    Attributes:
        to: where they are.
        name: of the row of values.
        offset: what is added to the values, which are addresses; None: they are put as they are.
        arguments: keeps them alive.
    """

    to: Any
    n_bytes: int
    name: Hashable
    offset: int | None
    arguments: Any


class Trace:
    """The kernel calls that are made inside of a ``with``, in their order.

    Args:
        known: arrays that keep their place in memory: inputs, weights, constants.

    Attributes:
        keys: the keys of dropouts, in the order in which they were drawn.
    """

    def __init__(self, *known: NDArray[Any]) -> None:
        self.keys: list[Key] = []
        self._memory: dict[int, NDArray[Any]] = {}
        self._unknown = False
        self._calls: list[_Call] = []
        self._holes: list[_Hole] = []
        self._callbacks: list[tuple[int, HostFunction]] = []
        self._settings = _settings()
        self._worker: int | None = None
        self._pools: dict[int, dict[Hashable, NDArray[Any]]] = {}
        self._n_allocated = 0
        self.know(*known)

    def __enter__(self) -> Self:
        self._token = tracer.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tracer.reset(self._token)

    def know(self, *arrays: NDArray[Any]) -> None:
        """These arrays keep their place in memory."""
        self._memory |= {id(owner): owner for owner in map(_owner, arrays)}

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """Memory that a kernel is going to write, all of it.

        A worker gets the memory that it had for its micro-batch before: it stays in the cache.
        """
        if self._worker is None:
            array = aligned_empty(shape, dtype)
        else:
            pool, key = self._pools[self._worker], (self._n_allocated, shape, dtype)
            self._n_allocated += 1
            if key not in pool:
                pool[key] = aligned_empty(shape, dtype)
            array = pool[key]
        self.know(array)
        return array

    def uses(self, array: NDArray[Any]) -> None:
        """A kernel is going to read or write this array."""
        self._unknown |= id(_owner(array)) not in self._memory

    def called(self, task: Any, arguments: Any, n_parts: int, keeps: object) -> None:
        """A kernel is called."""
        self._calls.append(_Call(task, arguments, n_parts, keeps, self._worker))

    def hole(self, arguments: Any, field: str, name: Hashable) -> None:
        """A number within arguments is another one in each run."""
        to, n_bytes = native.field_of(arguments, field)
        self._holes.append(_Hole(to, n_bytes, name, None, arguments))

    def drew(self, key: Key) -> None:
        """A dropout drew this key."""
        self.know(key)
        self.keys.append(key)

    def callback(self, function: HostFunction) -> None:
        """Python calls this function at this place in each run."""
        self._callbacks.append((len(self._calls), function))

    @contextmanager
    def worker(self, number: int) -> Iterator[None]:
        """One worker makes the calls inside, for one micro-batch."""
        self._worker, self._n_allocated = number, 0
        self._pools.setdefault(number, {})
        try:
            yield
        finally:
            self._worker = None

    @property
    def unknown(self) -> bool:
        """Whether a kernel used an array that neither the trace knew nor a kernel wrote."""
        return self._unknown

    @property
    def complete(self) -> bool:
        """Whether kernels and host callbacks made all numbers that kernels read."""
        return bool(self._calls) and not self._unknown

    def compile(self, varying: Mapping[Hashable, NDArray[Any]]) -> "Program":
        """The program of the calls.

        Args:
            varying: name -> an array that lies elsewhere in each run. Each pointer into its memory
                becomes a hole.
        """
        ranges = {name: (address(array), *_bounds(array)) for name, array in varying.items()}
        holes = [*self._holes]
        for call in self._calls:
            for to, value in native.pointers_in(call.arguments):
                for name, (begin, low, high) in ranges.items():
                    if low <= value < high:
                        holes.append(_Hole(to, 8, name, value - begin, call.arguments))
        return Program(
            self._calls, holes, self._callbacks, settings=self._settings, memory=self._memory
        )


class Program:
    """Kernel calls with holes.

    Args:
        calls: in their order. Between two calls without a worker, the calls of several workers do
            not depend on each other: each worker makes its own, side by side.
        holes: what is put into their arguments in each run.
        callbacks: Python functions, each with the number of calls before it.
        settings: threads and kernels for which the calls are arranged.
        memory: that the calls read and write; it is kept.
    """

    def __init__(
        self,
        calls: list[_Call],
        holes: list[_Hole],
        callbacks: list[tuple[int, HostFunction]],
        *,
        settings: tuple[object, ...],
        memory: object,
    ) -> None:
        self._settings, self._holes, self._memory = settings, holes, memory
        self._fields = native.array_of(
            "dpk_varying", [{"to": hole.to, "n_bytes": hole.n_bytes} for hole in holes]
        )
        ends = [*callbacks, (len(calls), None)]
        begins = [0, *(end for end, _ in callbacks)]
        self._segments = [
            (_Rows(calls[begin:end]), function)
            for begin, (end, function) in zip(begins, ends, strict=True)
        ]

    @property
    def kernels_only(self) -> bool:
        """Whether there is no host callback."""
        return len(self._segments) == 1

    @property
    def current(self) -> bool:
        """Whether threads and kernels are those of the trace."""
        return self._settings == _settings()

    def run(self, n_times: int, values: Values) -> int:
        """Make all calls, n times; once only, if there are host callbacks.

        Returns:
            How many times all calls were made: fewer than n_times if a kernel met a value that
            Python refuses, or a host callback gave up.

        Raises:
            AutodiffError: there are not n rows of a value.
            MemoryError: a kernel found no memory for its scratch.
        """
        tables = []
        for field, hole in zip(self._fields, self._holes, strict=True):
            rows = values[hole.name]
            if hole.offset is not None:
                rows = rows.astype(np.intp) + hole.offset
            tables.append(rows)
            field.values = native.rows_of(rows, n_times, hole.n_bytes)
        if self.kernels_only:
            return native.run_program(self._segments[0][0].rows, self._fields, n_times)
        for i, (calls, function) in enumerate(self._segments):
            if not native.run_program(calls.rows, self._fields if i == 0 else None):
                return 0
            if function is not None and not function():
                return 0
        return 1


class _Rows:
    """Calls as the kernels read them: those of several workers side by side in one call."""

    def __init__(self, calls: list[_Call]) -> None:
        self._keeps: list[object] = [calls]
        rows: list[tuple[object, ...]] = []
        begin = 0
        while begin < len(calls):
            end = begin
            while end < len(calls) and calls[end].worker is not None:
                end += 1
            if workers := list(dict.fromkeys(call.worker for call in calls[begin:end])):
                own = [[c for c in calls[begin:end] if c.worker == worker] for worker in workers]
                rows += self._side_by_side(own) if len(own) > 1 else map(_row, own[0])
            if end == begin:
                rows.append(_row(calls[end]))
                end += 1
            begin = end
        self.rows = native.array_of("dpk_call", rows)

    def _side_by_side(self, sequences: list[list[_Call]]) -> list[tuple[object, ...]]:
        parts = [native.array_of("dpk_call", [*map(_row, calls)]) for calls in sequences]
        task, arguments, n_parts, keeps = native.side_by_side(parts)
        self._keeps += [parts, arguments, keeps]
        return [(task, arguments, n_parts)]


def _row(call: _Call) -> tuple[object, ...]:
    return call.task, call.arguments, call.n_parts


@contextmanager
def worker(number: int) -> Iterator[None]:
    """One worker computes what is inside, for one micro-batch; matters to a trace only."""
    trace = tracer.get()
    if trace is None:
        yield
    else:
        with trace.worker(number):
            yield


def constant(array: NDArray[Any]) -> NDArray[Any]:
    """An array that Python would make with the same numbers each time, or that kernels fill."""
    if trace := tracer.get():
        trace.know(array)
    return array


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    """The addresses of the first byte of an array, and after its last one."""
    ends = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    begin = address(array)
    low = begin + sum(end for end in ends if end < 0)
    return low, begin + sum(end for end in ends if end > 0) + array.itemsize


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _settings() -> tuple[object, ...]:
    return (*kernel_settings(), algorithm.is_direct())
