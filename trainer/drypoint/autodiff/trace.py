"""A trace of kernel calls, and the compiled trace that repeats them without Python between them.

Before each kernel, Python finds shapes, allocates and builds the tape: some 40 microseconds, as
long as a small kernel runs. A trace records the calls once; a compiled trace repeats them many
times. A placeholder is a field of a call's arguments, an address or a number, that each run sets::

    with Trace(x, *weights) as trace:
        y = net(x)
    if trace.complete:
        compiled = trace.compile({"x": x})
        compiled.run(2, {"x": np.array([address(a), address(b)], np.uintp)})

A trace is complete if every array that a kernel reads is known to the trace or was written by a
kernel or host callback; it is incomplete if NumPy computed an array in between. A trace cannot see
Python that branches on values or has side effects: put such code into a host callback.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .kernels.memory import Arena
from .kernels.native import algorithm
from .kernels.native import call as native
from .kernels.native.call import address, tracer
from .kernels.numpy.elementwise import Key
from .kernels.runtime import settings as kernel_settings
from .workers import current_worker

Values = Mapping[Hashable, NDArray[Any]]
"""Name of a placeholder -> its values, addresses or numbers, one row for each run."""

HostFunction = Callable[[], bool]
"""A host callback; it returns False if the kernels after it cannot run (another shape)."""


class _Call(NamedTuple):
    """A call of a kernel."""

    task: Any
    arguments: Any
    n_parts: int
    references: object  # arrays and structs that the arguments point to
    worker: int | None  # who runs the call; None: all threads together


class _Placeholder(NamedTuple):
    """A field in the arguments of a call that each run sets."""

    to: Any  # the address of the field
    n_bytes: int  # the size of the field
    name: Hashable  # the key of its values in `Values`
    offset: int | None  # bytes to add to the values, which are addresses; None: they are numbers
    arguments: Any  # the struct that the field is in, kept alive


class Trace:
    """The kernel calls inside of a ``with`` block, in order."""

    def __init__(self, *known: NDArray[Any]) -> None:
        self.keys: list[Key] = []
        self._memory: dict[int, NDArray[Any]] = {}
        self._unknown = False
        self._calls: list[_Call] = []
        self._placeholders: list[_Placeholder] = []
        self._callbacks: list[tuple[int, HostFunction]] = []
        self._settings = _settings()
        self._arenas: defaultdict[int | None, Arena] = defaultdict(Arena)
        self.register(*known)

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

    def register(self, *arrays: NDArray[Any]) -> None:
        """Add arrays that stay at their address, and whose values the compiled trace may read."""
        self._memory |= {id(owner): owner for owner in map(_owner, arrays)}

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """An uninitialized array that a kernel writes completely.

        Each worker has memory of its own: the workers' calls have no order among each other.
        """
        return self._arenas[current_worker.get()].empty(shape, dtype)

    def note_access(self, array: NDArray[Any]) -> None:
        """Note that a kernel reads or writes an array."""
        owner = _owner(array)
        lent = any(arena.lends(owner) for arena in self._arenas.values())
        self._unknown |= not lent and id(owner) not in self._memory

    def append_call(self, task: Any, arguments: Any, n_parts: int, references: object) -> None:
        """Append a call of a kernel."""
        self._calls.append(_Call(task, arguments, n_parts, references, current_worker.get()))

    def add_placeholder(self, arguments: Any, field: str, name: Hashable) -> None:
        """Make a number in the arguments of a call a placeholder."""
        to, n_bytes = native.field_of(arguments, field)
        self._placeholders.append(_Placeholder(to, n_bytes, name, None, arguments))

    def append_key(self, key: Key) -> None:
        """Append the key of a dropout."""
        self.register(key)
        self.keys.append(key)

    def append_callback(self, function: HostFunction) -> None:
        """Append a host callback, which each run calls between the kernels before and after it."""
        self._callbacks.append((len(self._calls), function))

    @property
    def has_unknown_array(self) -> bool:
        """Whether a kernel used an array that neither the trace knew nor a kernel wrote."""
        return self._unknown

    @property
    def complete(self) -> bool:
        """Whether there are calls, and the trace knows every array that they read."""
        return bool(self._calls) and not self._unknown

    def compile(self, varying: Mapping[Hashable, NDArray[Any]]) -> "CompiledTrace":
        """The compiled trace of the calls."""
        ranges = {name: (address(array), *_bounds(array)) for name, array in varying.items()}
        placeholders = [*self._placeholders]
        for call in self._calls:
            for to, value in native.pointers_in(call.arguments):
                for name, (begin, low, high) in ranges.items():
                    if low <= value < high:
                        placeholders.append(
                            _Placeholder(to, 8, name, value - begin, call.arguments)
                        )
        for array in varying.values():
            self._memory.pop(id(_owner(array)), None)
        memory = self._memory, [arena.chunks for arena in self._arenas.values()]
        return CompiledTrace(
            self._calls, placeholders, self._callbacks, settings=self._settings, memory=memory
        )


class CompiledTrace:
    """Kernel calls with placeholders."""

    def __init__(
        self,
        calls: list[_Call],
        placeholders: list[_Placeholder],
        callbacks: list[tuple[int, HostFunction]],
        *,
        settings: tuple[object, ...],
        memory: object,
    ) -> None:
        self._settings, self._placeholders, self._memory = settings, placeholders, memory
        self._fields = native.array_of(
            "dpk_placeholder",
            [
                {"to": placeholder.to, "n_bytes": placeholder.n_bytes}
                for placeholder in placeholders
            ],
        )
        ends = [*callbacks, (len(calls), None)]
        begins = [0, *(end for end, _ in callbacks)]
        self._segments = [
            (_CallTable(calls[begin:end]), function)
            for begin, (end, function) in zip(begins, ends, strict=True)
        ]

    @property
    def kernels_only(self) -> bool:
        """Whether there is no host callback."""
        return len(self._segments) == 1

    @property
    def current(self) -> bool:
        """Whether the number of threads and the kernels are still the settings of the trace."""
        return self._settings == _settings()

    def run(self, n_times: int, values: Values) -> int:
        """Run all calls n times; only once if there are host callbacks."""
        tables = []
        for field, placeholder in zip(self._fields, self._placeholders, strict=True):
            rows = values[placeholder.name]
            if placeholder.offset is not None:
                rows = rows.astype(np.intp) + placeholder.offset
            tables.append(rows)
            field.values = native.rows_of(rows, n_times, placeholder.n_bytes)
        if self.kernels_only:
            return native.run_program(self._segments[0][0].table, self._fields, n_times)
        for i, (calls, function) in enumerate(self._segments):
            if not native.run_program(calls.table, self._fields if i == 0 else None):
                return 0
            if function is not None and not function():
                return 0
        return 1


class _CallTable:
    """Calls as a C array; parallel calls of several workers are combined into one call."""

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
                rows += self._side_by_side(own) if len(own) > 1 else map(_call_row, own[0])
            if end == begin:
                rows.append(_call_row(calls[end]))
                end += 1
            begin = end
        self.table = native.array_of("dpk_call", rows)

    def _side_by_side(self, sequences: list[list[_Call]]) -> list[tuple[object, ...]]:
        parts = [native.array_of("dpk_call", [*map(_call_row, calls)]) for calls in sequences]
        task, arguments, n_parts, references = native.side_by_side(parts)
        self._keeps += [parts, arguments, references]
        return [(task, arguments, n_parts)]


def _call_row(call: _Call) -> tuple[object, ...]:
    return call.task, call.arguments, call.n_parts


def constant(array: NDArray[Any]) -> NDArray[Any]:
    """The array, made known to the trace: its values are equal in each run, or kernels write it."""
    if trace := tracer.get():
        trace.register(array)
    return array


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    """The address of the first byte of an array, and the address after its last byte."""
    ends = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    begin = address(array)
    low = begin + sum(end for end in ends if end < 0)
    return low, begin + sum(end for end in ends if end > 0) + array.itemsize


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _settings() -> tuple[object, ...]:
    return (*kernel_settings(), algorithm.is_direct())
