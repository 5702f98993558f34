"""The task "reconstruction": the net repeats its input; a large error is an anomaly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import percent
from drypoint.data import Dataset
from drypoint.measure import (
    AnomalyMeasurement,
    anomaly_threshold,
    measure_anomalies,
    wilson_interval,
)
from drypoint.nn import Layer, Model, MSELoss
from drypoint.program import Program

from ._answer import Answer, Choice, Criterion, table
from ._reconstruction_errors import mean_by_class, reconstruction_errors
from ._reported import Drawing, Reported, ReportTexts, rises
from ._task import (
    Notify,
    Runner,
    Task,
    TaskError,
    Trial,
    output_names,
    reader_of,
    without_softmax,
)

_WORDS = {None: "no threshold", True: "anomaly", False: "no anomaly"}


@dataclass(frozen=True)
class Reconstruction(Task):
    """The output is the input, as an autoencoder gives it: of an anomaly the error is large."""

    name = "reconstruction"
    holds_out = True
    choice_option = "false_alarms"
    any_size = False
    page_part = "error"

    def complete(self, net: Layer, notify: Notify) -> Layer:  # noqa: ARG002
        """The net of a family, which then ends in its last Linear."""
        return without_softmax(net)

    def output_shape(self, dataset: Dataset) -> tuple[int, ...] | None:  # noqa: ARG002
        """As many values as the net takes."""
        return None

    def loss(self) -> MSELoss:
        """The mean squared error."""
        return MSELoss()

    def targets(self, model: Model, x: Any, labels: NDArray[Any]) -> NDArray[Any]:
        """The encoded inputs, in the shape of the output."""
        encoded = model.encode(x)
        return np.asarray(encoded).reshape(len(labels), *model.net.output_shape(encoded.shape[1:]))

    def answer(
        self,
        runner: Runner,
        x: Any,
        *,
        top: int,  # noqa: ARG002
        output: str | None = None,
    ) -> list[Answer]:
        """Whether each input is an anomaly, with its mean squared error; None without a
        threshold."""
        program = reader_of(runner)
        errors, squares = reconstruction_errors(runner, x, output)
        thresholds = {each.name: each.threshold for each in getattr(program, "outputs", ())}
        threshold, of = thresholds.get(output or output_names(program)[-1]), ""
        found: list[bool | None] = [None] * len(errors)
        if isinstance(program, Program) and threshold is not None:
            found = (errors > threshold).tolist()
            of = f" (threshold {program.mean_squared_error(threshold):.4g})"
        return [
            Answer(f"{_WORDS[above]}, error {error:.4g}{of}", {"error": error, "anomaly": above})
            for error, above in zip(squares.tolist(), found, strict=True)
        ]

    @property
    def criterion(self) -> Criterion:
        """The mean squared error."""
        return Criterion("mean squared error", "mean_squared_error", is_error=True)

    def measure(self, trial: Trial) -> Answer:
        """The mean squared error, by class; where normal examples are known, how well errors
        separate them from anomalies."""
        dataset = trial.dataset
        usual = None if trial.normal is None else _classes(trial.normal, dataset)
        errors, squares = reconstruction_errors(trial.runner, dataset.x)
        rows = [("examples", f"{len(dataset):,}"), ("mean squared error", f"{squares.mean():.4f}")]
        by_class = mean_by_class(squares, dataset)
        if len(by_class) > 1:
            rows += [(f"  of class {name}", f"{error:.4f}") for name, error in by_class.items()]
        mean = float(squares.mean())
        facts = {"n": len(dataset), "mean_squared_error": mean, "by_class": by_class}
        if usual is None:
            return Answer(table(rows), facts)
        threshold = getattr(reader_of(trial.runner), "threshold", None)
        anomalous = ~np.isin(dataset.y, usual)
        if threshold is not None and not anomalous.any():
            above = int((errors > threshold).sum())
            share, interval = above / len(errors), wilson_interval(above, len(errors))
            rows += [
                ("threshold", f"{threshold:,}"),
                ("false alarms", _show_share(share, interval)),
            ]
            return Answer(table(rows), {**facts, "threshold": threshold, "false_alarms": share})
        found = measure_anomalies(errors, anomalous, threshold=threshold)
        rows += [
            ("anomalies", f"{int(found.anomalous.sum()):,}"),
            ("AUC", f"{found.auc:.4f}"),
            ("AUC to 10 % false alarms", f"{found.partial_auc():.4f}"),
        ]
        if threshold is not None:
            recall = _show_share(found.recall, found.recall_interval)
            alarms = _show_share(found.false_alarms, found.false_alarms_interval)
            rows += [("threshold", f"{threshold:,}"), ("recall", recall), ("false alarms", alarms)]
        return Answer(table(rows), {**facts, **found.to_json()})

    def test(self, model: Model, dataset: Dataset) -> Answer:
        """The mean squared error."""
        inputs = model.encode(dataset.x)
        error = float(np.square(model.net(inputs) - inputs.reshape(len(dataset), -1)).mean())
        text = f"mean squared error of {len(dataset):,} test examples: {error:.4f}"
        return Answer(text, {"n": len(dataset), "mean_squared_error": error})

    def check_choice(self, reader: Model | Program, name: str, normal: object) -> Program:
        """Refuse a net that can have no threshold, or one whose normal examples are not known."""
        program = super().check_choice(reader, name, normal)
        if program.reads_pixels:
            raise TaskError(
                f"{name} reads pixels: only an autoencoder of signals, tables or vectors has a "
                "threshold"
            )
        if normal is None:
            raise TaskError(
                "--false-alarms is a share of the normal examples: name their class, --normal CLASS"
            )
        return program

    def choose(self, trial: Trial, rate: float | None, *, name: str) -> Choice:
        """The smallest threshold above which at most a share, ``rate``, of normal validation
        examples lies."""
        validation = trial.dataset
        chosen = _classes(trial.normal or (), validation)
        x = validation.x[np.isin(validation.y, chosen)]
        if not len(x):
            names = ", ".join(str(validation.classes[i]) for i in chosen)
            raise TaskError(f"no validation example is of class {names}")
        errors, _ = reconstruction_errors(trial.runner, x)
        threshold = int(anomaly_threshold(errors, false_alarms=rate or 0))
        above = int((errors > threshold).sum())
        note = (
            f"{name}: threshold {threshold:,}; {above} of {len(x)} normal validation examples are "
            "above it"
        )
        facts = {"validation": {"n": len(x), "above": above}}
        return Choice(trial.program.with_threshold(threshold), [note], facts)

    def report(self, model: Model | None, trial: Trial) -> Reported:
        """The reconstruction errors of the program, and of its float model."""
        x, dataset, program, found = trial.x, trial.dataset, trial.program, None
        errors, squares = reconstruction_errors(trial.runner, x)
        floats = None if model is None else model.reconstruction_error(x)
        if trial.normal is not None:
            anomalous = ~np.isin(dataset.y, _classes(trial.normal, dataset))
            found = measure_anomalies(errors, anomalous, threshold=program.threshold)
        usual = slice(None) if found is None else ~found.anomalous
        facts = {
            "kind": self.name,
            "examples": len(x),
            "error": float(squares[usual].mean()),
            "float_error": None if floats is None else float(floats[usual].mean()),
            **rises(model, program, x, squares, floats, usual=usual),
            "by_class": mean_by_class(squares, dataset),
            "anomalies": None if found is None else found.to_json(),
        }
        return Reported(facts=facts, errors=squares, drawing=_draw(found))

    def report_texts(self, facts: Mapping[str, Any]) -> ReportTexts:
        """Mean squared errors by class, and how well they separate anomalies."""
        by_class, found = facts["by_class"], facts["anomalies"]
        of = "normal examples" if found else ""
        headline = []
        if len(by_class) > 1:
            headline = [(f"  of {name}", f"{error:.4g}") for name, error in by_class.items()]
        note = (
            "Which examples are normal is not known: drypoint report --normal CLASS adds the ROC "
            "curve."
        )
        if found is not None:
            headline.append(("AUC of anomalies", f"{found['auc']:.4f}"))
            note = _describe(found)
        figure = f"mean squared error{', normal examples' * bool(of)}"
        rows = [(figure, facts["error"], facts["float_error"])]
        rows += [(f"of {name}", error, None) for name, error in by_class.items()]
        summary = "" if found is None else f"AUC of anomalies {found['auc']:.3f}"
        return ReportTexts(
            "mean squared error", of=of, summary=summary, headline=headline, rows=rows, note=note
        )


def _classes(names: Sequence[str], dataset: Dataset) -> list[int]:
    """The indices of classes."""
    known = [str(name) for name in dataset.classes]
    for name in names:
        if name not in known:
            raise TaskError(f"--normal {name}: no such class; classes: {', '.join(known[:12])}")
    return [known.index(name) for name in names]


def _show_share(share: float, interval: tuple[float, float]) -> str:
    low, high = map(percent, interval)
    return f"{percent(share)} (95 %: {low} to {high})"


def _describe(found: Mapping[str, Any]) -> str:
    """The figures of anomalies in a sentence."""
    text = f"Anomalies: area under the ROC curve {found['auc']:.4g}"
    if found["threshold"] is None:
        return f"{text}."
    recall, alarms = (
        " to ".join(map(percent, found[name]))
        for name in ("recall_interval", "false_alarms_interval")
    )
    return (
        f"{text}; above the threshold {found['threshold']} lie {percent(found['recall'])} of the "
        f"anomalies (95 % interval {recall}) and {percent(found['false_alarms'])} of the normal "
        f"examples ({alarms})."
    )


def _draw(found: AnomalyMeasurement | None) -> Drawing | None:
    if found is None:
        return None
    title = "ROC: anomalies found (up) over false alarms (right), both from 0 to 1"
    return Drawing(title, "curve", found.roc.fpr, found.roc.tpr)
