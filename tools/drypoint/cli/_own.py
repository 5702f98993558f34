"""Trains any net on your own data: a default for each option left out, and a line that says it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drypoint import train
from drypoint.common import DrypointError
from drypoint.data import AudioEncoder, ClassDecoder, Dataset, ImageEncoder, SignalEncoder, augment
from drypoint.measure import measure, reconstructs
from drypoint.nn import CrossEntropyLoss, Loss, Model, MSELoss
from drypoint.train import TrainResult

from ._data import TrainingData
from ._keywords import KEYWORD, add_passages, audio_augmentation
from ._keywords import STEPS as KEYWORD_STEPS
from ._nets import AUTOENCODER, default_net, make_net, with_classes, with_softmax
from ._output import percent
from ._regression import measure_numbers, scale_output, without_softmax
from ._source import REGRESSION, predicts_number
from ._training import check_saving
from ._validation import DIGEST, split_or_none

FEWEST_EPOCHS = 5  # of a run whose epochs are left out
STEPS, MOST_EPOCHS = 1000, 60  # of such a run on signals or tables
PICTURE_STEPS, MOST_PICTURE_EPOCHS = 4000, 150  # of pictures, unless they take more than
PICTURE_WORK = 10**12  # MACs forward: half a minute on a core of a desktop
BATCH = 32
_SOUND_STEPS = 4000  # of a window, from which a recording is sound
RATE = 3e-3  # of Adam
FURTHER_RATE = 1e-3  # of a saved model, which is trained further
SMOOTHING = 0.1
OPTIMIZERS = {
    "adam": train.Adam,
    "sgd": train.SGD,
    "rmsprop": train.RMSProp,
    "signsgd": train.SignSGD,
}
Augmentation = augment.Warp | augment.Signals | augment.Audio
AUGMENT = ("none", "light", "strong")


@dataclass(frozen=True, kw_only=True)
class Training:
    """A net to train on data, and the arguments of `train.fit`.

    Attributes:
        model: the model, with its encoder, decoder and provenance.
        data: the data.
        repeats: whether the net learns to repeat its input, as an autoencoder, and not the classes.
        scale: deviation and mean of the numbers that a regression is trained on, else None. The
            net learns numbers of mean 0 and deviation 1.
        options: of `train.fit`.
    """

    model: Model
    data: TrainingData
    repeats: bool
    scale: tuple[float, float] | None
    options: dict[str, Any]

    def fit(self, args: argparse.Namespace) -> TrainResult:
        """Train."""
        check_saving(self.model, self.data, args.out)
        validation = self.data.val
        trained = train.fit(
            self.model,
            self.pairs(self.data.train),
            validation_data=None if validation is None else self.pairs(validation),
            checkpoint=args.checkpoint,
            resume_from=args.checkpoint if args.resume else None,
            mpi=args.mpi,
            **self.options,
        )
        if self.scale is None:
            return trained
        std, mean = self.scale
        return replace(trained, trained=scale_output(trained.model, std, mean))

    def test(self, model: Model) -> tuple[str, dict[str, object]]:
        """The trained model on the test part, as text and JSON; empty if there is no test part."""
        test = self.data.test
        if test is None:
            return "", {}
        if predicts_number(model):
            errors = measure_numbers(model, test)
            text = f"root mean squared error of {errors.n:,} test examples: {errors.rmse:.4g}"
            return f"{text}, R2 {errors.r2:.4f}", {**errors.to_json()}
        if self.repeats:
            inputs = self.model.encode(test.x)
            error = float(np.square(model.net(inputs) - inputs.reshape(len(test), -1)).mean())
            text = f"mean squared error of {len(test):,} test examples: {error:.4f}"
            return text, {"n": len(test), "mean_squared_error": error}
        found = measure(model, test)
        low, high = found.accuracy_interval
        text = f"{found.correct:,} of {found.n:,} test examples right, {percent(found.accuracy)}"
        of = "" if found.n_groups == found.n else f", as of {found.n_groups:,} groups"
        text += f" (95 % interval {percent(low)} to {percent(high)}{of})"
        facts = {"n": found.n, "correct": found.correct, "accuracy": found.accuracy}
        return text, {**facts, "interval": [low, high]}

    def pairs(self, dataset: Dataset) -> Any:
        """The examples with their targets."""
        if self.scale is not None:
            std, mean = self.scale
            return dataset.x, ((dataset.numbers - mean) / std).astype(np.float32)[:, None]
        if not self.repeats:
            return fit_data(dataset)
        return dataset.x, self.model.encode(dataset.x).reshape(len(dataset), -1)


def fit_data(dataset: Dataset) -> Any:
    """A data set as `train.fit` takes it: of several inputs a pair of the inputs by
    name and the names of the classes.
    """
    if not dataset.input_shapes:
        return dataset
    return dataset.inputs, [dataset.classes[i] for i in dataset.y]


def training(
    data: TrainingData,
    args: argparse.Namespace,
    *,
    saved: Model | None,
    notify: Callable[[str], None],
) -> Training:
    """The model for the data and the options of the run."""
    several = bool(data.train.input_shapes)
    name = args.net or ("" if several else default_net(data.train, task=args.task))
    family = name.partition(":")[0]
    repeats = family == AUTOENCODER if saved is None else reconstructs(saved)
    predicts = args.task == REGRESSION if saved is None else predicts_number(saved)
    if repeats and predicts:
        raise DrypointError(f"--net {name} repeats its input: leave --task {REGRESSION} out")
    scale = _scale(data.train) if predicts else None
    if saved is None:
        model = _model(name, data, args, notify, repeats=repeats)
    elif scale is None:
        model = saved if several else with_classes(saved, data.train, notify)
    else:
        std, mean = scale
        model = scale_output(saved, 1 / std, -mean / std)
    net = model.net
    classes = len(data.train.classes)
    if classes < 2 and not (repeats or predicts):
        (only,) = data.train.classes
        raise DrypointError(
            f"{data.name} has the one class {only!r}: a classifier tells at least two apart; "
            "--net autoencoder learns what is usual"
        )
    if not (repeats or predicts):
        data.check_classes()
        _check_labels(data.train)
    left = "" if args.net else " (--net names another)"
    notify(f"net: {name}{left}, {net.n_params:,} parameters, {net.info().macs:,} MACs an example")
    model = model.with_provenance({"net": name, "data": data.facts, "seed": args.seed})
    apart = repeats or args.balance or args.task == KEYWORD
    if (apart or (predicts and data.train.groups is not None)) and data.val is None:
        # before copies could be in both parts; of numbers `train.fit` knows no groups
        data, model = _with_validation(data, model, notify, numeric=predicts)
    if args.task == KEYWORD:
        clips, data = len(data.train), replace(data, train=add_passages(data.train))
        notify(f"stream: {len(data.train) - clips:,} windows across two clips are added")
    if args.balance:
        if repeats or predicts:
            raise DrypointError("--balance is for classes, and this net has none")
        data = _balance(data, notify)
    epochs = args.epochs
    if epochs is None:
        batch = args.batch or BATCH
        epochs = _epochs(data.train, batch, net.info().macs, task=args.task)
        steps = epochs * -(-len(data.train) // batch)
        notify(f"epochs: {epochs}, about {steps:,} steps (--epochs chooses)")
    options = _options(
        data, args, epochs=epochs, squares=repeats or predicts, further=saved is not None
    )
    notify(f"augmentation: {_describe(options['augment'])}")
    return Training(model=model, data=data, repeats=repeats, scale=scale, options=options)


def _balance(data: TrainingData, notify: Callable[[str], None]) -> TrainingData:
    """The data with equally many training examples of each class."""
    train = data.train.balance()
    counts = [n for n in data.train.class_counts().values() if n]
    notify(
        f"balance: {min(counts):,} to {max(counts):,} examples a class; rarer classes repeat, "
        f"{len(train):,} to train"
    )
    return replace(data, train=train)


def _check_labels(dataset: Dataset) -> None:
    """Refuse labels that are numbers to predict: most of them occur once."""
    distinct = len(np.unique(dataset.y))
    if 2 * distinct <= len(dataset):
        return
    try:
        low, high = dataset.numbers.min(), dataset.numbers.max()
    except DrypointError:
        return
    raise DrypointError(
        f"the labels are {distinct:,} numbers from {low:g} to {high:g}, of "
        f"{len(dataset):,} examples: --task {REGRESSION} predicts numbers"
    )


def _scale(dataset: Dataset) -> tuple[float, float]:
    """Deviation and mean of the numbers of examples."""
    std = float(dataset.numbers.std())
    if std == 0:
        raise DrypointError(f"every example has the number {dataset.classes[0]}: nothing to learn")
    return std, float(dataset.numbers.mean())


def _with_validation(
    data: TrainingData, model: Model, notify: Callable[[str], None], *, numeric: bool
) -> tuple[TrainingData, Model]:
    """The data with a validation part, which `find_validation` finds again by its digest."""
    train, val = split_or_none(data.train, numeric=numeric)
    if val is None:
        return data, model
    notify(f"validation: {len(val):,} of {len(data.train):,} examples are held out for it")
    model = model.with_provenance({**model.provenance, DIGEST: val.digest()})
    return replace(data, train=train, val=val), model


def _model(
    name: str,
    data: TrainingData,
    args: argparse.Namespace,
    notify: Callable[[str], None],
    *,
    repeats: bool,
) -> Model:
    if data.train.input_shapes:
        return _model_of_several(name, data, notify)
    encoder = _encoder(data.train, notify, task=args.task)
    predicts = args.task == REGRESSION
    classes = 1 if predicts else len(data.train.classes)
    try:
        net = make_net(name, input_shape=encoder.shape, classes=classes)
        if predicts:
            net = without_softmax(net)
        elif not repeats:
            net = with_softmax(net, notify)
    except DrypointError as error:
        hint = "; --size WxH reads pictures in another size" if "cannot make" in str(error) else ""
        raise DrypointError(f"--net {name}: {error}{hint}") from error
    net = net if net.input_shape is not None else net.bind(encoder.shape)
    if not repeats and net.output_shape(encoder.shape) != (classes,):
        raise DrypointError(
            f"--net {name} has outputs {net.output_shape(encoder.shape)}, {data.name} has "
            f"{'one number an example' if predicts else f'{classes} classes'}"
        )
    decoder = None if repeats or predicts else ClassDecoder(data.train.classes)
    return Model(net, encoder=encoder, decoder=decoder)


def _model_of_several(name: str, data: TrainingData, notify: Callable[[str], None]) -> Model:
    """The model of several inputs, which the function of a ``--net FILE.py:FUNCTION`` gives."""
    inputs, classes = dict(data.train.input_shapes), data.train.classes
    shown = ", ".join(f"{port} {shape}" for port, shape in inputs.items())
    if ".py:" not in name:
        raise DrypointError(
            f"{data.name} has the inputs {shown}: --net FILE.py:FUNCTION names a function that "
            "returns an nn.Graph with these inputs"
        )
    notify(f"inputs, as the net reads them: {shown}")
    net = make_net(name, input_shape=inputs, classes=len(classes))
    ports = {port: net.input_shapes.get(port) for port in net.input_ports}
    if ports != inputs:
        found = ", ".join(f"{port} {shape}" for port, shape in ports.items())
        raise DrypointError(f"--net {name} has the inputs {found}, {data.name} has {shown}")
    return Model(net, decoder=ClassDecoder(classes))


def _encoder(
    dataset: Dataset, notify: Callable[[str], None], *, task: str | None
) -> ImageEncoder | SignalEncoder | AudioEncoder:
    """The encoder of the examples: their size, mean and deviation of the training part."""
    if task == KEYWORD:
        encoder = AudioEncoder.from_data(dataset, preset="log-mel", layout="signal", scale=2.0**-9)
        channels, rows = encoder.shape
        notify(f"encoder: {rows} rows of {channels} features, of frames of 30 ms every 10 ms")
        return encoder
    if dataset.is_signals:
        steps, channels = dataset.signal_size
        size = f"{steps} step{'s' * (steps > 1)} x {channels} channel{'s' * (channels > 1)}"
        notify(f"encoder: {size}; mean and deviation of each channel")
        if dataset.sample_rate == 16_000 and steps >= _SOUND_STEPS:
            notify("--task keyword reads spectral features of sound: a smaller net, trained faster")
        return SignalEncoder.from_data(dataset)
    width, height = dataset.image_size
    pixels = dataset.x.reshape(-1, 1 if dataset.x.ndim == 3 else 3) / 255
    mean = tuple(round(value, 4) for value in pixels.mean(axis=0).tolist())
    std = tuple(max(round(value, 4), 0.01) for value in pixels.std(axis=0).tolist())
    color = "gray" if dataset.x.ndim == 3 else "rgb"
    said = ", ".join(" ".join(map(str, values)) for values in (mean, std))
    notify(f"encoder: {width} x {height}, {color}; mean, deviation of the training part: {said}")
    return ImageEncoder(width=width, height=height, color=color, mean=mean, std=std)


def _epochs(dataset: Dataset, batch: int, macs: int, *, task: str | None = None) -> int:
    """The epochs of a run that leaves them out, of a net of so many MACs an example.

    Pictures get four times the steps of other examples where the net is small enough. On validation
    pictures of Fashion-MNIST and MNIST that wins points, and more steps win less.
    """
    n = len(dataset)
    if dataset.is_signals:
        steps, most = KEYWORD_STEPS if task == KEYWORD else STEPS, MOST_EPOCHS
    else:
        affordable = PICTURE_WORK // (batch * max(1, macs))
        steps, most = max(STEPS, min(PICTURE_STEPS, affordable)), MOST_PICTURE_EPOCHS
    return max(FEWEST_EPOCHS, min(most, -(-steps * batch // n)))


def _options(
    data: TrainingData, args: argparse.Namespace, *, epochs: int, squares: bool, further: bool
) -> dict[str, Any]:
    """The options of `train.fit`: of the command, else the defaults; with squared errors as the
    loss, and no augmentation that would change what is predicted, or of classes."""
    batch = args.batch or BATCH
    optimizer = OPTIMIZERS[args.optimizer or "adam"]()
    rate = args.lr or (None if args.optimizer else FURTHER_RATE if further else RATE)
    strength = args.augment or ("strong" if args.task == KEYWORD else "light")
    if args.task == KEYWORD:
        distort: Augmentation | None = audio_augmentation(strength, data.train, args.noise)
    else:
        distort = _augmentation(strength, data.train)
    loss: Loss = MSELoss() if squares else CrossEntropyLoss(label_smoothing=SMOOTHING)
    return {
        "epochs": epochs,
        "batch_size": batch,
        "optimizer": optimizer if rate is None else replace(optimizer, lr=rate),
        "loss": loss,
        "augment": None if squares else distort,
        "restore_best": False,
        "seed": args.seed,
    }


def _describe(distort: Augmentation | None) -> str:
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


def _augmentation(kind: str, dataset: Dataset) -> Augmentation | None:
    if kind == "none" or (dataset.is_signals and dataset.signal_size[0] == 1):
        return None
    if dataset.is_signals:
        strength = 1 if kind == "light" else 2
        steps, deviations = dataset.signal_size[0], dataset.x.std(axis=(0, 1), dtype=np.float64)
        return augment.Signals(
            shift=strength * (steps // 20),
            gain=0.1 * strength,
            noise=tuple((0.05 * strength * deviations).tolist()),
            mask=strength * (steps // 20),
        )
    side = min(dataset.image_size)
    if kind == "light":
        return augment.Warp(rotate=5, scale=0.05, shift=round(0.03 * side, 2))
    shift = round(0.1 * side, 2)
    return augment.Warp(rotate=15, scale=0.15, shear=0.15, shift=shift, elastic=0.5)
