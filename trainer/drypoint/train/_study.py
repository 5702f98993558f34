"""A study: a data set, a task and the name of a net become a model and the arguments of `fit`, with
a default for each choice left out, and a line that says it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError
from drypoint.data import Dataset, hold_out
from drypoint.nn import Layer, Model, Shape, create_net
from drypoint.tasks import (
    Answer,
    Augmentation,
    Classes,
    Reconstruction,
    Task,
    find_task,
    task_of,
)

from ._errors import TrainError
from ._fit import fit
from ._optimizers import resolve_optimizer
from ._reports import Verbosity
from ._result import TrainResult
from ._targets import Notify, ignore

DIGEST = "validation_sha256"  # of the provenance of a model
_FEW = 100  # pictures of a class; from here on the measured tables of few pictures begin
_AUTOENCODER = "autoencoder"  # the family of nets whose task is a reconstruction
MakeNet = Callable[[Shape | dict[str, Shape], int], Layer]
"""(shape of the input, or of several by name; number of outputs) -> a net."""


@dataclass(frozen=True, kw_only=True)
class StudyData:
    """The data of a study, in parts.

    Attributes:
        train: the training part.
        val: the validation part; None: some examples of ``train`` are held out.
        test: the test part, which training does not see; None: there is none.
        name: of the data, for messages.
        facts: what the provenance of a model says of its data, of JSON types.
    """

    train: Dataset
    val: Dataset | None = None
    test: Dataset | None = None
    name: str = "the data"
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def required_test(self) -> Dataset:
        """The test part.

        Raises:
            TrainError: there is none.
        """
        if self.test is None:
            raise TrainError(f"{self.name} has no test part, and too few examples to hold it out")
        return self.test


@dataclass(frozen=True, kw_only=True)
class Study:
    """A net to train on data, and the arguments of `fit`; `make_study` makes one.

    Attributes:
        model: the model, with its encoder, decoder and provenance.
        task: what the net is for.
        data: the data, as the net learns them.
        options: of `fit`.
        BATCH: examples a step, if left out.
        FURTHER_RATE: the highest learning rate of Adam for a trained model, if left out.
    """

    BATCH: ClassVar[int] = 32
    FURTHER_RATE: ClassVar[float] = 1e-3

    model: Model
    task: Task
    data: StudyData
    options: Mapping[str, Any]

    def fit(
        self,
        *,
        checkpoint: str | Path | None = None,
        resume_from: str | Path | None = None,
        mpi: bool = False,
        progress: Verbosity = "auto",
    ) -> TrainResult:
        """Train; arguments and errors as for `fit`."""
        return fit(
            self.model,
            self.data.train,
            task=self.task,
            validation_data=self.data.val,
            checkpoint=checkpoint,
            resume_from=resume_from,
            mpi=mpi,
            progress=progress,
            **self.options,
        )

    def test(self, model: Model) -> Answer | None:
        """The figures of a trained model on the test part; None without a test part."""
        return None if self.data.test is None else self.task.test(model, self.data.test)


def make_study(
    data: StudyData | Dataset,
    net: str | Model | MakeNet | None = None,
    *,
    task: Task | str | None = None,
    net_name: str = "",
    epochs: int | None = None,
    batch_size: int = Study.BATCH,
    optimizer: str | None = None,
    lr: float | None = None,
    augment: Any = None,
    noise: NDArray[np.int16] | None = None,
    balance: bool = False,
    seed: int = 0,
    notify: Notify = ignore,
) -> Study:
    """The study of a data set, as ``drypoint train`` makes it.

        study = train.make_study(data.load("digits"), "cnn:16,32")
        result = study.fit()

    Args:
        data: the parts, or the training part alone.
        net: a family with its sizes, as `nn.create_net` takes it; a function of the input's shape
            (of several inputs the shapes by name) and the number of outputs, which returns a net;
            or a model, which is trained further. None: by the task and the data.
        task: what the net is for; None: of a model its own, of an autoencoder "reconstruction",
            of label maps "pixels", of pictures with boxes "detect", else "classes".
        net_name: of a function or a model, for messages and the provenance.
        epochs: passes over the training part; None: by the task, the data and the net.
        batch_size: examples a step.
        optimizer: a name, as `fit` takes it; None: Adam.
        lr: the highest learning rate; None: the default of ``optimizer``, else by the task, 0.001
            of a model.
        augment: "none", "light" or "strong"; None: by the task.
        noise: of the task "keywords" int16 samples (n,) to mix in; None: the data's or generated.
        balance: repeat examples of rarer classes until each class has as many as the commonest.
        seed: of all random numbers.
        notify: is called with a line for each choice.

    Raises:
        DrypointError: data, net and options do not fit together.
    """
    if isinstance(data, Dataset):
        data = StudyData(train=data)
    saved = net if isinstance(net, Model) else None
    several = bool(data.train.input_shapes)
    name = net if isinstance(net, str) else net_name
    chosen = _choose_task(task, data.train, saved, name, notify)
    if saved is not None:
        _check_one_output(saved.net, net_name)
    chosen = chosen.for_study()
    if chosen.has_targets:
        chosen = chosen.adapt(chosen.labels(data.train))
    left = "" if name else " (--net names another)"
    name = name or ("" if several else chosen.default_net(data.train))
    if saved is not None:
        model = chosen.train_further(saved, data.train, notify)
    else:
        make = None if net is None or isinstance(net, str | Model) else net
        model = _create_model(name, make, data, chosen, notify)
    chosen.check(data.train, {"validation": data.val, "test": data.test}, name=data.name)
    macs = model.net.info().macs
    notify(f"net: {name}{left}, {model.net.n_params:,} parameters, {macs:,} MACs an example")
    model = model.with_provenance({"net": name, "data": dict(data.facts), "seed": seed})
    grouped = (
        not chosen.has_classes and data.train.groups is not None
    )  # `fit` knows none of numbers
    if (chosen.holds_out or balance or grouped) and data.val is None:
        # before copies could be in both parts
        data, model = hold_out_validation(data, model, chosen, notify)
    data = replace(data, train=chosen.prepare(data.train, notify))
    if balance:
        data = replace(data, train=_balance(data.train, chosen, notify))
    if epochs is None:
        epochs = chosen.epochs(data.train, batch=batch_size, macs=macs)
        steps = epochs * -(-len(data.train) // batch_size)
        notify(f"epochs: {epochs}, about {steps:,} steps (--epochs chooses)")
    distort = chosen.augmentation(augment or chosen.strength, data.train, noise)
    notify(f"augmentation: {describe_augmentation(distort)}")
    if saved is None:
        _advise_few_pictures(data.train, chosen, notify)
    usual = Study.FURTHER_RATE if saved is not None else chosen.rate
    rate = lr or (None if optimizer else usual)
    resolved = resolve_optimizer(optimizer)
    options = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": resolved if rate is None else replace(resolved, lr=rate),  # type: ignore[type-var]
        "augment": distort,
        "restore_best": False,
        "seed": seed,
    }
    return Study(model=model, task=chosen, data=data, options=options)


def _choose_task(
    task: Task | str | None, train: Dataset, saved: Model | None, net: str, notify: Notify
) -> Task:
    """The task that is named; else that of a model, of the family of a new net or of the data."""
    is_repeating = net.partition(":")[0] == _AUTOENCODER and saved is None
    if task is not None:
        chosen = find_task(task)
        if is_repeating and not isinstance(chosen, Reconstruction):
            raise TrainError(f"--net {net} repeats its input: leave --task {chosen.read_as} out")
        return chosen
    if saved is not None:
        return task_of(saved)
    if is_repeating:
        return Reconstruction()
    if train.has_maps:
        notify("task: pixels, by the data's label maps")
    return find_task(None, train)


def _advise_few_pictures(train: Dataset, task: Task, notify: Notify) -> None:
    """Say what wins points where a class has few pictures."""
    if not isinstance(task, Classes) or train.input_shapes or train.is_signals:
        return
    rarest = min(train.class_counts().values())
    if rarest < _FEW:
        notify(
            f"few pictures: {rarest} of the rarest class; 100 win points "
            "(docs/pictures.md#few-pictures), and --body FILE starts from a trained net"
        )


def find_validation(train: Dataset, facts: Mapping[str, Any], *, name: str) -> Dataset:
    """The validation examples that a study held out of a training part, called ``name``, by the
    provenance of its model.

    Raises:
        TrainError: the study held out none, or the training part is another one.
    """
    for stratify in (True, False):  # as the study's task has classes or none
        _, val = hold_out(train, stratify=stratify)
        if val is not None and val.digest() == facts.get(DIGEST):
            return val
    raise TrainError(
        f"{name} has no examples that were held out for validation when drypoint train made the "
        "net: name the data of that training"
    )


def _balance(dataset: Dataset, task: Task, notify: Notify) -> Dataset:
    """The examples with equally many of each class."""
    if not isinstance(task, Classes):
        raise TrainError("--balance is for classes, and this net has none")
    balanced = dataset.balance()
    counts = [n for n in dataset.class_counts().values() if n]
    notify(
        f"balance: {min(counts):,} to {max(counts):,} examples a class; rarer classes repeat, "
        f"{len(balanced):,} to train"
    )
    return balanced


def hold_out_validation(
    data: StudyData, model: Model, task: Task, notify: Notify
) -> tuple[StudyData, Model]:
    """The data with a validation part, which `find_validation` finds again by its digest."""
    train, val = hold_out(data.train, stratify=task.has_classes)
    if val is None:
        return data, model
    notify(f"validation: {len(val):,} of {len(data.train):,} examples are held out for it")
    model = model.with_provenance({**model.provenance, DIGEST: val.digest()})
    return replace(data, train=train, val=val), model


def _create_model(
    name: str, make: MakeNet | None, data: StudyData, task: Task, notify: Notify
) -> Model:
    """A model for the data, with encoder and decoder; of a family, without a function."""
    if data.train.input_shapes:
        return _create_model_of_several(name, make, data, task, notify)
    encoder, outputs = task.encoder(data.train, notify), task.output_shape(data.train)
    count = outputs[0] if outputs else math.prod(encoder.shape)
    try:
        if make is None:
            net: Layer = create_net(name, input_shape=encoder.shape, classes=count)
        else:
            net = make(encoder.shape, count)
        net = task.complete(net, notify)
        _check_one_output(net, name)
    except TrainError:
        raise
    except DrypointError as error:
        hint = "; --size WxH reads pictures in another size" if "cannot make" in str(error) else ""
        raise TrainError(f"--net {name}: {error}{hint}") from error
    net = net if net.input_shape is not None else net.bind(encoder.shape)
    task.check_output(net.output_shape(encoder.shape), data.train, net=name, name=data.name)
    return Model(net, encoder=encoder, decoder=task.decoder(data.train, net))


def _check_one_output(net: Layer, name: str) -> None:
    """Refuse a net of several outputs: a `Dataset` has one label an example."""
    ports = net.output_ports
    if len(ports) > 1:
        labels = ", ".join(f"{port!r}: ..." for port in ports)
        raise TrainError(
            f"--net {name} has the outputs {', '.join(ports)}, and a study has labels of one: in "
            f"Python, train.fit(net, (x, {{{labels}}})) learns all of them"
        )


def _create_model_of_several(
    name: str, make: MakeNet | None, data: StudyData, task: Task, notify: Notify
) -> Model:
    """The model of several inputs, which the user's function gives."""
    inputs = dict(data.train.input_shapes)
    shown = ", ".join(f"{port} {shape}" for port, shape in inputs.items())
    if make is None:
        raise TrainError(
            f"{data.name} has the inputs {shown}: --net FILE.py:FUNCTION names a function that "
            "returns an nn.Graph with these inputs"
        )
    notify(f"inputs, as the net reads them: {shown}")
    net = make(inputs, (task.output_shape(data.train) or (1,))[0])
    ports = {port: net.input_shapes.get(port) for port in net.input_ports}
    if ports != inputs:
        found = ", ".join(f"{port} {shape}" for port, shape in ports.items())
        raise TrainError(f"--net {name} has the inputs {found}, {data.name} has {shown}")
    return Model(net, decoder=task.decoder(data.train, net))


def describe_augmentation(distort: Augmentation | None) -> str:
    """An augmentation as text: its amounts."""
    if distort is None:
        return "none"
    amounts = {name: value for name, value in vars(distort).items() if np.any(value)}
    amounts.pop("recordings", None)
    if not amounts.get("elastic"):
        amounts.pop("smoothness", None)
    parts = {name: v if isinstance(v, tuple) else (v,) for name, v in amounts.items()}
    return ", ".join(
        f"{name} {' '.join(f'{v:,}' if v >= 1000 else f'{v:.3g}' for v in part)}"
        for name, part in parts.items()
    )
