"""`Task`: what an output of a net is for, as a value that training and all commands ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, kind_of
from drypoint.data import (
    Dataset,
    Decoder,
    Encoder,
    ImageEncoder,
    augment,
    choose_encoder,
    decoder_from_config,
)
from drypoint.nn import Layer, Loss, Model, Sequential, Softmax
from drypoint.program import Program

from ._answer import Answer, Choice, Criterion, show_values
from ._reported import Reported, ReportTexts

Notify: TypeAlias = Callable[[str], None]
Strength: TypeAlias = Literal["none", "light", "strong"]
Augmentation: TypeAlias = augment.Warp | augment.Scene | augment.Signals | augment.Audio
Metric: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
"""(outputs (N, ...), targets (N, ...)) -> one number for each example, (N,)."""

_STEPS, _MOST_EPOCHS = 1000, 60  # of a run on signals or tables
_PICTURE_STEPS, _MOST_PICTURE_EPOCHS = 4000, 150  # of pictures, unless they take more than
_PICTURE_WORK = 10**12  # MACs forward: half a minute on a core of a desktop
_SOUND_STEPS = 4000  # of a window, from which a recording is sound


class TaskError(DrypointError, ValueError):
    """A task does not fit a net, its data or an option."""


class ProgramRunner(Protocol):
    """An `Engine`; the engine is not imported here."""

    @property
    def program(self) -> Program:
        """The program that it runs."""

    def run(self, x: Any, /) -> Any:
        """Integer outputs int32 (N, values) of integers as the program reads."""

    def predict_proba(self, x: Any, /) -> Any:
        """Real outputs (N, values), or a dict of these by output."""

    def reconstruction_error(self, x: Any, /) -> Any:
        """The errors of an autoencoder of real inputs, uint64 (N,)."""


Runner: TypeAlias = Model | ProgramRunner
"""What a task measures and asks: a `Model`, or the `Engine` of a program."""


def reader_of(runner: Runner) -> Model | Program:
    """The model, or the program of an engine."""
    return runner if isinstance(runner, Model) else runner.program


def output_names(reader: Model | Program) -> tuple[str, ...]:
    """The names of the outputs of a net.

    Raises:
        TaskError: it is no `Model` and no `Program`.
    """
    if isinstance(reader, Model):
        return reader.net.output_ports
    if not isinstance(reader, Program):
        raise TaskError(f"the net is {kind_of(reader)}; wanted: a Model or a Program")
    return tuple(output.name for output in reader.outputs)


def decoders_of(reader: Model | Program) -> dict[str, Decoder]:
    """Output -> its decoder, of the outputs that have one."""
    if isinstance(reader, Model):
        return reader.decoders
    configs = {output.name: output.decoder for output in reader.outputs}
    return {name: decoder_from_config(c) for name, c in configs.items() if c is not None}


def values_of(found: Any, output: str | None) -> Any:
    """The values of an output, of what a runner gives for inputs; None: of the last."""
    return found[output or [*found][-1]] if isinstance(found, Mapping) else found


@dataclass(frozen=True, eq=False)
class Trial:
    """A net and the examples on which a task measures it.

    Attributes:
        runner: the model, or the engine of the program.
        examples: a data set; or inputs (N, ...) and numbers to predict.
        output: of a net of several outputs: the one to measure.
        normal: of an autoencoder: the names of the classes of normal examples.
        train: the training examples, where a report has them.
    """

    runner: Runner
    examples: Dataset | tuple[Any, Any]
    output: str | None = None
    normal: Sequence[str] | None = None
    train: Dataset | None = None

    @property
    def x(self) -> Any:
        """The inputs."""
        return self.examples.inputs if isinstance(self.examples, Dataset) else self.examples[0]

    @property
    def numbers(self) -> NDArray[Any]:
        """The numbers to predict."""
        if isinstance(self.examples, Dataset):
            return self.examples.numbers
        return np.asarray(self.examples[1], np.float64)

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        if not isinstance(self.examples, Dataset):
            raise TaskError("the examples are a pair; wanted: a Dataset")
        return self.examples

    @property
    def program(self) -> Program:
        """The program of an engine."""
        reader = reader_of(self.runner)
        assert isinstance(reader, Program)  # the caller knows
        return reader


@dataclass(frozen=True)
class Task:
    """What an output of a net is for: a base class, and the task of an output about which only its
    loss is known.

    A task of your own derives from it and overrides what differs: for `train.fit` ``name``,
    `loss`, `targets` and ``metrics``; for `answer_inputs` `answer`. All methods are pure.

    Attributes:
        name: as `train.fit` and files of models have it.
        read_as: the ``task`` of `data.read` for its data; None: data of any form.
        has_classes: whether labels are classes: each part of the data has its share of them.
        holds_out: whether a study holds validation examples out that choose a threshold later.
        choice_option: of ``drypoint measure``, the rate of errors by which `choose` chooses a
            threshold; "" without one.
        chosen: what `choose` writes into a program.
        strength: of the augmentation of a study, if left out.
        rate: the highest learning rate of Adam in a study of a new net, if left out.
        metrics: functions of outputs and targets that `fit` measures, beside the accuracy of class
            indices.
        any_size: whether nets that read pictures in different sizes can be compared by `score`.
        page_part: what ``drypoint serve`` adds to its page: "boxes" or "map" over a picture, the
            "error" of each window; "": nothing.
    """

    name: ClassVar[str] = "outputs"
    read_as: ClassVar[str | None] = None
    has_classes: ClassVar[bool] = True
    holds_out: ClassVar[bool] = False
    choice_option: ClassVar[str] = ""
    chosen: ClassVar[str] = "threshold"
    strength: ClassVar[Strength] = "light"
    rate: ClassVar[float] = 3e-3
    metrics: ClassVar[Sequence[Metric]] = ()
    any_size: ClassVar[bool] = True
    page_part: ClassVar[str] = ""

    # The data

    def describe(self, dataset: Dataset) -> str:
        """A data set in words."""
        return repr(dataset).removeprefix("Dataset(").removesuffix(")")

    def check(self, dataset: Dataset, others: Mapping[str, Dataset | None], *, name: str) -> None:
        """Refuse the training part of data called ``name``, or another part by its name."""

    def prepare(self, dataset: Dataset, notify: Notify) -> Dataset:  # noqa: ARG002
        """The training part as the net learns it."""
        return dataset

    def augmentation(
        self, strength: Strength, dataset: Dataset, noise: NDArray[np.int16] | None
    ) -> Augmentation | None:
        """The random distortion of training examples; of sound ``noise`` is mixed in, int16
        samples (n,). None: no distortion, since it might change what is predicted.
        """
        del strength, dataset
        if noise is not None:
            raise TaskError("noise is mixed into clips of words: leave it out")
        return None

    def epochs(self, dataset: Dataset, *, batch: int, macs: int) -> int:
        """The epochs of a study that leaves them out, of a net of so many MACs an example.

        Pictures get four times the steps of other examples where the net is small enough. On
        validation pictures of Fashion-MNIST and MNIST that wins points, and more steps win less.
        """
        if dataset.is_signals:
            return count_epochs(dataset, _STEPS, batch=batch, most=_MOST_EPOCHS)
        affordable = _PICTURE_WORK // (batch * max(1, macs))
        steps = max(_STEPS, min(_PICTURE_STEPS, affordable))
        return count_epochs(dataset, steps, batch=batch, most=_MOST_PICTURE_EPOCHS)

    # The net

    def encoder(self, dataset: Dataset, notify: Notify) -> Encoder:
        """The encoder of the examples: their size, mean and deviation of the training part."""
        encoder = choose_encoder(
            dataset.x, notify, columns=dataset.columns, sample_rate=dataset.sample_rate
        )
        assert encoder is not None  # a data set has pictures or signals
        if dataset.sample_rate == 16_000 and dataset.signal_size[0] >= _SOUND_STEPS:
            notify("--task keyword reads spectral features of sound: a smaller net, trained faster")
        return encoder

    def default_net(self, dataset: Dataset) -> str:
        """The family of nets for a data set, if none is named."""
        if not dataset.is_signals:
            return "cnn"
        return "mlp" if dataset.signal_size[0] == 1 else "conv1d"

    def complete(self, net: Layer, notify: Notify) -> Layer:  # noqa: ARG002
        """The net with the end that the task needs."""
        return net

    def output_shape(self, dataset: Dataset) -> tuple[int, ...] | None:
        """The shape of the net's output for an example; None: as many values as it takes."""
        return (len(dataset.classes),)

    def check_output(
        self, shape: tuple[int, ...], dataset: Dataset, *, net: str, name: str
    ) -> None:
        """Refuse a net, called ``net``, whose output of a shape does not fit the data called
        ``name``."""
        outputs = self.output_shape(dataset)
        if outputs is not None and shape != outputs:
            wanted = f"{outputs[0]} classes" if self.has_classes else "one number an example"
            if len(outputs) > 1:
                wanted = f"label maps, which are outputs {outputs}"
            raise TaskError(f"--net {net} has outputs {shape}, {name} has {wanted}")

    def decoder(self, dataset: Dataset, net: Layer) -> Decoder | None:  # noqa: ARG002
        """The decoder of the output of a net, which knows its input's shape."""
        return None

    def train_further(self, model: Model, dataset: Dataset, notify: Notify) -> Model:  # noqa: ARG002
        """A trained model for a data set."""
        return model

    # The loss

    def for_study(self) -> "Task":
        """The task with the settings that a study chooses."""
        return self

    def loss(self) -> Loss | None:
        """The loss; None: by the net's last layer, `nn.default_loss`."""
        return None

    def adapt(self, labels: NDArray[Any]) -> "Task":  # noqa: ARG002
        """The task for the labels of a training part, (N, ...)."""
        return self

    def without_scale(self) -> "Task":
        """The task for a net that is trained in integers: its output is not scaled."""
        return self

    def labels(self, dataset: Dataset) -> NDArray[Any]:
        """The labels of a data set, (N, ...)."""
        return dataset.y

    def targets(self, model: Model, x: Any, labels: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """What the loss compares the output with, (N, ...), of inputs x (N, ...) and labels."""
        return labels

    @property
    def has_targets(self) -> bool:
        """Whether the task makes targets of labels; else the loss decides how labels are read."""
        return type(self).targets is not Task.targets

    def examples(self, model: Model, dataset: Dataset) -> Any:
        """A data set as `train.fit` takes it: inputs and targets, if the task makes some."""
        if self.has_targets:
            return dataset.inputs, self.targets(model, dataset.inputs, self.labels(dataset))
        return dataset

    def class_examples(self, model: Model, dataset: Dataset) -> tuple[Any, NDArray[Any] | None]:  # noqa: ARG002
        """Inputs, and class indices of the model, by which `quant.sensitivity` chooses bits; None
        of outputs that are no classes."""
        return dataset.inputs, None

    def begin(self, model: Model, port: str) -> Model:  # noqa: ARG002
        """A model before the training of its output ``port``, with its encoder."""
        return model

    def end(self, model: Model, port: str) -> Model:  # noqa: ARG002
        """The model after the training of its output ``port``."""
        return model

    def with_decoder(self, model: Model, dataset: Dataset) -> Model:  # noqa: ARG002
        """A model before its training on a data set, with the decoder that the task needs."""
        return model

    def set_threshold(
        self,
        model: Model,
        x: Any,  # noqa: ARG002
        targets: NDArray[Any],  # noqa: ARG002
        notify: Notify,  # noqa: ARG002
    ) -> Model:
        """A trained model with the threshold of its decoder that validation examples choose,
        inputs x (N, ...) and their targets."""
        return model

    # A trained net

    def for_pictures(
        self,
        encoder: ImageEncoder,  # noqa: ARG002
        sizes: Sequence[tuple[int, int]],  # noqa: ARG002
    ) -> "Task":
        """The task whose answers have places in the pictures, of (width, height) pixels, that an
        encoder made inputs of."""
        return self

    def answer(
        self,
        runner: Runner,
        x: Any,
        *,
        top: int,  # noqa: ARG002
        output: str | None = None,
    ) -> list[Answer]:
        """What a net says of inputs, one answer an input; ``top`` classes in a text. Of a net of
        several outputs ``output`` has the task; None: the last."""
        return show_values(values_of(runner.predict_proba(x), output))

    def measure(self, trial: Trial) -> Answer:
        """The figures of a net on test examples: text of several lines, and facts."""
        del trial
        raise TaskError(
            f"the task {self.name!r} measures nothing: give outputs to measure.measure or "
            "measure.measure_regression"
        )

    @property
    def criterion(self) -> Criterion:
        """The figure by which nets are compared."""
        return Criterion("accuracy", "accuracy")

    def score(self, trial: Trial) -> float:
        """The figure of a net on validation or test examples that `criterion` names."""
        facts, fact = self.measure(trial).facts, self.criterion.fact
        if fact not in facts:
            raise TaskError(f"the task {self.name!r} measures no {fact!r}, its criterion")
        return float(facts[fact])

    def test(self, model: Model, dataset: Dataset) -> Answer:
        """The figures of a net that was just trained, in one line."""
        return self.measure(Trial(model, dataset))

    def check_measurable(self, reader: Model | Program, *, name: str) -> None:
        """Refuse a net called ``name`` that has no figures."""

    def check_choice(self, reader: Model | Program, name: str, normal: object) -> Program:
        """The program called ``name``, if `choose` can choose its threshold.

        Raises:
            TaskError: it cannot, or ``normal`` classes have to be named.
        """
        del normal
        if isinstance(reader, Program) and self.choice_option:
            return reader
        raise TaskError(
            f"--{self.choice_option.replace('_', '-')} writes a {self.chosen} into a program: "
            f"drypoint quantize makes one of {name}"
        )

    def choose(self, trial: Trial, rate: float | None, *, name: str) -> Choice:
        """The program, called ``name``, with a threshold that validation examples choose: its
        errors are at most ``rate``; None: the usual rate.
        """
        del rate
        return Choice(self.check_choice(reader_of(trial.runner), name, trial.normal), (), {})

    def report(self, model: Model | None, trial: Trial) -> Reported:
        """What a report says of a program, and of its float model, on test examples."""
        del model, trial
        raise TaskError(f"the task {self.name!r} reports nothing: leave the test examples out")

    def stream(self, reader: Model | Program, name: str, notify: Notify) -> Program | None:  # noqa: ARG002
        """The program that answers whole recordings, of a net called ``name``; None: it answers
        inputs."""
        return None

    def report_texts(self, facts: Mapping[str, Any]) -> ReportTexts:
        """The words of a report, of `Reported.facts`."""
        return ReportTexts("error", rows=[("error", facts["error"], facts["float_error"])])


def without_softmax(net: Layer) -> Layer:
    """A net of a family without the softmax at its end."""
    if not isinstance(net, Sequential):
        return net
    *others, (_, layer) = net.layers.items()
    return Sequential(dict(others), net.input_shape) if isinstance(layer, Softmax) else net


def count_epochs(dataset: Dataset, steps: int, *, batch: int, most: int) -> int:
    """Epochs of about so many steps, from 5 to ``most``."""
    return max(5, min(most, -(-steps * batch // len(dataset))))
