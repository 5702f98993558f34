"""The task "classes": the net decides which class an input is of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, count_of, interval_text
from drypoint.data import NO_LABEL, Class, ClassDecoder, Dataset, augment, class_places
from drypoint.measure import measure
from drypoint.nn import (
    CrossEntropyLoss,
    Flatten,
    Graph,
    Layer,
    Linear,
    Model,
    Sequential,
    Softmax,
)
from drypoint.program import Lookup, Program

from ._answer import Answer, show_values
from ._reported import Reported
from ._task import (
    Augmentation,
    Notify,
    ProgramRunner,
    Runner,
    Strength,
    Task,
    TaskError,
    Trial,
    decoders_of,
    output_names,
    reader_of,
    values_of,
)


@dataclass(frozen=True)
class ClassTask(Task):
    """A task whose outputs are scores or probabilities of the data set's classes.

    Attributes:
        label_smoothing: as of `nn.CrossEntropyLoss`; None: the loss is by the net's last layer.
    """

    label_smoothing: float | None = None

    def decoder(self, dataset: Dataset, net: Layer) -> ClassDecoder:  # noqa: ARG002
        """The classes of the data set."""
        return ClassDecoder(dataset.classes)

    def for_study(self) -> Self:
        """With a label smoothing of 0.1, unless one is chosen."""
        return self if self.label_smoothing is not None else replace(self, label_smoothing=0.1)

    def loss(self) -> CrossEntropyLoss | None:
        """The cross-entropy; None: by the net's last layer."""
        if self.label_smoothing is None:
            return None
        return CrossEntropyLoss(label_smoothing=self.label_smoothing)

    def class_examples(self, model: Model, dataset: Dataset) -> tuple[Any, NDArray[Any]]:
        """Inputs and class indices."""
        return dataset.inputs, index_labels(dataset, classes_of(model))


@dataclass(frozen=True)
class Classes(ClassTask):
    """The output has a score or a probability for each class."""

    name = "classes"

    def check(self, dataset: Dataset, others: Mapping[str, Dataset | None], *, name: str) -> None:
        """Refuse a single class, classes that the training part lacks, and labels of which most
        occur once: numbers to predict."""
        if len(dataset.classes) < 2:
            (only,) = dataset.classes
            raise TaskError(
                f"{name} has the one class {only!r}: a classifier tells at least two apart; --net "
                "autoencoder learns what is usual"
            )
        for other, part in others.items():
            classes = () if part is None else part.classes
            lacking = [label for label in classes if label not in dataset.classes]
            if lacking:
                raise TaskError(
                    f"{name}: the {other} part has the class {lacking[0]!r}, of which the training "
                    "part has no example: add some, or leave the class out"
                )
        distinct = len(np.unique(dataset.y))
        if 2 * distinct <= len(dataset):
            return
        try:
            low, high = dataset.numbers.min(), dataset.numbers.max()
        except DrypointError:
            return
        raise TaskError(
            f"the labels are {distinct:,} numbers from {low:g} to {high:g}, of "
            f"{len(dataset):,} examples: --task regression predicts numbers"
        )

    def augmentation(
        self, strength: Strength, dataset: Dataset, noise: NDArray[np.int16] | None
    ) -> Augmentation | None:
        """Small movements of pictures; shift, gain, noise, mask of signals; nothing of tables."""
        super().augmentation(strength, dataset, noise)  # refuses noise
        is_light = strength == "light"
        if strength == "none" or (dataset.is_signals and dataset.signal_size[0] == 1):
            return None
        if dataset.is_signals:
            factor = 1 if is_light else 2
            steps, deviations = dataset.signal_size[0], dataset.x.std(axis=(0, 1), dtype=np.float64)
            return augment.Signals(
                shift=factor * (steps // 20),
                gain=0.1 * factor,
                noise=tuple((0.05 * factor * deviations).tolist()),
                mask=factor * (steps // 20),
            )
        side = min(dataset.image_size)
        if is_light:
            return augment.Warp(rotate=5, scale=0.05, shift=round(0.03 * side, 2))
        shift = round(0.1 * side, 2)
        return augment.Warp(rotate=15, scale=0.15, shear=0.15, shift=shift, elastic=0.5)

    def complete(self, net: Layer, notify: Notify) -> Layer:
        """The net with a softmax at its end, which is added to a net that ends in scores."""
        last = net
        while isinstance(last, Sequential):
            last = last[-1]
        if not isinstance(net, Sequential) or not isinstance(last, Linear | Flatten):
            return net
        notify("net: ends in scores; a softmax is added")
        return net + Softmax()

    def train_further(self, model: Model, dataset: Dataset, notify: Notify) -> Model:
        """A saved model for the classes of a data set: for a class that the model lacks with a new
        last dense layer, which has no values yet.
        """
        if dataset.input_shapes or not isinstance(model.decoder, ClassDecoder):
            return model
        ours, theirs = model.decoder.classes, dataset.classes
        if {*theirs} <= {*ours}:
            return model
        path, last = [leaf for leaf in model.net.leaves() if not isinstance(leaf[1], Softmax)][-1]
        if not isinstance(last, Linear) or not isinstance(model.net, Sequential | Graph):
            raise TaskError(
                f"the net tells {len(ours)} classes apart, the data has {len(theirs)} others, and "
                f"the net ends in {type(last).__name__}, not in a dense layer that could be new"
            )
        notify(f"classes: other than the net's {len(ours)}; its last layer, {path}, is new")
        net = model.net.with_layer(path, Linear(len(theirs), bias=last.bias))
        return replace(model, net=net, decoder=ClassDecoder(theirs))

    def answer(
        self, runner: Runner, x: Any, *, top: int, output: str | None = None
    ) -> list[Answer]:
        """The likeliest classes with their probabilities; values, if no classes are known."""
        rows = values_of(as_classifier(runner).predict_proba(x), output)
        classes = classes_of(reader_of(runner), output)
        return show_values(rows) if classes is None else _rank_classes(rows, classes, top=top)

    def check_measurable(self, reader: Model | Program, *, name: str) -> None:
        """Refuse a program without classes."""
        if isinstance(reader, Program) and len(reader.outputs) == 1 and not class_outputs(reader):
            raise TaskError(
                f"{name} is no classifier and no autoencoder, and no net of drypoint train --task "
                "regression: in Python, measure.measure_regression measures its outputs"
            )

    def measure(self, trial: Trial) -> Answer:
        """All figures of `measure.Measurement`."""
        found = measure(as_classifier(trial.runner), trial.dataset, output=trial.output)
        return Answer(found.report(), found.to_json())

    def test(self, model: Model, dataset: Dataset) -> Answer:
        """The accuracy with its interval."""
        found = measure(model, dataset)
        accuracy = interval_text(found.accuracy, *found.accuracy_interval)
        of = "" if found.n_groups == found.n else f", as of {count_of(found.n_groups, 'group')}"
        text = f"{found.correct:,} of {found.n:,} test examples right, {accuracy}{of}"
        facts = {"n": found.n, "correct": found.correct, "accuracy": found.accuracy}
        return Answer(text, {**facts, "interval": [*found.accuracy_interval]})

    def report(self, model: Model | None, trial: Trial) -> Reported:
        """The decisions of the program, and of its float model."""
        if trial.normal is not None:
            raise TaskError("normal is of an autoencoder, and this is none: leave it out")
        test, output = trial.dataset, trial.output
        floats = None if model is None else measure(model, test, output=output)
        integers = measure(as_classifier(trial.runner), test, output=output)
        return Reported(integers=integers, floats=floats)


@dataclass(frozen=True)
class Scores:
    """A runner of a program that ends in scores, as a classifier: their softmax gives
    probabilities.

    Attributes:
        runner: the engine.
    """

    runner: ProgramRunner

    @property
    def program(self) -> Program:
        """The program that it runs."""
        return self.runner.program

    @property
    def classes(self) -> tuple[Class, ...]:
        """The labels of the program."""
        return self.program.labels

    def predict_proba(self, x: Any) -> NDArray[np.float64]:
        """Probabilities (N, classes) of inputs (N, ...)."""
        scores = np.asarray(self.runner.predict_proba(x), np.float64)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def as_classifier(runner: Runner) -> Runner | Scores:
    """A runner that gives probabilities: as it is, or `Scores`."""
    return (
        runner
        if isinstance(runner, Model) or not ends_in_scores(runner.program)
        else Scores(runner)
    )


def class_outputs(reader: Model | Program) -> dict[str, tuple[Class, ...]]:
    """Output -> its classes, of the outputs that have a decoder of classes. Of a program without
    decoders each output with a softmax has some, and the last one if the program has labels.
    """
    decoders = decoders_of(reader)
    if decoders or isinstance(reader, Model):
        return {n: d.classes for n, d in decoders.items() if isinstance(d, ClassDecoder)}
    pairs = zip(reader.outputs, reader.output_ops, strict=True)
    found: dict[str, tuple[Class, ...]] = {
        output.name: tuple(range(op.out_shape.size))
        for output, op in pairs
        if output.softmax is True
    }
    labelled = {reader.outputs[-1].name: reader.labels} if reader.labels else {}
    return found | labelled


def classes_of(reader: Model | Program, output: str | None = None) -> tuple[Class, ...] | None:
    """The classes of an output, if they are known; None: of the last."""
    return class_outputs(reader).get(output or output_names(reader)[-1])


def index_labels(dataset: Dataset, classes: Sequence[Class] | None) -> NDArray[np.int64]:
    """The labels of a data set (N, ...) as indices of a net's classes, or as they are if these are
    not known; `data.NO_LABEL` stays."""
    if classes is None:
        return dataset.y
    places = class_places(dataset.classes, classes)
    return np.where(dataset.y == NO_LABEL, NO_LABEL, places[dataset.y])


def ends_in_scores(program: Program) -> bool:
    """Whether the only output has a label for each value, and neither a decoder nor a softmax, nor
    is it the table of a sigmoid."""
    last, named = program.outputs[-1], len(program.labels) == program.output_shape.size
    decided = last.decoder is not None or last.softmax or isinstance(program.ops[-1], Lookup)
    return named and not decided and len(program.outputs) == 1


def _rank_classes(
    probabilities: NDArray[Any], classes: tuple[Class, ...], *, top: int
) -> list[Answer]:
    """The likeliest classes of probabilities (N, classes), in a text as many as ``top``."""
    answers = []
    for row in probabilities.reshape(len(probabilities), -1).tolist():
        ranking = sorted(zip(classes, row, strict=True), key=lambda pair: -pair[1])
        text = ", ".join(f"{label} ({100 * share:.2f} %)" for label, share in ranking[:top])
        answers.append(Answer(text, {"class": ranking[0][0], "probabilities": row}))
    return answers
