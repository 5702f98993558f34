"""What sees a run after each epoch and may end it: callbacks, and early stopping."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from drypoint.nn import Layer, Model

from ._errors import TrainError
from ._prepared_model import model_of, net_of


@dataclass(eq=False, kw_only=True)
class TrainState:
    """A run after one of its epochs.

    Attributes:
        epoch: finished epochs.
        epochs: how many are asked for.
        step: updates made.
        loss: mean training loss of this epoch.
        val_loss: mean validation loss after it; None without validation.
        metrics: name -> figure of this epoch: "accuracy", "val_accuracy", ...
        lr: learning rate of its last step.
        seconds: since the run began.
        best_epoch: the epoch whose net would be kept if the run ended here.
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
        """The net, or the graph, as it is now (its average, if one is kept)."""
        return net_of(self._build())

    @property
    def model(self) -> Model:
        """The model as it is now.

        Raises:
            TrainError: a graph is trained.
        """
        return model_of(self._build())

    def stop(self) -> None:
        """End the run after this epoch."""
        self._stopped = True

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped


Callback: TypeAlias = Callable[[TrainState], object]
"""Called after each epoch, its validation, log and checkpoint; what it returns does not count."""


Direction = Literal["auto", "min", "max"]


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stop when a figure has not improved for more than ``patience`` epochs.

        train.EarlyStopping(monitor="val_accuracy", patience=2)

    Attributes:
        monitor: which figure of the history.
        patience: epochs without improvement that are allowed.
        start_epoch: so many epochs at the beginning are not looked at.
        min_delta: how much better than the best so far counts as an improvement.
        mode: "min" or "max" is better; "auto": a name that ends in "accuracy" is to rise, any
            other to fall.
    """

    monitor: str = "val_loss"
    patience: int = 0
    start_epoch: int = 0
    min_delta: float = 0.0
    mode: Direction = "auto"

    def __post_init__(self) -> None:
        if self.patience < 0 or self.min_delta < 0 or self.start_epoch < 0:
            raise TrainError(
                f"patience {self.patience}, start_epoch {self.start_epoch} and min_delta "
                f"{self.min_delta} must be at least 0"
            )
        if self.mode not in get_args(Direction):
            raise TrainError(f"mode is {self.mode!r}, not one of {', '.join(get_args(Direction))}")

    def says_stop(self, history: Mapping[str, Sequence[float]]) -> bool:
        """Whether to stop after the epochs of this history."""
        rises = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith("accuracy"))
        best, since = math.inf, 0
        for value in history.get(self.monitor, ())[self.start_epoch :]:
            cost = -value if rises else value
            if cost < best - self.min_delta:  # never for NaN
                best, since = cost, 0
            else:
                since += 1
        return since > self.patience
