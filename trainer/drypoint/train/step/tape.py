"""The training step on the tape: the specification of what a step computes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.callback import host_call
from drypoint.autodiff.kernels import aligned_copy, copy_into
from drypoint.autodiff.lazy import gradient_of, lazy_gradients
from drypoint.autodiff.trace import constant, worker
from drypoint.nn import Context

from .._examples import Batch, n_examples
from .._metrics import Totals, totals
from .._optimizers import MicroBatchGradients
from .._plan import Plan
from .._training_data import DROPOUT
from .._training_state import TrainingState
from .context import Seed, StepContext
from .microbatch import (
    Gradient,
    GradientAccumulator,
    Splitting,
    n_workers,
    single_terms,
    step_memory,
    sum_gradients,
)
from .update import Update


@dataclass(frozen=True, eq=False)
class Shard:
    """The part of a batch that this process computes: the whole batch, unless it is all-reduced.

    Attributes:
        batch: port -> (N, ...), encoded.
        size: the number of examples of the whole batch.
    """

    batch: Batch
    size: int


Place: TypeAlias = tuple[int, ...]
"""The place of a micro-batch in its batch: (number of its block, number in the block). The first
number is missing if the batch has no blocks, the second if the block is not split."""


class Step(Protocol):
    """Makes training steps."""

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """Make steps for the first batches, as many as one call can make.

        Returns:
            The totals of each of these batches, before its update.
        """
        ...


@dataclass(frozen=True, eq=False)
class StepResult:
    """The result of the forward pass of N examples.

    Attributes:
        losses: (N,).
        outputs: output port of the graph -> (N, ...).
    """

    losses: Array
    outputs: dict[str, Array]


class TapeStep:
    """Forward, backward, clip, update; Python calls each kernel.

    Args:
        plan: the plan of the run.
        state: the training state; steps change its weights and moments in place.
        splitting: splits batches into micro-batches.
    """

    def __init__(self, plan: Plan, state: TrainingState, splitting: Splitting) -> None:
        self.plan, self.state, self.splitting = plan, state, splitting
        self.context = StepContext(state.weights)
        self.update = Update(plan, state)

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """Make a step for the first batch."""
        result = self.step(shards[0])
        self.state.step += 1
        return self.totals(shards[:1], result)

    def step(self, shard: Shard) -> StepResult:
        """Forward and backward for each micro-batch; then clip and update, once for the batch."""
        result = StepResult(step_memory((n_examples(shard.batch),)), {})
        gradients = self._gradients(shard, result)
        if self.plan.settings.clip_grad_norm is not None:
            gradients = clip_gradients(gradients, self.plan.settings.clip_grad_norm)
        self.update(gradients)
        return result

    def _gradients(self, shard: Shard, result: StepResult) -> MicroBatchGradients:
        """The gradients of the mean loss of a batch; losses and outputs go to ``result``."""
        if self.plan.all_reduce is None:
            return self._block(shard, slice(0, len(result.losses)), (), result)
        blocks = [
            sum_gradients(self._block(shard, rows, (number,), result))
            for number, rows in self.plan.all_reduce.blocks(shard.size)
        ]
        return single_terms(self.plan.all_reduce.gradients(blocks))

    def _block(
        self, shard: Shard, rows: slice, place: Place, result: StepResult
    ) -> MicroBatchGradients:
        """The gradients of a block: of some rows of the shard."""
        if rows.start == rows.stop:
            leaves = self.state.weights.leaves().items()
            return single_terms({p: _zeros_like(w.data) for p, w in leaves if w.requires_grad})
        parts = self.splitting.micro_batches(rows.stop - rows.start)
        sums = GradientAccumulator(rows.stop - rows.start, len(parts), in_place=place == ())
        for number, part in enumerate(parts):
            part_rows = slice(rows.start + part.start, rows.start + part.stop)
            seed = self.seed(self.state.step, micro_batch_place(place, number, len(parts)))
            batch = {port: column[part_rows] for port, column in shard.batch.items()}
            with worker(number % n_workers(len(parts))), self.context.micro_batch(seed) as ctx:
                outputs, losses, gradients = self._forward_backward(
                    batch, ctx, divisor=shard.size, lazy=len(parts) > 1
                )
                sums.add(number, part, gradients)
                copy_into(result.losses[part_rows], losses)
                for port, y in outputs.items():
                    if port not in result.outputs:
                        result.outputs[port] = step_memory((len(result.losses), *y.shape[1:]))
                    copy_into(result.outputs[port][part_rows], y.data)
        return sums.terms()

    def _forward_backward(
        self, batch: Batch, ctx: Context, *, divisor: int, lazy: bool
    ) -> tuple[dict[str, Tensor], Array, dict[str, Gradient]]:
        """Outputs, losses, and gradients of (sum of the losses) / divisor, for a micro-batch."""
        objective, leaves = self.state.weights.objective, self.state.weights.leaves()
        inputs = objective.inputs({port: aligned_copy(c) for port, c in batch.items()})
        outputs = objective.outputs(leaves, inputs, ctx)
        losses = objective.losses(outputs)
        with lazy_gradients(lazy):
            losses.backward(constant(np.full(losses.shape, 1 / divisor, np.float32)))
        self.context.update_statistics()
        gradients: dict[str, Gradient] = {}
        for path, leaf in leaves.items():
            if leaf.requires_grad:
                gradient = gradient_of(leaf)
                gradients[path] = _zeros_like(leaf.data) if gradient is None else gradient
        return outputs, losses.data, gradients

    def places(self, shard: Shard) -> list[Place]:
        """The places of the micro-batches of a batch, in the order of their computation."""
        blocks: list[tuple[Place, slice]] = [((), slice(0, n_examples(shard.batch)))]
        if self.plan.all_reduce is not None:
            blocks = [((i,), rows) for i, rows in self.plan.all_reduce.blocks(shard.size)]
        sizes = [
            (place, rows.stop - rows.start) for place, rows in blocks if rows.stop > rows.start
        ]
        parts = [(place, len(self.splitting.micro_batches(size))) for place, size in sizes]
        return [micro_batch_place(place, number, n) for place, n in parts for number in range(n)]

    def seed(self, step: int, place: Place = ()) -> Seed:
        """The seed of the random numbers that layers draw in a step, for a micro-batch."""
        return self.plan.settings.seed, DROPOUT, step, *place

    def totals(self, shards: Sequence[Shard], result: StepResult) -> list[Totals]:
        """The sums of loss and metrics over each batch; all-reduced, over all its shards."""
        plan, objective = self.plan, self.state.weights.objective
        outputs = {port: Tensor(array) for port, array in result.outputs.items()}
        if plan.all_reduce is None:
            batches = [shard.batch for shard in shards]
            return totals(plan.metrics, objective, outputs, result.losses, batches)
        names, rows = ("loss", *plan.metrics), []
        for _, block in plan.all_reduce.blocks(shards[0].size):
            if block.start == block.stop:
                rows.append(np.zeros(len(names)))
                continue
            own = {port: Tensor(y.data[block]) for port, y in outputs.items()}
            batch = {port: column[block] for port, column in shards[0].batch.items()}
            (found,) = totals(plan.metrics, objective, own, result.losses[block], [batch])
            rows.append(np.array([found[name] for name in names]))
        return [dict(zip(names, plan.all_reduce.sum(rows).tolist(), strict=True))]


def micro_batch_place(block: Place, number: int, n: int) -> Place:
    """The place of a micro-batch: number ``number`` of n in its block."""
    return (*block, number) if n > 1 else block


def clip_gradients(gradients: MicroBatchGradients, most: float) -> MicroBatchGradients:
    """The gradients times `clip_factor`, by a host call."""
    sums = sum_gradients(gradients)
    scaled = {path: np.empty_like(g) for path, g in sums.items()}

    def clip() -> None:
        factor = clip_factor(sums.values(), most)
        for path, gradient in sums.items():
            np.multiply(gradient, factor, out=scaled[path])

    host_call(clip, reads=[*sums.values()], writes=[*scaled.values()])
    return single_terms(scaled)


def clip_factor(gradients: Iterable[Array], most: float) -> np.float32:
    """The factor that scales the Euclidean norm of all gradients together to at most ``most``.

    The norm is that of the vector of all elements (Pascanu et al. 2013), computed in float64. The
    factor is 1 if the norm is not finite.
    """
    squares = (float(np.vdot(g.astype(np.float64), g)) for g in gradients)
    norm = math.sqrt(math.fsum(squares))
    clips = norm > most and math.isfinite(norm)
    return np.float32(most / norm) if clips else np.float32(1)


def _zeros_like(array: Array) -> Array:
    zeros: Array = constant(np.zeros_like(array))
    return zeros
