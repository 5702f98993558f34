"""The task "numbers": the net's output is a number, as the labels are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset
from drypoint.measure import RegressionMeasurement, measure_regression
from drypoint.nn import Layer, Linear, Model, MSELoss, last_layer

from ._answer import Answer, Criterion, table
from ._reported import Drawing, Reported, ReportTexts, mean_interval, mean_squares, rises
from ._task import Notify, Runner, Task, TaskError, Trial, without_softmax

_FIGURES = {"rmse": "root mean squared error", "mae": "mean absolute error", "r2": "R²"}


@dataclass(frozen=True)
class Numbers(Task):
    """The output is a number, or several, as the labels are: a regression.

    The net learns numbers of mean 0 and deviation 1; its last layer, a `nn.Linear`, is scaled
    before and after.

    Attributes:
        mean, std: mean and deviation of the numbers that the net is trained on; None: of the
            training part.
    """

    name = "numbers"
    read_as = "regression"
    has_classes = False

    mean: float | None = None
    std: float | None = None

    def describe(self, dataset: Dataset) -> str:
        """A data set in words: the numbers from the smallest to the largest."""
        low, high = dataset.numbers.min(), dataset.numbers.max()
        return f"{super().describe(dataset).partition(';')[0]}; numbers from {low:g} to {high:g}"

    def complete(self, net: Layer, notify: Notify) -> Layer:  # noqa: ARG002
        """The net of a family, which then ends in its last Linear."""
        return without_softmax(net)

    def output_shape(self, dataset: Dataset) -> tuple[int, ...] | None:  # noqa: ARG002
        """One number."""
        return (1,)

    def loss(self) -> MSELoss:
        """The mean squared error."""
        return MSELoss()

    def adapt(self, labels: NDArray[Any]) -> "Numbers":
        """The task with mean and deviation of the labels, unless it has some."""
        if self.std is not None:
            return self
        std = float(labels.std())
        if std == 0:
            raise TaskError(f"every example has the number {labels.flat[0]:g}: nothing to learn")
        return replace(self, mean=float(labels.mean()), std=std)

    def without_scale(self) -> "Numbers":
        """The task without mean and deviation."""
        return replace(self, mean=None, std=None)

    def labels(self, dataset: Dataset) -> NDArray[np.float64]:
        """The numbers, (N,)."""
        return dataset.numbers

    def targets(self, model: Model, x: Any, labels: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """The numbers with mean 0 and deviation 1, (N, 1) or (N, ...)."""
        scaled = ((labels - (self.mean or 0.0)) / (self.std or 1.0)).astype(np.float32)
        return scaled[:, None] if scaled.ndim == 1 else scaled

    def begin(self, model: Model, port: str) -> Model:
        """The model with an output of mean 0 and deviation 1, if it was trained before."""
        _last_linear(model, port)  # it must be there after the training
        if self.std is None or self.mean is None or not model.net.initialized:
            return model
        return _scale_output(model, port, 1 / self.std, -self.mean / self.std)

    def end(self, model: Model, port: str) -> Model:
        """The model whose output is the number."""
        if self.std is None or self.mean is None:
            return model
        return _scale_output(model, port, self.std, self.mean)

    @property
    def criterion(self) -> Criterion:
        """The root mean squared error."""
        return Criterion(_FIGURES["rmse"], "rmse", is_error=True)

    def measure(self, trial: Trial) -> Answer:
        """The errors of the predicted numbers, and R2."""
        found = _measure(trial.runner, trial)
        rows = [("examples", f"{found.n:,}")]
        rows += [(_FIGURES[name], f"{getattr(found, name):.4g}") for name in ("rmse", "mae")]
        return Answer(table([*rows, ("R2", f"{found.r2:.4f}")]), found.to_json())

    def test(self, model: Model, dataset: Dataset) -> Answer:
        """The root mean squared error, and R2."""
        found = _measure(model, Trial(model, dataset))
        text = f"root mean squared error of {found.n:,} test examples: {found.rmse:.4g}"
        return Answer(f"{text}, R2 {found.r2:.4f}", found.to_json())

    def report(self, model: Model | None, trial: Trial) -> Reported:
        """The errors of the program, and of its float model."""
        found = _measure(trial.runner, trial)
        true, predicted = found.y, found.predicted
        floats = None if model is None else _measure(model, trial)
        squares = mean_squares(predicted, true)
        spread = mean_squares(true.mean(axis=0), true)
        of_floats = None if floats is None else mean_squares(floats.predicted, true)
        facts = {
            "kind": self.name,
            "examples": found.n,
            "error": found.rmse,
            "float_error": None if floats is None else floats.rmse,
            "won_over_mean": mean_interval(spread - squares, spread.mean()),
            **rises(model, trial.program, trial.x, squares, of_floats, true=true),
            "integers": found.to_json(),
            "float": None if floats is None else floats.to_json(),
            "anomalies": None,
        }
        title = "Predicted (up) over true numbers (right)"
        drawing = Drawing(title, "points", true.ravel(), predicted.ravel())
        errors = np.abs(predicted - true).max(axis=1)
        return Reported(facts=facts, errors=errors, drawing=drawing)

    def report_texts(self, facts: Mapping[str, Any]) -> ReportTexts:
        """Root mean squared error, mean absolute error and R2."""
        integers, floats = facts["integers"], facts["float"] or {}
        rows = [(text, integers[key], floats.get(key)) for key, text in _FIGURES.items()]
        headline = [("R2", f"{integers['r2']:.4f}")]
        return ReportTexts(_FIGURES["rmse"], headline=headline, rows=rows)


def _measure(runner: Runner, trial: Trial) -> RegressionMeasurement:
    """The errors of the numbers that a model or the engine predicts, (N, values)."""
    predicted, labels = np.asarray(runner.predict_proba(trial.x)), trial.numbers
    predicted, true = (np.reshape(values, (len(labels), -1)) for values in (predicted, labels))
    if true.shape != predicted.shape:
        raise TaskError(
            f"test has {true.shape[1]} numbers an example, the program gives {predicted.shape[1]}"
        )
    return measure_regression(predicted, true)


def _last_linear(model: Model, port: str) -> str:
    """The path of the layer that gives the number."""
    last = last_layer(model.net, port)
    if not isinstance(last, Linear) or not last.bias:
        raise TaskError(
            f"--task regression: the net ends in {type(last).__name__}; wanted: a Linear with a "
            "bias, whose output is the number"
        )
    return next(path for path, leaf in model.net.leaves() if leaf is last)


def _scale_output(model: Model, port: str, factor: float, offset: float) -> Model:
    """The model whose output is ``factor`` times the model's output, plus ``offset``."""
    path, params = _last_linear(model, port), model.net.params
    weight, bias = f"{path}.weight", f"{path}.bias"
    values = {
        weight: params[weight] * np.float32(factor),
        bias: params[bias] * np.float32(factor) + np.float32(offset),
    }
    return model.with_net(model.net.with_params({**params, **values}))
