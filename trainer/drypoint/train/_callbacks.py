"""Callbacks after each epoch, which may end the run, and early stopping."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from drypoint.common import kind_of
from drypoint.nn import Layer, Model

from ._errors import TrainError
from ._learning_rates import is_number
from ._prepared_model import as_model, as_net


@dataclass(eq=False, kw_only=True)
class TrainState:
    """A run after one of its epochs.

    Attributes:
        epoch: the number of finished epochs.
        epochs: the number of epochs that the run is to have.
        step: the number of updates so far.
        loss: the mean training loss of the last epoch.
        val_loss: the mean validation loss after the last epoch; None without validation.
        metrics: name -> value for the last epoch: "accuracy", "val_accuracy", ...
        lr: the learning rate of the last step.
        seconds: seconds since the run began.
        best_epoch: the epoch of the net that the run would return if it ended here.
        history: name -> one number for each finished epoch.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    val_loss: float | None
    metrics: Mapping[str, float]
    lr: float
    seconds: float
    best_epoch: int
    history: Mapping[str, Sequence[float]] = field(repr=False)
    _build: Callable[[], Model | Layer] = field(repr=False)
    _stopped: bool = field(default=False, repr=False)

    @property
    def net(self) -> Layer:
        """The net, or the graph, with its current weights (their average with ``average``)."""
        return as_net(self._build())

    @property
    def model(self) -> Model:
        """The model with its current weights.

        Raises:
            TrainError: the run trains a graph.
        """
        return as_model(self._build())

    def stop(self) -> None:
        """End the run after this epoch."""
        self._stopped = True

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped


Callback: TypeAlias = Callable[[TrainState], object]
"""A function called after each epoch, its validation, log and checkpoint; its return value is
ignored."""


Direction = Literal["auto", "min", "max"]


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stop when a figure has not improved for more than ``patience`` epochs.

        train.EarlyStopping(monitor="val_accuracy", patience=2)

    Attributes:
        monitor: the name of the figure in the history.
        patience: the number of epochs without improvement that are allowed.
        start_epoch: the number of first epochs that are ignored.
        min_delta: the least difference to the best value so far that counts as an improvement.
        mode: "min" if lower is better, "max" if higher is; "auto": "max" for a name that ends in
            "accuracy", else "min".
    """

    monitor: str = "val_loss"
    patience: int = 0
    start_epoch: int = 0
    min_delta: float = 0.0
    mode: Direction = "auto"

    def __post_init__(self) -> None:
        counts = (self.patience, self.start_epoch, self.min_delta)
        if not all(is_number(count) and count >= 0 for count in counts):
            raise TrainError(
                f"patience {kind_of(self.patience)}, start_epoch {kind_of(self.start_epoch)} and "
                f"min_delta {kind_of(self.min_delta)} must be at least 0"
            )
        if self.mode not in get_args(Direction):
            raise TrainError(f"mode is {self.mode!r}, not one of {', '.join(get_args(Direction))}")

    def should_stop(self, history: Mapping[str, Sequence[float]]) -> bool:
        """Whether the run should stop after the last epoch of the history."""
        rises = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith("accuracy"))
        best, since = math.inf, 0
        for value in history.get(self.monitor, ())[self.start_epoch :]:
            cost = -value if rises else value
            if cost < best - self.min_delta:  # never for NaN
                best, since = cost, 0
            else:
                since += 1
        return since > self.patience
