"""What each column of a data set in CSV files is: one judgement a column, with its reason.

A column is a value that the net reads, or left out with a line, or a question, which is an error
that names the options that answer it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clocks import CHANCE, FEWEST, Directions, Texts, follow_one_another, in_runs
from .csv import Reading, Table

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
