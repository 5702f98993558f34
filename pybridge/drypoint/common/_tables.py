"""Tables as text and as HTML."""

from collections.abc import Iterable, Sequence
from html import escape


def table_lines(rows: Iterable[Sequence[str]], *, left: Iterable[int] = (0,)) -> list[str]:
    """A line for each row, its cells in columns two spaces apart.

    Args:
        rows: at least one; rows may be of different lengths.
        left: the columns that are flush left, counted from 0; all others are flush right.
    """
    table, flush = [list(row) for row in rows], set(left)
    widths = [
        max(len(row[i]) for row in table if i < len(row)) for i in range(max(map(len, table)))
    ]
    return [
        "  ".join(
            cell.ljust(width) if i in flush else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in table
    ]


def html_table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    left: Iterable[int] = (),
    caption: str = "",
) -> str:
    """A table for notebooks; all text is escaped.

    Args:
        head: the heads of the columns; empty: no row of heads.
        rows: the first cell of each row is the head of the row.
        left: the columns that are flush left, counted from 0; the notebook aligns the others.
        caption: above the table, if any.
    """
    flush = set(left)

    def row(cells: Sequence[object], tag: str) -> str:
        made = []
        for i, cell in enumerate(cells):
            kind = "th" if i == 0 else tag
            style = ' style="text-align:left"' if i in flush else ""
            made.append(f"<{kind}{style}>{escape(str(cell))}</{kind}>")
        return f"<tr>{''.join(made)}</tr>"

    lines = ["<table>", *([f"<caption>{escape(caption)}</caption>"] if caption else [])]
    lines += [row(head, "th")] if head else []
    return "\n".join([*lines, *(row(cells, "td") for cells in rows), "</table>"])
