"""The calls for a batch at one place of a group: arranged once, then aimed at one batch after
another."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Copy, Key, Recording, Tensor, copy_into, draw_key, pointer

from ._examples import Batch
from ._layers import Seed, keys
from ._optimizers import Terms
from ._passes import Outcome, Passes, Recorded, examples, n_slots, seed_of

Form: TypeAlias = dict[str, tuple[tuple[int, ...], np.dtype[np.generic], tuple[int, ...]]]
"""By port, all but the numbers: shape, type and strides of its column."""


@dataclass(frozen=True, eq=False)
class Part:
    """A recorded pass of a batch or micro-batch, in a turn.

    Attributes:
        recorded: the pass.
        recording: of copies into it, itself, and copies of its outcome.
        copies: by port: where the examples come from, and how many floats lie before them.
        keys: of what drops out.
    """

    recorded: Recorded
    recording: Recording
    copies: dict[str, tuple[Copy, int]]
    keys: list[Key]


@dataclass(frozen=True, eq=False)
class Turn:
    """Forward and back for a batch.

    Attributes:
        form: of the batches that it takes.
        recording: of all parts, and sums of their gradients.
        parts: in order.
        outcome: what comes of it when the recording is played.
        gradients: what is left to add up then, by path.
        scale: 1 / divisor for each loss of a part.
    """

    form: Form
    recording: Recording
    parts: list[Part]
    outcome: Outcome
    gradients: Terms
    scale: Array


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
        turn.scale.fill(1 / divisor)
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
        """As many passes side by side as there are slots, again and again. Their gradients are
        added to those of the ones before, the last ones' by whoever uses them."""
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
        scale = np.empty(max(map(examples, batches)), np.float32)
        outcome = _room(passes[0].result, examples(batch))
        begins = [0, *accumulate(map(examples, batches))]
        parts = [
            _part(known, batch, begin, scale, outcome)
            for known, begin in zip(passes, begins, strict=False)
        ]
        with Recording(dry=True) as recording:
            gradients: Terms = {}
            for begin in range(0, len(parts), slots):
                total = self._passes.total(gradients) if gradients else {}
                together = parts[begin : begin + slots]
                recording.side_by_side([part.recording for part in together])
                results = [part.recorded.result for part in together]
                gradients = self._passes.added(total, results)
        return Turn(_form(batch), recording, parts, outcome, gradients, scale)


def _form(batch: Mapping[str, NDArray[np.generic]]) -> Form:
    return {port: (column.shape, column.dtype, column.strides) for port, column in batch.items()}


def _room(like: Outcome, n: int) -> Outcome:
    """Memory for what comes of n examples."""
    outputs = {
        port: Tensor(np.empty((n, *y.shape[1:]), y.dtype)) for port, y in like.outputs.items()
    }
    return Outcome(outputs, np.empty(n, like.losses.dtype))


def _part(known: Recorded, batch: Batch, begin: int, scale: Array, outcome: Outcome) -> Part:
    mine = slice(begin, begin + len(known.scale))
    drawn = [np.empty_like(key) for key in known.recording.keys]
    with Recording(dry=True) as recording:
        copies = {
            port: (copy_into(to, batch[port][mine]), begin * (batch[port].strides[0] // 4))
            for port, to in known.batch.items()
        }
        copy_into(known.scale, scale[: len(known.scale)])
        for to, key in zip(known.recording.keys, drawn, strict=True):
            copy_into(to, key)
        recording.include(known.recording)
        copy_into(outcome.losses[mine], known.result.losses)
        for port, y in outcome.outputs.items():
            copy_into(y.data[mine], known.result.outputs[port].data)
    return Part(known, recording, copies, drawn)
