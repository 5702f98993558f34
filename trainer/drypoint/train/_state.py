"""What a callback sees of a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from drypoint.nn import Layer, Model

from ._subject import model_of, net_of


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
