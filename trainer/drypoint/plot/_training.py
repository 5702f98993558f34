"""The curves of a training run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import kind_of, table_lines

from . import _look as look
from ._blocks import align, fit_width, sparkline
from ._checks import PlotError, numbers
from ._picture import Layout, Panels, Picture, Placement, placement

Curve = NDArray[np.float64]

# Panel title, unit, and the curves in it: name in the history, label.
_PANELS = (
    ("loss", "loss", (("loss", "training"), ("val_loss", "validation"))),
    ("accuracy", "accuracy, %", (("accuracy", "training"), ("val_accuracy", "validation"))),
    ("learning rate", "learning rate", (("lr", "at the end of the epoch"),)),
)


@dataclass(frozen=True, eq=False, repr=False)
class TrainingCurves(Picture):
    """Loss, accuracy and learning rate over the epochs.

    Attributes:
        epochs: int64 (E,), 1 to E, read-only.
        history: name -> float64 (E,), read-only, of ``loss``, ``val_loss``, ``accuracy``,
            ``val_accuracy`` (shares in [0, 1]), ``lr``, as far as the run has them.
        batch_loss: float64 (B,), read-only: the loss of each batch of the run, or empty.
        best_epoch: the epoch whose weights were kept; 0 if not known.
    """

    epochs: NDArray[np.int64]
    history: Mapping[str, Curve]
    batch_loss: Curve
    best_epoch: int

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A sparkline for each curve with its extremes; curves of a panel have one scale."""
        width = fit_width(width)
        best = f", kept epoch {self.best_epoch}" if self.best_epoch else ""
        rows: list[tuple[str, ...]] = [("", "", "first", "last", "least", "most")]
        room = max(8, width - 50)
        groups = [
            {name: self.history[name] for name, _ in curves if name in self.history}
            for _, _, curves in _PANELS
        ]
        groups.append({"batch loss": self.batch_loss} if self.batch_loss.size else {})
        for group in filter(None, groups):
            in_panel = np.concatenate(list(group.values()))
            for name, values in group.items():
                line = sparkline(
                    values,
                    low=float(in_panel.min()),
                    high=float(in_panel.max()),
                    width=room,
                    plain=plain,
                )
                figures = (values[0], values[-1], values.min(), values.max())
                rows.append((name, line, *align(map(float, figures))))
        return "\n".join(
            [f"training, {len(self.epochs)} epochs{best}", *table_lines(rows, left=(0, 1))]
        )

    @property
    def layout(self) -> Layout:
        """A panel for each quantity that was recorded, side by side."""
        n = len(self._panels)
        return Layout(width=3.6 * n, height=3.3, panels=n, columns=n)

    @property
    def _panels(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Title, unit and curves of the panels that have any."""
        present = [
            (title, unit, [(name, label) for name, label in curves if name in self.history])
            for title, unit, curves in _PANELS
        ]
        return [panel for panel in present if panel[2]]

    def _draw(self, axes: Panels) -> None:
        for ax, (title, unit, curves) in zip(axes, self._panels, strict=True):
            scale = 100 if title == "accuracy" else 1
            if title == "loss" and self.batch_loss.size:
                n = len(self.batch_loss)
                places = np.arange(1, n + 1) * len(self.epochs) / n
                ax.plot(places, self.batch_loss, color=look.PALE, linewidth=0.8, label="batch")
            for name, label in curves:
                ax.plot(
                    self.epochs,
                    scale * self.history[name],
                    color=look.ACCENT if name.startswith("val_") else look.MUTED,
                    linewidth=1.6,
                    marker="o",
                    markersize=4 if len(self.epochs) <= 30 else 0,
                    label=label,
                )
            if self.best_epoch:
                ax.axvline(
                    self.best_epoch,
                    color=look.INK,
                    linewidth=0.8,
                    linestyle=":",
                    label="kept epoch",
                )
            look.dress(ax, title=title, x="epoch", y=unit)
            look.grid(ax, along="y")
            ax.set_xlim(0.8 if not self.batch_loss.size else 0, len(self.epochs) + 0.2)
            ax.locator_params(axis="x", integer=True, min_n_ticks=1)
            if title != "learning rate":
                look.legend(ax)


class Run(Protocol):
    """The parts of `train.TrainResult` that the picture needs."""

    @property
    def history(self) -> Mapping[str, Sequence[float]]:
        """Name -> one number for each epoch."""

    @property
    def batch_loss(self) -> ArrayLike:
        """(B,), the loss of each batch."""

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept; 0 if not known."""


def training(
    run: Run | Mapping[str, Sequence[float]],
    *,
    quantities: Sequence[str] = ("loss", "accuracy", "learning rate"),
    batch_loss: ArrayLike | None = None,
    axes: Placement = None,
) -> TrainingCurves:
    """Loss, accuracy (where there are classes) and learning rate of a run over its epochs.

    Args:
        run: the result of `train.fit`, or its ``history``: name -> one number for each epoch.
        quantities: the panels to show.
        batch_loss: the loss of each batch of the whole run; None: the result's, where there is
            one and losses are shown.
        axes: one axes for each of the quantities recorded, in the order above.

    Raises:
        PlotError: no finished epoch, curves of different lengths, or an unknown quantity.
    """
    titles = [title for title, _, _ in _PANELS]
    for title in quantities:
        if title not in titles:
            raise PlotError(f"no quantity is called {title!r}; there are {', '.join(titles)}")
    whole = None if isinstance(run, Mapping) else run
    recorded = run if isinstance(run, Mapping) else getattr(run, "history", None)
    wanted = "a result of train.fit, or a mapping from names to values an epoch"
    if not isinstance(recorded, Mapping):
        raise PlotError(f"run is {kind_of(run)}; wanted: {wanted}")
    panels = [curves for title, _, curves in _PANELS if title in quantities]
    names = [name for curves in panels for name, _ in curves if name in recorded]
    if batch_loss is None and whole is not None and "loss" in quantities:
        batch_loss = whole.batch_loss
    history = {name: numbers(recorded[name], name) for name in names}
    lengths = {name: len(curve) for name, curve in history.items()}
    if not lengths or 0 in lengths.values():
        raise PlotError("the run has no finished epoch to show")
    if len(set(lengths.values())) != 1:
        raise PlotError(f"curves must have one number an epoch, these have {lengths}")
    epochs = np.arange(1, lengths[names[0]] + 1)
    epochs.flags.writeable = False
    return TrainingCurves(
        epochs=epochs,
        history=history,
        batch_loss=numbers(() if batch_loss is None else batch_loss, "batch_loss"),
        best_epoch=0 if whole is None else whole.best_epoch,
        placed=placement(axes),
    )
