"""What a training run was: the net that it gave, and everything worth knowing about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from drypoint.nn import Model

Stopped = Literal["epochs", "early", "interrupted", "diverged"]


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainResult:
    """The outcome of `fit`.

    Attributes:
        model: the trained model: of the best epoch by validation loss, else of the last.
        history: name -> one number for each finished epoch: ``loss``, ``lr``, ``seconds``, and
            ``accuracy``, ``val_loss``, ``val_accuracy`` where they were measured.
        best_epoch: the epoch (from 1) whose weights ``model`` has; 0 if none was finished.
        stopped: why it ended: all ``epochs``, ``early`` stopping, ``interrupted``, ``diverged``.
        seconds: wall time of the whole run.
        n_train, n_val: examples trained and validated on.
        config: the settings of the run, JSON-able.
    """

    model: Model
    history: Mapping[str, Sequence[float]]
    best_epoch: int
    stopped: Stopped
    seconds: float
    n_train: int
    n_val: int
    config: Mapping[str, Any]

    @property
    def n_epochs(self) -> int:
        """Finished epochs."""
        return len(self.history.get("loss", ()))

    @property
    def examples_per_second(self) -> float:
        """Training examples for each second of the finished epochs, without validation."""
        seconds = sum(self.history.get("seconds", ()))
        return self.n_epochs * self.n_train / seconds if seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """All but the model, as JSON takes it."""
        return {
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "n_train": self.n_train,
            "n_val": self.n_val,
            "history": {name: list(values) for name, values in self.history.items()},
            "config": dict(self.config),
        }

    def __repr__(self) -> str:
        last = {k: v[self.best_epoch - 1] for k, v in self.history.items() if self.best_epoch}
        lines = [
            f"TrainResult: {self.n_epochs} epochs in {self.seconds:.1f} s, stopped: {self.stopped}",
            f"  examples: {self.n_train:,} to train, {self.n_val:,} to validate",
            f"  best epoch: {self.best_epoch}",
        ]
        return "\n".join(lines + [f"  {k}: {v:.4g}" for k, v in last.items() if k != "seconds"])
