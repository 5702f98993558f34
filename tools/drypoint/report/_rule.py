"""Rules of the verdict: what a rule is, what it gives, and figures that rules share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drypoint.measure import wilson_interval

Facts = Mapping[str, Any]
_NO_TEST, _NO_FLOATS = "no test examples: --data", "no float net beside the integers"
_NO_BUDGET, _NO_TRAINING = "no budget: --chip or --budget", "no training examples"
_REASONS = {
    "quality": _NO_TEST,
    "quality.float": _NO_FLOATS,
    "outputs": _NO_TEST,
    "outputs.rise": _NO_FLOATS,
    "data": "the examples are of no classes",
    "data.train_examples": _NO_TRAINING,
    "data.train_accuracy": _NO_TRAINING,
    "activity": "fewer than 2 test examples",
    "layers": _NO_FLOATS,
    "calibration": "the file does not say how it was calibrated",
    "budget.ram": _NO_BUDGET,
    "budget.flash": _NO_BUDGET,
}
"""Fact -> why a report has none."""


@dataclass(frozen=True)
class Finding:
    """What a rule found, what to do, and whether it explains the rules that it can explain."""

    found: str
    advice: str
    explains: bool = True


@dataclass(frozen=True)
class NotLooked:
    """Why a rule could not look."""

    reason: str


Outcome = Finding | NotLooked | None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of the verdict; `rule` makes one of a function.

    Attributes:
        name: as the verdict and docs/report.md name it.
        limit: from which it speaks; docs/report.md says of what.
        find: the function of the facts and the limit.
        needs: dotted paths of facts without which it cannot look; a rule that needs ``quality`` is
            about classes, one that needs ``outputs`` about autoencoders and regressions.
        explains: the rules whose findings its own finding explains, and hides.
        kind: of the outputs that it is about, by ``outputs.kind``; "": any.
    """

    name: str
    limit: float
    find: Callable[[Facts, float], Outcome]
    needs: Sequence[str]
    explains: Sequence[str]
    kind: str

    def look(self, facts: Facts) -> Outcome:
        """What the rule finds in the facts of a report."""
        other = "outputs" if facts["quality"] is not None else "quality"
        is_known = facts["quality"] is not None or facts["outputs"] is not None
        for path in self.needs:
            if is_known and path.startswith(other):
                return None
            if _fact(facts, path) is None:
                blind = not is_known and not path.startswith("budget")
                return NotLooked(_NO_TEST if blind else _REASONS[path])
        if self.kind and facts["outputs"]["kind"] != self.kind:
            return None
        return self.find(facts, self.limit)


def rule(
    name: str,
    *,
    limit: float,
    needs: Sequence[str] = (),
    explains: Sequence[str] = (),
    kind: str = "",
) -> Callable[[Callable[[Facts, float], Outcome]], Rule]:
    """Make a rule of the function below; the rules of a file stand in the order of their weight."""
    needs = ("outputs",) if kind else needs
    return lambda find: Rule(
        name=name, limit=limit, find=find, needs=needs, explains=explains, kind=kind
    )


def rules_of(names: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules among the names of a module, in the order of their definition."""
    return tuple(value for value in names.values() if isinstance(value, Rule))


def paired_interval(gained: int, lost: int, n: int, confidence: float) -> tuple[float, float]:
    """The interval of the accuracy that a decider wins over another on n examples, by the shares
    of the examples that it alone decides right (gained) and wrong (lost): Wilson's."""
    differ = max(gained + lost, 1)
    low, high = wilson_interval(gained, differ, confidence)
    return (2 * low - 1) * differ / n, (2 * high - 1) * differ / n


def share_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n examples."""
    return wilson_interval(round(share * n), n)


def best_decisions(facts: Facts) -> Facts:
    """The figures of the float net, else of the integers, on test examples with classes."""
    found: Facts = facts["quality"]["float"] or facts["quality"]["integers"]
    return found


def _fact(facts: Facts, path: str) -> Any:
    found: Any = facts
    for key in path.split("."):
        found = None if found is None else found[key]
    return found
