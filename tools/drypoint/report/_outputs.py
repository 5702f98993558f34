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
from drypoint.program import NUMPY_TYPE, Program

from ._output_values import OutputValues
from ._report import ReportError


def measure_reconstruction(
    model: Model | None, program: Program, test: Dataset, *, normal: Sequence[str] | None
) -> tuple[dict[str, Any], OutputValues]:
    """The reconstruction errors of a program, and of its float model."""
    errors, squares = reconstruction_errors(Engine(program), test.x)
    floats = None if model is None else model.reconstruction_error(test.x)
    found = None if normal is None else _anomalies(errors, program, test, normal)
    usual = slice(None) if found is None else ~found.anomalous
    facts: dict[str, Any] = {
        "kind": "reconstruction",
        "examples": len(test),
        "error": float(squares[usual].mean()),
        "float_error": None if floats is None else float(floats[usual].mean()),
        **_rises(model, program, test.x, squares, floats, usual=usual),
        "by_class": mean_by_class(squares, test),
        "anomalies": None if found is None else found.to_json(),
    }
    return facts, OutputValues(errors=squares, anomalies=found, true=None, predicted=None)


def measure_numbers(
    model: Model | None, program: Program, x: NDArray[Any], y: ArrayLike
) -> tuple[dict[str, Any], OutputValues]:
    """The errors of predicted numbers of a program, and of its float model."""
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
    squares = _squares(predicted, true)
    spread = _squares(true.mean(axis=0), true)
    facts = {
        "kind": "numbers",
        "examples": len(x),
        "error": found.rmse,
        "float_error": None if floats is None else floats.rmse,
        "won_over_mean": _mean_interval(spread - squares, spread.mean()),
        **_rises(
            model,
            program,
            x,
            squares,
            None if floats is None else _squares(floats.predicted, true),
            true=true,
        ),
        "integers": found.to_json(),
        "float": None if floats is None else floats.to_json(),
        "anomalies": None,
    }
    errors = np.abs(predicted - true).max(axis=1)
    return facts, OutputValues(errors=errors, anomalies=None, true=true, predicted=predicted)


def _rises(
    model: Model | None,
    program: Program,
    x: NDArray[Any],
    squares: NDArray[Any],
    floats: NDArray[Any] | None,
    *,
    true: NDArray[Any] | None = None,
    usual: Any = slice(None),
) -> dict[str, Any]:
    """The shares by which the integers, and 8 bits an input alone, raise the float net's error."""
    if model is None or floats is None:
        return {"rise": None, "input_rise": None}
    power = 1.0 if true is None else 0.5  # of numbers the root of the mean square
    facts = {"rise": _rise(squares[usual], floats[usual], power), "input_rise": None}
    if program.reads_pixels or program.front is not None or program.input_parts:
        return facts
    values, tensor = np.asarray(model.encode(x), np.float64), program.input
    limits = np.iinfo(NUMPY_TYPE[tensor.type])
    integers = (np.rint(values / program.input_scale) + tensor.zero).clip(limits.min, limits.max)
    rounded = ((integers - tensor.zero) * program.input_scale).astype(np.float32)
    wanted = values.reshape(len(x), -1) if true is None else true
    found = model.with_encoder(None).predict_proba(rounded).reshape(wanted.shape)
    return facts | {"input_rise": _rise(_squares(found, wanted)[usual], floats[usual], power)}


def _rise(squares: NDArray[Any], floats: NDArray[Any], power: float) -> dict[str, float]:
    """The share by which squared errors (N,) exceed others of the same examples."""
    low, high = _mean_interval(squares - floats, floats.mean())
    shares = {"share": (low + high) / 2, "low": low, "high": high}
    return {name: max(1 + share, 0.0) ** power - 1 for name, share in shares.items()}


def _squares(predicted: Any, true: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.square(np.asarray(predicted, np.float64) - true).mean(axis=1))


def _mean_interval(values: NDArray[Any], unit: float) -> tuple[float, float]:
    """The 95 % interval of the mean of values (N,), as a share of a unit."""
    half, unit = 1.96 * float(values.std()) / len(values) ** 0.5, max(float(unit), 1e-30)
    return (float(values.mean()) - half) / unit, (float(values.mean()) + half) / unit


def _anomalies(
    errors: NDArray[Any], program: Program, test: Dataset, normal: Sequence[str]
) -> AnomalyMeasurement:
    classes = [str(name) for name in test.classes]
    for name in normal:
        if name not in classes:
            raise ReportError(f"normal names {name!r}; the classes are {', '.join(classes[:12])}")
    anomalous = ~np.isin(test.y, [classes.index(name) for name in normal])
    return measure_anomalies(errors, anomalous, threshold=program.threshold)
