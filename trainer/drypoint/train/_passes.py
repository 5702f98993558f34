"""Forward and back for a batch. What Python would arrange the same way each time it arranges once.

The first batch of a run goes through layers and tape, and what they ask of the kernels is recorded.
Batches of the same shape then are copied to where that one lay, and the kernels run again, without
Python between them: the same bytes, and for LeNet in batches of 64 a millisecond less a step.

A layer that is more than kernels (one of the user's own, a function that NumPy computes) is an
island: it is called for each batch as always, between the kernels before it and those after it. So
is a loss that is not the usual one. Where NumPy computes something in between all the same,
`drypoint.autodiff.Recording` notices, and each batch goes through Python as a whole.

Where all is kernels, a batch is taken in micro-batches of 64 examples, forward and back, and their
gradients are added up in order: what the layers of LeNet hand on for 64 fits into the caches beside
the cores, for 512 it would not. Nets with more weights than that stay with whole batches, since
each micro-batch reads all weights. One value through it: a batch of 160 is 64, 64 and 32; a
gradient is (g1 + g2) + g3, each of losses divided by 160, whatever the number of threads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drypoint.autodiff import Array, Recording, Tensor, add_into, aligned, copy_into
from drypoint.nn import Context

from ._examples import Batch
from ._layers import Layers, Seed, handed_on, is_by_example, is_known, keys
from ._weights import Weights

MICRO_BATCH = 64
"""Examples. The last micro-batch of a batch has between half as many and half as many more."""

_MOST_RECORDED = 3
"""Sizes of a batch, or of a micro-batch: of most, of the last in a batch, of the last batch."""


@dataclass(frozen=True, eq=False)
class Pass:
    """What came of a batch of N examples; good until the next.

    Attributes:
        outputs: of the graph, by port.
        losses: (N,).
        gradients: path -> that of the losses' sum over a divisor.
    """

    outputs: Mapping[str, Tensor]
    losses: Array
    gradients: dict[str, Array]


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

    Attributes:
        totals: path -> the gradient of a batch, out of those of its micro-batches.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights, self._layers = weights, Layers(weights)
        self._recorded: dict[int, Recorded] = {}
        self.totals: dict[str, Array] = {}
        self._records = is_known(weights.goal.graph)
        n_weights = sum(array.size for array in weights.params.values())
        pays = MICRO_BATCH * handed_on(weights.goal.graph) > n_weights
        self._splits = pays and is_by_example(weights.goal.graph)

    def of(self, batch: Batch, *, seed: Seed, divisor: int) -> Pass:
        """The pass of a batch.

        Args:
            batch: port -> (N, ...), as the graph takes it.
            seed: of what dropout draws.
            divisor: of the losses' sum whose gradients are wanted.
        """
        parts, kept = self.parts(batch), list[Pass]()
        for number, part in enumerate(parts):
            done = self._of(part, seed_of(seed, number, len(parts)), divisor)
            if len(parts) == 1:
                return done
            if not self._splits:  # as this first one told
                return self._of(batch, seed, divisor)
            kept.append(copied(done))
            self.collect(done.gradients, first=part is parts[0])
        return self.whole(kept)

    def parts(self, batch: Batch) -> list[Batch]:
        """A batch, or its micro-batches."""
        size = examples(batch)
        n = (size + MICRO_BATCH // 2 - 1) // MICRO_BATCH if self._splits else 1
        if n < 2:
            return [batch]
        slices = [slice(MICRO_BATCH * i, MICRO_BATCH * (i + 1)) for i in range(n - 1)]
        slices.append(slice(MICRO_BATCH * (n - 1), None))
        return [{port: column[s] for port, column in batch.items()} for s in slices]

    def recorded(self, part: Batch) -> Recorded | None:
        """What a batch, or micro-batch, needs no layers and tape for, if there is that."""
        found = self._recorded.get(examples(part))
        return found if found is not None and found.takes(part) else None

    def collect(self, gradients: Mapping[str, Array], *, first: bool) -> None:
        """Add a micro-batch's gradients to those of the ones before it, by kernels."""
        for path, gradient in gradients.items():
            if path not in self.totals:
                self.totals[path] = aligned(gradient)
            (copy_into if first else add_into)(self.totals[path], gradient)

    def whole(self, parts: Sequence[Pass]) -> Pass:
        """The pass of a batch whose micro-batches have been collected."""
        outputs = {
            port: Tensor(np.concatenate([part.outputs[port].data for part in parts]))
            for port in parts[0].outputs
        }
        return Pass(outputs, np.concatenate([part.losses for part in parts]), self.totals)

    def _of(self, batch: Batch, seed: Seed, divisor: int) -> Pass:
        if recorded := self.recorded(batch):
            with self._layers.seeded(seed) as ctx:
                if recorded.recording.keys:
                    recorded.recording.draw(keys(seed))
                if result := recorded.again(batch, divisor):
                    return result
                ctx.updates.clear()
        size = examples(batch)
        scale = np.full(size, 1 / divisor, np.float32)
        stale = size in self._recorded and not self._recorded[size].recording.current
        free = size not in self._recorded and len(self._recorded) < _MOST_RECORDED
        with self._layers.seeded(seed) as ctx:
            if self._records and (stale or free):
                return self._record(batch, ctx, scale)
            return self._tape(batch, ctx, scale)

    def _record(self, batch: Batch, ctx: Context, scale: Array) -> Pass:
        own = {port: aligned(column) for port, column in batch.items()}
        with Recording(scale, *own.values(), *self._weights.arrays.values()) as recording:
            result = self._tape(own, ctx, scale)
        outputs = (y.data for y in result.outputs.values())
        gradients = result.gradients.values()
        covered = recording.covers(result.losses, *outputs, *gradients)
        self._records = covered and all(gradient.flags.c_contiguous for gradient in gradients)
        if self._records:
            self._recorded[len(scale)] = Recorded(recording, own, scale, result)
        self._splits &= self._records and recording.kernels_only
        return result

    def _tape(self, batch: Batch, ctx: Context, scale: Array) -> Pass:
        weights = self._weights
        leaves = weights.leaves()
        outputs = weights.train(leaves, batch, ctx)
        losses = weights.goal.losses(outputs)
        losses.backward(scale)
        self._layers.move()
        gradients = {
            path: np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad
            for path, leaf in leaves.items()
            if leaf.requires_grad
        }
        return Pass({p: Tensor(y.data) for p, y in outputs.items()}, losses.data, gradients)


def examples(batch: Batch) -> int:
    """How many there are."""
    return len(next(iter(batch.values())))


def seed_of(seed: Seed, number: int, n: int) -> Seed:
    """Of a micro-batch, one of n; of a batch that has none, its own."""
    return seed if n == 1 else (*seed, number)


def copied(result: Pass) -> Pass:
    """Outputs and losses in memory of their own, in the same order there."""
    outputs = {port: Tensor(np.array(y.data)) for port, y in result.outputs.items()}
    return Pass(outputs, np.array(result.losses), result.gradients)
