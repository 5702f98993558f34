"""The compiled training step: trace, compile, play.

Trace: the first batch of a shape is stepped by the tape, and a trace notes what the tape step asks
of the kernels. Compile: the trace becomes a program, with placeholders for what differs from batch to
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
from drypoint.autodiff.kernels import address, draw_key
from drypoint.autodiff.trace import Program, Trace, Values

from .._metrics import Totals
from .context import key_generator
from .tape import Shard, StepResult, TapeStep

Shape: TypeAlias = tuple[int, tuple[tuple[object, ...], ...]]
"""All of a shard but its numbers: the size of the batch, and of each port its column's shape, type
and strides."""

_MOST_PROGRAMS = 6
"""Batch shapes that are compiled; batches of other shapes are stepped by the tape."""


def batch_shape(shard: Shard) -> Shape:
    """The shape of a shard."""
    columns = shard.batch.items()
    return shard.size, tuple((port, c.shape, c.dtype, c.strides) for port, c in columns)


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

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """Steps for all batches from the first on that have its shape, by one call."""
        shape = batch_shape(shards[0])
        program = self._programs.get(shape)
        if program is None or not program.current:
            self._programs.pop(shape, None)
            room = self._compiles and len(self._programs) < _MOST_PROGRAMS
            traces = room and not _overlap(shards[0])
            return self._trace(shards[0]) if traces else self._tape.run(shards)
        alike = [*takewhile(lambda shard: batch_shape(shard) == shape, shards)]
        return program.play(alike) or self._tape.run(shards)  # the tape refuses by an error

    def _trace(self, shard: Shard) -> list[Totals]:
        """A step by the tape, and its program."""
        tape, state = self._tape, self._tape.state
        with Trace(*state.live_arrays(), *shard.batch.values()) as trace:
            result = tape.step(shard)
        state.step += 1
        if trace.complete:
            self._programs[batch_shape(shard)] = StepProgram(tape, trace, shard, result)
        else:
            self._compiles = False
            self._programs.clear()
            self._notify("tape step: NumPy computes a part of the net between kernels")
        return tape.totals([shard], result)


class StepProgram:
    """The program of a step.

    Args:
        tape: the step that was traced.
        trace: of the step.
        shard: its batch.
        result: its result, which kernels wrote.
    """

    def __init__(self, tape: TapeStep, trace: Trace, shard: Shard, result: StepResult) -> None:
        self._tape, self._result = tape, result
        varying: dict[Hashable, NDArray[Any]] = {"losses": result.losses}
        varying |= {("input", port): column for port, column in shard.batch.items()}
        varying |= {("output", port): array for port, array in result.outputs.items()}
        varying |= {("key", i): key for i, key in enumerate(trace.keys)}
        self._program: Program = trace.compile(varying)
        self._places = tape.places(shard)
        self._n_keys = len(trace.keys)

    @property
    def current(self) -> bool:
        """Whether threads and kernels are those of the trace."""
        return self._program.current

    def play(self, shards: Sequence[Shard]) -> list[Totals]:
        """A step for each batch; only for the first one, where the program has host callbacks.

        Returns:
            The totals of the batches that were stepped: none, or not all, if a kernel met a value
            that Python refuses.
        """
        tape, step = self._tape, self._tape.state.step
        shards = shards if self._program.kernels_only else shards[:1]
        result = self._step_memory(len(shards))
        keys = self._drawn_keys(step, len(shards))
        values = {**tape.update.numbers(step, len(shards)), **_addresses(shards, result, keys)}
        with tape.context.seeded(tape.seed(step)):
            n_done = self._program.run(len(shards), values)
        if n_done == 0:
            return []
        tape.state.step += n_done
        return tape.totals(shards[:n_done], result)

    def _step_memory(self, n: int) -> StepResult:
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
                    keys[i, k] = draw_key(rng)
        return keys


def _overlap(shard: Shard) -> bool:
    """Whether two ports read the same memory: an address would not say which port it is of."""
    pairs = combinations(shard.batch.values(), 2)
    return any(np.may_share_memory(one, other) for one, other in pairs)


def _addresses(shards: Sequence[Shard], result: StepResult, keys: NDArray[np.uint32]) -> Values:
    """For each batch, where its examples are, and where losses, outputs and keys go."""
    n = len(shards)
    values: dict[Hashable, NDArray[Any]] = {}
    for port in shards[0].batch:
        begins = [address(shard.batch[port]) for shard in shards]
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
