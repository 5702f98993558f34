"""Tables as text; tables and images as HTML for notebooks and pages."""

import base64
from collections.abc import Iterable, Sequence

from ._printable import html_text, printable

_CAPTION = ' style="text-align:left; white-space:nowrap"'


def table_lines(rows: Iterable[Sequence[str]], *, left: Iterable[int] = (0,)) -> list[str]:
    """A line for each row, its cells in columns two spaces apart.

    Cells are `printable`.

    Args:
        rows: at least one; rows may be of different lengths.
        left: the columns that are flush left, counted from 0; all others are flush right.
    """
    table, flush = [list(map(printable, row)) for row in rows], set(left)
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
            made.append(f"<{kind}{style}>{html_text(cell)}</{kind}>")
        return f"<tr>{''.join(made)}</tr>"

    lines = [
        "<table>",
        *([f"<caption{_CAPTION}>{html_text(caption)}</caption>"] if caption else []),
    ]
    lines += [row(head, "th")] if head else []
    return "\n".join([*lines, *(row(cells, "td") for cells in rows), "</table>"])


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
