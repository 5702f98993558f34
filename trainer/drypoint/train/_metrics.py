"""Metrics beside the loss, measured on training batches and validation examples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor
from drypoint.common import check_arguments
from drypoint.data import NO_LABEL

from ._aliases import METRIC_ALIASES
from ._errors import TrainError
from ._examples import Column, Rows, n_examples
from ._objective import Head, Objective

MetricFunction: TypeAlias = Callable[[Array, Column], Array]
"""(outputs (N, ...), targets (N, ...)) -> one number for each example, (N,)."""

Metric: TypeAlias = str | MetricFunction
"""The name of a metric ("accuracy"), or a function."""


ACCURACY: Literal["accuracy"] = "accuracy"


class HeadFigure(NamedTuple):
    """The loss of an output, its accuracy, or a function of it and its target."""

    head: Head
    figure: "Literal['loss', 'accuracy'] | MetricFunction"

    def sums(
        self,
        name: str,
        outputs: Mapping[str, Tensor],
        batches: Sequence[Mapping[str, Column | Rows]],
    ) -> NDArray[np.float64]:
        """The sum over the examples of each of several batches of one size."""
        n, size = len(batches), n_examples(batches[0])
        if self.figure == "loss":
            losses: NDArray[np.float64] = outputs[self.head.loss].data[: n * size].astype(float)
            return np.asarray(losses.reshape(n, -1).sum(axis=1))
        targets = np.stack([batch[self.head.target] for batch in batches])
        if self.figure == ACCURACY:
            decided = outputs[self.head.output].data[: n * size].argmax(axis=1)
            right: NDArray[np.bool_] = decided.reshape(targets.shape) == targets
            if right.ndim > 2:
                return _pixel_shares(right, targets != NO_LABEL)
            return np.asarray(right.sum(axis=1), np.float64)
        answers = self.head.predictions(outputs)
        parts = [answers[i * size : (i + 1) * size] for i in range(n)]
        assert not isinstance(self.figure, str)
        function = self.figure
        return np.array(
            [_total(name, function, *pair) for pair in zip(parts, targets, strict=True)]
        )


Totals: TypeAlias = dict[str, float]
"""Name -> sum over the examples of a batch, of the loss and each metric, before the update."""

Metrics: TypeAlias = Mapping[str, HeadFigure]
"""Name -> what it measures."""


def resolve_metrics(given: Iterable[Metric] | None, objective: Objective) -> dict[str, HeadFigure]:
    """Name -> what it measures."""
    if given is None:
        return _default_metrics(objective.heads)
    if isinstance(given, str):
        raise TrainError(f"metrics is the text {given!r}; wanted: a list, metrics=[{given!r}]")
    metrics: dict[str, Literal["accuracy"] | MetricFunction] = {}
    for metric in given:
        if isinstance(metric, str):
            metric = METRIC_ALIASES.get(metric.lower(), metric)  # noqa: PLW2901
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", None)
        if isinstance(metric, str) and metric != ACCURACY:
            raise TrainError(f"no metric is called {metric!r}: {ACCURACY!r}, or give a function")
        if not isinstance(name, str) or not (isinstance(metric, str) or callable(metric)):
            raise TrainError(f"a metric is a name or a function with a name, not {metric!r}")
        if callable(metric):
            check_arguments(metric, "outputs, targets", name=f"metric {name}", error=TrainError)
        if name in {*metrics, "loss", "lr", "seconds"}:
            raise TrainError(f"two measurements are called {name!r}: rename the function")
        metrics[name] = ACCURACY if isinstance(metric, str) else metric
    if metrics and len(objective.heads) != 1:
        raise TrainError("metrics compare one output with one target; this graph has no such pair")
    if ACCURACY in metrics and not objective.heads[0].classes:
        raise TrainError(
            "metrics has 'accuracy', which compares class indices, and the targets are no class "
            "indices: leave it out, or give a function"
        )
    return {name: HeadFigure(objective.heads[0], figure) for name, figure in metrics.items()}


def _default_metrics(heads: Sequence[Head]) -> dict[str, HeadFigure]:
    """The accuracy of one output and the metrics of its task; of several outputs the loss, the
    accuracy and the metrics of each."""
    several = len(heads) > 1
    found = {head.loss: HeadFigure(head, "loss") for head in heads if several}
    for head in heads:
        before = f"{head.name}_" * several
        if head.classes:
            found[f"{before}{ACCURACY}"] = HeadFigure(head, ACCURACY)
        for metric in head.metrics:
            found[f"{before}{metric.__name__}"] = HeadFigure(head, metric)
    return found


def totals(
    metrics: Metrics,
    outputs: Mapping[str, Tensor],
    losses: Array,
    batches: Sequence[Mapping[str, Column | Rows]],
) -> list[Totals]:
    """The sums of loss and metrics over each of several batches of one size."""
    n, size = len(batches), len(next(iter(batches[0].values())))
    columns = {
        "loss": losses[: n * size].reshape(n, size).sum(axis=1),
        **{name: figure.sums(name, outputs, batches) for name, figure in metrics.items()},
    }
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]


def _pixel_shares(right: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The sum over the examples of each batch, (batches, examples, H, W), of the shares of their
    labelled pixels that are right; 0 of an example without labels."""
    counts = np.maximum(known.sum(axis=(2, 3)), 1)
    return np.asarray(((right & known).sum(axis=(2, 3)) / counts).sum(axis=1))


def _total(name: str, function: MetricFunction, answers: Array, targets: Column) -> float:
    values = np.asarray(function(answers, targets))
    if values.shape != (len(targets),) or values.dtype.kind not in "buif":
        raise TrainError(
            f"metric {name} gave {values.dtype} {values.shape}, not a number for each of "
            f"{len(targets)} examples"
        )
    return float(values.sum(dtype=np.float64))
