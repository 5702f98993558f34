"""The likeliest classes of one image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import table_lines
from drypoint.data import Class

from . import _look as look
from ._blocks import bar, fit_width
from ._checks import PlotError, check, numbers
from ._picture import Layout, Panels, Picture, Placement, placement

_LEAST_BAR = 0.01  # a smaller probability is a number without a bar
_MOST_CLASSES = 100


@dataclass(frozen=True, eq=False, repr=False)
class ScoreBars(Picture):
    """Probabilities of classes as bars.

    Attributes:
        classes: from the top.
        probabilities: float64 (C,) in [0, 1], read-only.
        true: the true class, whose bar is highlighted; None: the likeliest class is.
        title: the title of the picture.
    """

    classes: tuple[Class, ...]
    probabilities: NDArray[np.float64]
    true: Class | None
    title: str

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A line for each class: name, probability, bar; "true" behind the true one."""
        names = [str(name) for name in self.classes]
        room = max(8, fit_width(width) - max(map(len, names)) - 16)
        rows = [
            (
                name,
                f"{p:.4f}",
                bar(p, width=room, plain=plain) + ("  true" if label == self.true else ""),
            )
            for name, label, p in zip(names, self.classes, self.probabilities.tolist(), strict=True)
        ]
        return "\n".join([self._title, *table_lines(rows, left=(0, 2))])

    @property
    def _title(self) -> str:
        hidden = self.true is not None and self.true not in self.classes
        return f"{self.title}; true: {self.true}, not shown" if hidden else self.title

    @property
    def layout(self) -> Layout:
        """A quarter of an inch a class."""
        names = 0.07 * max(len(str(name)) for name in self.classes)
        return Layout(width=4 + names, height=1.0 + 0.26 * len(self.classes))

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        places = np.arange(len(self.classes))
        special = self.true if self.true in self.classes else None
        if special is None and self.true is None:
            special = self.classes[int(self.probabilities.argmax())]
        colors = [look.ACCENT if label == special else look.MUTED for label in self.classes]
        long_enough = np.where(self.probabilities < _LEAST_BAR, 0, self.probabilities)
        bars = ax.barh(places, long_enough, height=0.7, color=colors)
        ax.bar_label(
            bars,
            [f"{p:.4f}" for p in self.probabilities],
            padding=3,
            fontsize=look.SMALL_SIZE,
            color=look.INK,
        )
        names = [f"{c} (true)" if c == self.true else str(c) for c in self.classes]
        ax.set_yticks(places, map(look.shown, names), parse_math=False)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.18)  # room for the label of a bar of length 1
        ax.set_xticks(np.linspace(0, 1, 6))
        look.dress(ax, title=self._title, x="probability", y="class")


def scores(
    probabilities: Sequence[tuple[Class, float]] | Mapping[Class, float],
    *,
    true: Class | None = None,
    title: str = "probabilities of the classes",
    ax: Placement = None,
) -> ScoreBars:
    """The probabilities of the classes for one image, in the order given.

    Args:
        probabilities: (class, probability) pairs as ``model.top(image, 5)`` gives them, or
            class -> probability; 1 to 100 classes.
        true: the true class, whose bar is highlighted.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: no classes or too many, or a value that is no probability in [0, 1].
    """
    wanted = "a mapping from classes to probabilities, or pairs of both"
    check(probabilities, (Mapping, list, tuple), name="probabilities", wanted=wanted)
    pairs = (
        list(probabilities.items()) if isinstance(probabilities, Mapping) else list(probabilities)
    )
    if not 1 <= len(pairs) <= _MOST_CLASSES:
        raise PlotError(f"from 1 to {_MOST_CLASSES} classes can be shown, not {len(pairs)}")
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise PlotError(f"probabilities holds what is no pair; wanted: {wanted}")
    shares = numbers([p for _, p in pairs], "probabilities")
    if shares.min() < 0 or shares.max() > 1 + 1e-6:  # float32 softmax may exceed 1 by its rounding
        raise PlotError(
            f"probabilities lie in [0, 1], these reach from {shares.min():g} to {shares.max():g}"
        )
    return ScoreBars(
        classes=tuple(label for label, _ in pairs),
        probabilities=shares,
        true=true,
        title=title,
        placed=placement(ax),
    )
