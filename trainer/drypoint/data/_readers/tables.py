"""Data sets from CSV files with a row for each example: which columns are channels, and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._dataset.classes import class_names, is_whole
from .._dataset.dataset import Dataset
from .._dataset.labels import equal_rows, join_groups
from .._dataset.splits import ALL, Splits
from .._errors import DatasetError
from .clocks import CHANCE, FEWEST, Directions, Texts, follow_one_another, in_runs
from .csv import Reading, Table, number, read_table, show_columns

_OF_GROUPS = re.compile(
    r"(person|subject|participant|patient|volunteer|user|speaker|animal|individual|customer|driver"
    r"|operator|device|machine|board|node)(_?(id|no|nr|num|number|name|code))?|(.*_)?id"
)
"""Names of columns of persons and devices, in small letters, with _ between words."""
_OF_TIME = re.compile(
    r"(.*_)?(t|ts|time|timestamp|datetime|date|clock|ms|us|millis|micros|secs?|seconds|unix)(_.*)?"
)
"""Names of columns of times, in small letters."""
BY_NAME = "by name"
_DEPENDS = (
    "is a clock, and the label changes seldom from row to row, so rows beside one another are of "
    "one recording and would be in two parts: window=N (--window N) if a row is a time step; if "
    "each row is an example of its own,"
)
_GROUPS = "has the name of persons or devices, of which the test part is to have new ones:"
_COPY = "copies the label, each of its values goes with one label and each label with one value:"
_ANSWERS = {
    "drop": "leaves it out",
    "keep": "reads it",
    "group": "keeps the rows of each of its values in one part",
}


@dataclass(frozen=True)
class Judgement:
    """Why a column is left out, or what it is and which options decide; a value if neither."""

    column: str
    left_out: str = ""
    question: str = ""


def judge(
    tables: Sequence[Table], reading: Reading, clocks: NDArray[np.bool_], *, why: str, steps: bool
) -> list[Judgement]:
    """The judgement of each column of the files of a data set; ``clocks`` are columns that do what
    ``why`` says; ``steps`` says that rows are time steps, and not examples."""
    first, found = tables[0], list[Judgement]()
    labels = Texts.of(label for table in tables for label in table.labels)
    seldom = not (steps or reading.group) and in_runs(labels.places)
    alike = seldom and follow_one_another(first.exact[:, ~first.indices], labels.places)
    for i, name in enumerate(first.columns):
        values = np.concatenate([table.exact[:, i] for table in tables])
        named = _names_groups(name, values)
        distinct = len(np.unique(values)) if named else 0
        if name in reading.keep:
            found.append(Judgement(name))
        elif 1 < distinct < len(values):
            found.append(_ask(name, _GROUPS, "group", "drop", "keep"))
        elif seldom and _is_clock(name, values, first, index=bool(clocks[i]) and alike):
            found.append(_ask(name, _DEPENDS, "drop"))
        elif clocks[i] or (named and distinct > FEWEST):
            found.append(Judgement(name, left_out=f"as each {why}"))
        elif _copies(values, labels, len(first.columns)):
            found.append(_ask(name, _COPY, "drop", "keep"))
        else:
            found.append(Judgement(name))
    for name in [name for name in first.texts if name not in reading.group]:
        some = [table.texts[name] for table in tables if name in table.texts]
        texts = Texts.of(text for column in some for text in column.by_row)
        reason = BY_NAME if name in first.left_out else texts.no_labels
        time = reason == BY_NAME or texts.are_dates
        if seldom and time and _is_clock(name, texts.order, first, index=texts.are_dates or alike):
            found.append(_ask(name, _DEPENDS, "drop"))
        elif reason:
            found.append(Judgement(name, left_out=reason))
        elif _copies(texts.places, labels, 1):
            found.append(_ask(name, _COPY, "drop"))
        else:
            what = f"holds texts, as {texts.cells[0][:40]!r}, which no net reads:"
            found.append(_ask(name, what, "drop", "group"))
    return found


def _ask(name: str, what: str, *options: str) -> Judgement:
    """The question what a column is, with the options that answer it."""
    answers = [f"{word}=[{name!r}] (--{word} {name}) {_ANSWERS[word]}" for word in options]
    return Judgement(name, question=f"{what} {', '.join(answers)}")


def _is_clock(name: str, values: NDArray[np.float64], table: Table, *, index: bool) -> bool:
    """Whether a column moves one way within each label, and has the name of a time or is an index
    of rows that are alike."""
    moves = Directions.of(values[:, None], table.labels)
    one_way = bool(moves.clocks[0]) and bool(moves.rises[0] != moves.falls[0])
    return one_way and (index or _OF_TIME.fullmatch(name.lower()) is not None)


def _names_groups(name: str, values: NDArray[np.float64]) -> bool:
    """Whether a column has the name of persons or devices, and whole numbers."""
    words = re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return _OF_GROUPS.fullmatch(words) is not None and bool((values % 1 == 0).all())


def _copies(values: NDArray[Any], labels: Texts, columns: int) -> bool:
    """Whether a column equals the labels, or goes with them as none of so many does by chance."""
    n = len(values)
    if n <= FEWEST or n != len(labels.places):
        return False
    distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    pairs = np.unique(places * len(labels.cells) + labels.places)
    if not 1 < len(pairs) == len(distinct) == len(labels.cells):
        return False
    sizes = np.unique(counts, return_counts=True)[1]  # classes of each size
    orders = sum(lgamma(count + 1) for count in (*counts.tolist(), *sizes.tolist()))
    equal = len(distinct) > n / 2 and np.array_equal(values, labels.order)  # of a regression
    return equal or orders - lgamma(n + 1) < log(CHANCE / columns)


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
