"""Tables for notebooks."""

import html
from collections.abc import Iterable, Sequence


def html_table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table; every cell's text is escaped, the first of a row is its head."""
    lines = ["<table>", _row(["th"] * len(head), head)]
    lines += [_row(["th"] + ["td"] * (len(row) - 1), row) for row in rows]
    return "\n".join([*lines, "</table>"])


def _row(tags: Sequence[str], cells: Sequence[object]) -> str:
    parts = (
        f"<{tag}>{html.escape(str(cell))}</{tag}>" for tag, cell in zip(tags, cells, strict=True)
    )
    return f"<tr>{''.join(parts)}</tr>"
