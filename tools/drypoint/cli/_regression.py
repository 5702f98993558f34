"""``--task regression``: a net whose one output is a number, as the labels are."""

from typing import Any

import numpy as np

from drypoint.common import DrypointError
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import RegressionMeasurement, measure_regression
from drypoint.nn import Layer, Linear, Model, Sequential, Softmax
from drypoint.program import Program

from ._output import table
from ._source import REGRESSION


def without_softmax(net: Layer) -> Layer:
    """A net of a family that ends in its last Linear."""
    if not isinstance(net, Sequential):
        return net
    last = list(net.layers)[-1]
    if not isinstance(net.layers[last], Softmax):
        return net
    return Sequential({k: v for k, v in net.layers.items() if k != last}, net.input_shape)


def scale_output(model: Model, factor: float, offset: float) -> Model:
    """The model whose output is ``factor`` times the model's output, plus ``offset``."""
    path, last = [*model.net.leaves()][-1]
    weight, bias = f"{path}.weight", f"{path}.bias"
    if not isinstance(last, Linear) or bias not in model.net.params:
        raise DrypointError(
            f"--task {REGRESSION}: the net ends in {type(last).__name__}; wanted: a Linear with a "
            "bias, whose output is the number"
        )
    values = {
        weight: model.net.params[weight] * np.float32(factor),
        bias: model.net.params[bias] * np.float32(factor) + np.float32(offset),
    }
    return model.with_net(model.net.with_params({**model.net.params, **values}))


def measure_numbers(reader: Model | Program, dataset: Dataset) -> RegressionMeasurement:
    """The errors of the numbers that a model or the engine predicts."""
    runner = Engine(reader) if isinstance(reader, Program) else reader
    predicted = np.asarray(runner.predict_proba(dataset.x)).reshape(len(dataset))
    return measure_regression(predicted, dataset.numbers)


def show_numbers(found: RegressionMeasurement) -> tuple[str, dict[str, Any]]:
    """The figures as text and JSON."""
    rows = [
        ("examples", f"{found.n:,}"),
        ("root mean squared error", f"{found.rmse:.4g}"),
        ("mean absolute error", f"{found.mae:.4g}"),
        ("R2", f"{found.r2:.4f}"),
    ]
    return table(rows, indent=""), found.to_json()
