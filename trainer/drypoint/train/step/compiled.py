"""The compiled training step: trace, compile, play.

Trace: the first batch of a shape is stepped by the tape, and a trace notes what the tape step asks
of the kernels. Compile: the trace becomes a program, with holes for what differs from batch to
batch: the addresses of the examples, of losses and outputs, of the keys of dropouts, and the
numbers of the optimizer. Play: one call of the kernels makes the program for many batches.

One value through it: the images of the third of 16 batches of 64 begin 2 * 64 images after those of
the first. The third row of a table holds that address. Before the third run of the program it is
put into the arguments of the kernel that copies images to where the first convolution reads.
"""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations, takewhile
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array
from drypoint.autodiff.kernels import address, drawn_key
from drypoint.autodiff.trace import Program, Trace, Values

from .._metrics import Totals
from .context import key_generator
from .tape import Share, StepResult, TapeStep

Shape: TypeAlias = tuple[int, tuple[tuple[object, ...], ...]]
"""All of a share but its numbers: the size of the batch, and of each port its column's shape, type
and strides."""

_MOST_PROGRAMS = 6
"""Batch shapes that are compiled; batches of other shapes are stepped by the tape."""


def shape_of(share: Share) -> Shape:
    """The shape of a share."""
    columns = share.batch.items()
    return share.size, tuple((port, c.shape, c.dtype, c.strides) for port, c in columns)


class CompiledStep:
    """Traces a tape step for each batch shape, and plays its program for the batches that follow.

    Args:
        tape: makes the steps that are traced, and those that cannot be compiled.
        notify: called with a line when the net turns out to be one that cannot be compiled.
    """

    def __init__(self, tape: TapeStep, notify: Callable[[str], None]) -> None:
        self._tape, self._notify = tape, notify
        self._programs: dict[Shape, StepProgram] = {}
        self._compiles = True

    def run(self, shares: Sequence[Share]) -> list[Totals]:
        """Steps for all batches from the first on that have its shape, by one call."""
        shape = shape_of(shares[0])
        program = self._programs.get(shape)
        if program is None or not program.current:
            self._programs.pop(shape, None)
            room = self._compiles and len(self._programs) < _MOST_PROGRAMS
            traces = room and not _overlap(shares[0])
            return self._trace(shares[0]) if traces else self._tape.run(shares)
        alike = [*takewhile(lambda share: shape_of(share) == shape, shares)]
        return program.play(alike) or self._tape.run(shares)  # the tape refuses by an error

    def _trace(self, share: Share) -> list[Totals]:
        """A step by the tape, and its program."""
        tape, state = self._tape, self._tape.state
        with Trace(*state.live_arrays(), *share.batch.values()) as trace:
            result = tape.step(share)
        state.step += 1
        if trace.complete:
            self._programs[shape_of(share)] = StepProgram(tape, trace, share, result)
        else:
            self._compiles = False
            self._programs.clear()
            self._notify("tape step: NumPy computes a part of the net between kernels")
        return tape.totals([share], result)


class StepProgram:
    """The program of a step.

    Args:
        tape: the step that was traced.
        trace: of the step.
        share: its batch.
        result: its result, which kernels wrote.
    """

    def __init__(self, tape: TapeStep, trace: Trace, share: Share, result: StepResult) -> None:
        self._tape, self._result = tape, result
        varying: dict[Hashable, NDArray[Any]] = {"losses": result.losses}
        varying |= {("input", port): column for port, column in share.batch.items()}
        varying |= {("output", port): array for port, array in result.outputs.items()}
        varying |= {("key", i): key for i, key in enumerate(trace.keys)}
        self._program: Program = trace.compile(varying)
        self._places = tape.places(share)
        self._n_keys = len(trace.keys)

    @property
    def current(self) -> bool:
        """Whether threads and kernels are those of the trace."""
        return self._program.current

    def play(self, shares: Sequence[Share]) -> list[Totals]:
        """A step for each batch; only for the first one, where the program has host callbacks.

        Returns:
            The totals of the batches that were stepped: none, or not all, if a kernel met a value
            that Python refuses.
        """
        tape, step = self._tape, self._tape.state.step
        shares = shares if self._program.kernels_only else shares[:1]
        result = self._room(len(shares))
        keys = self._drawn_keys(step, len(shares))
        values = {**tape.update.numbers(step, len(shares)), **_addresses(shares, result, keys)}
        with tape.context.seeded(tape.seed(step)):
            n_done = self._program.run(len(shares), values)
        if n_done == 0:
            return []
        tape.state.step += n_done
        return tape.totals(shares[:n_done], result)

    def _room(self, n: int) -> StepResult:
        """Memory for the results of n batches."""

        def room(like: Array) -> Array:
            return np.empty((n * len(like), *like.shape[1:]), like.dtype)

        outputs = {port: room(array) for port, array in self._result.outputs.items()}
        return StepResult(room(self._result.losses), outputs)

    def _drawn_keys(self, step: int, n: int) -> NDArray[np.uint32]:
        """The keys of n steps: (n, keys, 2)."""
        keys = np.empty((n, self._n_keys, 2), np.uint32)
        each = self._n_keys // max(len(self._places), 1)
        for i in range(n if self._n_keys else 0):
            for number, place in enumerate(self._places):
                rng = key_generator(self._tape.seed(step + i, place))
                for k in range(number * each, (number + 1) * each):
                    keys[i, k] = drawn_key(rng)
        return keys


def _overlap(share: Share) -> bool:
    """Whether two ports read the same memory: an address would not say which port it is of."""
    pairs = combinations(share.batch.values(), 2)
    return any(np.may_share_memory(one, other) for one, other in pairs)


def _addresses(shares: Sequence[Share], result: StepResult, keys: NDArray[np.uint32]) -> Values:
    """For each batch, where its examples are, and where losses, outputs and keys go."""
    n = len(shares)
    values: dict[Hashable, NDArray[Any]] = {}
    for port in shares[0].batch:
        begins = [address(share.batch[port]) for share in shares]
        values["input", port] = np.array(begins, np.uintp)
    for name, array in {"losses": result.losses, **_named(result)}.items():
        values[name] = _rows(array, n)
    for i in range(keys.shape[1]):
        values["key", i] = address(keys) + np.uintp(8) * (
            np.arange(n, dtype=np.uintp) * np.uintp(keys.shape[1]) + np.uintp(i)
        )
    return values


def _named(result: StepResult) -> dict[Hashable, Array]:
    return {("output", port): array for port, array in result.outputs.items()}


def _rows(array: Array, n: int) -> NDArray[np.uintp]:
    """The addresses of n parts of an array, one after the other."""
    return np.uintp(address(array)) + np.arange(n, dtype=np.uintp) * np.uintp(array.nbytes // n)
