"""`Figure`: a quantity measured in several rounds, which contestants take in turn."""

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from drypoint.common import json_of


@dataclass(frozen=True)
class Figure:
    """A quantity, one value a round.

    Each round measures every contestant once, so the values of a round are measured under about
    equal load of the machine: ratios are taken within rounds.

    Attributes:
        values: one for each round, at least one.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to report."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The smallest value of any round."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value of any round."""
        return max(self.values)

    @property
    def spread(self) -> float:
        """The distance between the quartiles of the rounds, as a share of the median.

        The quartiles rather than the ends: one round in which another process had the core says
        nothing about the quantity.
        """
        if len(self.values) < 2 or self.median == 0:
            return 0.0
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return (high - low) / abs(self.median)

    def over(self, other: "Figure") -> "Figure":
        """The ratio to another quantity, round by round."""
        return Figure(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def scale(self, factor: float) -> "Figure":
        """The quantity times a factor, for another unit."""
        return Figure(tuple(factor * value for value in self.values))

    def to_json(self) -> dict[str, float] | None:
        """Median, ends and spread; None for a figure that is not known."""
        names = ("median", "low", "high", "spread")
        return None if math.isnan(self.median) else json_of(self, *names)


def best(figures: Sequence[tuple[str, Figure]]) -> tuple[str, Figure]:
    """The name and the figure with the smallest median."""
    return min(figures, key=lambda pair: pair[1].median)


class Responder(Protocol):
    """Answers questions, as a `Process` does."""

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """The numbers of each line of the answer."""
        ...


Question = tuple[str, int]  # a command of `Process.ask`, and how many lines answer it
Answers = dict[str, dict[str, list[Figure]]]  # contestant -> command -> a figure a line


def figures_by_batch(
    answers: Mapping[str, list[Figure]], kind: str, batches: Sequence[int], ms: int, line: int = 0
) -> dict[int, Figure]:
    """Inputs a call -> the figure of a line of the answer to "KIND INPUTS MS"."""
    return {n: answers[f"{kind} {n} {ms}"][line] for n in batches}


def run_rounds(
    processes: Mapping[str, Responder],
    stages: Sequence[Mapping[str, Sequence[Question]]],
    *,
    rounds: int,
    limits: Callable[[], Mapping[str, float]],
    on_answer: Callable[[], None],
) -> tuple[Answers, dict[str, Figure]]:
    """Ask all questions in every round; a round's value is the median of the numbers in a line.

    A round goes through the stages; in a stage one contestant after the other answers its
    questions, so that contestants are compared under equal load of the machine. The order of
    contestants rotates by one each round, so that none always follows one other.

    Args:
        processes: the started contestants by name.
        stages: for each stage, the questions of each contestant.
        rounds: at least 1.
        limits: measures the limits, once a round.
        on_answer: called after each answer.

    Returns:
        The contestants' figures, and the limits' figures.
    """
    names = list(processes)
    seen: dict[str, dict[str, list[list[float]]]] = {
        name: {
            command: [[] for _ in range(lines)]
            for questions in stages
            for command, lines in questions[name]
        }
        for name in names
    }
    found = defaultdict[str, list[float]](list)
    for i in range(rounds):
        for name, value in limits().items():
            found[name].append(value)
        order = (*names[i % len(names) :], *names[: i % len(names)])
        for questions, name in itertools.product(stages, order):
            for command, lines in questions[name]:
                answer = processes[name].ask(command, lines=lines)
                for values, line in zip(seen[name][command], answer, strict=True):
                    values.append(statistics.median(line))
                on_answer()
    answers = {
        name: {command: [Figure(tuple(v)) for v in rows] for command, rows in commands.items()}
        for name, commands in seen.items()
    }
    return answers, {name: Figure(tuple(values)) for name, values in found.items()}
