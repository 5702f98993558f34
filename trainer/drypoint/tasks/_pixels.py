"""The task "pixels": the net decides which class each pixel is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import interval_text, percent
from drypoint.data import Class, ClassDecoder, Dataset
from drypoint.measure import PixelMeasurement, measure_pixels
from drypoint.nn import (
    Conv2d,
    ConvTranspose2d,
    Layer,
    LogSoftmax,
    Model,
    Sequential,
    Softmax,
    last_layer,
)
from drypoint.program import Program

from ._answer import Answer, Criterion, table
from ._classes import ClassTask, classes_of, index_labels
from ._reported import Reported, ReportTexts, rise_of
from ._task import (
    Notify,
    Runner,
    TaskError,
    Trial,
    output_names,
    reader_of,
    values_of,
)

_BATCH = 256  # pictures whose planes are in memory at once


@dataclass(frozen=True)
class Pixels(ClassTask):
    """The output has planes of scores or probabilities, (classes, height, width): a class for each
    pixel. Labels are maps, (N, height, width), `data.NO_LABEL` where a pixel has none.
    """

    name = "pixels"
    has_classes = False  # an example is of no single class
    any_size = False
    page_part = "map"

    def describe(self, dataset: Dataset) -> str:
        """A data set in words: also the share of each class's pixels."""
        counts = dataset.class_counts()
        total = sum(counts.values())
        shares = ", ".join(f"{name} {percent(n / total)}" for name, n in [*counts.items()][:12])
        return f"{super().describe(dataset).partition(';')[0]}; pixels of class {shares}"

    def check(self, dataset: Dataset, others: Mapping[str, Dataset | None], *, name: str) -> None:
        """Refuse labels that are no maps, a single class, and classes that the training part
        lacks."""
        if not dataset.has_maps:
            raise TaskError(
                f"{name} has a label for each example; the task pixels wants label maps: integers "
                "(N, height, width)"
            )
        present = [label for label, n in dataset.class_counts().items() if n]
        if len(present) < 2:
            raise TaskError(f"all labelled pixels of {name} are of class {present[0]!r}")
        for other, part in others.items():
            counts = {} if part is None else part.class_counts()
            lacking = [label for label, n in counts.items() if n and label not in present]
            if lacking:
                raise TaskError(
                    f"{name}: the {other} part has pixels of class {lacking[0]!r}, of which the "
                    "training part has none: add some, or leave the class out"
                )

    def default_net(self, dataset: Dataset) -> str:  # noqa: ARG002
        """A small U-Net."""
        return "unet"

    def complete(self, net: Layer, notify: Notify) -> Layer:
        """The net with a softmax over the classes of each pixel, which is added to a net that ends
        in scores."""
        last = last_layer(net) if isinstance(net, Sequential) else None
        if not isinstance(net, Sequential) or not isinstance(last, Conv2d | ConvTranspose2d):
            return net
        notify("net: ends in scores; a softmax over the classes of each pixel is added")
        return net + Softmax(axis=0)

    def output_shape(self, dataset: Dataset) -> tuple[int, ...]:
        """(classes, height, width) of the label maps."""
        return len(dataset.classes), *dataset.y.shape[1:]

    def answer(
        self, runner: Runner, x: Any, *, top: int, output: str | None = None
    ) -> list[Answer]:
        """The commonest classes of the pixels of each picture, and its map of classes."""
        maps, names = _decide(runner, x, output)
        answers = []
        for found in maps:
            counts = np.bincount(found.ravel(), minlength=len(names)) / found.size
            ranking = sorted(zip(names, counts.tolist(), strict=True), key=lambda pair: -pair[1])
            shares = {str(name): share for name, share in ranking if share}
            text = ", ".join(f"{name} {percent(share)}" for name, share in [*shares.items()][:top])
            facts = {"pixels": shares, "classes": [*names], "map": found.tolist()}
            answers.append(Answer(f"{text} of the pixels", facts))
        return answers

    @property
    def criterion(self) -> Criterion:
        """The mean intersection over union."""
        return Criterion("mIoU", "mean_iou")

    def measure(self, trial: Trial) -> Answer:
        """Pixel accuracy and intersection over union, by class and their mean."""
        found = _measure(trial.runner, trial)
        low, high = map(percent, found.accuracy_interval)
        rows = [
            ("examples", f"{found.n:,}"),
            ("labelled pixels", f"{found.n_pixels:,}"),
            ("pixel accuracy", f"{percent(found.accuracy)} (95 %: {low} to {high})"),
            ("mIoU", f"{found.mean_iou:.4f}"),
        ]
        rows += [(f"  IoU of {name}", _show(share)) for name, share in found.iou.items()]
        return Answer(table(rows), found.to_json())

    def test(self, model: Model, dataset: Dataset) -> Answer:
        """Pixel accuracy and mIoU."""
        found = _measure(model, Trial(model, dataset))
        accuracy = interval_text(found.accuracy, *found.accuracy_interval)
        text = f"pixel accuracy of {found.n:,} test examples: {accuracy}, mIoU {found.mean_iou:.4f}"
        return Answer(text, found.to_json())

    def report(self, model: Model | None, trial: Trial) -> Reported:
        """The pixels that the program decides wrongly, and its float model."""
        found = _measure(trial.runner, trial)
        floats = None if model is None else _measure(model, trial)
        facts = {
            "kind": self.name,
            "examples": found.n,
            "error": 1 - found.accuracy,
            "float_error": None if floats is None else 1 - floats.accuracy,
            "rise": None if floats is None else rise_of(found.errors, floats.errors),
            "input_rise": None,
            "integers": found.to_json(),
            "float": None if floats is None else floats.to_json(),
            "anomalies": None,
        }
        return Reported(facts=facts, errors=found.errors)

    def report_texts(self, facts: Mapping[str, Any]) -> ReportTexts:
        """The share of wrong pixels, mIoU, and IoU by class."""
        integers, floats = facts["integers"], facts["float"]
        headline = [("mIoU", f"{integers['mean_iou']:.4f}")]
        pairs = [("pixel accuracy", "accuracy"), ("mIoU", "mean_iou")]
        rows = [(text, integers[key], floats and floats[key]) for text, key in pairs]
        for name, share in integers["iou"].items():
            if share is not None:
                rows.append((f"IoU of {name}", share, floats and floats["iou"][name]))
        return ReportTexts("share of wrong pixels", headline=headline, rows=rows)


def decides_pixels(reader: Model | Program, output: str | None = None) -> bool:
    """Whether an output of a net, the last if none is named, is planes of classes: by its softmax,
    or its classes."""
    names = output_names(reader)
    port = names[-1] if output is None else output
    if isinstance(reader, Program):
        place = names.index(port)
        plane, softmax = reader.output_ops[place].out_shape, reader.outputs[place].softmax
        classes = classes_of(reader, port) or ()
        return softmax == "channels" or plane.size > plane.c == len(classes)
    net = reader.net
    if net.input_shape is None:
        return False
    shape = net.output_shapes({net.input_ports[0]: net.input_shape})[port]
    if len(shape) != 3 or shape[1:] == (1, 1):
        return False
    ends = isinstance(last_layer(net, port), Softmax | LogSoftmax)
    return ends or isinstance(reader.decoders.get(port), ClassDecoder)


def _decide(
    runner: Runner, x: Any, output: str | None = None
) -> tuple[NDArray[np.int64], tuple[Class, ...]]:
    """The class indices of the pixels of pictures, (N, height, width), and the classes."""
    reader = reader_of(runner)
    names = output_names(reader)
    port = names[-1] if output is None else output
    parts = []
    for start in range(0, len(x), _BATCH):
        planes = values_of(runner.predict_proba(x[start : start + _BATCH]), port)
        if isinstance(reader, Program):
            planes = reader.output_ops[names.index(port)].out_shape.channels_first(planes)
        parts.append(planes.argmax(axis=1))
    classes = classes_of(reader, port) or tuple(range(planes.shape[1]))
    return np.concatenate(parts), classes


def _measure(runner: Runner, trial: Trial) -> PixelMeasurement:
    """The figures of the pixels that a model or the engine decides."""
    dataset = trial.dataset
    if not dataset.has_maps:
        raise TaskError(
            "the net decides a class for each pixel, and the data have a label for each example; "
            "wanted: label maps, integers (N, height, width)"
        )
    found, classes = _decide(runner, dataset.x, trial.output)
    if found.shape != dataset.y.shape:
        raise TaskError(
            f"the net gives maps {found.shape[1:]}, the labels are {dataset.y.shape[1:]}"
        )
    return measure_pixels(found, index_labels(dataset, classes), classes)


def _show(share: float | None) -> str:
    return "no such pixel" if share is None else f"{share:.4f}"
