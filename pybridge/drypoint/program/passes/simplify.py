"""Simplification: a program that gives the same output bytes for every input, with less work."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from drypoint.common import check_kind, progress, table_lines

from .._plan import NO_PLAN
from .._program import Program
from .._tensors import ProgramError
from ..ops._weighted import WeightedOp
from .fuse import fuse_rows
from .narrow import narrow
from .rewrites import (
    Rewritten,
    with_constants_in_tables,
    with_joined_clamps,
    with_joined_lookups,
    without_copy,
    without_identities,
)

STEPS: tuple[Callable[[Program], Rewritten | None], ...] = (
    narrow,
    without_identities,
    with_constants_in_tables,
    with_joined_lookups,
    with_joined_clamps,
    without_copy,
)
# Of a program that is looked at: more channels take much memory, more ops long to plan.
MAX_CHANNELS = 2**22  # of all tensors together
MAX_OPS = 2000


class Change(NamedTuple):
    """What became of an op.

    Attributes:
        op: its name.
        what: such as "128 -> 57 channels, 16,384 -> 6,042 weights".
    """

    op: str
    what: str


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Simplified:
    """The result of `simplify`.

    Attributes:
        before: the program before.
        program: the simplified one; ``before`` itself where there was nothing to leave out.
        changes: an entry for each op that changed or is gone, in the order of ``before``.
    """

    before: Program
    program: Program
    changes: tuple[Change, ...]

    @property
    def left_out(self) -> str:
        """In one line how much is left out, or "nothing"."""
        if not self.changes:
            return "nothing"
        parts = [
            f"{before - after:,} of {before:,} {what}"
            for what, (before, after) in self._amounts().items()
            if before != after
        ]
        parts = parts or [f"nothing, but {len(self.changes)} ops are simpler"]
        return f"{', '.join(parts)}; every output byte stays"

    def _amounts(self) -> dict[str, tuple[int, int]]:
        """What is counted -> its number before and after."""
        both = self.before, self.program
        return {
            "ops": (len(both[0].ops), len(both[1].ops)),
            "MACs": (both[0].macs, both[1].macs),
            "weights": (both[0].weight_bytes, both[1].weight_bytes),
            "bytes of arena": (both[0].arena_size, both[1].arena_size),
        }

    def to_json(self) -> dict[str, object]:
        """The numbers [before, after] and the changes, as JSON-able values."""
        names = {"bytes of arena": "arena_bytes", "MACs": "macs"}
        numbers = {names.get(what, what): list(pair) for what, pair in self._amounts().items()}
        return {**numbers, "changes": [change._asdict() for change in self.changes]}

    def __str__(self) -> str:
        """A line of how much is left out, then a line for each change."""
        lines = table_lines(self.changes, left=(0, 1)) if self.changes else []
        return "\n".join([f"left out: {self.left_out}", *(f"  {line}" for line in lines)])

    def __repr__(self) -> str:
        return f"Simplified(left out: {self.left_out})"


def simplify(program: Program) -> Simplified:
    """Leave out what the outputs do not depend on. Every output byte stays, for every input; the
    pass needs no data, and nothing about it is approximate.

    Channels that hold one integer for every input go: the biases of their readers take the integer
    in. Channels that no reader reads with a weight other than 0 go, and so do the channels before
    them. Dead channels of nets that were trained with weight decay are the common case.

    An op goes that computes what another op computes, unless the arena would grow, and so does an
    op that writes what it reads, such as a pool of 1x1. A lookup becomes part of the lookup after
    it, or of the clamp of the op before it. An addition or a product with a tensor that is one
    constant becomes a lookup.

    All channels of the program's input and of its output stay. A constant stays where its reader
    pads with another integer, and where it is an operand of an addition or a product that varies.
    A depthwise convolution keeps four of its channels, and a plane keeps all of its channels where
    few less would not save time: the kernels of small devices compute four channels at a time.

    The proof: the interval of each channel's accumulator, over all inputs of the program, follows
    from the intervals of the channels that the op reads. Requantization is monotone, so that a
    channel is a constant if both ends of its accumulator become one byte. No bound of an
    accumulator grows, so that the program stays valid (NUMERICS.md section 4).

    A program whose plan runs ops row by row gets such a plan again, by `fuse_rows`.

    Args:
        program: any program. One of more than 2,000 ops, or of more than 2^22 channels in all
            tensors together, and a streaming program are returned as they are: simplify the program
            of windows before `Program.streaming`.

    Raises:
        ProgramError: it is no program.
    """
    wanted = "a Program, as quant.quantize gives it"
    check_kind(program, Program, name="program", wanted=wanted, error=ProgramError)
    by_rows = any(program.plan.rows)
    current = replace(program, plan=NO_PLAN) if by_rows else program
    origins, reasons = list(range(len(program.ops))), dict[int, str]()
    channels = program.input_shape.c + sum(op.out_shape.c for op in program.ops)
    changed = channels <= MAX_CHANNELS and len(program.ops) <= MAX_OPS and not program.is_streaming
    with progress("simplification"):
        while changed:
            changed = False
            for step in STEPS:
                found = step(current)
                if found is not None:
                    reasons |= {origins[i]: reason for i, reason in found.reasons.items()}
                    origins = [origins[i] for i in found.origins]
                    current, changed = found.program, True
    changes = _changes(program, current, origins, reasons)
    if not changes:
        current = program
    elif by_rows:
        current = fuse_rows(current)
    return Simplified(before=program, program=current, changes=changes)


def _changes(
    before: Program, after: Program, origins: list[int], reasons: dict[int, str]
) -> tuple[Change, ...]:
    """What became of each op that is another op now, or gone."""
    now = dict(zip(origins, after.ops, strict=True))
    changes = []
    for i, op in enumerate(before.ops):
        parts = [reasons[i]] if i in reasons else []
        if i not in now:
            parts = parts or ["no op needs it"]
        else:
            counts = [("channels", [version.out_shape.c for version in (op, now[i])])]
            weights = [
                version.weight.size for version in (op, now[i]) if isinstance(version, WeightedOp)
            ]
            counts += [("weights", weights)] if len(weights) == 2 else []
            parts += [f"{a:,} -> {b:,} {what}" for what, (a, b) in counts if a != b]
        if parts:
            changes.append(Change(op.name, ", ".join(parts)))
    return tuple(changes)
