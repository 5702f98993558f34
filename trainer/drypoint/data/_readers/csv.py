"""Tables of numbers from CSV files: with a column of labels, or without."""

import csv
import io
import re
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import check_limit, read_bytes

from .._errors import FormatError
from .clocks import Directions, Texts, indices, is_date

SUFFIXES = frozenset({".csv", ".tsv"})
LABELS = ("label", "class", "target", "gesture", "activity", "species", "category")
"""Names of a column of labels."""
_TIMES = frozenset({"time", "timestamp", "time_ms", "timestamp_ms", "", "unnamed: 0"})
"""Names of a column of times, or of the index that pandas writes."""
_LONGEST = 200  # characters of a label
Row = tuple[int, list[str]]  # its line and cells
_CHARACTER_BYTES = 12  # of memory for each character of a file, while it is read: at most
_TEXT_BYTES = 160  # of memory for each different text of a column, beside its characters


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a CSV file.

    Attributes:
        columns: the names of the columns of numbers; their places where the file names none.
        named: whether the file names its columns.
        values: float32 (rows, columns).
        exact: float64 (rows, columns), the numbers as the file has them.
        directions: how often the columns rise and fall within rows of one label.
        indices: (columns,), whether a column numbers the rows.
        labels: the label of each row; empty where there is no column of labels.
        label: the name of the column of labels, or "".
        left_out: the names of columns that are no values, by their names: of times, or of labels.
        texts: name -> a column that is not read as numbers, ``left_out`` and groups among them.
    """

    columns: tuple[str, ...]
    named: bool
    values: NDArray[np.float32]
    exact: NDArray[np.float64]
    directions: Directions
    indices: NDArray[np.bool_]
    labels: tuple[str, ...]
    label: str
    left_out: tuple[str, ...]
    texts: Mapping[str, Texts]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the CSV files of a data set are read.

    Attributes:
        label: the column of labels: its name, or its place from 0; None: a column with a name such
            as "label" or "class", else the only one with texts that repeat and are no dates.
        keep, drop: names of columns that are read, or not read, whatever their values are.
        group: names of columns of groups, which are read as texts.
        columns: the names of the columns to read, in this order, without a judgement; a file that
            names no columns may have these alone. Empty: all.
        limit: bytes of memory that one file may take.
    """

    label: str | None = None
    keep: Collection[str] = ()
    drop: Collection[str] = ()
    group: Collection[str] = ()
    columns: Sequence[str] = ()
    limit: int


def read_table(path: Path, reading: Reading, *, labelled: bool) -> Table:
    """The table of a CSV file, which may be untrusted: a row an example or a time step.

    The first row is a header if it has no number, or names the column of labels. Cells are
    separated by the most frequent of comma, semicolon and tab. A column whose name is that of a
    time ("timestamp"), and one that begins with a text, are texts.
    """
    label, columns, limit = reading.label, reading.columns, reading.limit
    content = read_bytes(path, limit=limit, memory=_CHARACTER_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is no text in UTF-8: save it as CSV, UTF-8") from error
    rows = text_rows(text, path)
    names, named, rows = _name_columns(rows, label, path)
    first = next(rows, None)
    if first is None:
        raise FormatError(f"{path} has no rows of numbers")
    grouped = {_place(name, names, path) for name in reading.group if name in names or not columns}
    dropped = {_place(name, names, path) for name in reading.drop} - grouped
    if columns and not named and label is not None and not label.isdigit():
        label = None  # the columns of a model, in a file without names
    at = _named_label(names, label, path, labelled=labelled, others=dropped | grouped)
    if at in dropped | grouped:
        raise FormatError(f"{path}: column {names[at]!r} has the labels: it is not to be left out")
    times = {
        i for i, name in enumerate(names) if name.lower() in _TIMES and name not in reading.keep
    }
    texts = {i for i, cell in enumerate(first[1][: len(names)]) if _is_text(cell)} | times | grouped
    texts = (texts if at is None else texts | {at}) - dropped
    read = [i for i in range(len(names)) if i not in texts | dropped]
    if columns and (named or len(read) != len(columns) or {*columns} <= {*names}):
        read = [_place(name, names, path) for name in columns]
        texts -= {*read} - {at}
    if not read:
        raise FormatError(f"{path} has no columns of numbers")
    left = limit - _CHARACTER_BYTES * len(content)
    exact, lines, found = _read_cells(chain([first], rows), names, read, texts, path, left=left)
    if labelled and (at is None or (label is None and found[at].are_dates)):
        guesses = [i for i in texts - times - grouped - {at} if not found[i].no_labels]
        if len(guesses) != 1:
            raise FormatError(
                f"{path}: which column has the labels is not known: name it, label= (--label); "
                f"columns: {_list_names(names)}"
            )
        (at,) = guesses
    labels = found[at].by_row if labelled and at is not None else ()
    if any(len(text) > _LONGEST for text in {*labels}):
        raise FormatError(
            f"{path}: column {names[at or 0]!r} has a label of {max(map(len, labels))} characters"
        )
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are refused
        table = exact.astype(np.float32)
    if not np.isfinite(table).all():
        place, wrong = np.argwhere(~np.isfinite(table))[0].tolist()
        raise FormatError(
            f"{path}, line {lines[place]}: column {names[read[wrong]]!r} holds NaN, infinity or a "
            "number beyond float32: leave such rows out, replace the values, or leave the column "
            "out, drop=[...] (--drop COLUMN)"
        )
    by_name = times - grouped - {at} if labelled or at is None else (times - grouped) | {at}
    return Table(
        columns=tuple(names[i] for i in read),
        named=named,
        values=table,
        exact=exact,
        directions=Directions.of(exact, labels),
        indices=indices(exact),
        labels=labels,
        label=names[at] if labelled and at is not None else "",
        left_out=tuple(names[i] for i in sorted(by_name & {*found})),
        texts={names[i]: column for i, column in found.items() if not (labelled and i == at)},
    )


def _read_cells(
    rows: Iterator[Row],
    names: Sequence[str],
    read: Sequence[int],
    texts: Collection[int],
    path: Path,
    *,
    left: int,
) -> tuple[NDArray[np.float64], "array[int]", dict[int, Texts]]:
    """The numbers (rows, columns) of the columns ``read``, the line of each row, and the columns of
    texts, which take at most the bytes ``left`` of memory."""
    values, lines = array("d"), array("I")
    codes = {i: array("I") for i in sorted(texts)}
    places: dict[int, dict[str, int]] = {i: {} for i in codes}
    for line, row in rows:
        if len(row) != len(names):
            raise FormatError(f"{path}, line {line}: {len(row)} cells, not {len(names)}")
        try:
            values.extend([number(row[i]) for i in read])
        except (ValueError, OverflowError):
            wrong = next((i for i in read if not _is_number(row[i])), read[0])
            raise FormatError(_no_number(path, line, names[wrong], row[wrong])) from None
        lines.append(line)
        for i, column in codes.items():
            column.append(places[i].setdefault(row[i].strip(), len(places[i])))
        if len(lines) % 4096 == 0:
            taken = _TEXT_BYTES * sum(map(len, places.values()))
            check_limit(taken, left, what=f"each different text of {path}")
    found = {i: Texts(tuple(places[i]), np.array(column, np.int64)) for i, column in codes.items()}
    return np.frombuffer(values, np.float64).reshape(-1, len(read)), lines, found


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
    """The place of a column that a model reads."""
    if column not in names:
        raise FormatError(f"{path} has no column {column!r}; its columns: {_list_names(names)}")
    return names.index(column)


def text_rows(text: str, path: Path) -> Iterator[Row]:
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


def _named_label(
    names: Sequence[str], label: str | None, path: Path, *, labelled: bool, others: Collection[int]
) -> int | None:
    """The place of the column of labels by its name; None where no name says which it is."""
    if label is not None and label in names:
        return names.index(label)
    if label is not None and labelled:
        if re.fullmatch("[0-9]{1,6}", label) and int(label) < len(names):
            return int(label)
        raise FormatError(f"{path} has no column {label!r}; its columns: {_list_names(names)}")
    usual = _find_label(names)
    return None if usual in others else usual


def _find_label(names: Sequence[str]) -> int | None:
    """The place of the column with a usual name of labels."""
    lowered = [name.strip().lower() for name in names]
    return next((lowered.index(name) for name in LABELS if name in lowered), None)


def number(cell: str) -> float:
    """The number of a cell."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _is_text(cell: str) -> bool:
    """Whether a cell is no number and has a letter, or is a date."""
    return not _is_number(cell) and (any(map(str.isalpha, cell)) or is_date(cell))


def _no_number(path: Path, line: int, column: str, cell: str) -> str:
    came = f"{cell.strip()[:40]!r} is no number" if cell.strip() else "the cell is empty"
    if _is_number(cell.replace(",", ".", 1)):
        came += ", write it with a decimal point"
    else:
        came += f"; drop=[{column!r}] (--drop {column}) leaves the column out"
    return f"{path}, line {line}, column {column!r}: {came}"


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def show_columns(columns: Sequence[str]) -> str:
    """At most 12 names of columns as text; of unnamed columns their number."""
    unnamed = all(column.isdigit() for column in columns)
    return f"{len(columns)} columns" if unnamed else _list_names(columns)
