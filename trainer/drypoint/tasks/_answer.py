"""Answers of nets and figures of tests, as text and JSON types."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from drypoint.common import table_lines
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


def show_values(outputs: Mapping[str, NDArray[Any]]) -> list[Answer]:
    """The values of outputs (N, ...) by name: of one output with one value a number."""
    named = {
        name: rows.reshape(len(rows), math.prod(rows.shape[1:])).tolist()
        for name, rows in outputs.items()
    }
    answers = []
    for rows in zip(*named.values(), strict=True):
        if len(rows) > 1:
            text = "; ".join(f"{n} {_list_values(r)}" for n, r in zip(named, rows, strict=True))
            answers.append(Answer(text, {"values": dict(zip(named, rows, strict=True))}))
        else:
            facts = {"number": rows[0][0]} if len(rows[0]) == 1 else {"values": rows[0]}
            answers.append(Answer(_list_values(rows[0]), facts))
    return answers


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, all of them flush left, in aligned columns."""
    return "\n".join(table_lines(rows, left=range(max(map(len, rows)))))


def _list_values(values: list[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown}, ... of {len(values):,} values"
