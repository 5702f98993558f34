"""Batches of one form, one after the other: what is asked of the kernels is arranged once, and made
for as many batches as there are without Python in between.

What differs from batch to batch is where the examples are, where outputs and losses go, and the
numbers of the update: `Recording.play` is given a table of each. One value through it: the images
of the third of 16 batches of 64 begin 2 * 64 images after those of the first; the third row of a
table is that address, and before the third time the kernel that copies them to where the first
convolution reads is given it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import (
    Array,
    Key,
    Product,
    Recording,
    Tensor,
    address,
    copy_into,
    draw_key,
    n_threads,
)

from ._examples import Batch
from ._layers import Seed, keys
from ._moves import Moves
from ._optimizers import Terms
from ._pass import Outcome
from ._passes import Passes, Recorded, examples, n_slots, seed_of
from ._sums import Sums

Form: TypeAlias = tuple[tuple[str, tuple[int, ...], np.dtype[np.generic], tuple[int, ...]], ...]
"""All but the numbers: of each port its column's shape, type and strides."""

_MOST_TURNS = 6
"""Sizes of batches."""
_LEAST_ROWS = 32
"""Of a piece of a large gradient: for each, all examples are packed anew."""


class Part(NamedTuple):
    """A batch, or a micro-batch.

    Attributes:
        recorded: its pass.
        number: which one, from 0.
        begin: the example of the batch that is its first.
    """

    recorded: Recorded
    number: int
    begin: int


@dataclass(frozen=True, eq=False)
class Turn:
    """Forward and back for batches of one form, and the update where that is kernels alone.

    Attributes:
        form: of the batches.
        recording: of all of it.
        parts: in order.
        scale: 1 / divisor for each loss of a part.
        sums: what parts leave.
        gradients: what is left to add up, by path, where the update is not part of it.
    """

    form: Form
    recording: Recording
    parts: list[Part]
    scale: Array
    sums: Sums
    gradients: Terms

    def play(
        self,
        batches: Sequence[Batch],
        *,
        seeds: Sequence[Seed],
        divisor: int,
        numbers: Mapping[object, NDArray[np.generic]],
    ) -> tuple[Outcome, int]:
        """The turn of each of these batches.

        Args:
            batches: of its form.
            seeds: of what drops out, for each.
            divisor: of the losses' sum whose gradients are wanted.
            numbers: of the updates: `Moves.values`.

        Returns:
            What came of all examples, in order, and how many batches' turns it is: fewer if a
            kernel met a value that Python would have refused.
        """
        n, size = len(batches), examples(batches[0])
        outcome = _room(self.parts[0].recorded.result, n * size)
        values = dict(numbers)
        for port, column in batches[0].items():
            begins = np.array([address(batch[port]) for batch in batches], np.uintp)
            for part in self.parts:
                values["input", port, part.number] = begins + part.begin * column.strides[0]
        for name, column in _columns(outcome).items():
            row = column.nbytes // (n * size)
            begins = address(column) + size * row * np.arange(n, dtype=np.uintp)
            for part in self.parts:
                values[name, part.number] = begins + part.begin * row
        drawn = self._drawn(seeds)
        for (number, i), table in drawn.items():
            values["key", number, i] = np.array([address(key) for key in table], np.uintp)
        self.scale.fill(1 / divisor)
        return outcome, self.recording.play(n, values)

    def _drawn(self, seeds: Sequence[Seed]) -> dict[tuple[int, int], list[Key]]:
        """By part and place in it, what drops out: a key for each batch."""
        drawn = dict[tuple[int, int], list[Key]]()
        for seed in seeds if self.parts[0].recorded.recording.keys else ():
            for part in self.parts:
                rng = keys(seed_of(seed, part.number, len(self.parts)))
                for i, like in enumerate(part.recorded.recording.keys):
                    draw_key(key := np.empty_like(like), rng)
                    drawn.setdefault((part.number, i), []).append(key)
        return drawn


class Turns:
    """The turns of a run.

    Args:
        passes: forward and back.
        moves: the update, if turns are to make it.
    """

    def __init__(self, passes: Passes, moves: Moves | None) -> None:
        self._passes, self._moves = passes, moves
        self._turns: dict[int, Turn] = {}

    def of(self, batch: Batch) -> Turn | None:
        """The turn of batches like this one; None if not all of it has been recorded, or Python has
        a part in it."""
        size = examples(batch)
        turn = self._turns.get(size)
        if turn is None or turn.form != form_of(batch) or not turn.recording.current:
            turn = self._made(batch)
            if turn is None:
                return None
            if len(self._turns) == _MOST_TURNS:
                self._turns.clear()
            self._turns[size] = turn
        return turn

    def _made(self, batch: Batch) -> Turn | None:
        """As many sequences of passes side by side as there are slots, and what they leave."""
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
        begins = [0, *accumulate(map(examples, batches))]
        parts = [Part(*row) for row in zip(passes, range(len(passes)), begins, strict=False)]
        sums = self._passes.sums(passes[0].result, examples(batch), len(passes))
        scale = np.empty(max(map(examples, batches)), np.float32)
        outcome = _room(passes[0].result, examples(batch))
        with Recording(dry=True) as recording:
            each = [_asked(part, batch, scale, outcome, sums) for part in parts]
            recording.side_by_side([_in_turn(each[slot::slots]) for slot in range(slots)])
            gradients = self._sums_used(recording, sums, overlapping=slots > 1)
        return Turn(form_of(batch), recording, parts, scale, sums, gradients)

    def _sums_used(self, recording: Recording, sums: Sums, *, overlapping: bool) -> Terms:
        """The update, or what there is to make one of. Large gradients are made and used piece by
        piece, while others may still be at the end of their micro-batches."""
        if self._moves is None:
            return self._passes.terms(sums)
        if sums.products:
            least = min(product.gradient.shape[1] for product in sums.products.values())
            n = max(min(n_threads(), least // _LEAST_ROWS), 1)
            pieces = [self._piece(sums, self._moves, i, n) for i in range(n)]
            recording.side_by_side(pieces, overlapping=overlapping)
        self._moves.record(sums.terms)
        self._moves.record_average()
        return {}

    def _piece(self, sums: Sums, moves: Moves, i: int, n: int) -> Recording:
        """Some rows of each gradient that is a product, and their update."""

        def rows(array: Array) -> Array:
            return array[len(array) * i // n : len(array) * (i + 1) // n]

        with Recording(dry=True) as recording:
            for path, (gradient, x) in sums.products.items():
                room = rows(self._passes.room_for(path))
                Product(rows(gradient.T).T, x).put(room, soon=rows(moves.param(path)))
                moves.record({path: (room,)}, rows)
        return recording


def form_of(batch: Mapping[str, NDArray[np.generic]]) -> Form:
    """The form of a batch."""
    return tuple((port, c.shape, c.dtype, c.strides) for port, c in batch.items())


def _asked(part: Part, batch: Batch, scale: Array, outcome: Outcome, sums: Sums) -> Recording:
    """A pass, with copies of what it reads and leaves."""
    known, number = part.recorded, part.number
    mine = slice(part.begin, part.begin + len(known.scale))
    with Recording(dry=True) as recording:
        for port, to in known.batch.items():
            copy_into(to, batch[port][mine], reads=("input", port, number))
        copy_into(known.scale, scale[: len(known.scale)])
        for i, key in enumerate(known.recording.keys):
            copy_into(key, np.empty_like(key), reads=("key", number, i))
        recording.include(known.recording, known.recording.early)
        sums.keep_factors(known.result, begin=part.begin)
        recording.mark()
        recording.include(known.recording, known.recording.late)
        sums.keep_terms(known.result, number=number)
        left = _columns(known.result)
        for name, to in _columns(outcome).items():
            copy_into(to[mine], left[name], writes=(name, number))
    return recording


def _in_turn(parts: Sequence[Recording]) -> Recording:
    """One after the other: where they share the memory of a pass, each has it for itself."""
    with Recording(dry=True) as recording:
        for part in parts:
            recording.include(part)
    return recording


def _room(like: Outcome, n: int) -> Outcome:
    """Memory for what comes of n examples."""
    outputs = {
        port: Tensor(np.empty((n, *y.shape[1:]), y.dtype)) for port, y in like.outputs.items()
    }
    return Outcome(outputs, np.empty(n, like.losses.dtype))


def _columns(outcome: Outcome) -> dict[str, Array]:
    """By name, what there is a row of for each example."""
    outputs = {f"output {port}": y.data for port, y in outcome.outputs.items()}
    return {"loss": outcome.losses, **outputs}
