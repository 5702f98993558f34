"""The first box that differs between a program and another side."""

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from drypoint.detection import PARTS, Box
from drypoint.engine import Engine
from drypoint.program import Program, reference

from ._difference import BOXES, Difference

_SETTINGS = ("kind", "cell", "background", "cutoffs", "iou", "most")


def with_boxes(
    found: Difference,
    right: Program,
    other: Program | Engine,
    inputs: NDArray[Any],
    maps: Any,
) -> Difference:
    """What ops differ in, with the first box that differs; ``maps``: the other's last plane."""
    theirs = other.program if isinstance(other, Engine) else other
    if right.boxes is None and theirs.boxes is None:
        return found
    none: list[list[Box]] = [[] for _ in inputs]
    expected = right.find_boxes(reference.run(right, inputs)) if right.boxes else none
    actual = none
    if theirs.boxes is not None:
        actual = other.find_boxes(inputs if isinstance(other, Engine) else maps)
    wrong = [i for i, pair in enumerate(zip(expected, actual, strict=True)) if pair[0] != pair[1]]
    if not wrong:
        n = sum(map(len, expected))
        facts = f"{found.facts} The lists of {n:,} box{'es' * (n != 1)} are equal."
        return replace(found, facts=facts)
    i = wrong[0]
    facts = f"The lists of boxes differ on {len(wrong):,} of {len(inputs):,} examples: "
    facts += f"in example {i} {_first_other_box(right, expected[i], actual[i])}."
    if not found.equal:
        return replace(found, facts=f"{found.facts} {facts}")
    reason = _explain(right, theirs)
    return replace(
        found,
        op=BOXES,
        cause="decoder" if reason else "kernel",
        facts=f"All ops are equal. {facts}",
        reason=reason or "The decoders have equal settings: one of them computes another list.",
        proven=bool(reason),
    )


def _first_other_box(program: Program, expected: list[Box], actual: list[Box]) -> str:
    """The first place where two lists differ, in words."""
    at = next(
        (j for j, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b),
        min(len(expected), len(actual)),
    )
    here, there = (
        _describe(program, boxes[at]) if at < len(boxes) else "not there"
        for boxes in (actual, expected)
    )
    return f"box {at} is {here}, and should be {there}"


def _describe(program: Program, box: Box) -> str:
    label = program.labels[box.value] if program.labels else f"value {box.value}"
    sides = ", ".join(f"{side / PARTS:g}" for side in box[2:])
    return f"{label} with score {box.score:,} at {sides}"


def _explain(right: Program, other: Program) -> str:
    """The settings of two decoders that differ; "" if none does."""
    if right.boxes is None or other.boxes is None:
        return f"The {'other' if other.boxes is None else 'right'} program has no decoder of boxes."
    pairs = {name: (getattr(right.boxes, name), getattr(other.boxes, name)) for name in _SETTINGS}
    words = [f"{name} is {b}, and should be {a}" for name, (a, b) in pairs.items() if a != b]
    return f"In the other program {'; '.join(words)}." if words else ""
