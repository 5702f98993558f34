"""Tables as text; tables and images as HTML for notebooks and pages; the style of pages."""

import base64
import textwrap
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from ._printable import html_text, printable

_CAPTION = ' style="text-align:left; white-space:nowrap"'


_ACCENT = "0,114,178"  # red, green, blue
_DEEPEST = 0.6  # opacity: dark and light text can be read on it
_LEAST = 24  # columns of a wrapped cell


def table_lines(
    rows: Iterable[Sequence[str]], *, left: Iterable[int] = (0,), width: int | None = None
) -> list[str]:
    """A line for each row, its cells in columns two spaces apart.

    Cells are `printable`.

    Args:
        rows: at least one; rows may be of different lengths.
        left: the columns that are flush left, counted from 0; all others are flush right.
        width: wrap the last cell of a row, if it is flush left, so that lines have at most this
            many columns; None: lines are as long as they are.
    """
    table, flush = [list(map(printable, row)) for row in rows], set(left)
    widths = [
        max(len(row[i]) for row in table if i < len(row)) for i in range(max(map(len, table)))
    ]
    lines = []
    for row in table:
        cells = [
            cell.ljust(n) if i in flush else cell.rjust(n)
            for i, (cell, n) in enumerate(zip(row, widths, strict=False))
        ]
        line, start = "  ".join(cells).rstrip(), len("  ".join([*cells[:-1], ""]))
        if width is None or len(line) <= width or len(row) - 1 not in flush:
            lines.append(line)
            continue
        first, *more = textwrap.wrap(row[-1], max(width - start, _LEAST), break_long_words=False)
        lines += [line[:start] + first, *(" " * start + part for part in more)]
    return lines


def html_table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    left: Iterable[int] = (),
    caption: str = "",
    shades: Mapping[tuple[int, int], float] | None = None,
    bars: Mapping[tuple[int, int], float] | None = None,
) -> str:
    """A table for notebooks; all text is escaped.

    Args:
        head: the heads of the columns; empty: no row of heads.
        rows: the first cell of each row is the head of the row.
        left: the columns that are flush left, counted from 0; the notebook aligns the others.
        caption: above the table, if any.
        shades: (row, column), both from 0, -> how deep the cell is coloured, a share in [0, 1].
        bars: (row, column) -> the length of a bar in the cell, a share in [0, 1].
    """
    flush, shades, bars = set(left), shades or {}, bars or {}

    def row(cells: Sequence[object], tag: str, at: int = -1) -> str:
        made = []
        for i, cell in enumerate(cells):
            kind = "th" if i == 0 else tag
            styles = ["text-align:left"] if i in flush else []
            if (at, i) in shades:
                styles.append(f"background:rgba({_ACCENT},{_DEEPEST * shades[at, i]:.3f})")
            if (at, i) in bars:
                end = f"{100 * bars[at, i]:.1f}%"
                color = f"rgba({_ACCENT},0.3) {end}"
                styles.append(f"background:linear-gradient(90deg,{color},transparent {end})")
            style = f' style="{";".join(styles)}"' if styles else ""
            made.append(f"<{kind}{style}>{html_text(cell)}</{kind}>")
        return f"<tr>{''.join(made)}</tr>"

    lines = [
        "<table>",
        *([f"<caption{_CAPTION}>{html_text(caption)}</caption>"] if caption else []),
    ]
    lines += [row(head, "th")] if head else []
    return "\n".join([*lines, *(row(cells, "td", i) for i, cells in enumerate(rows)), "</table>"])


def html_image(png: bytes, *, alt: str, width: int, height: int) -> str:
    """An ``<img>`` that holds its bytes.

    Args:
        png: the bytes of a PNG file.
        alt: what the image shows, for readers who do not see it.
        width, height: of the element, CSS pixels.
    """
    data = base64.b64encode(png).decode()
    size = f'width="{width}" height="{height}"'
    return f'<img {size} alt="{html_text(alt)}" src="data:image/png;base64,{data}">'


@dataclass(frozen=True, kw_only=True)
class Table:
    """The table of a result, as `table_lines` and `html_table` take it.

    Attributes:
        head: the heads of the columns.
        rows: the cells.
        left: the columns that are flush left.
        caption: below the text and above the HTML, if any.
        bars: of the HTML.
        rules: the number of lines drawn in the text: below the heads, and above a last row of sums.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Iterable[int] = (0,)
    caption: str = ""
    bars: Mapping[tuple[int, int], float] | None = None
    rules: int = 0


class Tabular:
    """A result that is a table, as text and in notebooks."""

    @abstractmethod
    def _table(self) -> Table:
        """The table."""

    def __str__(self) -> str:
        table = self._table()
        lines = table_lines([table.head, *table.rows], left=table.left)
        if table.rules:
            rule = "-" * max(map(len, lines))
            lines = [lines[0], rule, *lines[1:]]
            lines[-1:] = [rule, lines[-1]] if table.rules == 2 else lines[-1:]
        return "\n".join([*lines, table.caption] if table.caption else lines)

    def _repr_html_(self) -> str:
        table = self._table()
        caption, bars = table.caption, table.bars
        return html_table(table.head, table.rows, left=table.left, caption=caption, bars=bars)


def percent(share: float) -> str:
    """0.9931 as ``99.31 %``."""
    return f"{100 * share:.2f} %"


def interval_text(share: float, low: float, high: float) -> str:
    """A share with its interval: ``99.31 % (95 % interval 99.10 % to 99.47 %)``."""
    return f"{percent(share)} (95 % interval {percent(low)} to {percent(high)})"


def count_of(n: int, noun: str, plural: str = "") -> str:
    """``1 class``, ``1,200 classes``; without a plural the noun gets an s."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def page_style() -> str:
    """CSS: colours by role, light and dark, as custom properties; text, figures and tables."""
    return (files(__package__) / "page.css").read_text("utf-8")
