"""The result of a training run: the trained net, its history and the facts of the run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from drypoint.common import attribute_hints, clock, html_table, json_of, rate
from drypoint.nn import Graph, Layer, Model

from ._aliases import RESULT_HINTS
from ._optimizers import Optimizer
from ._plan import optimizer_text
from ._prepared_model import as_model, as_net

if TYPE_CHECKING:
    from drypoint.plot import TrainingCurves

Stopped = Literal["epochs", "early", "time", "callback", "interrupted", "diverged"]


@attribute_hints(RESULT_HINTS)
@dataclass(frozen=True, eq=False, kw_only=True)
class TrainResult:
    """The result of `fit`.

    Attributes:
        trained: the model or graph of the best epoch by validation loss, else of the last epoch.
        training_graph: the training graph, with the values of ``trained``.
        history: name -> one number for each finished epoch: ``loss``, ``lr`` (of the last step),
            ``seconds`` (of training), ``val_loss``, and the metrics, ``accuracy`` and
            ``val_accuracy`` for classifiers.
        batch_loss: float64 (n_batches,): the mean loss of each batch, before its update.
        best_epoch: the epoch (from 1) of the weights of ``trained``; 0 if no epoch was finished.
        stopped: the reason of the end: all ``epochs``, ``early`` stopping, ``time`` limit, a
            ``callback``, ``interrupted`` by Ctrl-C, ``diverged``.
        seconds: wall time of the whole run, including its parts before a checkpoint.
        n_train, n_val: the numbers of training examples in an epoch and of validation examples.
        batch_size: examples for each step.
        batches_per_epoch: steps of a whole epoch.
        examples_seen: examples trained on, summed over all epochs.
        lr_initial, lr_final: learning rates of the first and the last step.
        optimizer: the optimizer with its settings.
        checkpoints: the checkpoint files, from which the run can be resumed.
        config: the arguments of `fit`, defaults filled in, the digest of the data, and versions,
            of JSON types.
    """

    trained: Model | Layer
    training_graph: Graph
    history: Mapping[str, Sequence[float]]
    batch_loss: NDArray[np.float64]
    best_epoch: int
    stopped: Stopped
    seconds: float
    n_train: int
    n_val: int
    batch_size: int
    batches_per_epoch: int
    examples_seen: int
    lr_initial: float
    lr_final: float
    optimizer: Optimizer
    checkpoints: tuple[Path, ...]
    config: Mapping[str, Any]

    @property
    def model(self) -> Model:
        """The trained model.

        Raises:
            TrainError: the run trained a graph.
        """
        return as_model(self.trained)

    @property
    def net(self) -> Layer:
        """The trained net or graph."""
        return as_net(self.trained)

    @property
    def n_epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.history.get("loss", ()))

    @property
    def n_batches(self) -> int:
        """The number of updates."""
        return len(self.batch_loss)

    @property
    def loss(self) -> float:
        """Mean training loss of the last finished epoch; NaN if there is none."""
        return self._last("loss")

    @property
    def val_loss(self) -> float:
        """Mean validation loss after the last finished epoch; NaN if there is none."""
        return self._last("val_loss")

    @property
    def metrics(self) -> dict[str, float]:
        """Name -> figure of the last finished epoch, on the training batches."""
        return {n: v for n, v in self._figures().items() if not n.startswith("val_")}

    @property
    def val_metrics(self) -> dict[str, float]:
        """Name -> figure after the last finished epoch, on the validation examples."""
        names = self._figures()
        return {n.removeprefix("val_"): v for n, v in names.items() if n.startswith("val_")}

    @property
    def examples_per_s(self) -> float:
        """Training examples for each second of the finished epochs, without validation."""
        seconds = sum(self.history.get("seconds", ()))
        return self.n_epochs * self.n_train / seconds if seconds else 0.0

    def plot_loss(self) -> "TrainingCurves":
        """The loss of training, validation and each batch: a picture, or text where it is printed.

        Raises:
            DrypointError: no epoch was finished.
        """
        from drypoint.plot import training  # noqa: PLC0415 - a result draws itself, on demand

        return training(self, quantities=("loss",))

    def plot(self) -> "TrainingCurves":
        """Loss, accuracy and learning rate; otherwise as `plot_loss`."""
        from drypoint.plot import training  # noqa: PLC0415 - a result draws itself, on demand

        return training(self)

    def to_json(self) -> dict[str, Any]:
        """All attributes but the net and the loss of each batch, of JSON types."""
        times = ("stopped", "best_epoch", "seconds", "n_epochs", "n_batches")
        sizes = ("n_train", "n_val", "batch_size", "batches_per_epoch", "examples_seen")
        rates = ("examples_per_s", "lr_initial", "lr_final")
        return json_of(self, *times, *sizes, *rates, "history", "checkpoints", "config")

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"TrainResult: {self._headline()}",
                *(f"  {name:<11} {text}" for name, text in self._rows()),
            ]
        )

    def _repr_html_(self) -> str:
        """For notebooks: the text as a table."""
        return html_table((), self._rows(), left=(0,), caption=f"TrainResult: {self._headline()}")

    def _headline(self) -> str:
        epochs = f"{self.n_epochs} of {self.config['epochs']} epochs"
        return f"{epochs} in {clock(self.seconds)}, stopped: {self.stopped}"

    def _rows(self) -> list[tuple[str, str]]:
        """The (name, text) pairs that the result prints."""
        at = self.best_epoch - 1
        shown = [(n, v[at]) for n, v in self.history.items() if n not in ("lr", "seconds")]
        kept = f"epoch {self.best_epoch}" if self.best_epoch else "of an unfinished epoch"
        return [
            ("net", f"{type(self.net).__name__}, {self.net.n_params:,} parameters, {kept}"),
            ("", "  ".join(_figure(name, value) for name, value in shown) or "no figures"),
            ("examples", f"{self.n_train:,} to train on, {self.n_val:,} to validate on"),
            (
                "steps",
                f"{self.n_batches:,} of {self.batch_size} examples, "
                f"{rate(self.examples_per_s, 'examples')}",
            ),
            (
                "optimizer",
                f"{optimizer_text(self.optimizer)}, "
                f"lr from {self.lr_initial:.3g} to {self.lr_final:.3g}",
            ),
        ]

    def _last(self, name: str) -> float:
        return self.history[name][-1] if self.history.get(name) else math.nan

    def _figures(self) -> dict[str, float]:
        """Name -> value of the last epoch, for the metrics in the history."""
        others = {"loss", "val_loss", "lr", "seconds"}
        return {n: self._last(n) for n in self.history if n not in others}


def _figure(name: str, value: float) -> str:
    return f"{name} {value:.2%}" if name.endswith("accuracy") else f"{name} {value:.4f}"
