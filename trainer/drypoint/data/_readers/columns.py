"""Which columns of CSV files are channels: columns of times, indices and labels are not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._errors import DatasetError
from .csv import Table, read_table, show_columns

LEFT_OUT = "left out, as each"
"""The start of the note on columns that are left out by their values."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the CSV files of a data set are read.

    Attributes:
        label: as for `read_table`.
        keep: names of columns that are read though they show the time.
        columns: the names of the columns that a model reads; None: all but columns of times.
        limit: bytes of memory of one file.
    """

    label: str | None
    keep: Collection[str]
    columns: Sequence[str] | None
    limit: int

    def table(self, path: Path, *, labelled: bool) -> Table:
        """The table of a CSV file, as `read_table` reads it."""
        return read_table(
            path,
            labelled=labelled,
            label=self.label,
            limit=self.limit,
            keep=self.keep,
            columns=self.columns or (),
        )


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
    table: Table, left_out: NDArray[np.bool_], reading: Reading, *, where: str, why: str
) -> Channels:
    """The columns that are read of the files of a data set.

    Args:
        table: of the first file; the others have its columns.
        left_out: (columns,), whether a column shows the time, by its values in all files.
        reading: how they are read: its ``keep`` and ``columns`` come before ``left_out``.
        where: the data set, for messages.
        why: what the values of the columns that are left out do, for messages.

    Raises:
        DatasetError: no column would be read, or ``keep`` names none of the columns.
    """
    columns = table.columns
    for name in () if reading.columns else reading.keep:
        if name not in columns:
            raise DatasetError(
                f"{where} has no column {name!r} to keep; its columns: {show_columns(columns)}"
            )
    stay = [name in reading.keep or bool(reading.columns) for name in columns]
    places = [i for i, stays in enumerate(stay) if stays or not left_out[i]]
    if not places:
        raise DatasetError(
            f"{where}: no column is read, since each {why} ({show_columns(columns)}): name those "
            "to keep, keep=[...] (--keep COLUMN)"
        )
    names = tuple(columns[i] for i in places)
    others = [name for name in columns if name not in names]
    by_name = [] if reading.columns else list(table.left_out)
    notes: tuple[str, ...] = ()
    if by_name:
        notes += (f"left out, by name: {show_columns(by_name)}",)
    if others:
        notes += (f"{LEFT_OUT} {why}: {show_columns(others)}; --keep COLUMN takes one",)
    stated = table.named or len(names) < len(columns)
    return Channels(places, names if stated else (), notes)
