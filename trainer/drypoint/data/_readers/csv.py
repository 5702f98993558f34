"""Tables of numbers from CSV files: with a column of labels, or without."""

import csv
import io
import re
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import read_bytes

from .._errors import FormatError
from .clocks import Directions, indices

SUFFIXES = frozenset({".csv", ".tsv"})
LABELS = ("label", "class", "target", "gesture", "activity", "species", "category")
"""Names of a column of labels."""
_TIMES = frozenset({"time", "timestamp", "time_ms", "timestamp_ms", "", "unnamed: 0"})
"""Names of a column of times, or of the index that pandas writes."""
_LONGEST = 200  # characters of a label
Row = tuple[int, list[str]]  # its line and cells
_CHARACTER_BYTES = 12  # of memory for each character of a file, while it is read: at most


@dataclass(frozen=True, eq=False)
class Table:
    """The numbers of a CSV file.

    Attributes:
        columns: the names of the columns of numbers; their places where the file names none.
        named: whether the file names its columns.
        values: float32 (rows, columns).
        directions: how often the columns rise and fall within rows of one label.
        indices: (columns,), whether a column numbers the rows.
        labels: the label of each row; empty where there is no column of labels.
        label: the name of the column of labels, or "".
        left_out: the names of columns that are no values, by their names: of times, or of labels.
    """

    columns: tuple[str, ...]
    named: bool
    values: NDArray[np.float32]
    directions: Directions
    indices: NDArray[np.bool_]
    labels: tuple[str, ...]
    label: str
    left_out: tuple[str, ...]


def read_table(
    path: Path,
    *,
    labelled: bool,
    label: str | None,
    limit: int,
    keep: Collection[str] = (),
    columns: Sequence[str] = (),
) -> Table:
    """The table of a CSV file, which may be untrusted: a row an example or a time step.

    The first row is a header if it has no number, or names the column of labels. Cells are
    separated by the most frequent of comma, semicolon and tab. A column whose name is that of a
    time ("timestamp") is left out. The caller decides on columns whose values show the time.

    Args:
        path: the file.
        labelled: whether one column has labels, and the others numbers; False: a column of labels
            is left out if its name says that it is one.
        label: the column of labels: its name, or its place from 0; None: a column with a name such
            as "label" or "class", else the only one without numbers.
        limit: bytes of memory that the table may take.
        keep: names of columns that are read though their names are names of times.
        columns: the names of the columns to read, in this order; a file that names no columns may
            have these alone. Empty: all.

    Raises:
        FormatError: the file is no table of numbers, its column of labels is not known, or it lacks
            a column.
        DrypointError: the file cannot be read, or takes more memory than ``limit``.
    """
    content = read_bytes(path, limit=limit, memory=_CHARACTER_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is no text in UTF-8: save it as CSV, UTF-8") from error
    rows = _rows(text, path)
    names, named, rows = _name_columns(rows, label, path)
    first = next(rows, None)
    if first is None:
        raise FormatError(f"{path} has no rows of numbers")
    at = _label_column(names, first[1], label, path) if labelled else None
    times = {i for i, name in enumerate(names) if name.lower() in _TIMES and name not in keep}
    out = times - {at}
    if not labelled:
        place = names.index(label) if label in names else _find_label(names)
        out |= set() if place is None else {place}
    read = [i for i in range(len(names)) if i != at and i not in out]
    if columns and (named or len(read) != len(columns) or {*columns} <= {*names}):
        read = [_place(name, names, path) for name in columns]
        out = set(range(len(names))) - {at, *read}
    if not read:
        raise FormatError(f"{path} has no columns of numbers")
    values, labels, lines = array("d"), list[str](), array("I")
    for line, row in chain([first], rows):
        if len(row) != len(names):
            raise FormatError(f"{path}, line {line}: {len(row)} cells, not {len(names)}")
        try:
            values.extend([number(row[i]) for i in read])
        except (ValueError, OverflowError):
            wrong = next((i for i in read if not _is_number(row[i])), read[0])
            raise FormatError(_no_number(path, line, names[wrong], row[wrong])) from None
        lines.append(line)
        if at is not None:
            if len(row[at]) > _LONGEST:
                raise FormatError(f"{path}, line {line}: a label of {len(row[at])} characters")
            labels.append(row[at].strip())
    exact = np.frombuffer(values, np.float64).reshape(-1, len(read))
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are refused
        table = exact.astype(np.float32)
    if not np.isfinite(table).all():
        place, column = np.argwhere(~np.isfinite(table))[0].tolist()
        raise FormatError(
            f"{path}, line {lines[place]}: column {names[read[column]]!r} holds NaN, infinity or a "
            "number beyond float32: leave such rows out, or replace the values"
        )
    return Table(
        columns=tuple(names[i] for i in read),
        named=named,
        values=table,
        directions=Directions.of(exact, tuple(labels)),
        indices=indices(exact),
        labels=tuple(labels),
        label="" if at is None else names[at],
        left_out=tuple(names[i] for i in sorted(out)),
    )


def _name_columns(
    rows: Iterator[Row], label: str | None, path: Path
) -> tuple[list[str], bool, Iterator[Row]]:
    """The names of the columns, or their places if the first row is no header; whether it is one;
    the other rows.
    """
    first = next(rows, None)
    if first is None:
        raise FormatError(f"{path} has no rows")
    cells = [cell.strip() for cell in first[1]]
    by_name = label is not None and not label.isdigit() and label in cells
    if any(map(_is_number, cells)) and _find_label(cells) is None and not by_name:
        return [str(i) for i in range(len(cells))], False, chain([first], rows)
    if len(set(cells)) < len(cells):
        twice = next(name for name in cells if cells.count(name) > 1)
        raise FormatError(f"{path} has two columns called {twice!r}")
    return cells, True, rows


def _place(column: str, names: Sequence[str], path: Path) -> int:
    """The place of a column that a model reads.

    Raises:
        FormatError: there is no such column.
    """
    if column not in names:
        raise FormatError(f"{path} has no column {column!r}; its columns: {_list_names(names)}")
    return names.index(column)


def _rows(text: str, path: Path) -> Iterator[Row]:
    """(line, cells) of each row that is not empty."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: {error}") from error


def _label_column(names: Sequence[str], row: Sequence[str], label: str | None, path: Path) -> int:
    """The place of the column of labels."""
    if label is not None:
        if label in names:
            return names.index(label)
        if re.fullmatch("[0-9]{1,6}", label) and int(label) < len(names):
            return int(label)
        raise FormatError(f"{path} has no column {label!r}; its columns: {_list_names(names)}")
    usual = _find_label(names)
    texts = [i for i, cell in enumerate(row[: len(names)]) if not _is_number(cell)]
    if usual is not None:
        return usual
    if len(texts) == 1:
        return texts[0]
    raise FormatError(
        f"{path}: which column has the labels is not known: name it, label= (--label); columns: "
        f"{_list_names(names)}"
    )


def _find_label(names: Sequence[str]) -> int | None:
    """The place of the column with a usual name of labels."""
    lowered = [name.strip().lower() for name in names]
    return next((lowered.index(name) for name in LABELS if name in lowered), None)


def number(cell: str) -> float:
    """The number of a cell.

    Raises:
        ValueError: the cell is no number; "1_0", which Python takes for 10, is none.
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _no_number(path: Path, line: int, column: str, cell: str) -> str:
    came = f"{cell.strip()[:40]!r} is no number" if cell.strip() else "the cell is empty"
    came += ", write it with a decimal point" if _is_number(cell.replace(",", ".", 1)) else ""
    return f"{path}, line {line}, column {column!r}: {came}"


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def show_columns(columns: Sequence[str]) -> str:
    """At most 12 names of columns as text; of unnamed columns their number."""
    unnamed = all(column.isdigit() for column in columns)
    return f"{len(columns)} columns" if unnamed else _list_names(columns)
