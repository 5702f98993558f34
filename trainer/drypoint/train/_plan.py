"""The plan of a run: its settings, checked once, its data source, encoders and metrics."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drypoint.common import check_arguments

from ._callbacks import Callback, EarlyStopping
from ._errors import TrainError
from ._examples import Batch, Column, Rows
from ._learning_rates import Groups, Schedule, rate_factor
from ._metrics import Metrics
from ._optimizers import Optimizer, is_builtin, optimizer_config
from ._quantization import Quantization
from ._training_data import Source
from .step.all_reduce import AllReduce


class Augmentation(Protocol):
    """A function that `fit` calls on images or signals before the encoder, batch by batch.

    It may get several small batches in one call. The change of an example must depend on ``seed``,
    ``epoch`` and the example's index alone. So a resumed run, or a run with another batch size,
    reads identical examples. An example::

        def noisy(images, *, seed, epoch, indices):
            rng = np.random.default_rng([seed, epoch, *indices])
            return images + rng.normal(0, 0.1, images.shape).astype(np.float32)

    If it has a method ``change_features`` of equal arguments, `fit` calls that on what the encoder
    makes of the images.
    """

    def __call__(
        self, images: NDArray[Any], /, *, seed: int, epoch: int, indices: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Changed copies of N images."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments of `fit` (the fields have their names), with names and defaults resolved."""

    epochs: int
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    restore_best: bool
    early_stopping: EarlyStopping | None
    augment: Augmentation | None
    average: float | None
    lr_multipliers: Mapping[str, float | None]
    clip_grad_norm: float | None
    seed: int
    time_limit: float | None
    callbacks: Sequence[Callback]
    log: Path | None
    checkpoint: Path | None
    mpi: bool
    compiled: bool
    quantization: Quantization | None

    def __post_init__(self) -> None:
        """Check the plain values; optimizers and schedules have checked themselves."""
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            number = getattr(self, name)
            if type(number) is not int or number < least:
                raise TrainError(f"{name} is {number!r}, not a whole number of at least {least}")
        for name in ("clip_grad_norm", "time_limit"):
            number = getattr(self, name)
            if number is not None and not (math.isfinite(number) and number > 0):
                raise TrainError(f"{name} is {number!r}, not a number above 0")
        if self.average is not None and not 0 < self.average < 1:
            raise TrainError(
                f"average is {self.average!r}, not a decay between 0 and 1, such as 0.998"
            )
        if self.log is not None and self.log.suffix not in (".csv", ".jsonl"):
            raise TrainError(f"log is {self.log}: its name must end in .csv or .jsonl")
        for callback in self.callbacks:
            if not callable(callback):
                raise TrainError(f"callbacks holds {callback!r}, which cannot be called")
            check_arguments(callback, "state", name="a callback", error=TrainError)
        if self.augment is not None:
            wanted = "images, *, seed, epoch, indices"
            check_arguments(self.augment, wanted, name="augment", error=TrainError)

    def config(self) -> dict[str, Any]:
        """All settings, of JSON types."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **{name: _json_value(value) for name, value in values.items()},
            "optimizer": optimizer_config(self.optimizer),
            "callbacks": [describe(callback) for callback in self.callbacks],
        }

    def run_identity(self) -> dict[str, Any]:
        """The settings that decide the bytes of the result, of JSON types."""
        return {name: v for name, v in self.config().items() if name not in _WITHOUT_EFFECT}


_WITHOUT_EFFECT = ("time_limit", "callbacks", "log", "checkpoint", "compiled")
"""Settings that do not change the bytes of a run that ends by itself."""


def optimizer_text(optimizer: Optimizer) -> str:
    """An optimizer as text: its learning rate and the settings that differ from the defaults."""
    if not is_dataclass(optimizer):
        return str(describe(optimizer))
    shown = [
        f"{f.name}={getattr(optimizer, f.name)!r}"
        for f in fields(optimizer)
        if f.name == "lr" or getattr(optimizer, f.name) != f.default
    ]
    return f"{type(optimizer).__name__}({', '.join(shown)})"


def describe(thing: object) -> str | None:
    """A value as text that is equal in every process: a function is its name, not its address."""
    if thing is None:
        return None
    if is_dataclass(thing) and not isinstance(thing, type):
        inner = ", ".join(f"{f.name}={_part(getattr(thing, f.name))}" for f in fields(thing))
        return f"{type(thing).__name__}({inner})"
    name = getattr(thing, "__qualname__", None)
    return name if isinstance(name, str) else type(thing).__qualname__


def _json_value(value: object) -> object:
    """A setting as a JSON value; of objects a text."""
    if isinstance(value, bool | int | float | Mapping):
        return value
    return str(value) if isinstance(value, Path) else describe(value)


def _part(value: object) -> str:
    return str(describe(value)) if callable(value) or is_dataclass(value) else repr(value)


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The settings of a run, its data source, encoders and metrics.

    Attributes:
        source: the source of training batches.
        encoders: port -> encoder of its stored values.
        images: the port of the images that augmentation changes.
        targets: the port of the boxes that an augmentation with ``change_targets`` moves.
        groups: multiplier of the learning rate -> paths of parameters.
        metrics: name -> metric beside the loss.
        all_reduce: the all-reduce of the processes that share each batch; None: one process.
    """

    settings: Settings
    source: Source
    encoders: Mapping[str, Callable[[object], Column]]
    images: str
    targets: str
    groups: Groups
    metrics: Metrics
    all_reduce: AllReduce | None

    @property
    def total(self) -> int | None:
        """The number of steps of the whole run; None if it is not known."""
        return None if self.source.steps is None else self.settings.epochs * self.source.steps

    @property
    def updates_in_kernels(self) -> bool:
        """Whether kernels compute the update: the optimizer is one of drypoint's own."""
        return is_builtin(self.settings.optimizer)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        total = step + 1 if self.total is None else self.total
        return self.settings.optimizer.lr * rate_factor(self.settings.schedule, step, total)

    def changes(self, port: str, column: Column | Rows) -> bool:
        """Whether augmentation or the encoder of a port changes a batch of its column."""
        augment = self.settings.augment
        if augment is not None and port == self.images:
            return True
        if port == self.targets and hasattr(augment, "change_targets"):
            return True
        if port not in self.encoders or column.dtype != np.float32:
            return port in self.encoders
        example = np.asarray(column[:1])
        return self.encoders[port](example) is not example

    def encode(self, batch: Batch) -> Batch:
        """The batch, encoded."""
        return {
            port: self.encoders[port](_readable(column)) if port in self.encoders else column
            for port, column in batch.items()
        }


def _readable(column: Column) -> object:
    """An array of numbers itself; an array of pictures or paths as a list, for the encoder."""
    return column.tolist() if column.dtype.kind in "OU" else column
