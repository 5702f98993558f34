"""Learning rates: schedules over the steps, and multipliers by parameter."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TypeGuard

import numpy as np

from drypoint.common import check_arguments, hidden_pattern, kind_of, known_word

from ._errors import TrainError

Schedule = Callable[[int, int], float]
"""(step, total) -> factor; ``step`` counts from 0 to ``total`` - 1, the factor is 0 to 1."""


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value))


@dataclass(frozen=True)
class Constant:
    """A constant learning rate."""

    def __call__(self, step: int, total: int) -> float:
        """1 at every step."""
        del step, total
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Half a cosine from 1 down to 0 (Loshchilov & Hutter 2017, without restarts)."""

    def __call__(self, step: int, total: int) -> float:
        """The factor of one step."""
        return 0.5 * (1 + math.cos(math.pi * step / total))


@dataclass(frozen=True, kw_only=True)
class OneCycle:
    """A linear warm-up over the first ``warmup`` share of the steps, then a linear decay to 0.

    After Smith & Topin (2018), for training in few epochs. With w = floor(warmup * total), step w
    has the factor 1; earlier steps (step + 1) / (w + 1), later ones (total - step) / (total - w).
    No step has the factor 0, and the factors sum to (total + 1) / 2.
    """

    warmup: float = 0.2

    def __post_init__(self) -> None:
        if not (is_number(self.warmup) and 0 <= self.warmup < 1):
            raise TrainError(f"warmup is {kind_of(self.warmup)}, not within 0 and 1 (1 excluded)")

    def __call__(self, step: int, total: int) -> float:
        """The factor of one step."""
        top = math.floor(self.warmup * total)
        return (step + 1) / (top + 1) if step < top else (total - step) / (total - top)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A piecewise constant rate: 1 at first, multiplied by ``factor`` at given points of the run.

    Attributes:
        at: the points as shares of the steps, increasing, between 0 and 1.
        factor: above 0, at most 1.
    """

    at: tuple[float, ...] = (0.5, 0.75)
    factor: float = 0.1

    def __post_init__(self) -> None:
        numbers = isinstance(self.at, tuple | list) and all(map(is_number, (*self.at, self.factor)))
        rising = numbers and all(a < b for a, b in pairwise((0.0, *self.at, 1.0)))
        if not rising or not 0 < self.factor <= 1:
            raise TrainError(
                f"at {self.at if numbers else kind_of(self.at)} must rise within 0 and 1, and "
                f"factor {kind_of(self.factor)} be above 0 and at most 1"
            )

    def __call__(self, step: int, total: int) -> float:
        """The factor of one step."""
        return self.factor ** sum(step >= point * total for point in self.at)


def rate_factor(schedule: Schedule, step: int, total: int) -> float:
    """The factor of one step."""
    factor = schedule(step, total)
    try:
        usable = math.isfinite(factor)
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise TrainError(
            f"schedule gave {kind_of(factor)} for step {step} of {total}; wanted: a number, "
            "the factor of the learning rate"
        )
    return factor


SCHEDULES: Mapping[str, Callable[[], Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "onecycle": OneCycle,
    "step": Step,
}


def resolve_schedule(schedule: "Schedule | str | None", *, counted: bool) -> Schedule:
    """The schedule itself, or the schedule of a name; `OneCycle` for None."""
    if isinstance(schedule, str):
        word = known_word(schedule, SCHEDULES)
        if word is None:
            raise TrainError(
                f"no schedule is called {schedule!r}; there are {', '.join(SCHEDULES)}"
            )
        return resolve_schedule(SCHEDULES[word](), counted=counted)
    if schedule is None:
        return OneCycle() if counted else Constant()
    if isinstance(schedule, type) or not callable(schedule):
        raise TrainError(
            f"schedule is {schedule!r}: give a name or a value, such as train.OneCycle()"
        )
    check_arguments(schedule, "step, total", name="schedule", error=TrainError)
    if not counted and not isinstance(schedule, Constant):
        raise TrainError(
            "a schedule needs to know how many batches an epoch has: let the function of batches "
            "return a list, or take schedule='constant'"
        )
    return schedule


Groups = Mapping[float, tuple[str, ...]]
"""Multiplier -> paths of parameters."""


def rate_groups(
    paths: Iterable[str], multipliers: Mapping[str, float | None], *, prefix: str = ""
) -> Groups:
    """Multiplier -> paths of parameters; the first matching pattern counts, 1 if none matches."""
    for pattern, factor in multipliers.items():
        if factor is not None and (
            isinstance(factor, bool)
            or not isinstance(factor, int | float)
            or not (math.isfinite(factor) and factor >= 0)
        ):
            raise TrainError(
                f"lr_multipliers[{pattern!r}] is {factor!r}, not a number of at least 0, or None"
            )
    groups: dict[float, list[str]] = {}
    used: set[str] = set()
    paths_in_order = list(paths)
    written = [path.removeprefix(prefix) for path in paths_in_order]
    for path, name in zip(paths_in_order, written, strict=True):
        matching = [p for p in multipliers if _matches(name, p)]
        used.update(matching)
        factor = multipliers[matching[0]] if matching else 1.0
        groups.setdefault(float(factor or 0.0), []).append(path)
    unused = [pattern for pattern in multipliers if pattern not in used]
    if unused:
        names = ", ".join(written)
        raise TrainError(f"lr_multipliers: {unused[0]!r} matches no parameter; there are {names}")
    if fault := hidden_pattern(multipliers, written, matches=_matches):
        raise TrainError(f"lr_multipliers: {fault}")
    if not groups:
        raise TrainError("the net has no parameters: there is nothing to train")
    if not set(groups) - {0.0}:
        raise TrainError("lr_multipliers freezes every parameter: there is nothing to train")
    return {factor: tuple(members) for factor, members in groups.items()}


def _matches(path: str, pattern: str) -> bool:
    """Whether a pattern matches the path or one of the layers that the path begins with."""
    parts = path.split(".")
    return any(fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))
