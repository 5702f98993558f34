"""The settings of a run as one value, checked once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from ._augmentation import Augmentation
from ._callbacks import Callback, EarlyStopping
from ._errors import TrainError
from ._learning_rates import Schedule
from ._optimizers import Optimizer, optimizer_config
from ._weights import check_decay


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

    def __post_init__(self) -> None:
        """Check the plain values; optimizers and schedules have checked themselves.

        Raises:
            TrainError: a setting is out of its range.
        """
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            number = getattr(self, name)
            if type(number) is not int or number < least:
                raise TrainError(f"{name} is {number!r}, not a whole number of at least {least}")
        for name in ("clip_grad_norm", "time_limit"):
            number = getattr(self, name)
            if number is not None and not (math.isfinite(number) and number > 0):
                raise TrainError(f"{name} is {number!r}, not a number above 0")
        check_decay(self.average)
        if self.log is not None and self.log.suffix not in (".csv", ".jsonl"):
            raise TrainError(f"log is {self.log}: its name must end in .csv or .jsonl")
        for callback in self.callbacks:
            if not callable(callback):
                raise TrainError(f"callbacks holds {callback!r}, which cannot be called")

    def run_identity(self) -> dict[str, Any]:
        """The settings that decide the bytes of the result, of JSON types."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "optimizer": optimizer_config(self.optimizer),
            "schedule": describe(self.schedule),
            "restore_best": self.restore_best,
            "early_stopping": describe(self.early_stopping),
            "augment": describe(self.augment),
            "average": self.average,
            "lr_multipliers": dict(self.lr_multipliers),
            "clip_grad_norm": self.clip_grad_norm,
            "seed": self.seed,
            "mpi": self.mpi,
        }

    def record(self) -> dict[str, Any]:
        """All settings, of JSON types."""
        paths = {n: None if (p := getattr(self, n)) is None else str(p) for n in _PATHS}
        return {
            **self.run_identity(),
            "time_limit": self.time_limit,
            "callbacks": [describe(callback) for callback in self.callbacks],
            "compiled": self.compiled,
            **paths,
        }


_PATHS = ("log", "checkpoint")


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


def _part(value: object) -> str:
    return str(describe(value)) if callable(value) or is_dataclass(value) else repr(value)
