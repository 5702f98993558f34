"""Limits of a model's cost: parsed from a text, and checked."""

import re
from collections.abc import Mapping

from drypoint.common import DrypointError
from drypoint.program import Program, bytes_in_use, packing

from ._cost import Cost, table_bytes
from ._targets import Target

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
SIZE = r"([0-9]+)([KkM]?)"
REMEDIES = {
    "flash": "take weights of 4 or 2 bits (drypoint quantize --weights 4), fewer channels or "
    "inputs there, or a part with more flash",
    "ram": "pool or stride earlier, or take fewer channels there",
    "arena": "pool or stride earlier, or take fewer channels there",
    "stack": "give the task that runs the model more stack, or take the plain kernels (export "
    "without --target), which are slower and need a few hundred bytes",
}


class BudgetError(DrypointError, ValueError):
    """A budget that cannot be read, or that a model exceeds."""


def parse_budget(text: str) -> dict[str, int]:
    """A budget such as ``ram=8K,flash=512K,stack=2K`` as bytes; K is 1024 bytes, M 1024 K. ``ram``
    is all RAM of a run: arena with state, input, output and stack; ``arena`` is the arena alone.

    Raises:
        BudgetError: it is written otherwise, or says something twice.
    """
    budget: dict[str, int] = {}
    for part in text.split(","):
        found = re.fullmatch(rf"(ram|arena|flash|stack)={SIZE}", part.strip())
        if found is None:
            raise BudgetError(
                f"the budget has {part.strip()!r}; write it as ram=8K,flash=512K,stack=2K: "
                "any of ram, arena, flash and stack, whole numbers, K and M for 1024 and "
                "1024 * 1024 bytes"
            )
        if found[1] in budget:
            raise BudgetError(f"the budget says {found[1]} twice: {text!r}")
        budget[found[1]] = _bytes(found[2], found[3])
    return budget


def parse_size(text: str) -> int:
    """Bytes, written as ``262144``, ``256K`` or ``1M``; at least 1.

    Raises:
        BudgetError: it is written otherwise.
    """
    found = re.fullmatch(SIZE, text)
    if found is None or int(found[1]) == 0:
        raise BudgetError(f"{text!r} is no number of bytes, such as 262144, 256K or 1M")
    return _bytes(found[1], found[2])


def _bytes(number: str, unit: str) -> int:
    return int(number) * UNITS[unit.upper()]


def arena_limit(budget: Mapping[str, int], program: Program, target: Target) -> int | None:
    """The bytes of arena that a budget leaves, for `fuse_rows`; None where it says nothing of RAM.

    The stack that counts is the bound in the exported header.
    """
    limits = [budget["arena"]] if "arena" in budget else []
    if "ram" in budget:
        stack = packing.stack_bound(packing.kernel_set(target.kernels), program)
        others = program.input_size + program.output_size + stack
        limits.append(max(budget["ram"] - others, 0))
    return min(limits, default=None)


def check_budget(budget: Mapping[str, int], cost: Cost, program: Program, target: Target) -> None:
    """Refuse a model that is larger than its budget; say which op is the reason and what helps.

    The stack that counts is the bound, where there is one, else what was measured.

    Raises:
        BudgetError: at least one limit is exceeded; the message names each exceeded limit.
    """
    found = {"flash": cost.code + cost.tables, "arena": cost.arena, "stack": cost.stack_needed}
    found["ram"] = program.ram_size + cost.stack_needed
    shares = {
        "flash": [table_bytes(op, target) for op in program.ops],
        "ram": bytes_in_use(program),
        "arena": bytes_in_use(program),
        "stack": list(cost.op_stacks),
    }
    exceeded = []
    for what, limit in budget.items():
        if found[what] > limit:
            share, op = max(zip(shares[what], program.ops, strict=True), key=lambda pair: pair[0])
            exceeded.append(
                f"{what}: {found[what]:,} bytes on {target.name}, the budget is {limit:,}; most is "
                f"for {op.name!r} ({share:,} bytes): {REMEDIES[what]}"
            )
    if exceeded:
        raise BudgetError("; ".join(exceeded))
