"""Limits of a model's cost: parsed from a text, and checked."""

import re
from collections.abc import Mapping, Sequence

from drypoint.common import DrypointError
from drypoint.program import OnTarget, Program, account, bytes_in_use, fuse_rows, packing

from ._cost import Cost, table_bytes
from ._targets import Target, with_kernels

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
SIZE = r"([0-9]+)([KkM]?)"
REMEDIES = {
    "arena": "pool or stride earlier, or take fewer channels there",
    "listener": "take a front end with a shorter window or fewer features, or --streaming",
    "input": "take smaller inputs",
    "output": "take fewer outputs",
    "boxes": "take fewer candidates (most)",
    "stack": "give the task that runs the model more stack, or take fewer kinds of layers",
    "tables": "take weights of 4 or 2 bits (drypoint quantize --weights 4), fewer channels or "
    "inputs there, or a part with more flash",
    "code": "build for size (--optimize Os), or take fewer kinds of layers",
    "helpers": "build with smaller libraries, such as newlib-nano",
}
"""What makes each part of an `Account` smaller."""


class BudgetError(DrypointError, ValueError):
    """A budget that cannot be read, or that a model exceeds."""


def parse_budget(text: str) -> dict[str, int]:
    """A budget such as ``ram=8K,flash=512K,stack=2K`` as bytes; K is 1024 bytes, M 1024 K. ``ram``
    is all RAM of the model's `Account`, its stack too; ``arena`` is the arena alone.

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
    """The bytes of arena that a budget leaves, for `to_export`; None where it says nothing of RAM.

    The stack that counts is the bound in the exported header: a larger one where only a plan in
    which ops run row by row may fit.
    """
    limits = [budget["arena"]] if "arena" in budget else []
    if "ram" in budget:
        stack = packing.stack_bound(packing.kernel_set(target.kernels), program)
        others = account(program, OnTarget(stack=stack)).ram_bytes - program.arena_size
        by_rows = stack > 0 and others + program.arena_size > budget["ram"]
        limits.append(max(budget["ram"] - others - by_rows * packing.ROWS_STACK, 0))
    return min(limits, default=None)


def kernels_within(
    budget: Mapping[str, int], programs: Sequence[Program], target: Target
) -> list[Target]:
    """A target with each set of kernels that keeps RAM, arena and stack of a budget for all
    programs, by time; where none does, with the set of the least stack."""
    rows = with_kernels(target)
    return [row for row in rows if all(_fits(budget, each, row) for each in programs)] or [rows[-1]]


def _fits(budget: Mapping[str, int], program: Program, target: Target) -> bool:
    """Whether a program keeps a budget but for its flash, as far as bounds say."""
    program = fuse_rows(program, arena=arena_limit(budget, program, target))
    stack = packing.stack_bound(packing.kernel_set(target.kernels), program)
    found = account(program, OnTarget(stack=stack))
    sizes = {"ram": found.ram_bytes, "arena": program.arena_size, "stack": stack}
    return all(size <= budget.get(name, size) for name, size in sizes.items())


def largest_part(parts: Mapping[str, int | None]) -> tuple[str, int]:
    """The part of an account's RAM or flash, as `Account.to_json` has them, that takes most."""
    return max(((name, n or 0) for name, n in parts.items()), key=lambda part: part[1])


def check_budget(budget: Mapping[str, int], cost: Cost, program: Program, target: Target) -> None:
    """Refuse a model that is larger than its budget; say what takes most of it and what helps.

    Raises:
        BudgetError: at least one limit is exceeded; the message names each exceeded limit.
    """
    memories = {"ram": cost.account.ram, "flash": cost.account.flash}
    sizes = {name: {part.name: part.size for part in parts} for name, parts in memories.items()}
    sizes |= {name: {name: sizes["ram"][name]} for name in ("arena", "stack")}
    exceeded = []
    for what, limit in budget.items():
        total = sum(size or 0 for size in sizes[what].values())
        if total > limit:
            name, size = largest_part(sizes[what])
            most = f"the {name} ({size:,} bytes)"
            if shares := _shares(what, name, cost, program, target):
                share, op = max(zip(shares, program.ops, strict=True), key=lambda pair: pair[0])
                most = f"{op.name!r} ({share:,} bytes)"
            exceeded.append(
                f"{what}: {total:,} bytes on {target.name}, the budget is {limit:,}; most is "
                f"for {most}: {REMEDIES[name]}"
            )
    if exceeded:
        raise BudgetError("; ".join(exceeded))


def _shares(what: str, name: str, cost: Cost, program: Program, target: Target) -> Sequence[int]:
    """The bytes of a part for each op; none where the part itself is named."""
    match name:
        case "arena":
            return bytes_in_use(program)
        case "tables":
            return [table_bytes(op, target) for op in program.ops]
        case "stack" if what == name:
            return cost.op_stacks
        case _:
            return ()
