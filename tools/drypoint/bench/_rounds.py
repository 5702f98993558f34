"""Interleaved rounds: in each, every contestant has its turn at every question."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ._figure import Figure


class Asked(Protocol):
    """What answers, as a `Process` does."""

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """The numbers of each line of the answer."""
        ...


Question = tuple[str, int]  # a command of `Process.ask`, and how many lines answer it
Answers = dict[str, dict[str, list[Figure]]]  # contestant -> command -> a figure a line


def run_rounds(
    processes: Mapping[str, Asked],
    stages: Sequence[Mapping[str, Sequence[Question]]],
    *,
    rounds: int,
    limits: Callable[[], Mapping[str, float]],
    told: Callable[[], None],
) -> tuple[Answers, dict[str, Figure]]:
    """Ask all questions in every round; the median of a line's numbers is the round's value.

    A round goes through the stages; in each, a contestant after the other answers its questions. So
    what is compared within a stage met the same machine. The order of contestants moves on by one
    each round, so that none always follows the same.

    Args:
        processes: by name, loaded and waiting.
        stages: the questions for each of them.
        rounds: at least 1.
        limits: measures the limits, once a round.
        told: called after each answer.

    Returns:
        The figures of the contestants, and those of the limits.
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
                told()
    answers = {
        name: {command: [Figure(tuple(v)) for v in rows] for command, rows in commands.items()}
        for name, commands in seen.items()
    }
    return answers, {name: Figure(tuple(values)) for name, values in found.items()}
