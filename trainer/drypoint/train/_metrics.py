"""Metrics beside the loss, measured on training batches and validation examples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor

from ._aliases import METRIC_ALIASES
from ._errors import TrainError
from ._examples import Column, Rows, n_examples
from ._objective import Head, Objective

MetricFunction: TypeAlias = Callable[[Array, Column], Array]
"""(outputs (N, ...), targets (N, ...)) -> one number for each example, (N,)."""

Metric: TypeAlias = str | MetricFunction
"""The name of a metric ("accuracy"), or a function."""


class HeadFigure(NamedTuple):
    """The loss of one of several outputs, or its accuracy."""

    head: Head
    accuracy: bool

    def sums(
        self, outputs: Mapping[str, Tensor], batches: Sequence[Mapping[str, Column | Rows]]
    ) -> NDArray[np.float64]:
        """The sum over the examples of each of several batches of one size."""
        n, size = len(batches), n_examples(batches[0])
        if not self.accuracy:
            losses: NDArray[np.float64] = outputs[self.head.loss].data[: n * size].astype(float)
            return np.asarray(losses.reshape(n, -1).sum(axis=1))
        targets = np.stack([batch[self.head.name] for batch in batches])
        decided = outputs[self.head.output].data[: n * size].argmax(axis=1)
        right: NDArray[np.bool_] = decided.reshape(targets.shape) == targets
        return np.asarray(right.sum(axis=1), np.float64)


def _of_heads(heads: Iterable[Head]) -> "dict[str, MetricFunction | HeadFigure | None]":
    """The loss of each of several outputs, and the accuracy where its targets are classes."""
    figures = {head.loss: HeadFigure(head, accuracy=False) for head in heads}
    return {
        **figures,
        **{f"{h.name}_{ACCURACY}": HeadFigure(h, accuracy=True) for h in heads if h.classes},
    }


Totals: TypeAlias = dict[str, float]
"""Name -> sum over the examples of a batch, of the loss and each metric, before the update."""

Metrics: TypeAlias = Mapping[str, MetricFunction | HeadFigure | None]
"""Name -> function; None stands for accuracy, which needs no probabilities."""

ACCURACY = "accuracy"


def resolve_metrics(
    given: Iterable[Metric] | None, objective: Objective
) -> dict[str, MetricFunction | HeadFigure | None]:
    """Name -> function; None stands for accuracy, which needs no probabilities.

    Args:
        given: names and functions; None: accuracy, if there are classes; of a net with several
            outputs the loss of each, and its accuracy.
        objective: the training objective.

    Raises:
        TrainError: an unknown name, two metrics of one name, or a graph without an output that a
            loss compares with a target.
    """
    if given is None and objective.heads:
        return _of_heads(objective.heads)
    if given is None:
        return {ACCURACY: None} if objective.classes else {}
    if isinstance(given, str):
        raise TrainError(f"metrics is the text {given!r}; wanted: a list, metrics=[{given!r}]")
    metrics: dict[str, MetricFunction | HeadFigure | None] = {}
    for metric in given:
        if isinstance(metric, str):
            metric = METRIC_ALIASES.get(metric.lower(), metric)  # noqa: PLW2901
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", None)
        if isinstance(metric, str) and metric != ACCURACY:
            raise TrainError(f"no metric is called {metric!r}: {ACCURACY!r}, or give a function")
        if not isinstance(name, str) or not (isinstance(metric, str) or callable(metric)):
            raise TrainError(f"a metric is a name or a function with a name, not {metric!r}")
        if name in {*metrics, "loss", "lr", "seconds"}:
            raise TrainError(f"two measurements are called {name!r}: rename the function")
        metrics[name] = None if isinstance(metric, str) else metric
    if metrics and objective.output_port is None:
        raise TrainError("metrics compare one output with one target; this graph has no such pair")
    if ACCURACY in metrics and not objective.classes:
        raise TrainError(
            "metrics has 'accuracy', which compares class indices, and the targets are no class "
            "indices: leave it out, or give a function"
        )
    return metrics


def metric_sums(
    metrics: Metrics,
    objective: Objective,
    outputs: Mapping[str, Tensor],
    batches: Sequence[Mapping[str, Column | Rows]],
) -> dict[str, NDArray[np.float64]]:
    """Name -> sum of the metric over the examples of a batch, for several batches of one size.

    Raises:
        TrainError: a function does not give one number for each example.
    """
    found: dict[str, NDArray[np.float64]] = {
        name: figure.sums(outputs, batches)
        for name, figure in metrics.items()
        if isinstance(figure, HeadFigure)
    }
    if len(found) == len(metrics):
        return found
    assert objective.output_port is not None and objective.target_port is not None
    targets = np.stack([batch[objective.target_port] for batch in batches])
    n, size = targets.shape[:2]
    for name, function in metrics.items():
        if isinstance(function, HeadFigure):
            continue
        if function is None:
            right = (
                outputs[objective.output_port].data[: n * size].argmax(axis=1).reshape(n, size)
                == targets
            )
            found[name] = np.count_nonzero(right, axis=1).astype(np.float64)
            continue
        answers = objective.predictions(outputs)
        parts = [answers[i * size : (i + 1) * size] for i in range(n)]
        found[name] = np.array(
            [_total(name, function, *pair) for pair in zip(parts, targets, strict=True)]
        )
    return found


def totals(
    metrics: Metrics,
    objective: Objective,
    outputs: Mapping[str, Tensor],
    losses: Array,
    batches: Sequence[Mapping[str, Column | Rows]],
) -> list[Totals]:
    """The sums of loss and metrics over each of several batches of one size; see `metric_sums`."""
    n, size = len(batches), len(next(iter(batches[0].values())))
    columns = {
        "loss": losses[: n * size].reshape(n, size).sum(axis=1),
        **metric_sums(metrics, objective, outputs, batches),
    }
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]


def _total(name: str, function: MetricFunction, answers: Array, targets: Column) -> float:
    values = np.asarray(function(answers, targets))
    if values.shape != (len(targets),) or values.dtype.kind not in "buif":
        raise TrainError(
            f"metric {name} gave {values.dtype} {values.shape}, not a number for each of "
            f"{len(targets)} examples"
        )
    return float(values.sum(dtype=np.float64))
