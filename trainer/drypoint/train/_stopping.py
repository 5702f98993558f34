"""When to stop before the last epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

from ._errors import TrainError


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stop when the validation loss has not improved for more than ``patience`` epochs.

    Attributes:
        patience: epochs without improvement that are allowed.
        min_delta: how much lower a loss must be to count as an improvement.
    """

    patience: int = 0
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        if self.patience < 0 or self.min_delta < 0:
            raise TrainError(
                f"patience {self.patience} and min_delta {self.min_delta} must be at least 0"
            )

    def says_stop(self, val_loss: Sequence[float]) -> bool:
        """Whether to stop after the epochs with these validation losses."""
        best, since = float("inf"), 0
        for loss in val_loss:
            if loss < best - self.min_delta:
                best, since = loss, 0
            else:
                since += 1
        return since > self.patience
