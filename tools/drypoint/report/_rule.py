"""What a rule of the verdict is: a pure function from facts to a finding, nothing, or a reason why
it could not look."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drypoint.measure import wilson_interval

Facts = Mapping[str, Any]
CLASSES, NUMBERS, RECONSTRUCTION = "classes", "numbers", "reconstruction"
_NO_TEST = "no test examples: --data"
_REASONS = {
    "quality": _NO_TEST,
    "quality.float": "no float net beside the integers",
    "outputs": _NO_TEST,
    "outputs.float_error": "no float net beside the integers",
    "outputs.anomalies": "which classes are normal is not known: --normal",
    "data": "a regression's examples are numbers alone",
    "data.train_examples": "no training examples",
    "data.train_accuracy": "no training examples",
    "data.contradicted": "no training examples",
    "activity": "fewer than 2 test examples",
    "layers": "no float net beside the integers",
    "calibration": "the file does not say how it was calibrated",
    "budget.ram": "no budget: --chip or --budget",
    "budget.flash": "no budget: --chip or --budget",
}
"""Fact -> why a report has none."""


@dataclass(frozen=True)
class Finding:
    """What a rule found, what to do, and whether it explains what it can explain."""

    found: str
    advice: str
    explains: bool = True


@dataclass(frozen=True)
class NotLooked:
    """Why a rule could not look."""

    reason: str


Outcome = Finding | NotLooked | None
Find = Callable[[Facts, float], Outcome]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of the verdict; `rule` makes one of a function.

    Attributes:
        name: as the verdict and docs/report.md name it.
        limit: from which it speaks; docs/report.md says of what.
        find: the function of the facts and the limit.
        needs: dotted paths of facts without which it cannot look.
        tasks: the kinds of outputs that it is about.
        explains: the rules whose findings its own finding explains, and hides.
    """

    name: str
    limit: float
    find: Find
    needs: Sequence[str]
    tasks: Sequence[str]
    explains: Sequence[str]

    def look(self, facts: Facts) -> Outcome:
        """What the rule finds in the facts of a report."""
        if (task := _task(facts)) is not None and task not in self.tasks:
            return None
        for path in self.needs:
            if _fact(facts, path) is None:
                unknown = task is None and not path.startswith("budget")
                return NotLooked(_NO_TEST if unknown else _REASONS[path])
        return self.find(facts, self.limit)


def rule(
    name: str,
    *,
    limit: float,
    needs: Sequence[str] = (),
    tasks: Sequence[str] = (CLASSES, NUMBERS, RECONSTRUCTION),
    explains: Sequence[str] = (),
) -> Callable[[Find], Rule]:
    """Make a rule of the function below; the rules of a file stand in the order of their weight."""

    def make(find: Find) -> Rule:
        return Rule(name=name, limit=limit, find=find, needs=needs, tasks=tasks, explains=explains)

    return make


def rules_of(names: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules among the names of a module, in the order of their definition."""
    return tuple(value for value in names.values() if isinstance(value, Rule))


def paired_interval(
    gained: int, lost: int, n: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of the accuracy that another decider wins on the same n examples, of which it
    alone decides ``gained`` right and ``lost`` wrong: Wilson's of the share of the gained."""
    differ = gained + lost
    if not differ:
        return 0.0, 0.0
    low, high = wilson_interval(gained, differ, confidence)
    return (2 * low - 1) * differ / n, (2 * high - 1) * differ / n


def share_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n examples."""
    return wilson_interval(round(share * n), n)


def auc_interval(auc: float, positive: int, negative: int) -> tuple[float, float]:
    """The 95 % interval of the area under a ROC curve.

    Source: J. A. Hanley, B. J. McNeil, Radiology 143 (1982) 29.
    """
    first, second = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = (
        auc * (1 - auc) + (positive - 1) * (first - auc**2) + (negative - 1) * (second - auc**2)
    )
    half = 1.96 * math.sqrt(max(spread, 0.0) / (positive * negative))
    return max(auc - half, 0.0), min(auc + half, 1.0)


def best_decisions(facts: Facts) -> Facts:
    """The figures of the float net, else of the integers, on test examples with classes."""
    found: Facts = facts["quality"]["float"] or facts["quality"]["integers"]
    return found


def _task(facts: Facts) -> str | None:
    """The kind of the outputs; None without test examples, where it is not known."""
    if facts["quality"] is not None:
        return CLASSES
    return None if facts["outputs"] is None else str(facts["outputs"]["kind"])


def _fact(facts: Facts, path: str) -> Any:
    found: Any = facts
    for key in path.split("."):
        found = None if found is None else found[key]
    return found
