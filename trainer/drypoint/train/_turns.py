"""The calls for a batch at one place of a group: arranged once, then aimed at one batch after
another."""

from dataclasses import dataclass

import numpy as np

from drypoint.autodiff import Array, Copy, Key, Recording, copy_into, draw_key

from ._examples import Batch
from ._layers import Seed, keys
from ._passes import Pass, Passes, Recorded, copied, examples, seed_of


@dataclass(frozen=True, eq=False)
class Turn:
    """Forward and back for a batch, made of recorded passes of it or of its micro-batches.

    Attributes:
        recording: of the copies of each into its pass, the pass, and the copies out of it.
        passes: what it is made of.
        copies: for each, by port: where its batch comes from.
        kept: what each left.
        gradients: of the whole batch.
        scale: 1 / N for each of its N losses.
        keys: for each pass, of what drops out in it.
    """

    recording: Recording
    passes: list[Recorded]
    copies: list[dict[str, Copy]]
    kept: list[Pass]
    gradients: dict[str, Array]
    scale: Array
    keys: list[list[Key]]


class Turns:
    """A turn for each place of a group of batches."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._turns: dict[int, Turn] = {}

    def at(self, place: int, batch: Batch, seed: Seed) -> Turn | None:
        """The turn of a place, aimed at this batch and with what the seed draws; None if not all of
        it has been recorded."""
        parts = self._passes.parts(batch)
        recorded = [self._passes.recorded(part) for part in parts]
        passes = [known for known in recorded if known is not None]
        if len(passes) < len(parts) or not all(p.recording.kernels_only for p in passes):
            return None
        turn = self._turns.get(place)
        if turn is None or turn.passes != passes or len(turn.scale) != examples(batch):
            turn = self._turns[place] = self._made(parts, passes)
        for part, copies in zip(parts, turn.copies, strict=True):
            for port, copy in copies.items():
                copy.read(part[port])
        for number, own in enumerate(turn.keys):
            if own:
                rng = keys(seed_of(seed, number, len(parts)))
                for key in own:
                    draw_key(key, rng)
        return turn

    def result(self, turn: Turn) -> Pass:
        """What came of the turn."""
        return turn.kept[0] if len(turn.kept) == 1 else self._passes.whole(turn.kept)

    def _made(self, parts: list[Batch], passes: list[Recorded]) -> Turn:
        n = sum(map(examples, parts))
        scale = np.full(n, 1 / n, np.float32)
        copies, kept, drawn = list[dict[str, Copy]](), list[Pass](), list[list[Key]]()
        with Recording(dry=True) as recording:
            for part, known in zip(parts, passes, strict=True):
                copies.append({port: copy_into(to, part[port]) for port, to in known.batch.items()})
                copy_into(known.scale, scale[: len(known.scale)])
                drawn.append([np.empty_like(key) for key in known.recording.keys])
                for to, key in zip(known.recording.keys, drawn[-1], strict=True):
                    copy_into(to, key)
                recording.include(known.recording)
                kept.append(copied(known.result))
                copy_into(kept[-1].losses, known.result.losses)
                for port, y in kept[-1].outputs.items():
                    copy_into(y.data, known.result.outputs[port].data)
                if len(parts) > 1:
                    self._passes.collect(known.result.gradients, first=part is parts[0])
        gradients = self._passes.totals if len(kept) > 1 else kept[0].gradients
        return Turn(recording, passes, copies, kept, gradients, scale, drawn)
