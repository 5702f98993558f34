"""What a recurrent net remembers: what its cells hold, and how far back its answers look."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import plot
from drypoint.common import count_of, percent
from drypoint.engine import Engine, Recordings
from drypoint.program import Delay, Program
from drypoint.tasks import Task

_MOST = 100  # recordings
_NEAR = 0.01  # of the range of each output: numbers that count as the same
_AGREES = 0.99  # the share of equal answers from which on earlier steps say nothing

Steps = list[NDArray[np.integer]]


def remembered_facts(
    program: Program, recordings: Steps, task: Task, output: str | None
) -> dict[str, Any] | None:
    """The cells on the first recording; and for the last 1, 2, 4, ... steps alone the share of the
    recordings that get the answer that all steps give. None of a program that carries no state."""
    if not any(isinstance(op, Delay) for op in program.ops):
        return None
    states = plot.states(program, recordings[0])
    runner, some = Recordings(Engine(program)), recordings[:_MOST]

    def answers(of: Steps) -> NDArray[Any]:
        found = runner.run(of)
        rows: NDArray[Any] = np.asarray(found[output] if isinstance(found, dict) else found)
        return rows.argmax(axis=1)[:, None] if task.has_classes else rows.astype(np.float64)

    whole, longest, first = answers(some), max(map(len, some)), program.clocks[-1].first
    near = 0.0 if task.has_classes else _NEAR * np.ptp(whole, axis=0)
    back = []
    for steps in (1 << n for n in range((longest - 1).bit_length())):
        if steps >= first:
            differences = np.abs(answers([recording[-steps:] for recording in some]) - whole)
            same = float((differences <= near).all(axis=1).mean())
            back.append({"steps": steps, "same": same})
    pairs = zip(states.cells, states.values, strict=True)
    return {
        "recordings": len(some),
        "steps": longest,
        "cells": [
            {
                "cell": cell,
                "units": len(values),
                "low": float(values.min()),
                "high": float(values.max()),
            }
            for cell, values in pairs
        ],
        "back": back,
    }


def describe_memory(facts: dict[str, Any]) -> str:
    """How far back the answers look, in words."""
    recordings, steps = count_of(facts["recordings"], "recording"), facts["steps"]
    for row in facts["back"]:
        if row["same"] >= _AGREES:
            back = f"the last {row['steps']:,} of {steps:,} steps alone"
            return f"from {back} {percent(row['same'])} of {recordings} get the same answer"
    least = facts["back"][-1]["steps"] if facts["back"] else steps - 1
    return f"answers need more than the last {least:,} of {steps:,} steps, in {recordings}"
