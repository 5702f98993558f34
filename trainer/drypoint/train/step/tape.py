"""The training step on the tape: the specification of what a step computes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.callback import host_call
from drypoint.autodiff.kernels import aligned_copy, aligned_empty, copy_into
from drypoint.autodiff.lazy import gradient_of, lazy_gradients
from drypoint.autodiff.trace import constant, worker
from drypoint.nn import Context

from .._clipping import clip_factor
from .._examples import Batch, n_examples
from .._metrics import Totals, totals
from .._optimizers import Terms
from .._plan import Plan
from .._training_data import DROPOUT
from .._training_state import TrainingState
from .context import Seed, StepContext
from .microbatch import Gradient, GradientSums, Splitting, n_workers, single_terms, sum_gradients
from .update import Update


@dataclass(frozen=True, eq=False)
class Shard:
    """A batch as the graph takes it; of an all-reduced batch, the shard of this process.

    Attributes:
        batch: port -> (N, ...).
        size: examples of the whole batch.
    """

    batch: Batch
    size: int


Place: TypeAlias = tuple[int, ...]
"""The place of a micro-batch in its batch: the number of its block, if batches have blocks, and its
number in the block, if the block is split."""


class Step(Protocol):
    """Makes training steps."""

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """Steps for batches, from the first on; for as many as one call can make.

        Returns:
            Of each batch the sums of loss and metrics, as they were before its update.
        """
        ...


@dataclass(frozen=True, eq=False)
class StepResult:
    """What the forward pass of N examples gave.

    Attributes:
        losses: (N,).
        outputs: of the graph, by port (N, ...).
    """

    losses: Array
    outputs: dict[str, Array]


class TapeStep:
    """Forward, backward, clip, update: Python calls each kernel.

    Args:
        plan: of the run.
        state: its weights and optimizer state change in place.
        splitting: of batches into micro-batches.
    """

    def __init__(self, plan: Plan, state: TrainingState, splitting: Splitting) -> None:
        self.plan, self.state, self.splitting = plan, state, splitting
        self.context = StepContext(state.weights)
        self.update = Update(plan, state)

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """A step for the first batch."""
        result = self.step(shards[0])
        self.state.step += 1
        return self.totals(shards[:1], result)

    def step(self, shard: Shard) -> StepResult:
        """Forward and backward for each micro-batch; then clip and update, once for the batch."""
        result = StepResult(_step_memory((n_examples(shard.batch),)), {})
        gradients = self._gradients(shard, result)
        if self.plan.settings.clip_grad_norm is not None:
            gradients = clip_gradients(gradients, self.plan.settings.clip_grad_norm)
        self.update(gradients)
        return result

    def _gradients(self, shard: Shard, result: StepResult) -> Terms:
        """The gradients of the mean loss of a batch; losses and outputs go to the result."""
        if self.plan.all_reduce is None:
            return self._block(shard, slice(0, len(result.losses)), (), result)
        blocks = [
            sum_gradients(self._block(shard, rows, (number,), result))
            for number, rows in self.plan.all_reduce.blocks(shard.size)
        ]
        return single_terms(self.plan.all_reduce.gradients(blocks))

    def _block(self, shard: Shard, rows: slice, place: Place, result: StepResult) -> Terms:
        """The gradients of a block of a batch: some rows of the shard of this process."""
        if rows.start == rows.stop:
            leaves = self.state.weights.leaves().items()
            return single_terms({p: _zeros_like(w.data) for p, w in leaves if w.requires_grad})
        parts = self.splitting.micro_batches(rows.stop - rows.start)
        sums = GradientSums(rows.stop - rows.start, len(parts), in_place=place == ())
        for number, part in enumerate(parts):
            mine = slice(rows.start + part.start, rows.start + part.stop)
            seed = self.seed(self.state.step, micro_batch_place(place, number, len(parts)))
            batch = {port: column[mine] for port, column in shard.batch.items()}
            with worker(number % n_workers(len(parts))), self.context.micro_batch(seed) as ctx:
                outputs, losses, gradients = self._forward_backward(
                    batch, ctx, divisor=shard.size, lazy=len(parts) > 1
                )
                sums.add(number, part, gradients)
                copy_into(result.losses[mine], losses)
                for port, y in outputs.items():
                    if port not in result.outputs:
                        result.outputs[port] = _step_memory((len(result.losses), *y.shape[1:]))
                    copy_into(result.outputs[port][mine], y.data)
        return sums.terms()

    def _forward_backward(
        self, batch: Batch, ctx: Context, *, divisor: int, lazy: bool
    ) -> tuple[dict[str, Tensor], Array, dict[str, Gradient]]:
        """Outputs, losses, and gradients of the losses' sum over a divisor, for a micro-batch."""
        weights = self.state.weights
        leaves = weights.leaves()
        inputs = weights.objective.inputs({port: aligned_copy(c) for port, c in batch.items()})
        outputs = weights.objective.outputs(leaves, inputs, ctx)
        losses = weights.objective.losses(outputs)
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
        """The places of the micro-batches of a batch, in the order of the steps."""
        blocks: list[tuple[Place, slice]] = [((), slice(0, n_examples(shard.batch)))]
        if self.plan.all_reduce is not None:
            blocks = [((i,), rows) for i, rows in self.plan.all_reduce.blocks(shard.size)]
        sizes = [
            (place, rows.stop - rows.start) for place, rows in blocks if rows.stop > rows.start
        ]
        parts = [(place, len(self.splitting.micro_batches(size))) for place, size in sizes]
        return [micro_batch_place(place, number, n) for place, n in parts for number in range(n)]

    def seed(self, step: int, place: Place = ()) -> Seed:
        """The seed of what the layers draw in a step, for a micro-batch."""
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
    """The place of a micro-batch, one of n of a block: a single one has that of its block."""
    return (*block, number) if n > 1 else block


def clip_gradients(gradients: Terms, most: float) -> Terms:
    """The gradients, scaled down together if their common Euclidean norm is above ``most``."""
    given = sum_gradients(gradients)
    scaled = {path: np.empty_like(g) for path, g in given.items()}

    def clip() -> None:
        factor = clip_factor(given.values(), most)
        for path, gradient in given.items():
            np.multiply(gradient, factor, out=scaled[path])

    host_call(clip, reads=[*given.values()], writes=[*scaled.values()])
    return single_terms(scaled)


def _step_memory(shape: tuple[int, ...]) -> Array:
    room: Array = constant(aligned_empty(shape, np.float32))
    return room


def _zeros_like(array: Array) -> Array:
    zeros: Array = constant(np.zeros_like(array))
    return zeros
