"""The figures of outputs that are no classes: reconstructions of an autoencoder, and numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import (
    AnomalyMeasurement,
    mean_by_class,
    measure_anomalies,
    measure_regression,
    reconstruction_errors,
)
from drypoint.nn import Model
from drypoint.program import Program

from ._output_values import OutputValues
from ._report import ReportError


def measure_reconstruction(
    model: Model | None, program: Program, test: Dataset, *, normal: Sequence[str] | None
) -> tuple[dict[str, Any], OutputValues]:
    """The reconstruction errors of a program, and of its float model.

    Args:
        model: the float model; None of a program alone.
        program: one for which `reconstructs` is true.
        test: examples.
        normal: names of the classes of normal examples, all others are anomalies; None: not known.

    Raises:
        ReportError: a name of ``normal`` is no class of the examples.
        MeasureError: all examples are of one kind.
    """
    errors, squares = reconstruction_errors(Engine(program), test.x)
    floats = None if model is None else model.reconstruction_error(test.x)
    found = None if normal is None else _anomalies(errors, program, test, normal)
    usual = slice(None) if found is None else ~found.anomalous
    facts: dict[str, Any] = {
        "kind": "reconstruction",
        "examples": len(test),
        "error": float(squares[usual].mean()),
        "float_error": None if floats is None else float(floats[usual].mean()),
        "by_class": mean_by_class(squares, test),
        "anomalies": None if found is None else found.to_json(),
    }
    return facts, OutputValues(errors=squares, anomalies=found, true=None, predicted=None)


def measure_numbers(
    model: Model | None, program: Program, x: NDArray[Any], y: ArrayLike
) -> tuple[dict[str, Any], OutputValues]:
    """The errors of predicted numbers of a program, and of its float model.

    Args:
        model: the float model; None of a program alone.
        program: the program.
        x: what the model takes.
        y: the true numbers (N, values), or (N,) of one value.

    Raises:
        ReportError: there are other numbers of values than the program gives.
    """
    predicted = np.asarray(Engine(program).predict_proba(x))
    true = np.asarray(y, np.float64).reshape(len(x), -1)
    if true.shape != predicted.shape:
        raise ReportError(
            f"test has {true.shape[1]} numbers an example, the program gives {predicted.shape[1]}"
        )
    found = measure_regression(predicted, true)
    floats = None
    if model is not None:
        floats = measure_regression(model.predict_proba(x).reshape(true.shape), true)
    facts = {
        "kind": "numbers",
        "examples": len(x),
        "error": found.rmse,
        "float_error": None if floats is None else floats.rmse,
        "integers": found.to_json(),
        "float": None if floats is None else floats.to_json(),
        "anomalies": None,
    }
    errors = np.abs(predicted - true).max(axis=1)
    return facts, OutputValues(errors=errors, anomalies=None, true=true, predicted=predicted)


def _anomalies(
    errors: NDArray[Any], program: Program, test: Dataset, normal: Sequence[str]
) -> AnomalyMeasurement:
    classes = [str(name) for name in test.classes]
    for name in normal:
        if name not in classes:
            raise ReportError(f"normal names {name!r}; the classes are {', '.join(classes[:12])}")
    anomalous = ~np.isin(test.y, [classes.index(name) for name in normal])
    return measure_anomalies(errors, anomalous, threshold=program.threshold)
