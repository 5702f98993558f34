"""Which columns of CSV files are channels: columns of times, indices and labels are not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._errors import DatasetError
from .csv import Reading, Table, show_columns
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
