"""The verdict of a report: whether the model fits, what the integers lose, and what to do.

Each rule is a pure function of the report's facts (`_rule`). `docs/report.md` has the table of the
rules with their limits and reasons; `RULES` has them in the order of their weight.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from drypoint import devices
from drypoint.common import count_of
from drypoint.tasks import ReportTexts, find_task

from . import _detection_rules, _example_rules, _integer_rules, _net_rules
from ._integer_rules import lossy_op, paired_loss
from ._rule import Facts, Finding, NotLooked, Outcome, rule, rules_of


def find_verdict(facts: Facts) -> dict[str, Any]:
    """The verdict in a sentence; the findings: rule, what was found, what to do; and the rules that
    could not look, by reason.

    A finding that another finding explains is left out.
    """
    outcomes = [(each, each.look(facts)) for each in RULES]
    found = [(each, outcome) for each, outcome in outcomes if isinstance(outcome, Finding)]
    explained = {name for each, outcome in found if outcome.explains for name in each.explains}
    findings = [
        {"rule": each.name, "finding": outcome.found, "advice": outcome.advice}
        for each, outcome in found
        if each.name not in explained
    ]
    not_looked: dict[str, list[str]] = {}
    for each, outcome in outcomes:
        if isinstance(outcome, NotLooked):
            not_looked.setdefault(outcome.reason, []).append(each.name)
    parts = [_fit(facts), _loss_text(facts)]
    if findings:
        first = findings[0]
        parts.append(f"first: {first['advice']} ({first['finding']})")
    elif facts["quality"] is not None or facts["outputs"] is not None:
        parts.append("no rule finds a fault")
        parts += [not_looked_text(not_looked)] if not_looked else []
    return {
        "summary": "; ".join(part for part in parts if part),
        "findings": findings,
        "not_looked": not_looked,
    }


def not_looked_text(not_looked: Mapping[str, Sequence[str]]) -> str:
    """The rules that could not look, by reason, in words."""
    parts = (f"{', '.join(names)} ({why})" for why, names in not_looked.items())
    return f"could not look: {'; '.join(parts)}"


def _fit(facts: Facts) -> str:
    """Whether the model fits its budget; without one, what it needs."""
    budget = facts["budget"]
    ram, flash, target = needs(facts)
    if budget is not None:
        over = _over(facts, "ram", ram) or _over(facts, "flash", flash)
        found = [(ram, budget["ram"], "bytes of RAM"), (flash, budget["flash"], "of flash")]
        sizes = ", ".join(f"{n:,} of {most:,} {what}" for n, most, what in found if n and most)
        return f"{'does not fit' if over else 'fits'} {budget['name']} ({sizes})"
    if flash is not None:
        return f"needs {ram:,} bytes of RAM and {flash:,} of flash on {target}"
    return f"needs {ram:,} bytes of RAM and the stack"


def needs(facts: Facts) -> tuple[int, int | None, str]:
    """RAM and flash in bytes, and the target on which they were measured; without one, the RAM
    without the stack, None and ""."""
    for target, cost in facts["costs"].items():
        if "not_measured" not in cost:
            return cost["ram_bytes"], cost["flash_bytes"], target
    return facts["memory"]["ram_bytes_without_stack"], None, ""


def _over(facts: Facts, what: str, need: int | None, share: float = 1.0) -> bool:
    limit = (facts["budget"] or {}).get(what)
    return limit is not None and need is not None and need > share * limit


def _loss_text(facts: Facts) -> str:
    """What the integers lose, in words."""
    quality = facts["quality"]
    if (words := output_texts(facts)) is not None:
        return _outputs_text(facts["outputs"], words)
    if quality is None:
        return "accuracy not known: no test examples"
    found = paired_loss(quality)
    right = f"{100 * quality['integers']['accuracy']:.1f} %"
    if found is None:
        return f"{right} right"
    lost, interval = found
    if lost <= interval:
        shown = count_of(quality["examples"], "example")
        return f"{right} right, no loss against the float net on {shown}"
    op = lossy_op(facts)
    where = f", nearly all in {op}" if op else ""
    return f"{right} right, loses {100 * lost:.1f} points against the float net{where}"


def output_texts(facts: Facts) -> ReportTexts | None:
    """The words of the task about outputs that are no classes."""
    outputs = facts["outputs"]
    return None if outputs is None else find_task(outputs["kind"]).report_texts(outputs)


def _outputs_text(outputs: Facts, words: ReportTexts) -> str:
    """The error of outputs that are no classes, in words."""
    text = f"{words.error} {outputs['error']:.4g}"
    if outputs["float_error"] is not None:
        text += f", float net {outputs['float_error']:.4g}"
    return f"{text}; {words.summary}" if words.summary else text


@rule("bytes", limit=1)
def _bytes(facts: Facts, limit: float) -> Outcome:
    differing = facts["proof"]["verification"]["differing_bytes"]
    if differing < limit:
        return None
    return Finding(
        f"{differing:,} bytes differ from the reference",
        "do not ship: drypoint diff names the first op, and the cause",
    )


@rule("RAM", limit=1.0, needs=("budget.ram",))
def _ram(facts: Facts, limit: float) -> Outcome:
    need, _, target = needs(facts)
    if not _over(facts, "ram", need, limit):
        return None
    there = f"{need:,} bytes of RAM, {facts['budget']['ram']:,} are there"
    found = (facts["costs"][target] if target else facts["memory"])["account"]
    part, size = devices.largest_part(found["ram"])
    if part != "arena":
        return Finding(f"{there}; most for the {part}, {size:,}", devices.REMEDIES[part])
    most = max(facts["memory"]["ops"], key=lambda op: op["bytes_in_use"])
    return Finding(
        f"{there}; most while {most['op']} runs, {most['bytes_in_use']:,}",
        f"pool or stride before {most['op']}, or take fewer channels there",
    )


@rule("flash", limit=1.0, needs=("budget.flash",))
def _flash(facts: Facts, limit: float) -> Outcome:
    _, need, target = needs(facts)
    if need is None:
        return NotLooked("flash is measured on a device: --target or --chip")
    if not _over(facts, "flash", need, limit):
        return None
    there = f"{need:,} bytes of flash, {facts['budget']['flash']:,} are there"
    part, size = devices.largest_part(facts["costs"][target]["account"]["flash"])
    if part != "tables":
        return Finding(f"{there}; most for the {part}, {size:,}", devices.REMEDIES[part])
    most = max(facts["costs"][target]["ops"], key=lambda op: op["table_bytes"])
    return Finding(
        f"{there}; most for {most['op']}, {most['table_bytes']:,}",
        f"take weights of 4 or 2 bits (drypoint quantize --weights 4), or fewer channels or inputs "
        f"in {most['op']}",
    )


_LIGHTER = (_net_rules, _detection_rules, _integer_rules, _example_rules)
RULES = (*rules_of(globals()), *(rule for file in _LIGHTER for rule in rules_of(vars(file))))
"""The rules, the heaviest first."""
