"""The compiled training step: trace, compile, replay.

Trace: the tape step makes the first step of each batch shape, and a trace records its kernel calls.
Compile: the trace becomes a `CompiledTrace`. Values that differ from batch to batch are its
placeholders: the addresses of examples, losses, outputs and dropout keys, and the optimizer's
numbers. Replay: one call runs the compiled trace for many batches.

Example: the images of the third of 16 batches of 64 begin 2 * 64 images after the images of the
first batch. The third row of a placeholder's values holds their address. Before the third run the
kernels copy this address into the arguments of the call that reads the images.
"""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations, takewhile
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff.kernels import address, draw_key
from drypoint.autodiff.kernels.runtime import lib
from drypoint.autodiff.trace import CompiledTrace, Trace, Values

from .._examples import n_examples, stored_arrays
from .._metrics import Totals
from .context import key_generator
from .memory import StepMemory
from .tape import Shard, TapeStep

BatchShape: TypeAlias = tuple[int, tuple[tuple[object, ...], ...]]
"""(examples of the whole batch, (port, shape, dtype, strides) of each array of the shard)."""

_MOST_SHAPES = 6
"""The number of batch shapes that are compiled; the tape step makes the steps of other shapes."""


def batch_shape(shard: Shard) -> BatchShape:
    """The batch shape of a shard."""
    arrays = stored_arrays(shard.batch).items()
    return shard.size, tuple((port, a.shape, a.dtype, a.strides) for port, a in arrays)


class CompiledStep:
    """Traces a tape step for each batch shape, and replays it for all later batches."""

    def __init__(self, tape: TapeStep, notify: Callable[[str], None]) -> None:
        self._tape, self._notify = tape, notify
        self._replays: dict[BatchShape, StepReplay] = {}
        self._compiles = True

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """A step for each batch in order, until a batch's shape differs from the first batch's."""
        shape = batch_shape(shards[0])
        replay = self._replays.get(shape)
        if replay is None or not replay.current:
            self._replays.pop(shape, None)
            room = self._compiles and len(self._replays) < _MOST_SHAPES
            traces = room and not _overlap(shards[0])
            return self._trace(shards[0]) if traces else self._tape.run(shards)
        equal = [*takewhile(lambda shard: batch_shape(shard) == shape, shards)]
        return replay.replay(equal) or self._tape.run(shards)  # the tape step raises the error

    def _trace(self, shard: Shard) -> list[Totals]:
        """A step by the tape, and the replay of its trace."""
        tape, state = self._tape, self._tape.state
        lib.dpk_return_memory()  # the arena of the trace takes new pages
        with Trace(*state.live_arrays(), *stored_arrays(shard.batch).values()) as trace:
            memory = StepMemory(n_examples(shard.batch))
            tape.step(shard, memory)
        state.step += 1
        if trace.complete:
            self._replays[batch_shape(shard)] = StepReplay(tape, trace, shard, memory)
        else:
            self._compiles = False
            self._replays.clear()
            self._notify("tape step: NumPy computes a part of the net between kernels")
        return tape.totals([shard], memory)


class StepReplay:
    """Repeats a traced step for other batches of its shape."""

    def __init__(self, tape: TapeStep, trace: Trace, shard: Shard, memory: StepMemory) -> None:
        self._tape, self._memory = tape, memory
        varying: dict[Hashable, NDArray[Any]] = {"losses": memory.losses}
        varying |= {("input", port): array for port, array in stored_arrays(shard.batch).items()}
        varying |= {("output", port): array for port, array in memory.outputs.items()}
        varying |= {("key", i): key for i, key in enumerate(trace.keys)}
        self._compiled: CompiledTrace = trace.compile(varying)
        self._key_places = [*tape.context.key_places]

    @property
    def current(self) -> bool:
        """Whether the threads and kernels of the trace are still in use."""
        return self._compiled.current

    def replay(self, shards: Sequence[Shard]) -> list[Totals]:
        """A step for each batch; for the first batch only, if there are host callbacks."""
        tape, step = self._tape, self._tape.state.step
        shards = shards if self._compiled.kernels_only else shards[:1]
        memory = self._memory.repeat(len(shards))
        keys = self._draw_keys(step, len(shards))
        values = {
            **tape.update.placeholder_values(step, len(shards)),
            **_addresses(shards, memory, keys),
        }
        with tape.context.with_seed(tape.seed(step)):
            n_done = self._compiled.run(len(shards), values)
        if n_done == 0:
            return []
        tape.state.step += n_done
        return tape.totals(shards[:n_done], memory)

    def _draw_keys(self, step: int, n: int) -> NDArray[np.uint32]:
        """The dropout keys of n steps: (n, keys, 2)."""
        places = self._key_places
        keys = np.empty((n, len(places), 2), np.uint32)
        for i in range(n):
            seeds = {place: self._tape.seed(step + i, place) for place in places}
            rngs = {place: key_generator(seed) for place, seed in seeds.items()}
            for j, place in enumerate(places):
                keys[i, j] = draw_key(rngs[place])
        return keys


def _overlap(shard: Shard) -> bool:
    """Whether two columns share memory: then an address does not identify a column."""
    pairs = combinations(stored_arrays(shard.batch).values(), 2)
    return any(np.may_share_memory(first, second) for first, second in pairs)


def _addresses(shards: Sequence[Shard], memory: StepMemory, keys: NDArray[np.uint32]) -> Values:
    """The addresses of examples, losses, outputs and dropout keys, a row for each batch."""
    n = len(shards)
    values: dict[Hashable, NDArray[Any]] = {}
    arrays = [stored_arrays(shard.batch) for shard in shards]
    for port in shards[0].batch:
        values["input", port] = np.array([address(own[port]) for own in arrays], np.uintp)
    values["losses"] = _part_addresses(memory.losses, n)
    for port, array in memory.outputs.items():
        values["output", port] = _part_addresses(array, n)
    for i in range(keys.shape[1]):
        values["key", i] = _part_addresses(keys, n) + np.uintp(keys[0, :i].nbytes)
    return values


def _part_addresses(array: NDArray[Any], n: int) -> NDArray[np.uintp]:
    """The addresses of n equal parts of an array, one after the other."""
    return np.uintp(address(array)) + np.arange(n, dtype=np.uintp) * np.uintp(array.nbytes // n)
