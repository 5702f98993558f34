"""Answers of nets and figures of tests, as text and JSON types."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from drypoint.common import percent, table_lines
from drypoint.program import Program

_SHOWN = 8  # values of an output in a text


@dataclass(frozen=True)
class Answer:
    """What a net says of an input, or the figures of a test.

    Attributes:
        text: for people.
        facts: for machines, of JSON types.
    """

    text: str
    facts: Mapping[str, Any]


class Criterion(NamedTuple):
    """The figure by which nets of a task are compared.

    Attributes:
        name: such as "accuracy".
        fact: its name among the facts of `Task.measure`.
        is_error: whether less is better; else it is a share, of which more is better.
    """

    name: str
    fact: str
    is_error: bool = False

    def show(self, value: float) -> str:
        """A value for people."""
        return f"{value:.4g}" if self.is_error else percent(value)

    def merit(self, value: float) -> float:
        """A number that is higher for a better value."""
        return -value if self.is_error else value


class Choice(NamedTuple):
    """A program with a threshold that validation examples chose.

    Attributes:
        program: with the threshold.
        notes: lines for people.
        facts: for machines, of JSON types.
    """

    program: Program
    notes: Sequence[str]
    facts: Mapping[str, Any]


def show_values(values: NDArray[Any]) -> list[Answer]:
    """The values of an output (N, ...); a single one is a number."""
    return [
        Answer(_list_values(row), {"number": row[0]} if len(row) == 1 else {"values": row})
        for row in values.reshape(len(values), math.prod(values.shape[1:])).tolist()
    ]


def join_answers(heads: Mapping[str, Sequence[Answer]]) -> list[Answer]:
    """The answers of several outputs by name as an answer an input."""
    return [
        Answer(
            "; ".join(f"{name}: {answer.text}" for name, answer in zip(heads, row, strict=True)),
            {"outputs": {name: answer.facts for name, answer in zip(heads, row, strict=True)}},
        )
        for row in zip(*heads.values(), strict=True)
    ]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, all of them flush left, in aligned columns."""
    return "\n".join(table_lines(rows, left=range(max(map(len, rows)))))


def _list_values(values: list[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown}, ... of {len(values):,} values"
