"""The plan of a run: everything that stays constant in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ._examples import Batch, Column
from ._learning_rates import Groups
from ._metrics import MetricFunction
from ._optimizers import is_builtin
from ._settings import Settings
from ._training_data import Source
from .step.all_reduce import AllReduce


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The settings of a run, its data source, encoders and metrics.

    Attributes:
        source: the source of training batches.
        encoders: port -> encoder of its stored values.
        images: the port of the images that augmentation changes.
        groups: multiplier of the learning rate -> paths of parameters.
        metrics: name -> metric beside the loss.
        all_reduce: the all-reduce of the processes that share each batch; None: one process.
    """

    settings: Settings
    source: Source
    encoders: Mapping[str, Callable[[object], Column]]
    images: str
    groups: Groups
    metrics: Mapping[str, MetricFunction | None]
    all_reduce: AllReduce | None

    @property
    def total(self) -> int | None:
        """The number of steps of the whole run; None if it is not known."""
        return None if self.source.steps is None else self.settings.epochs * self.source.steps

    @property
    def updates_in_kernels(self) -> bool:
        """Whether kernels compute the update: the optimizer is one of drypoint's own."""
        return is_builtin(self.settings.optimizer)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        total = step + 1 if self.total is None else self.total
        return self.settings.optimizer.lr * self.settings.schedule(step, total)

    def encode(self, batch: Batch) -> Batch:
        """The batch, encoded."""
        return {
            port: self.encoders[port](_readable(column)) if port in self.encoders else column
            for port, column in batch.items()
        }


def _readable(column: Column) -> object:
    """An array of numbers itself; an array of pictures or paths as a list, for the encoder."""
    return column.tolist() if column.dtype.kind in "OU" else column
