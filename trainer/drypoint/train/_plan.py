"""What does not change in a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ._examples import Batch, Column
from ._learning_rates import Groups
from ._metrics import MetricFunction
from ._optimizers import is_own
from ._settings import Settings
from ._training_data import Source
from .step.all_reduce import AllReduce


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The settings of a run, and what it works with.

    Attributes:
        source: of training batches.
        encoders: port -> from values as they are stored to what the graph takes.
        images: the port that augmentation acts on.
        groups: parameters by the multiplier of their learning rate.
        metrics: what is measured beside the loss.
        all_reduce: over the processes that share each batch; None: there is one process.
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
        """Steps of the whole run, if they are known."""
        return None if self.source.steps is None else self.settings.epochs * self.source.steps

    @property
    def updates_in_kernels(self) -> bool:
        """Whether kernels compute the update: the optimizer is one of drypoint's own."""
        return is_own(self.settings.optimizer)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        total = step + 1 if self.total is None else self.total
        return self.settings.optimizer.lr * self.settings.schedule(step, total)

    def encoded(self, batch: Batch) -> Batch:
        """A batch as the graph takes it."""
        return {
            port: self.encoders[port](_readable(column)) if port in self.encoders else column
            for port, column in batch.items()
        }


def _readable(column: Column) -> object:
    """An array of numbers as it is; pictures and paths as the list that encoders take."""
    return column.tolist() if column.dtype.kind in "OU" else column
