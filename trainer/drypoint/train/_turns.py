"""The calls for a batch at one place of a group: arranged once, then aimed at one batch after
another."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Copy, Key, Recording, Tensor, copy_into, draw_key, pointer

from ._examples import Batch
from ._layers import Seed, keys
from ._optimizers import Terms
from ._pass import Outcome
from ._passes import Passes, Recorded, examples, n_slots, seed_of
from ._sums import Sums

Form: TypeAlias = dict[str, tuple[tuple[int, ...], np.dtype[np.generic], tuple[int, ...]]]
"""By port, all but the numbers: shape, type and strides of its column."""


@dataclass(frozen=True, eq=False)
class Part:
    """A recorded pass of a batch or micro-batch, in a turn.

    Attributes:
        recorded: the pass.
        recording: of copies into it, itself, and copies of what comes of it.
        copies: by port: where the examples come from, and how many floats lie before them.
        keys: of what drops out.
    """

    recorded: Recorded
    recording: Recording
    copies: dict[str, tuple[Copy, int]]
    keys: list[Key]


class Rooms(NamedTuple):
    """Memory for a batch.

    Attributes:
        scale: 1 / divisor for each loss of a part.
        outcome: what comes of all parts.
        sums: what they leave of gradients.
    """

    scale: Array
    outcome: Outcome
    sums: Sums


@dataclass(frozen=True, eq=False)
class Turn:
    """Forward and back for a batch.

    Attributes:
        form: of the batches that it takes.
        recording: of all parts, and products of what they leave.
        parts: in order.
        rooms: outcome and sums are there when the recording has been played.
        gradients: what is left to add up then, by path.
    """

    form: Form
    recording: Recording
    parts: list[Part]
    rooms: Rooms
    gradients: Terms


class Turns:
    """A turn for each place of a group of batches."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._turns: dict[int, Turn] = {}

    def at(self, place: int, batch: Batch, *, seed: Seed, divisor: int) -> Turn | None:
        """The turn of a place, for this batch and with what the seed draws; None if not all of it
        has been recorded, or Python has a part in it."""
        turn = self._turns.get(place)
        if turn is None or turn.form != _form(batch) or not turn.recording.current:
            turn = self._made(batch)
            if turn is None:
                return None
            self._turns[place] = turn
        turn.rooms.scale.fill(1 / divisor)
        for port, column in batch.items():
            at = pointer(column)
            for part in turn.parts:
                copy, before = part.copies[port]
                copy.read(column, at + before)
        for number, part in enumerate(turn.parts):
            if part.keys:
                rng = keys(seed_of(seed, number, len(turn.parts)))
                for key in part.keys:
                    draw_key(key, rng)
        return turn

    def _made(self, batch: Batch) -> Turn | None:
        """As many sequences of passes side by side as there are slots. What is left to add up of
        their gradients is, by whoever uses them."""
        batches = self._passes.parts(batch)
        slots = n_slots(batches)
        passes = [
            known
            for number, part in enumerate(batches)
            if (known := self._passes.recorded(part, number % slots))
            and known.recording.kernels_only
        ]
        if len(passes) < len(batches):
            return None
        size = examples(batch)
        rooms = Rooms(
            scale=np.empty(max(map(examples, batches)), np.float32),
            outcome=_room(passes[0].result, size),
            sums=self._passes.sums(passes[0].result, size, len(passes)),
        )
        begins = [0, *accumulate(map(examples, batches))]
        parts = [
            _part(known, batch, number, begin, rooms)
            for number, (known, begin) in enumerate(zip(passes, begins, strict=False))
        ]
        with Recording(dry=True) as recording:
            recording.side_by_side([_in_turn(parts[slot::slots]) for slot in range(slots)])
            gradients = self._passes.terms(rooms.sums)
        return Turn(_form(batch), recording, parts, rooms, gradients)


def _in_turn(parts: list[Part]) -> Recording:
    """One after the other: where they share the memory of a pass, each has it for itself."""
    with Recording(dry=True) as recording:
        for part in parts:
            recording.include(part.recording)
    return recording


def _form(batch: Mapping[str, NDArray[np.generic]]) -> Form:
    return {port: (column.shape, column.dtype, column.strides) for port, column in batch.items()}


def _room(like: Outcome, n: int) -> Outcome:
    """Memory for what comes of n examples."""
    outputs = {
        port: Tensor(np.empty((n, *y.shape[1:]), y.dtype)) for port, y in like.outputs.items()
    }
    return Outcome(outputs, np.empty(n, like.losses.dtype))


def _part(known: Recorded, batch: Batch, number: int, begin: int, rooms: Rooms) -> Part:
    """A part: which one, and which example of the batch is its first."""
    mine, result = slice(begin, begin + len(known.scale)), known.result
    drawn = [np.empty_like(key) for key in known.recording.keys]
    with Recording(dry=True) as recording:
        copies = {
            port: (copy_into(to, batch[port][mine]), begin * (batch[port].strides[0] // 4))
            for port, to in known.batch.items()
        }
        copy_into(known.scale, rooms.scale[: len(known.scale)])
        for to, key in zip(known.recording.keys, drawn, strict=True):
            copy_into(to, key)
        recording.include(known.recording)
        copy_into(rooms.outcome.losses[mine], result.losses)
        for port, y in rooms.outcome.outputs.items():
            copy_into(y.data[mine], result.outputs[port].data)
        rooms.sums.keep(result, number=number, begin=begin)
    return Part(known, recording, copies, drawn)
