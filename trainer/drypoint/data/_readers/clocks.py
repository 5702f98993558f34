"""Columns that show when or where a row was recorded, which a net must not read.

A net that reads a clock learns in which minute each class was recorded, not the class.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import lgamma, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST = 8  # steps: in fewer a sensor's values may only rise by chance
CHANCE = 1e-3  # probability below which nothing is taken for chance
_SORTED = 0.1  # steps against the order, for one with it, of a table sorted by a column
_SHARE = 0.99  # of the steps in which a clock rises that starts again, or whose counter overflows


@dataclass(frozen=True, eq=False)
class Directions:
    """How often each column of recordings rises and falls from one row to the next.

    Attributes:
        rises, falls: int64 (columns,).
        n: the number of pairs of rows that follow one another in a recording.
    """

    rises: NDArray[np.int64]
    falls: NDArray[np.int64]
    n: int

    @classmethod
    def of(cls, rows: NDArray[np.float64], labels: tuple[str, ...] = ()) -> "Directions":
        """The directions in a table (rows, columns), or in each of its runs of one label."""
        same = np.ones(max(len(rows) - 1, 0), bool)
        if labels:
            equal = (label == other for label, other in pairwise(labels))
            same = np.fromiter(equal, bool, len(labels) - 1)
        rises, falls = np.zeros((2, rows.shape[1]), np.int64)
        for i, column in enumerate(rows.T):  # one by one: the table may be large
            rises[i] = np.count_nonzero((column[1:] > column[:-1]) & same)
            falls[i] = np.count_nonzero((column[1:] < column[:-1]) & same)
        return cls(rises, falls, int(np.count_nonzero(same)))

    def join(self, other: "Directions") -> "Directions":
        """The directions in both, of as many columns."""
        return Directions(self.rises + other.rises, self.falls + other.falls, self.n + other.n)

    @property
    def clocks(self) -> NDArray[np.bool_]:
        """(columns,): whether the column of all recordings only rises, only falls or never changes
        within a recording, or moves in one direction in 99 of 100 steps.
        """
        most, least = np.maximum(self.rises, self.falls), np.minimum(self.rises, self.falls)
        if self.n < FEWEST:
            return np.zeros(len(most), bool)
        return np.asarray((least == 0) | (most >= _SHARE * self.n))


def rising_channels(signals: NDArray[Any]) -> NDArray[np.bool_]:
    """(channels,): whether a channel of signals (N, steps, channels) moves, and in one direction in
    each of them.
    """
    before, after = signals[:, :-1], signals[:, 1:]
    up, down = (moves.any(axis=(0, 1)) for moves in (after > before, after < before))
    return np.asarray((up != down) & (len(signals) * (signals.shape[1] - 1) >= FEWEST))


def indices(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(columns,): whether a column numbers the rows of a table (rows, columns).

    It does if each value is above the one before; or if the values are different whole numbers in
    any order, of so small a range that as many random numbers of it would not all be different.
    """
    if len(rows) <= FEWEST:
        return np.zeros(rows.shape[1], bool)
    return np.array([_numbers_rows(column) for column in rows.T], bool)


def _numbers_rows(column: NDArray[np.float64]) -> bool:
    if (column[1:] > column[:-1]).all():
        return True
    if np.abs(column).max() >= 2**53 or (column % 1 != 0).any():
        return False
    steps = np.diff(np.sort(column)).astype(np.int64)
    if (steps == 0).any():
        return False
    n, size = len(column), int(steps.sum()) // int(np.gcd.reduce(steps)) + 1
    return lgamma(size + 1) - lgamma(size - n + 1) - n * log(size) < log(CHANCE)


def in_runs(labels: NDArray[np.int64]) -> bool:
    """Whether the labels of rows change far less often than in a random order."""
    n = len(labels)
    shares = np.unique(labels, return_counts=True)[1] / n
    usual = (n - 1) * (1 - float(np.square(shares).sum()))
    most = min(usual / 2, max(0.0, usual - 3 * sqrt(max(0.0, usual))))
    return n > FEWEST and bool(np.count_nonzero(labels[1:] != labels[:-1]) <= most)


def follow_one_another(rows: NDArray[np.float64], labels: NDArray[np.int64]) -> bool:
    """Whether a row resembles the row before it more than the row four before it, of one label,
    and not since the rows are sorted by a column.

    Of independent rows the mean distances are equal; they are 1 to 2 in a random walk.
    """
    run = np.concatenate([[0], np.cumsum(labels[1:] != labels[:-1])])
    near, far = run[1:] == run[:-1], run[4:] == run[:-4]
    n = int(np.count_nonzero(far))
    most = min(0.7, 1 - 5 / sqrt(max(1, n)))
    found = False
    for column in rows.T:  # one by one: the table may be large
        moves = np.diff(column)[near]
        up, down = int((moves > 0).sum()), int((moves < 0).sum())
        if min(up, down) < _SORTED * max(up, down):
            return False
        distance = np.abs(column[4:] - column[:-4])[far].sum() / max(1, n)
        found |= bool(np.abs(moves).sum() / max(1, len(moves)) < most * distance)
    return found


_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = (
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}"
    rf"|\d{{1,2}}[-/. ]*{_MONTH}[-/., ]*\d{{2,4}}|{_MONTH} +\d{{1,2}},?( +\d{{4}})?)"
)
_TIME = r"(\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]m)?( ?(z|utc|gmt|[-+]\d{2}(:?\d{2})?))?( \d{4})?)"
_WHEN = re.compile(rf"((mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?({_DATE}([t, ]+{_TIME})?|{_TIME})")


def is_date(cell: str) -> bool:
    """Whether a cell is a date, a time of day or both."""
    return _WHEN.fullmatch(cell.strip().lower()) is not None


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of texts.

    Attributes:
        cells: its different texts.
        places: int64 (rows,), the place of each row's text among ``cells``.
    """

    cells: tuple[str, ...]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Iterable[str]) -> "Texts":
        """The column of a text for each row."""
        cells: dict[str, int] = {}
        places = [cells.setdefault(text, len(cells)) for text in rows]
        return cls(tuple(cells), np.array(places, np.int64))

    @property
    def by_row(self) -> tuple[str, ...]:
        """The text of each row."""
        return tuple(self.cells[place] for place in self.places.tolist())

    @cached_property
    def are_dates(self) -> bool:
        """Whether each cell is a date, a time of day or both."""
        return all(map(is_date, self.cells))

    @property
    def no_labels(self) -> str:
        """Why the texts are no labels, where no name says that they are; "" where they may be."""
        if self.are_dates:
            return "as each holds dates or times"
        different = len(self.cells) == len(self.places) > FEWEST
        return "as each has a text of its own in each row" if different else ""

    @cached_property
    def order(self) -> NDArray[np.float64]:
        """(rows,): the number of each row's text, else its rank among the sorted texts."""
        try:
            numbers = np.array(list(map(float, self.cells)))
        except ValueError:
            numbers = np.argsort(np.argsort(np.array(self.cells))).astype(np.float64)
        return numbers[self.places]
