"""Interleaved rounds: in each round every contestant answers every question once."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ._figure import Figure


class Responder(Protocol):
    """Answers questions, as a `Process` does."""

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """The numbers of each line of the answer."""
        ...


Question = tuple[str, int]  # a command of `Process.ask`, and how many lines answer it
Answers = dict[str, dict[str, list[Figure]]]  # contestant -> command -> a figure a line


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
