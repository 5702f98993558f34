"""Forward and back for a batch. What Python would arrange the same way each time it arranges once.

The first batch of a run goes through layers and tape, and what they ask of the kernels is recorded.
Batches of the same shape then are copied to where that one lay, and the kernels run again, without
Python between them: the same bytes, and for LeNet in batches of 64 a millisecond less a step.

A layer that is more than kernels (one of the user's own, a function that NumPy computes) is an
island: it is called for each batch as always, between the kernels before it and those after it. So
is a loss that is not the usual one. Where NumPy computes something in between all the same,
`drypoint.autodiff.Recording` notices, and each batch goes through Python as a whole.

Where all is kernels, a batch is taken in micro-batches of about 64 examples, forward and back, and
their gradients are added up in order: what the layers of LeNet hand on for 64 fits into the caches
beside the cores, for 512 it would not; and a thread that has one for itself seldom waits for
another. Nets with more weights than that stay with whole batches, since each micro-batch reads all
weights. One value through it: a batch of 256 is four times 64; a gradient is g1 + g2 + g3 + g4,
added up from the left, each of losses divided by 256, whatever the number of threads. By the weight
of a large Linear it is one sum over all 256, as it would be without micro-batches (`_sums`).

A micro-batch is recorded once for each thread that goes through one at the same time: its place
among these is its slot.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from drypoint.autodiff import (
    Array,
    Product,
    Recording,
    Tensor,
    add_up,
    aligned,
    deferred,
    n_threads,
)
from drypoint.nn import Context

from ._examples import Batch
from ._layers import Layers, Seed, handed_on, is_by_example, is_known, keys
from ._optimizers import Terms
from ._pass import Outcome, Pass
from ._sums import Sums
from ._weights import Weights

MICRO_BATCH = 64
"""Examples, about: a batch of 48 or more has an even number of micro-batches, as like as can be."""
BLOCK = 16
"""Examples that the widest vectors take at a time: only the last micro-batch has a part of one."""
_SMALLEST = 24
"""Examples of a micro-batch, on average: with fewer, what each costs at all counts more."""

_MOST_RECORDED = 6
"""Sizes: a batch has micro-batches of up to three, and the last of an epoch of other ones."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A pass that can be made again.

    Attributes:
        batch: where the kernels read it.
        scale: (N,), likewise: 1 / divisor for each loss.
    """

    recording: Recording
    batch: Batch
    scale: Array
    result: Pass

    def takes(self, batch: Batch) -> bool:
        """Whether only the values differ."""
        return self.recording.current and all(
            given.shape == column.shape
            and given.dtype == column.dtype
            and given.strides == column.strides
            for given, column in zip(batch.values(), self.batch.values(), strict=True)
        )

    def again(self, batch: Batch, divisor: int) -> Pass | None:
        """The pass for a batch that it takes; None if a kernel refused a value."""
        for port, column in self.batch.items():
            np.copyto(column, batch[port])
        self.scale.fill(1 / divisor)
        return self.result if self.recording.replay() else None


class Passes:
    """Forward and back with a run's weights.

    Args:
        weights: what the optimizer changes in place.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights, self._layers = weights, Layers(weights)
        self._recorded: dict[tuple[int, int], Recorded] = {}
        self._totals: dict[str, Array] = {}  # path -> room for a gradient
        self._sums: dict[tuple[int, int], Sums] = {}  # by examples, and parts of these
        self._records = is_known(weights.goal.graph)
        self._splits = is_by_example(weights.goal.graph)
        n_weights = sum(array.size for array in weights.params.values())
        self._smallest = max(n_weights / handed_on(weights.goal.graph), _SMALLEST)

    def of(self, batch: Batch, *, seed: Seed, divisor: int) -> Pass:
        """The pass of a batch.

        Args:
            batch: port -> (N, ...), as the graph takes it.
            seed: of what dropout draws.
            divisor: of the losses' sum whose gradients are wanted.
        """
        parts, kept, begin = self.parts(batch), list[Pass](), 0
        for number, part in enumerate(parts):
            slot = number % n_slots(parts)
            done = self._of(part, slot, seed_of(seed, number, len(parts)), divisor)
            if not self._splits:  # as it was, or as this first one told: then it begins anew
                whole_one = len(parts) == 1 and not done.products
                return done if whole_one else self._of(batch, 0, seed, divisor)
            sums = self.sums(done, examples(batch), len(parts))
            sums.keep_factors(done, begin=begin)
            sums.keep_terms(done, number=number)
            begin += examples(part)
            kept.append(copied(done))
        left = whole(kept)
        return Pass(left.outputs, left.losses, self.total(self.terms(sums)), {})

    def parts(self, batch: Batch) -> list[Batch]:
        """A batch, or its micro-batches."""
        size = examples(batch)
        n = 2 * max((size + MICRO_BATCH) // (2 * MICRO_BATCH), 1)
        if not self._splits or size / n < self._smallest:
            return [batch]
        n_blocks = -(-size // BLOCK)
        ends = [min(n_blocks * i // n * BLOCK, size) for i in range(n + 1)]
        return [
            {port: column[begin:end] for port, column in batch.items()}
            for begin, end in pairwise(ends)
        ]

    def recorded(self, part: Batch, slot: int) -> Recorded | None:
        """What a batch, or micro-batch, needs no layers and tape for, if there is that."""
        found = self._recorded.get((examples(part), slot))
        return found if found is not None and found.takes(part) else None

    def sums(self, like: Pass, size: int, n_parts: int) -> Sums:
        """Room for what the micro-batches of a batch leave; one of them tells of what shapes."""
        key = size, n_parts
        if n_parts == 1:
            return Sums(like, size=size, n_parts=n_parts)
        if len(self._sums) == _MOST_RECORDED and key not in self._sums:
            self._sums.clear()
        if key not in self._sums:
            self._sums[key] = Sums(like, size=size, n_parts=n_parts)
        return self._sums[key]

    def terms(self, sums: Sums) -> Terms:
        """By path, what is to be added up for the gradients of a batch."""
        return sums.made(self.room_for)

    def total(self, terms: Terms) -> dict[str, Array]:
        """All added up, by kernels."""
        totals = {path: self.room_for(path) for path in terms}
        rest = {path: g for path, g in terms.items() if len(g) > 1 or g[0] is not totals[path]}
        if rest:
            add_up([totals[path] for path in rest], [*rest.values()])
        return totals

    def room_for(self, path: str) -> Array:
        """Memory that is kept for a gradient."""
        if path not in self._totals:
            self._totals[path] = aligned(np.zeros_like(self._weights.params[path]))
        return self._totals[path]

    def _of(self, batch: Batch, slot: int, seed: Seed, divisor: int) -> Pass:
        if recorded := self.recorded(batch, slot):
            with self._layers.seeded(seed) as ctx:
                if recorded.recording.keys:
                    recorded.recording.draw(keys(seed))
                if result := recorded.again(batch, divisor):
                    return result
                ctx.updates.clear()
        size = examples(batch)
        scale = np.full(size, 1 / divisor, np.float32)
        with self._layers.seeded(seed) as ctx:
            if self._records and self._is_free(size, slot):
                return self._record(batch, slot, ctx, scale)
            return self._tape(batch, ctx, scale)

    def _is_free(self, size: int, slot: int) -> bool:
        """Whether there is room for a recording; one of other threads gives way."""
        sizes = {size for size, _ in self._recorded} | {size}
        known = self._recorded.get((size, slot))
        return len(sizes) <= _MOST_RECORDED and (known is None or not known.recording.current)

    def _record(self, batch: Batch, slot: int, ctx: Context, scale: Array) -> Pass:
        own = {port: aligned(column) for port, column in batch.items()}
        with Recording(scale, *own.values(), *self._weights.arrays.values()) as recording:
            result = self._tape(own, ctx, scale)
        outputs = (y.data for y in result.outputs.values())
        gradients = [*result.gradients.values(), *chain(*result.products.values())]
        covered = recording.covers(result.losses, *outputs, *gradients)
        dense = all(gradient.flags.c_contiguous for gradient in result.gradients.values())
        self._records = covered and dense
        if self._records:
            self._recorded[len(scale), slot] = Recorded(recording, own, scale, result)
        if self._splits and not (self._records and recording.kernels_only):
            self._splits = False
            self._recorded.clear()  # they leave products
        return result

    def _tape(self, batch: Batch, ctx: Context, scale: Array) -> Pass:
        weights = self._weights
        leaves = weights.leaves()
        outputs = weights.train(leaves, batch, ctx)
        losses = weights.goal.losses(outputs)
        with deferred() if self._splits else nullcontext() as left:
            losses.backward(scale)
        self._layers.move()
        gradients, products = dict[str, Array](), dict[str, Product]()
        for path, leaf in leaves.items():
            if left is not None and (product := left.of(leaf.grad)):
                products[path] = product
            elif leaf.requires_grad:
                gradients[path] = np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad
        outputs = {port: Tensor(y.data) for port, y in outputs.items()}
        return Pass(outputs, losses.data, gradients, products)


def examples(batch: Batch) -> int:
    """How many there are."""
    return len(next(iter(batch.values())))


def n_slots(parts: Sequence[Batch]) -> int:
    """How many micro-batches are gone through at the same time."""
    return min(len(parts), n_threads())


def seed_of(seed: Seed, number: int, n: int) -> Seed:
    """Of a micro-batch, one of n; of a batch that has none, its own."""
    return seed if n == 1 else (*seed, number)


def copied(result: Pass) -> Pass:
    """Outputs and losses in memory of their own, in the same order there."""
    outputs = {port: Tensor(np.array(y.data)) for port, y in result.outputs.items()}
    return Pass(outputs, np.array(result.losses), result.gradients, result.products)


def whole(parts: Sequence[Outcome]) -> Outcome:
    """What came of a batch, out of its micro-batches."""
    if len(parts) == 1:
        return parts[0]
    outputs = {
        port: Tensor(np.concatenate([part.outputs[port].data for part in parts]))
        for port in parts[0].outputs
    }
    return Outcome(outputs, np.concatenate([part.losses for part in parts]))
