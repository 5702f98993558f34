"""Tables as text."""

from collections.abc import Iterable, Sequence


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
