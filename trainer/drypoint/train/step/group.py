"""The forward pass of micro-batches that are computed together.

Each micro-batch runs alone until a batch norm, which needs the statistics of all. So a net is cut
at its batch norms: all micro-batches run to the first one, the statistics are joined, all run to
the next one. Between two batch norms a worker computes layer after layer of one micro-batch, whose
arrays stay in the cache of its core; and workers wait for each other at batch norms only.

Example: of four micro-batches, the first of two workers computes the first convolution and its
statistics for 0, then for 2, and the other worker for 1 and 3. One call joins four means and
variances for each channel. Then the first worker normalizes 2, which is still in its cache,
computes the next convolution and its statistics, does the same for 0, and so on.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from drypoint.autodiff import Tensor
from drypoint.autodiff.joint import JointBatchNorm
from drypoint.nn import BatchNorm, PortValue

from .._examples import LazyBatch
from .context import MicroBatchContext, StepContext, is_batch_norm
from .memory import StepMemory
from .microbatch import MicroBatch


@dataclass(frozen=True, eq=False)
class Computed:
    """A micro-batch after its forward pass.

    Attributes:
        part: the micro-batch.
        leaves: path -> parameter, with a gradient of the micro-batch.
        losses: (N,).
        outputs: output port -> (N, ...).
    """

    part: MicroBatch
    leaves: Mapping[str, Tensor]
    losses: Tensor
    outputs: Mapping[str, Tensor]


class Group:
    """Micro-batches that are computed together: one, or several that batch norms join.

    Attributes:
        joint_leaves: path -> parameter of a batch norm that joins micro-batches.
    """

    def __init__(
        self, context: StepContext, memory: StepMemory, parts: Sequence[MicroBatch]
    ) -> None:
        self._context, self._memory, self._parts = context, memory, parts
        self._norms: dict[str, JointBatchNorm] = {}
        self.joint_leaves: dict[str, Tensor] = {}
        for name, layer in context.flat_graph.layers.items() if len(parts) > 1 else ():
            if isinstance(layer, BatchNorm) and is_batch_norm(layer):
                paths = [f"{name}.{param}" for param in layer.param_names]
                leaves = context.weights.leaves(paths)
                params = dict(zip(layer.param_names, leaves.values(), strict=True))
                self._norms[name] = layer.joint(params)
                self.joint_leaves |= leaves

    def forward(self, batch: LazyBatch) -> list[Computed]:
        """The forward pass of each micro-batch, of its rows of a batch; in the order in which they
        were computed last."""
        with self._context.group([part.place for part in self._parts]) as contexts:
            runs = [
                (part, self._run(batch, number, context))
                for number, (part, context) in enumerate(zip(self._parts, contexts, strict=True))
            ]
            while True:
                reached = []
                for part, run in runs:
                    with self._memory.micro_batch(part):
                        reached.append(next(run))
                computed = [each for each in reached if isinstance(each, Computed)]
                if computed:
                    return computed
                self._join(str(reached[0]))
                runs.reverse()

    def _join(self, name: str) -> None:
        """Join the statistics of a batch norm."""
        layer = self._context.flat_graph.layers[name]
        assert isinstance(layer, BatchNorm)
        layer.join(self._norms[name], self._context.of_batch_norm(name))

    def _run(
        self, batch: LazyBatch, number: int, context: MicroBatchContext
    ) -> Iterator[str | Computed]:
        """Each batch norm that a micro-batch has reached, and the micro-batch at the end."""
        weights, part = self._context.weights, self._parts[number]
        leaves = weights.leaves(path for path in weights.params if path not in self.joint_leaves)
        inputs = weights.objective.inputs(self._memory.copy_inputs(batch, part.rows))
        if self._norms:
            outputs = yield from self._layers(inputs, leaves, number, context)
        else:
            outputs = weights.objective.outputs(leaves, inputs, context.ctx)
        yield Computed(part, leaves, weights.objective.losses(outputs), outputs)

    def _layers(
        self,
        inputs: Mapping[str, PortValue],
        leaves: Mapping[str, Tensor],
        number: int,
        context: MicroBatchContext,
    ) -> Generator[str, None, dict[str, Tensor]]:
        """Run layer after layer of a micro-batch; stop before each batch norm."""
        graph = self._context.flat_graph
        values = {("", port): value for port, value in inputs.items()}
        for name in graph.wiring.order:
            if norm := self._norms.get(name):
                x = values[graph.wiring.feeds[name]["input"]]
                assert isinstance(x, Tensor)
                norm.add(number, x)
                yield name
                context.results[name] = partial(norm.result, number)
            graph.run_layer(name, values, leaves, context.ctx)
        return graph.outputs_of(values)
