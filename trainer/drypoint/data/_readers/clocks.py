"""Columns that show when or where a row was recorded, which a net must not read.

A net that reads a clock learns in which minute each class was recorded, not the class.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEWEST = 8  # steps: in fewer a sensor's values may only rise by chance
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
        if self.n < _FEWEST:
            return np.zeros(len(most), bool)
        return np.asarray((least == 0) | (most >= _SHARE * self.n))


def rising_channels(signals: NDArray[Any]) -> NDArray[np.bool_]:
    """(channels,): whether a channel of signals (N, steps, channels) moves, and in one direction in
    each of them.
    """
    before, after = signals[:, :-1], signals[:, 1:]
    up, down = (moves.any(axis=(0, 1)) for moves in (after > before, after < before))
    return np.asarray((up != down) & (len(signals) * (signals.shape[1] - 1) >= _FEWEST))


def indices(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(columns,): whether a column numbers the rows of a table (rows, columns).

    It does if each value is above the one before, or if the values are the whole numbers of a range
    in any order.
    """
    if len(rows) <= _FEWEST:
        return np.zeros(rows.shape[1], bool)
    return np.array([_numbers_rows(column) for column in rows.T], bool)


def _numbers_rows(column: NDArray[np.float64]) -> bool:
    if (column[1:] > column[:-1]).all():
        return True
    low = column.min()
    if column.max() - low != len(column) - 1 or low % 1 != 0:
        return False
    return bool((np.diff(np.sort(column)) == 1).all())
