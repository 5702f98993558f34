"""The confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import table_lines
from drypoint.data import Class
from drypoint.measure import Measurement

from . import _look as look
from ._checks import PlotError, check
from ._picture import Layout, Panel, Panels, Picture, Placement, placement

_MOST_COUNTED = 40  # classes; counts of more are too small to read
_TICKS = (0.0, 0.01, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True, eq=False, repr=False)
class ConfusionMap(Picture):
    """Counts of true and predicted classes.

    Attributes:
        counts: int64 (C, C), read-only, of the C classes shown: row true, column predicted.
        classes: the classes shown.
        true_totals: int64 (C,), read-only: examples of each class, predicted as any class.
        predicted_totals: int64 (C,), read-only: examples of any class predicted as each class.
        n: the number of measured examples.
        accuracy: the accuracy over all measured examples, in [0, 1].
        n_classes: the number of measured classes, shown or not.
    """

    counts: NDArray[np.int64]
    classes: tuple[Class, ...]
    true_totals: NDArray[np.int64]
    predicted_totals: NDArray[np.int64]
    n: int
    accuracy: float
    n_classes: int

    @property
    def shares(self) -> NDArray[np.float64]:
        """float64 (C, C): counts over the totals of their rows, 0 for a class without examples."""
        totals = self.true_totals[:, None].astype(np.float64)
        out = np.zeros(self.counts.shape)
        return np.divide(self.counts, totals, out=out, where=totals > 0)

    def render(self, width: int = 80, *, plain: bool = False) -> str:  # noqa: ARG002
        """An aligned table with totals; zeros are dots. It is as wide as its counts."""
        rows = [("true", "|", *map(str, self.classes), "|", "total")]
        for name, counts, total in zip(self.classes, self.counts, self.true_totals, strict=True):
            cells = (str(count) if count else "." for count in counts.tolist())
            rows.append((str(name), "|", *cells, "|", str(total)))
        rows.append(("total", "|", *map(str, self.predicted_totals.tolist()), "|", str(self.n)))
        lines = table_lines(rows, left=())
        rule = "-" * max(map(len, lines))
        body = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
        return "\n".join([self._title, "columns: predicted", "", *body])

    @property
    def layout(self) -> Layout:
        """About half an inch a class."""
        n = len(self.classes)
        digits = len(str(int(self.counts.max(initial=1))))
        side = n * min(0.55, max(0.2, 0.12 + 0.075 * digits) if n <= _MOST_COUNTED else 0.12)
        names = 0.07 * max(len(str(name)) for name in self.classes)
        return Layout(width=max(4.2, side + 2.1 + names), height=max(3.2, side + 1.3 + names))

    @property
    def _title(self) -> str:
        chosen = len(self.classes)
        part = "" if chosen == self.n_classes else f", {chosen} of {self.n_classes} classes"
        return f"{self.n:,} examples, accuracy {self.accuracy:.2%}{part}"

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        n, shares = len(self.classes), self.shares
        # Colours by the square root: an error of one percent must be visible.
        shown = ax.imshow(np.sqrt(shares), cmap=look.SHARE_MAP, vmin=0, vmax=1)
        if n <= _MOST_COUNTED:
            for i, j in np.argwhere(self.counts).tolist():
                ax.text(
                    j,
                    i,
                    str(self.counts[i, j]),
                    color="white" if shares[i, j] > 0.3 else look.INK,
                    fontsize=look.SMALL_SIZE,
                    horizontalalignment="center",
                    verticalalignment="center",
                )
        counted = n <= _MOST_COUNTED
        look.dress(
            ax,
            title=self._title,
            x="predicted, with total" if counted else "predicted",
            y="true, total at the right" if counted else "true",
        )
        ax.spines[:].set_visible(False)
        self._draw_names(ax)
        legend = ax.figure.colorbar(shown, ax=ax, shrink=0.8, aspect=25, pad=0.1)
        legend.set_ticks([t**0.5 for t in _TICKS], labels=[f"{t:.0%}" for t in _TICKS])
        legend.ax.tick_params(labelsize=look.SMALL_SIZE, color=look.MUTED)
        legend.set_label("share of the true class", fontsize=look.LABEL_SIZE, color=look.INK)
        legend.outline.set_visible(False)

    def _draw_names(self, ax: Panel) -> None:
        """Classes and totals along the sides; of very many classes only some, without totals."""
        n = len(self.classes)
        places = range(0, n, 1 if n <= _MOST_COUNTED else -(-n // 20))
        names = [look.shown(str(self.classes[i])) for i in places]
        upright = max(map(len, names)) <= 3
        below = names
        if n <= _MOST_COUNTED:
            between = "\n" if upright else "  "
            totals = zip(names, self.predicted_totals.tolist(), strict=True)
            below = [f"{name}{between}{total}" for name, total in totals]
            right = ax.secondary_yaxis("right")
            right.set_yticks(places, map(str, self.true_totals.tolist()))
            right.tick_params(length=0, labelsize=look.SMALL_SIZE, labelcolor=look.INK)
            right.spines[:].set_visible(False)
        ax.set_xticks(places, below, rotation=0 if upright else 90, parse_math=False)
        ax.set_yticks(places, names, parse_math=False)
        ax.tick_params(length=0)


def confusion(
    m: Measurement,
    *,
    classes: Sequence[Class] | None = None,
    worst: int | None = None,
    ax: Placement = None,
) -> ConfusionMap:
    """The confusion matrix: counts, colours by share of the true class, totals.

    Totals count all measured examples, including the classes that are not shown.

    Args:
        m: the measurement.
        classes: the classes to show, in this order; None: all.
        worst: show only this number of classes, the ones with the lowest F1 (of equal F1 the
            first), in the order of ``m.classes``.
        ax: one axes to draw on.

    Raises:
        PlotError: a class that is not there or is named twice, ``worst`` out of range, or both.
    """
    check(m, Measurement, name="m", wanted="a Measurement: measure.measure(model, dataset)")
    if classes is not None and worst is not None:
        raise PlotError("one of classes and worst says which classes are shown, not both")
    chosen = list(range(len(m.classes)))
    if worst is not None:
        if not 1 <= worst <= len(m.classes):
            raise PlotError(f"worst must be from 1 to {len(m.classes)} classes, not {worst}")
        scores = np.array(list(m.f1.values()))
        chosen = sorted(np.argsort(scores, kind="stable")[:worst].tolist())
    if classes is not None:
        unknown = [name for name in classes if name not in m.classes]
        if unknown or not classes or len(set(classes)) != len(classes):
            raise PlotError(
                f"classes must be some of {', '.join(map(str, m.classes))}, each once, "
                f"not {list(classes)}"
            )
        chosen = [m.classes.index(name) for name in classes]
    matrix = m.confusion_matrix
    parts = (
        matrix[np.ix_(chosen, chosen)],
        matrix.sum(axis=1)[chosen],
        matrix.sum(axis=0)[chosen],
    )
    for part in parts:
        part.flags.writeable = False
    return ConfusionMap(
        counts=parts[0],
        classes=tuple(m.classes[i] for i in chosen),
        true_totals=parts[1],
        predicted_totals=parts[2],
        n=m.n,
        accuracy=m.accuracy,
        n_classes=len(m.classes),
        placed=placement(ax),
    )
