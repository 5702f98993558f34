"""Accuracy against cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import table_lines

from . import _look as look
from ._blocks import align, fit_width, number
from ._checks import PlotError, check, freeze, numbers
from ._picture import Layout, Panels, Picture, Placement, placement

_MOST = 60
_LINES = 12  # of the text


@dataclass(frozen=True, eq=False, repr=False)
class Tradeoff(Picture):
    """Named points: cost on a logarithmic axis, worth above it.

    Attributes:
        names: of the points.
        costs: float64 (n,), read-only, above 0.
        values: float64 (n,), read-only.
        cost, value: the names of cost and value, with their units.
        title: the title of the picture.
    """

    names: tuple[str, ...]
    costs: NDArray[np.float64]
    values: NDArray[np.float64]
    cost: str
    value: str
    title: str
    layout = Layout(width=5.6, height=3.8)

    @property
    def best(self) -> NDArray[np.bool_]:
        """(n,): no other point costs at most as much and is worth at least as much, one of
        them strictly."""
        c, v = self.costs, self.values
        no_worse = (c[:, None] <= c) & (v[:, None] >= v)  # [i, j]: i against j
        better = (c[:, None] < c) | (v[:, None] > v)
        return np.logical_not((no_worse & better).any(axis=0), dtype=np.bool_)

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """Letters in a frame, and a table of the points; * marks the Pareto-optimal ones."""
        width = fit_width(width)
        x, y = np.log(self.costs), self.values
        canvas = [[" "] * (width - 2) for _ in range(_LINES)]
        for i in reversed(range(len(x))):
            column = round(_place(x, i) * (width - 3))
            canvas[round((1 - _place(y, i)) * (_LINES - 1))][column] = _letter(i)
        side, rule = ("|", "-") if plain else ("│", "─")
        low, high = number(float(self.costs.min())), number(float(self.costs.max()))
        rows = [("", "", self.cost, self.value, "")]
        costs, values = align(self.costs.tolist()), align(self.values.tolist())
        for i, star in enumerate(self.best.tolist()):
            figures = (costs[i], values[i])
            rows.append((_letter(i), self.names[i], *figures, "*" if star else ""))
        return "\n".join(
            [
                *([self.title] if self.title else []),
                f"{self.value} {number(float(y.min()))} to {number(float(y.max()))}, upwards",
                *(f"{side}{''.join(line)}".rstrip() for line in canvas),
                f"{'+' if plain else '└'}{rule * (width - 2)}",
                f" {low}{high.rjust(max(len(high) + 1, width - 2 - len(low)))}",
                f" {self.cost}, logarithmic",
                "",
                *table_lines(rows, left=(0, 1, 4)),
            ]
        )

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        best = self.best
        order = np.argsort(self.costs[best], kind="stable")
        front = (self.costs[best][order], self.values[best][order])
        ax.plot(*front, color=look.ACCENT, linewidth=0.8, alpha=0.6)
        colors = [look.ACCENT if star else look.MUTED for star in best.tolist()]
        ax.scatter(self.costs, self.values, c=colors, s=36, zorder=3)
        ax.set_xscale("log")
        ax.margins(x=0.08, y=0.14)
        low, high = ax.get_xlim()
        longest = max(map(len, self.names))
        ax.set_xlim(low, high * (high / low) ** (0.015 * longest))  # room for the last name
        for name, c, v in zip(self.names, self.costs.tolist(), self.values.tolist(), strict=True):
            # Below to the right: where the line, which rises, never is.
            ax.annotate(
                look.shown(name),
                (c, v),
                xytext=(5, -4),
                textcoords="offset points",
                verticalalignment="top",
                fontsize=look.SMALL_SIZE,
                color=look.INK,
                parse_math=False,
            )
        look.log_labels(ax.xaxis)
        look.dress(ax, title=self.title, x=self.cost, y=self.value)
        look.grid(ax, along="y")


def tradeoff(
    points: Mapping[str, tuple[float, float]],
    *,
    cost: str = "seconds",
    value: str = "accuracy",
    title: str = "",
    ax: Placement = None,
) -> Tradeoff:
    """A value against its cost, such as accuracy against seconds of training or bytes of flash.

    Pareto-optimal points are highlighted and joined by a line.

    Args:
        points: name -> (cost, value), the cost above 0; 1 to 60 names.
        cost: the name of the cost, with its unit.
        value: the name of the value, with its unit; more is better.
        title: the title of the picture.
        ax: one axes to draw on.

    Raises:
        PlotError: no points or too many, a cost that is not above 0, or no finite numbers.
    """
    check(points, Mapping, name="points", wanted="a mapping from names to pairs (cost, value)")
    if not 1 <= len(points) <= _MOST:
        raise PlotError(f"from 1 to {_MOST} points can be shown, not {len(points)}")
    pairs = numbers(list(points.values()), "points", axes=2)
    if pairs.shape[1] != 2 or pairs[:, 0].min() <= 0:
        raise PlotError("points are (cost, value) with the cost above 0")
    return Tradeoff(
        names=tuple(points),
        costs=freeze(pairs[:, 0].copy()),
        values=freeze(pairs[:, 1].copy()),
        cost=cost,
        value=value,
        title=title,
        placed=placement(ax),
    )


def _letter(i: int) -> str:
    """The mark of point i: a to z, A to Z, then digits (60 points at most)."""
    return "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"[i]


def _place(values: NDArray[np.float64], i: int) -> float:
    """Where value i lies between the lowest (0) and the highest (1)."""
    low, high = float(values.min()), float(values.max())
    return (float(values[i]) - low) / (high - low) if high > low else 0.5
