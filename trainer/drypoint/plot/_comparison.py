"""A chart that compares named values, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.common import table_lines
from drypoint.measure import Comparison, Measurement

from . import _look as look
from ._blocks import align, bar, fit_width, number
from ._checks import PlotError, check, freeze, numbers
from ._picture import Layout, Panels, Picture, Placement, placement

Entry: TypeAlias = float | tuple[float, float, float] | Measurement
"""A value; (value, low, high) with an interval; or a measurement, for its accuracy."""

_MOST = 60


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonChart(Picture):
    """Named values, optionally with intervals.

    Attributes:
        names: the names, from top to bottom.
        values: float64 (n,), read-only.
        intervals: float64 (n, 2), read-only: low and high; NaN for a value without interval.
        label: the quantity of the values, with its unit.
        title: the title of the chart.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    intervals: NDArray[np.float64]
    label: str
    title: str

    @property
    def has_intervals(self) -> bool:
        """Whether any value has one; then points with whiskers are drawn, else bars from 0."""
        return bool(np.isfinite(self.intervals).any())

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A line for each name: value, interval, and a bar or the place on a common scale."""
        rows = [("", self.label, *(("interval",) if self.has_intervals else ()), "")]
        cells = []
        values = align(self.values.tolist())
        for name, value, (low, high) in zip(
            self.names, values, self.intervals.tolist(), strict=True
        ):
            span = "" if np.isnan(low) else " to ".join(align((low, high)))
            cells.append((name, value, *((span,) if self.has_intervals else ())))
        used = sum(max(map(len, column)) + 2 for column in zip(*cells, rows[0][:-1], strict=True))
        room = max(8, fit_width(width) - used)
        for i, cell in enumerate(cells):
            drawn = (
                self._whisker(i, room, plain) if self.has_intervals else self._bar(i, room, plain)
            )
            rows.append((*cell, drawn))
        last = len(rows[0]) - 1
        return "\n".join(
            [*([self.title] if self.title else []), *table_lines(rows, left=(0, last))]
        )

    def _bar(self, i: int, room: int, plain: bool) -> str:
        highest = float(np.abs(self.values).max())
        share = abs(float(self.values[i])) / highest if highest > 0 else 0.0
        return bar(share, width=room, plain=plain)

    def _whisker(self, i: int, room: int, plain: bool) -> str:
        ends = np.concatenate([self.values, self.intervals.ravel()])
        low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
        span = high - low or 1.0

        def place(value: float) -> int:
            return round((value - low) / span * (room - 1))

        line = [" "] * room
        first, last = self.intervals[i].tolist()
        if not np.isnan(first):
            for at in range(place(first), place(last) + 1):
                line[at] = "-" if plain else "─"
        line[place(float(self.values[i]))] = "o" if plain else "●"
        return "".join(line).rstrip()

    @property
    def layout(self) -> Layout:
        """A quarter of an inch a name."""
        names = 0.07 * max(map(len, self.names))
        return Layout(width=4.2 + names, height=1.0 + 0.27 * len(self.names))

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        places = np.arange(len(self.names))
        if self.has_intervals:
            finite = np.isfinite(self.intervals[:, 0])
            ax.hlines(places[finite], *self.intervals[finite].T, color=look.MUTED, linewidth=2)
            ax.plot(self.values, places, "o", color=look.ACCENT, markersize=6)
            for at, value in zip(places, self.values, strict=True):
                ax.annotate(
                    number(float(value)),
                    (value, at),
                    xytext=(0, 5),
                    textcoords="offset points",
                    horizontalalignment="center",
                    fontsize=look.SMALL_SIZE,
                    color=look.INK,
                )
            ax.margins(x=0.12)
        else:
            bars = ax.barh(places, self.values, height=0.7, color=look.ACCENT)
            ax.bar_label(
                bars,
                [number(float(value)) for value in self.values],
                padding=3,
                fontsize=look.SMALL_SIZE,
                color=look.INK,
            )
            ax.margins(x=0.15)
        ax.set_yticks(places, map(look.shown, self.names), parse_math=False)
        ax.set_ylim(len(self.names) - 0.4, -0.7)
        look.dress(ax, title=self.title, x=self.label)
        look.grid(ax, along="x")
        ax.tick_params(axis="y", length=0)
        ax.locator_params(axis="x", nbins=6)


def comparison(
    table: Comparison | Mapping[str, Entry],
    *,
    label: str = "accuracy",
    title: str = "",
    ax: Placement = None,
) -> ComparisonChart:
    """Values side by side: with intervals as points on an axis that fits them, else as bars.

    Args:
        table: the result of `measure.compare`; or name -> value, (value, low, high), or a
            measurement, for its accuracy with the Wilson 95 % interval; 1 to 60 names.
        label: the quantity of the values, with its unit.
        title: the title of the chart.
        ax: one axes to draw on.

    Raises:
        PlotError: nothing to compare or too much, values that are no finite numbers, or an
            interval that does not enclose its value.
    """
    wanted = "a Comparison, as measure.compare gives it, or a mapping from names to values"
    check(table, (Comparison, Mapping), name="table", wanted=wanted)
    entries = table.measurements if isinstance(table, Comparison) else table
    if not 1 <= len(entries) <= _MOST:
        raise PlotError(f"from 1 to {_MOST} values can be compared, not {len(entries)}")
    rows = [_entry(name, entry) for name, entry in entries.items()]
    return ComparisonChart(
        names=tuple(entries),
        values=freeze(np.array([value for value, _, _ in rows])),
        intervals=freeze(np.array([[low, high] for _, low, high in rows])),
        label=label,
        title=title,
        placed=placement(ax),
    )


def _entry(name: str, entry: Entry) -> tuple[float, float, float]:
    """Value, low, high; NaN where there is no interval."""
    if isinstance(entry, Measurement):
        return entry.accuracy, *entry.accuracy_interval
    row = numbers(np.atleast_1d(entry), name)
    if len(row) not in (1, 3):
        raise PlotError(f"{name} must be a value, or (value, low, high), not {entry!r}")
    value, low, high = row.tolist() if len(row) == 3 else (float(row[0]), np.nan, np.nan)
    if not (np.isnan(low) or low <= value <= high):
        raise PlotError(f"the interval of {name}, {low:g} to {high:g}, must enclose {value:g}")
    return value, low, high
