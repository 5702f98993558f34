"""Columns of CSV files that are no numbers: labels, dates, names of persons or devices."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .clocks import FEWEST

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
