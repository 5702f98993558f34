"""The training step on the tape: the specification of what a step computes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.joint import backward
from drypoint.autodiff.lazy import lazy_gradients

from .._examples import LazyBatch, n_examples
from .._metrics import Totals, totals
from .._optimizers import MicroBatchGradients
from .._plan import Plan
from .._training_data import DROPOUT
from .._training_state import TrainingState
from .context import Seed, StepContext
from .group import Group
from .memory import GradientAccumulator, StepMemory
from .microbatch import Block, Place, Splitting
from .update import Update


@dataclass(frozen=True, eq=False)
class Shard:
    """The part of a batch that this process computes: the whole batch, unless it is all-reduced.

    Attributes:
        batch: port -> (N, ...), encoded; `Rows` where no encoder changes a column.
        size: the number of examples of the whole batch.
    """

    batch: LazyBatch
    size: int


class Step(Protocol):
    """Makes training steps."""

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """Make steps for the first batches, as many as one call can make."""
        ...


class TapeStep:
    """Forward, backward, clip, update; Python calls each kernel."""

    def __init__(self, plan: Plan, state: TrainingState, splitting: Splitting) -> None:
        self.plan, self.state, self.splitting = plan, state, splitting
        self.context = StepContext(state.weights)
        self.update = Update(plan, state)

    def run(self, shards: Sequence[Shard]) -> list[Totals]:
        """Make a step for the first batch."""
        memory = StepMemory(n_examples(shards[0].batch))
        self.step(shards[0], memory)
        self.state.step += 1
        return self.totals(shards[:1], memory)

    def step(self, shard: Shard, memory: StepMemory) -> None:
        """Forward and backward for each micro-batch; then clip and update, once for the batch."""
        with self.context.with_seed(self.seed(self.state.step)):
            blocks = [self._gradients(shard, block, memory) for block in self.blocks(shard)]
        gradients, most = blocks[0], self.plan.settings.clip_grad_norm
        if self.plan.all_reduce is not None:
            gradients = memory.host_call(self.plan.all_reduce.gradients, *blocks)
        if most is not None:
            gradients = memory.host_call(lambda sums: clip_gradients(sums, most), gradients)
        self.update(gradients)

    def _gradients(self, shard: Shard, block: Block, memory: StepMemory) -> MicroBatchGradients:
        """The gradients of (sum of the losses of a block) / (examples of the batch)."""
        accumulator = GradientAccumulator(block)
        if not block.micro_batches:
            accumulator.add_joint(memory.gradients(self.state.weights.leaves()))  # zeros
        for parts in block.groups:
            group = Group(self.context, memory, parts)
            computed = group.forward(shard.batch)
            losses = [each.losses for each in computed]
            with lazy_gradients(len(block.micro_batches) > 1):
                backward(losses, [memory.full(loss.shape, 1 / shard.size) for loss in losses])
            for each in computed:
                with memory.micro_batch(each.part):
                    accumulator.add(each.part.rows, memory.gradients(each.leaves))
                    outputs = each.outputs if self.plan.metrics else {}
                    memory.store_result(each.part.rows, each.losses, outputs)
            accumulator.add_joint(memory.gradients(group.joint_leaves))
        return accumulator.terms()

    def blocks(self, shard: Shard) -> list[Block]:
        """The blocks of a batch with their micro-batches, in the order of their computation."""
        if self.plan.all_reduce is None:
            return [self.splitting.block(slice(0, n_examples(shard.batch)), ())]
        blocks = self.plan.all_reduce.blocks(shard.size)
        return [self.splitting.block(rows, (number,)) for number, rows in blocks]

    def seed(self, step: int, place: Place = ()) -> Seed:
        """The seed of the random numbers that layers draw in a step, for a micro-batch."""
        return self.plan.settings.seed, DROPOUT, step, *place

    def totals(self, shards: Sequence[Shard], memory: StepMemory) -> list[Totals]:
        """The sums of loss and metrics over each batch; all-reduced, over all its shards."""
        plan = self.plan
        outputs = {port: Tensor(array) for port, array in memory.outputs.items()}
        if plan.all_reduce is None:
            batches = [shard.batch for shard in shards]
            return totals(plan.metrics, outputs, memory.losses, batches)
        names, rows = ("loss", *plan.metrics), []
        for block in self.blocks(shards[0]):
            if not block.micro_batches:
                rows.append(np.zeros(len(names)))
                continue
            own = {port: Tensor(y.data[block.rows]) for port, y in outputs.items()}
            batch = {port: column[block.rows] for port, column in shards[0].batch.items()}
            (sums,) = totals(plan.metrics, own, memory.losses[block.rows], [batch])
            rows.append(np.array([sums[name] for name in names]))
        return [dict(zip(names, plan.all_reduce.sum(rows).tolist(), strict=True))]


def clip_gradients(gradients: Mapping[str, Array], most: float) -> dict[str, Array]:
    """The gradients times `clip_factor`."""
    factor = clip_factor(gradients.values(), most)
    return {path: gradient * factor for path, gradient in gradients.items()}


def clip_factor(gradients: Iterable[Array], most: float) -> np.float32:
    """The factor that scales the Euclidean norm of all gradients together to at most ``most``.

    The norm is that of the vector of all elements (Pascanu et al. 2013), computed in float64. The
    factor is 1 if the norm is not finite.
    """
    squares = (float(np.vdot(g.astype(np.float64), g)) for g in gradients)
    norm = math.sqrt(math.fsum(squares))
    clips = norm > most and math.isfinite(norm)
    return np.float32(most / norm) if clips else np.float32(1)
