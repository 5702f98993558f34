"""What a net says of inputs: an `Answer` to each, by a function for each kind of output."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from drypoint.common import kind_of
from drypoint.data import Class, ClassDecoder, decoder_from_config
from drypoint.nn import Model
from drypoint.program import Program

from ._errors import MeasureError
from ._reconstruction import ProgramRunner, reconstruction_errors, reconstructs

_SHOWN = 8  # values of an output in a text


@dataclass(frozen=True)
class Answer:
    """What a net says of one input.

    Attributes:
        text: for people.
        facts: for machines, of JSON types.
    """

    text: str
    facts: Mapping[str, Any]


def answer_inputs(
    model: Model | ProgramRunner, x: Any, *, top: int = 3, numbers: bool = False
) -> list[Answer]:
    """The answers to inputs, one an input: of an autoencoder whether each is an anomaly, else the
    likeliest classes of the first output that has some, else the values of the outputs.

    Args:
        model: a `Model`, or an `Engine` of a program of single inputs.
        x: what the model takes (N, ...); several inputs by name.
        top: classes in a text.
        numbers: whether the net predicts numbers: one of as many outputs as inputs is no
            autoencoder then.

    Raises:
        MeasureError: it is no such model, or ``top`` no number.
        DrypointError: the net does not take these inputs.
    """
    reader: Model | Program = getattr(model, "program", model)  # type: ignore[arg-type]
    repeats = reconstructs(reader)  # refuses what is no net
    if isinstance(model, Program) or type(top) is not int:
        raise MeasureError(
            f"the model is {kind_of(model)}, top {kind_of(top)}; wanted: a Model or an Engine, and "
            "a number of classes"
        )
    if repeats and numbers is not True:
        return judge_anomalies(model, x)
    found = model.predict_proba(x)
    for name, classes in class_outputs(reader).items():
        rows = found[name] if isinstance(found, Mapping) else found
        return rank_classes(rows, classes, top=top)
    return show_values(found if isinstance(found, Mapping) else {"": found})


def rank_classes(
    probabilities: NDArray[Any], classes: tuple[Class, ...], *, top: int
) -> list[Answer]:
    """The likeliest classes of probabilities (N, classes), in a text as many as ``top``."""
    answers = []
    for row in probabilities.tolist():
        ranking = sorted(zip(classes, row, strict=True), key=lambda pair: -pair[1])
        text = ", ".join(f"{label} ({100 * share:.2f} %)" for label, share in ranking[:top])
        answers.append(Answer(text, {"class": ranking[0][0], "probabilities": row}))
    return answers


def judge_anomalies(model: Model | ProgramRunner, x: Any) -> list[Answer]:
    """Whether each input is an anomaly, with its mean squared error; None without a threshold."""
    reader = getattr(model, "program", None)
    errors, squares = reconstruction_errors(model, x)
    threshold, of = getattr(reader, "threshold", None), ""
    found: list[bool | None] = [None] * len(errors)
    if reader is not None and threshold is not None:
        found = (errors > threshold).tolist()
        of = f" (threshold {reader.mean_squared_error(threshold):.4g})"
    words = {None: "no threshold", True: "anomaly", False: "no anomaly"}
    return [
        Answer(f"{words[above]}, error {error:.4g}{of}", {"error": error, "anomaly": above})
        for error, above in zip(squares.tolist(), found, strict=True)
    ]


def show_values(outputs: Mapping[str, NDArray[Any]]) -> list[Answer]:
    """The values of outputs (N, ...) by name: of one output with one value a number."""
    named = {
        name: rows.reshape(len(rows), math.prod(rows.shape[1:])).tolist()
        for name, rows in outputs.items()
    }
    answers = []
    for rows in zip(*named.values(), strict=True):
        if len(rows) > 1:
            text = "; ".join(f"{n} {_list_values(r)}" for n, r in zip(named, rows, strict=True))
            answers.append(Answer(text, {"values": dict(zip(named, rows, strict=True))}))
        else:
            facts = {"number": rows[0][0]} if len(rows[0]) == 1 else {"values": rows[0]}
            answers.append(Answer(_list_values(rows[0]), facts))
    return answers


def class_outputs(reader: Model | Program) -> dict[str, tuple[Class, ...]]:
    """Output -> its classes, of the outputs that have a decoder of classes. Of a program without
    decoders the last output is one if it has a softmax, or a label for each value.
    """
    if isinstance(reader, Model):
        decoders = reader.decoders
    else:
        configs = {output.name: output.decoder for output in reader.outputs}
        decoders = {name: decoder_from_config(c) for name, c in configs.items() if c is not None}
        last, size = reader.outputs[-1], reader.output_shape.size
        if not decoders and (last.softmax is True or len(reader.labels) == size):
            return {last.name: reader.labels or tuple(range(size))}
    return {n: d.classes for n, d in decoders.items() if isinstance(d, ClassDecoder)}


def _list_values(values: list[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown}, ... of {len(values):,} values"
