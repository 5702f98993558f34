"""Data sets from CSV files with a row for each example."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._dataset.classes import class_names, is_whole
from .._dataset.dataset import Dataset
from .._dataset.groups import equal_rows, join_groups
from .._dataset.splits import ALL, Splits
from .._errors import DatasetError
from .columns import Channels, channels_of
from .csv import Reading, Table, number, read_table, show_columns


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
