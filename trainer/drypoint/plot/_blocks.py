"""Bars, curves, tables and columns made of characters."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_HEIGHTS_ASCII = " .:-=+*#@"
_PARTS = " ▏▎▍▌▋▊▉█"
LEAST_WIDTH = 20


def fit_width(width: int) -> int:
    """The number of columns to use for a requested ``width``."""
    return max(LEAST_WIDTH, width)


def pool(values: Values, n: int) -> Values:
    """At most ``n`` values, by averaging neighbours; NaN values are ignored."""
    if len(values) <= n:
        return values
    finite = ~np.isnan(values)
    starts = np.arange(n) * len(values) // n
    sums = np.add.reduceat(np.where(finite, values, 0.0), starts)
    counts = np.add.reduceat(finite.astype(np.int64), starts)
    means = np.full(n, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def sparkline(values: Values, *, low: float, high: float, width: int, plain: bool) -> str:
    """A curve in one line: eight heights between ``low`` and ``high``; NaN is blank.

    Few values are stretched up to four columns each, many are averaged.
    """
    ramp = _HEIGHTS_ASCII if plain else _HEIGHTS
    shown = pool(values, width)
    repeat = max(1, min(4, width // max(1, len(shown))))
    span = high - low
    heights = np.full(len(shown), 0.5) if span <= 0 else (shown - low) / span
    marks = [
        " " if np.isnan(value) else ramp[1 + min(7, int(8 * min(1.0, max(0.0, height))))]
        for value, height in zip(shown.tolist(), heights.tolist(), strict=True)
    ]
    return "".join(mark * repeat for mark in marks)


def bar(share: float, *, width: int, plain: bool) -> str:
    """A bar ``share`` of ``width`` columns long, to an eighth of one (ASCII: to one).

    What is above 0 shows at least the thinnest mark.
    """
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    if plain:
        return "#" * -(-eighths // 8)
    whole, rest = divmod(eighths, 8)
    return _PARTS[8] * whole + (_PARTS[rest] if rest else "")


def columns(values: Values, *, height: int, plain: bool) -> list[str]:
    """Upright bars, one column a value, ``height`` lines with the highest value at the top.

    A value above 0 shows at least the lowest mark.
    """
    highest = float(values.max(initial=0.0))
    scaled = values / highest * height * 8 if highest > 0 else values
    eighths = np.where(values > 0, np.maximum(1, np.rint(scaled)), 0).astype(int)
    ramp = " ....:::#" if plain else _HEIGHTS
    return [
        "".join(ramp[min(8, max(0, e - 8 * line))] for e in eighths.tolist()).rstrip()
        for line in reversed(range(height))
    ]


def flow(cells: Sequence[Sequence[str]], *, width: int) -> list[str]:
    """Cells of lines side by side, as many as ``width`` takes, then below.

    Between two rows of cells is an empty line.
    """
    widest = max(len(line) for cell in cells for line in cell)
    across = max(1, (width + 2) // (widest + 2))
    lines: list[str] = []
    for start in range(0, len(cells), across):
        row = cells[start : start + across]
        if lines:
            lines.append("")
        for place in range(max(map(len, row))):
            parts = [cell[place] if place < len(cell) else "" for cell in row]
            lines.append("  ".join(part.ljust(widest) for part in parts).rstrip())
    return lines


def shorten(text: str, width: int, *, plain: bool) -> str:
    """``text`` in at most ``width`` columns, the end of a longer one replaced by dots."""
    dots = "..." if plain else "…"
    return text if len(text) <= width else text[: max(0, width - len(dots))] + dots


def number(value: float) -> str:
    """Three or four figures of a value, for labels."""
    return f"{value:,.0f}" if abs(value) >= 1000 and float(value).is_integer() else f"{value:.4g}"


def align(values: Iterable[float]) -> list[str]:
    """`number` for a column: all with the decimals of the one that needs most."""
    plain = list(values)
    texts = [number(value) for value in plain]
    if any("e" in text for text in texts):
        return texts
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return [f"{value:,.{decimals}f}" for value in plain]
