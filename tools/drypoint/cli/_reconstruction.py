"""The reconstruction errors of an autoencoder on a data set."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import anomaly_threshold, measure_anomalies
from drypoint.nn import LogSoftmax, Model, Softmax
from drypoint.program import Program

from ._data import encoder_of
from ._output import percent, table


def reconstructs(reader: Model | Program) -> bool:
    """Whether a net without classes has as many outputs as inputs, and ends in no softmax."""
    if reader.decoder is not None:
        return False
    if isinstance(reader, Program):
        pixels = reader.reads_pixels and encoder_of(reader) is not None
        equal = reader.output_shape.size == reader.input_shape.size
        return reader.is_autoencoder or (pixels and equal and not reader.softmax)
    net = reader.net
    if net.input_shape is None or isinstance([*net.leaves()][-1][1], Softmax | LogSoftmax):
        return False
    return math.prod(net.output_shape(net.input_shape)) == math.prod(net.input_shape)


def measure_reconstruction(
    reader: Model | Program, dataset: Dataset, *, normal: Sequence[int] | None
) -> tuple[str, dict[str, Any]]:
    """The figures of an autoencoder, as text and JSON.

    Args:
        reader: a model or program for which `reconstructs` is true.
        dataset: the examples.
        normal: indices of the classes of normal examples; None: which are normal is not known.

    Raises:
        MeasureError: no example is normal; or all are, and the program has no threshold.
        DrypointError: the examples do not fit the net.
    """
    errors, squares = _errors(reader, dataset.x)
    rows = [("examples", f"{len(dataset):,}"), ("mean squared error", f"{squares.mean():.4f}")]
    by_class = {
        str(name): float(squares[dataset.y == i].mean())
        for i, name in enumerate(dataset.classes)
        if (dataset.y == i).any()
    }
    if len(by_class) > 1:
        rows += [(f"  of class {name}", f"{error:.4f}") for name, error in by_class.items()]
    facts = {"n": len(dataset), "mean_squared_error": float(squares.mean()), "by_class": by_class}
    if normal is None:
        return table(rows, indent=""), facts
    threshold = reader.threshold if isinstance(reader, Program) else None
    anomalous = ~np.isin(dataset.y, normal)
    if threshold is not None and not anomalous.any():
        share = float((errors > threshold).mean())
        rows += [("threshold", f"{threshold:,}"), ("false alarms", percent(share))]
        return table(rows, indent=""), {**facts, "threshold": threshold, "false_alarms": share}
    found = measure_anomalies(errors, anomalous, threshold=threshold)
    rows += [
        ("anomalies", f"{int(found.anomalous.sum()):,}"),
        ("AUC", f"{found.auc:.4f}"),
        ("AUC to 10 % false alarms", f"{found.partial_auc():.4f}"),
    ]
    if threshold is not None:
        shares = (("recall", found.recall), ("false alarms", found.false_alarms))
        rows += [("threshold", f"{threshold:,}"), *((name, percent(x)) for name, x in shares)]
    return table(rows, indent=""), {**facts, **found.to_json()}


def choose_threshold(
    program: Program, dataset: Dataset, *, normal: Sequence[int], false_alarms: float
) -> tuple[Program, dict[str, int]]:
    """The program with the smallest threshold above which at most a share of normal validation
    examples lies; the number of these examples, and how many of them are above.

    Args:
        program: an autoencoder of real inputs.
        dataset: validation examples.
        normal: indices of the classes of normal examples.
        false_alarms: the share, from 0 and below 1.

    Raises:
        DrypointError: no example is normal.
    """
    x = dataset.x[np.isin(dataset.y, normal)]
    if not len(x):
        names = ", ".join(str(dataset.classes[i]) for i in normal)
        raise DrypointError(f"no validation example is of class {names}")
    errors = Engine(program).reconstruction_error(x)
    threshold = int(anomaly_threshold(errors, false_alarms=false_alarms))
    counts = {"n": len(x), "above": int((errors > threshold).sum())}
    return program.with_threshold(threshold), counts


def _errors(reader: Model | Program, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The reconstruction error and the mean squared error of each example; for a program of real
    inputs the first are integers.
    """
    if isinstance(reader, Model):
        errors = np.asarray(reader.reconstruction_error(x), np.float64)
        return errors, errors
    if reader.is_autoencoder:
        sums = Engine(reader).reconstruction_error(x)
        return sums, reader.mean_squared_error(sums)
    encoder = encoder_of(reader)
    assert encoder is not None  # `reconstructs` has checked it
    outputs = Engine(reader).predict_proba(x)
    off = outputs.reshape(len(x), -1) - np.asarray(encoder(x), np.float64).reshape(len(x), -1)
    squares = np.square(off).mean(axis=1)
    return squares, squares
