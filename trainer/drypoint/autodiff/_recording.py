"""Kernel calls that can be made again: a computation without the Python that arranged it."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from . import _compiled, _fast
from ._compiled import recorder
from ._dropout import draw_key
from ._elementwise_kernels import Key

Values = Mapping[Hashable, NDArray[Any]]
"""By a name, what varies: a row of numbers or addresses for each time."""


class _Call(NamedTuple):
    """A task that is going to run.

    Attributes:
        keeps: what the arguments point to.
        overlaps: 1: together with the call before.
    """

    task: Any
    arguments: Any
    n_parts: int
    keeps: object
    overlaps: int = 0


class _Varying(NamedTuple):
    """What is put into arguments: so many bytes, of what is known by a name."""

    to: Any
    n_bytes: int
    name: Hashable
    arguments: Any


class Recording:
    """What the compiled kernels were asked to do inside of a ``with``, in that order.

    Made again, the same kernels read and write the same memory, so who changes what the inputs hold
    gets the results for that. Python does between kernels what it would do each time: find shapes,
    allocate, build the tape. It costs some 40 microseconds a kernel, as much as the work of a small
    one::

        with Recording(x, *weights) as recording:
            y = net(x)
        if recording.covers(y):
            x[...] = other
            recording.replay()  # y is what net(x) gives now, to the byte

    It follows every array: what a kernel was given must be known, or have come from a kernel. Where
    NumPy computed something in between, the recording does not cover the results. What it cannot
    see is Python that decides by values or has effects of its own; whoever records must know that
    there is none.

    Args:
        known: the inputs, and what else stays where it is: weights, constants.
        dry: only note the calls, to be made later.

    Attributes:
        keys: of what dropped out, in the order in which they were drawn.
    """

    def __init__(self, *known: NDArray[Any], dry: bool = False) -> None:
        self.dry = dry
        self._memory = {id(owner): owner for owner in map(_owner, known)}
        self._strange = False
        self.keys: list[Key] = []
        self._calls: list[_Call] = []
        self._varying: list[_Varying] = []
        self._mark: int | None = None
        self._pauses: list[tuple[int, Callable[[], bool]]] = []
        self._settings = _settings()

    def __enter__(self) -> Self:
        self._token = recorder.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        recorder.reset(self._token)
        if self._calls:
            calls = [(c.task, c.arguments, c.n_parts, c.overlaps) for c in self._calls]
            self._rows = _compiled.array_of("dpk_call", calls)
            varying = [{"to": v.to, "n_bytes": v.n_bytes} for v in self._varying]
            self._fields = _compiled.array_of("dpk_varying", varying)

    def made(self, array: NDArray[Any]) -> None:
        """A kernel is going to write the whole of this array."""
        owner = _owner(array)
        self._memory[id(owner)] = owner

    def given(self, array: NDArray[Any]) -> None:
        """A kernel is going to read or write it."""
        self._strange |= id(_owner(array)) not in self._memory

    def called(self, task: Any, arguments: Any, n_parts: int, keeps: object) -> None:
        """A task is going to run."""
        self._calls.append(_Call(task, arguments, n_parts, keeps))

    def varies(self, arguments: Any, field: str, name: Hashable) -> None:
        """A field of a task's arguments is another one each time: see `play`."""
        to, n_bytes = _compiled.field_of(arguments, field)
        self._varying.append(_Varying(to, n_bytes, name, arguments))

    def mark(self) -> None:
        """What comes now may be done while others begin with what waits for the calls so far."""
        self._mark = len(self._calls)

    @property
    def early(self) -> slice:
        """The calls up to the last mark; all, if there is none."""
        return slice(self._mark)

    @property
    def late(self) -> slice:
        """Those after it."""
        return slice(len(self._calls) if self._mark is None else self._mark, None)

    def include(self, other: "Recording", calls: slice | None = None) -> None:
        """All that another recording of kernels only asked of them, its mark too; or some calls of
        one in which nothing varies."""
        if calls is not None:
            self._calls += other._calls[calls]
            return
        if other._mark is not None:
            self._mark = len(self._calls) + other._mark
        self._calls += other._calls
        self._varying += other._varying

    def side_by_side(self, others: Sequence["Recording"], *, overlapping: bool = False) -> None:
        """All that several others of kernels only asked of them, none of which writes what another
        one reads or writes. Each is done by a thread of its own, which waits for the others only at
        the end, and keeps what it makes in the caches of its core.

        Args:
            overlapping: they need not wait for more than the early calls of those that the same was
                asked of right before.
        """
        if len(others) == 1:
            self.include(others[0])
            return
        kept = [other._calls for other in others]
        rows = [(other._rows, len(other._calls[other.early])) for other in others]
        task, arguments, n_parts, keeps = _compiled.side_by_side(rows)
        self._calls.append(_Call(task, arguments, n_parts, (keeps, kept), int(overlapping)))
        for other in others:
            self._varying += other._varying

    def drawn(self, key: Key) -> None:
        """This is a key that was drawn."""
        self.keys.append(key)

    def draw(self, rng: np.random.Generator) -> None:
        """Other keys for what drops out, from the next `replay` on."""
        for key in self.keys:
            draw_key(key, rng)

    def python(self, step: Callable[[], bool]) -> None:
        """Python is to do this anew each time; False gives up."""
        self._pauses.append((len(self._calls), step))

    def covers(self, *results: NDArray[Any]) -> bool:
        """Whether kernels alone computed these arrays from what is known."""
        return not self._strange and all(id(_owner(array)) in self._memory for array in results)

    @property
    def current(self) -> bool:
        """Whether the kernels would still be called so: threads and instruction set are as then."""
        return self._settings == _settings()

    @property
    def kernels_only(self) -> bool:
        """Whether Python has no part in it: see `play`."""
        return not self._pauses

    def replay(self) -> bool:
        """All calls again; False if a kernel met a value that Python would have refused, or Python
        made an array of another shape: then it has to be computed as it was when it was recorded.

        Raises:
            MemoryError: a kernel found no memory for its scratch.
        """
        begin = 0
        for end, step in (*self._pauses, (len(self._calls), None)):
            if end > begin and not _compiled.run_program(self._rows[begin:end]):
                return False
            if step is not None and not step():
                return False
            begin = end
        return True

    def play(self, n_times: int, values: Values) -> int:
        """All calls of a recording of kernels only, many times without Python in between.

        Args:
            values: of what varies, n_times rows each.

        Returns:
            How many times all were made: fewer than n_times if a kernel met a value that Python
            would have refused.

        Raises:
            MemoryError: a kernel found no memory for its scratch.
        """
        for field, varying in zip(self._fields, self._varying, strict=True):
            field.values = _compiled.rows_of(values[varying.name], n_times, varying.n_bytes)
        return _compiled.run_program(self._rows, self._fields, n_times)


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _settings() -> tuple[object, ...]:
    return (*_compiled.settings(), _fast.is_direct())
