"""The calls for a batch at one place of a group: arranged once, then aimed at one batch after
another."""

from dataclasses import dataclass

import numpy as np

from drypoint.autodiff import Array, Copy, Key, Recording, copy_into, draw_key

from ._examples import Batch
from ._layers import Seed, keys
from ._optimizers import Terms
from ._passes import (
    Outcome,
    Pass,
    Passes,
    Recorded,
    copied,
    examples,
    n_slots,
    seed_of,
    whole,
)


@dataclass(frozen=True, eq=False)
class Part:
    """A recorded pass of a batch or micro-batch, in a turn.

    Attributes:
        recording: of copies into the pass, the pass, and copies of what it leaves.
        recorded: the pass.
        copies: by port: where the examples come from.
        keys: of what drops out.
        left: outputs and losses, which stay until the next turn, and gradients, which do not.
    """

    recording: Recording
    recorded: Recorded
    copies: dict[str, Copy]
    keys: list[Key]
    left: Pass


@dataclass(frozen=True, eq=False)
class Turn:
    """Forward and back for a batch.

    Attributes:
        recording: of all parts, and sums of their gradients.
        parts: in order.
        gradients: what is left to add up, by path.
        scale: 1 / divisor for each loss of a part.
    """

    recording: Recording
    parts: list[Part]
    gradients: Terms
    scale: Array

    @property
    def outcome(self) -> Outcome:
        """What came of it, once the recording has been played."""
        return whole([part.left for part in self.parts])


class Turns:
    """A turn for each place of a group of batches."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._turns: dict[int, Turn] = {}

    def at(self, place: int, batch: Batch, *, seed: Seed, divisor: int) -> Turn | None:
        """The turn of a place, for this batch and with what the seed draws; None if not all of it
        has been recorded, or Python has a part in it."""
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
        turn = self._turns.get(place)
        if turn is None or [part.recorded for part in turn.parts] != passes:
            turn = self._turns[place] = self._made(batches, passes, slots)
        turn.scale.fill(1 / divisor)
        for number, (part, given) in enumerate(zip(turn.parts, batches, strict=True)):
            for port, copy in part.copies.items():
                copy.read(given[port])
            if part.keys:
                rng = keys(seed_of(seed, number, len(batches)))
                for key in part.keys:
                    draw_key(key, rng)
        return turn

    def _made(self, batches: list[Batch], passes: list[Recorded], slots: int) -> Turn:
        """As many passes side by side as there are slots, again and again. Their gradients are
        added to those of the ones before, the last ones' by whoever uses them."""
        scale = np.empty(max(map(examples, batches)), np.float32)
        parts = [_part(known, batch, scale) for known, batch in zip(passes, batches, strict=True)]
        with Recording(dry=True) as recording:
            gradients: Terms = {}
            for begin in range(0, len(parts), slots):
                total = self._passes.total(gradients) if gradients else {}
                together = parts[begin : begin + slots]
                recording.side_by_side([part.recording for part in together])
                gradients = self._passes.added(total, [part.left for part in together])
        return Turn(recording, parts, gradients, scale)


def _part(known: Recorded, batch: Batch, scale: Array) -> Part:
    drawn = [np.empty_like(key) for key in known.recording.keys]
    left = copied(known.result)
    with Recording(dry=True) as recording:
        copies = {port: copy_into(to, batch[port]) for port, to in known.batch.items()}
        copy_into(known.scale, scale[: len(known.scale)])
        for to, key in zip(known.recording.keys, drawn, strict=True):
            copy_into(to, key)
        recording.include(known.recording)
        copy_into(left.losses, known.result.losses)
        for port, y in left.outputs.items():
            copy_into(y.data, known.result.outputs[port].data)
    return Part(recording, known, copies, drawn, left)
