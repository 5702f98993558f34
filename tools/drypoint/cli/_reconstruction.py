"""The reconstruction errors of an autoencoder on a data set."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from drypoint.common import DrypointError
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import (
    anomaly_threshold,
    mean_by_class,
    measure_anomalies,
    reconstruction_errors,
    wilson_interval,
)
from drypoint.nn import Model
from drypoint.program import Program

from ._output import percent, table


def measure_reconstruction(
    reader: Model | Program, dataset: Dataset, *, normal: Sequence[int] | None
) -> tuple[str, dict[str, Any]]:
    """The figures of an autoencoder, as text and JSON."""
    model = Engine(reader) if isinstance(reader, Program) else reader
    errors, squares = reconstruction_errors(model, dataset.x)
    rows = [("examples", f"{len(dataset):,}"), ("mean squared error", f"{squares.mean():.4f}")]
    by_class = mean_by_class(squares, dataset)
    if len(by_class) > 1:
        rows += [(f"  of class {name}", f"{error:.4f}") for name, error in by_class.items()]
    facts = {"n": len(dataset), "mean_squared_error": float(squares.mean()), "by_class": by_class}
    if normal is None:
        return table(rows, indent=""), facts
    threshold = reader.threshold if isinstance(reader, Program) else None
    anomalous = ~np.isin(dataset.y, normal)
    if threshold is not None and not anomalous.any():
        above = int((errors > threshold).sum())
        share, interval = above / len(errors), wilson_interval(above, len(errors))
        rows += [("threshold", f"{threshold:,}"), ("false alarms", _with_interval(share, interval))]
        return table(rows, indent=""), {**facts, "threshold": threshold, "false_alarms": share}
    found = measure_anomalies(errors, anomalous, threshold=threshold)
    rows += [
        ("anomalies", f"{int(found.anomalous.sum()):,}"),
        ("AUC", f"{found.auc:.4f}"),
        ("AUC to 10 % false alarms", f"{found.partial_auc():.4f}"),
    ]
    if threshold is not None:
        recall = _with_interval(found.recall, found.recall_interval)
        alarms = _with_interval(found.false_alarms, found.false_alarms_interval)
        rows += [("threshold", f"{threshold:,}"), ("recall", recall), ("false alarms", alarms)]
    return table(rows, indent=""), {**facts, **found.to_json()}


def _with_interval(share: float, interval: tuple[float, float]) -> str:
    low, high = map(percent, interval)
    return f"{percent(share)} (95 %: {low} to {high})"


def choose_threshold(
    program: Program, dataset: Dataset, *, normal: Sequence[int], false_alarms: float
) -> tuple[Program, dict[str, int]]:
    """The program with the smallest threshold above which at most a share of normal validation
    examples lies; the number of these examples, and how many of them are above.
    """
    x = dataset.x[np.isin(dataset.y, normal)]
    if not len(x):
        names = ", ".join(str(dataset.classes[i]) for i in normal)
        raise DrypointError(f"no validation example is of class {names}")
    errors = Engine(program).reconstruction_error(x)
    threshold = int(anomaly_threshold(errors, false_alarms=false_alarms))
    counts = {"n": len(x), "above": int((errors > threshold).sum())}
    return program.with_threshold(threshold), counts
