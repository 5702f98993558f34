"""Data sets from CSV files with a row for each example; which of the columns are channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._dataset.classes import class_names, is_whole
from .._dataset.dataset import Dataset
from .._dataset.labels import equal_rows, join_groups
from .._dataset.splits import ALL, Splits
from .._errors import DatasetError
from .csv import Reading, Table, number, read_table, show_columns
from .judgements import BY_NAME, judge

LEFT_OUT = "left out, as each"
"""The start of the note on columns that are left out by their values."""


@dataclass(frozen=True)
class Channels:
    """The columns of the files of a data set that are read.

    Attributes:
        places: their places among the columns of a `Table`.
        names: their names; empty where a file without names has all of its columns read.
        notes: a line for the columns that are left out, and why.
    """

    places: list[int]
    names: tuple[str, ...]
    notes: tuple[str, ...]

    def take(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """These columns of values (rows, columns)."""
        return values[:, self.places] if len(self.places) < values.shape[1] else values


def channels_of(
    tables: Sequence[Table],
    clocks: NDArray[np.bool_],
    reading: Reading,
    *,
    where: str,
    why: str,
    steps: bool,
) -> Channels:
    """The columns that are read of the files of a data set, as `judge` says."""
    first = tables[0]
    if reading.columns:
        return Channels([*range(len(first.columns))], first.columns if first.named else (), ())
    for name in reading.keep:
        if name not in first.columns:
            raise DatasetError(
                f"{where} has no column {name!r} of numbers to keep; its columns: "
                f"{show_columns(first.columns)}"
            )
    judgements = judge(tables, reading, clocks, why=why, steps=steps)
    for judgement in judgements:
        if judgement.question:
            raise DatasetError(f"{where}: column {judgement.column!r} {judgement.question}")
    by_reason: dict[str, list[str]] = {BY_NAME: [], "": []}
    for judgement in judgements:
        by_reason.setdefault(judgement.left_out, []).append(judgement.column)
    names = tuple(by_reason.pop(""))
    if not names:
        raise DatasetError(
            f"{where}: no column is read, since each {why} ({show_columns(first.columns)}): "
            "name those to keep, keep=[...] (--keep COLUMN)"
        )
    notes = tuple(
        f"left out, {reason}: {show_columns(columns)}"
        + ("; --keep COLUMN takes one" if reason.endswith(why) else "")
        for reason, columns in by_reason.items()
        if columns
    )
    stated = first.named or len(names) < len(first.columns)
    return Channels([first.columns.index(name) for name in names], names if stated else (), notes)


def table_splits(path: Path, reading: Reading, *, channels: int | None) -> Splits:
    """A CSV file with a row for each example and a column of labels.

    A column that numbers the rows is left out: in the order of a file it often shows the class.
    """
    table = read_table(path, reading, labelled=True)
    found = channels_of(
        [table], table.indices, reading, where=str(path), why="numbers the rows", steps=False
    )
    n, numbers = len(table.values), len(found.places)
    if channels is not None and numbers % channels:
        raise DatasetError(
            f"{path} has {numbers} numbers a row, no multiple of {channels} channels"
        )
    shape = (n, 1, numbers) if channels is None else (n, numbers // channels, channels)
    y, classes = label_places(table.labels)
    x = found.take(table.values).reshape(shape)
    columns = [table.texts[name].places for name in reading.group if name in table.texts]
    copies, line = equal_rows(x, columns)
    groups = join_groups(columns or [copies])
    dataset = Dataset(x, y, classes, columns=found.names, groups=groups)
    notes = notes_of(table, found, reading, "values")
    notes += (line,) if line else ()
    return Splits({ALL: dataset}, str(path), notes, table.label)


def label_places(labels: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str | int, ...]]:
    """Class indices and classes, sorted by name; whole numbers are ints in numeric order."""
    whole = [_whole(label) for label in labels]
    names = sorted(set(whole), key=(int if all(map(is_whole, whole)) else str))
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[name] for name in whole], np.int64), class_names(names)


def _whole(label: str) -> str:
    """A label "3.0" or "3.0e+00", as programs write whole numbers, as "3"."""
    try:
        value = number(label)
    except ValueError:
        return label
    return str(int(value)) if abs(value) < 2**31 and value == int(value) else label


def notes_of(table: Table, channels: Channels, reading: Reading, what: str) -> tuple[str, ...]:
    """What the columns of a table are, in words."""
    names = channels.names or table.columns
    notes = (f"labels are column {table.label!r}, {what} {show_columns(names)}", *channels.notes)
    return notes + tuple(
        f"column {name!r} has {len(table.texts[name].cells):,} groups, of which each is in one part"
        for name in reading.group
        if name in table.texts
    )
