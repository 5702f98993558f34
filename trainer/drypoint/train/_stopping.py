"""When to stop before the last epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ._errors import TrainError

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
