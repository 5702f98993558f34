"""Finds groups of ops to run row by row, so that the arena becomes small."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from drypoint.common import progress

from .._history import is_streaming
from .._plan import (
    MAX_ALIVE,
    Group,
    Plan,
    Reads,
    dying,
    last_readers,
    least_lead,
    may_fuse,
    may_overlap,
    row_bytes,
)
from .._planner import make_plan, plan_groups
from .._program import Program
from ..ops import DepthwiseConv, Op

CODE = 1024  # bytes of flash that the code of dpt_rows.c takes, about: less RAM is not worth them
TRIES = 4  # divisions into groups whose outputs are placed at most
PIXELS = (8, 16, 32, 64, 128)  # a call of a kernel computes one of these numbers at least
# The cost of running row by row, as measured on Cortex-M4, in instructions:
MORE = 0.04  # at most, for each step of the program
CALL = 900  # of a call of a kernel, beside the pixels that it computes
HALO = (10, 28)  # of a depthwise call, for each column and channel: of even and odd rows
MOVED = 2  # bytes that an instruction moves to the front of a ring


def fuse_rows(program: Program, *, arena: int | None = None) -> Program:
    """The program with a memory plan in which ops run row by row, so that the arena is small.

    The outputs of all ops are the same bytes for every input. The plan has the smallest arena among
    the plans that take few instructions more: up to 3 % on Cortex-M0+ and M4, up to 7 % elsewhere
    for the nets of ``python -m drypoint.devices bench``. Where this arena is larger than ``arena``
    bytes, the planner takes the plan with the fewest instructions whose arena fits, or the plan
    with the smallest arena if none fits.

    Returns:
        ``program`` itself, if no such plan saves at least 1,024 bytes of the arena: the code that
        runs ops row by row takes about as much flash. A streaming program, whose ops compute a row
        at a time anyway, stays as it is.
    """
    if is_streaming(program.ops):
        return program
    with progress("memory plan"):
        plan = make_plan_by_rows(program.ops, program.reads, arena)
    if plan.arena_size + CODE > program.arena_size:
        return program
    return replace(program, plan=plan)


def make_plan_by_rows(ops: Sequence[Op], reads: Reads, arena: int | None = None) -> Plan:
    """The plan that `fuse_rows` takes, whatever it saves."""
    whole = make_plan(ops, reads)
    most = MORE * sum(op.work for op in ops)
    everything = [list(_groups_from(ops, reads, first)) for first in range(len(ops))]
    still = [[candidate for candidate in found if candidate.drift == 0] for found in everything]
    found = [(0, whole)]
    for candidates in (still, everything):
        found += _plans(ops, reads, candidates, most, whole.arena_size)
    best = min((plan for _, plan in found), key=lambda plan: plan.arena_size)
    if arena is None or best.arena_size <= arena:
        return best
    for candidates in (still, everything):
        found += _plans(ops, reads, candidates, math.inf, whole.arena_size)
    fitting = [pair for pair in found if pair[1].arena_size <= arena]
    if fitting:
        return min(fitting, key=lambda pair: pair[0])[1]
    return min((plan for _, plan in found), key=lambda plan: plan.arena_size)


def _plans(
    ops: Sequence[Op],
    reads: Reads,
    candidates: Sequence[Sequence["_Candidate"]],
    most: float,
    below: int,
) -> Iterator[tuple[int, Plan]]:
    """A few plans of cost at most ``most``, below ``below`` bytes, fewest first; their costs."""
    limits = [limit for limit in _limits(candidates) if limit < below]
    # A larger limit costs no more: the first that is cheap enough is found by bisection.
    first = bisect_left(limits, -most, key=lambda limit: -_cheapest(candidates, limit)[0])
    for limit in limits[first : first + TRIES]:
        cost, chosen = _cheapest(candidates, limit)
        yield cost, plan_groups(ops, reads, chosen)


class _Candidate(NamedTuple):
    group: Group
    in_use: int  # bytes of the arena in use while the group runs
    drift: int  # bytes that its output begins before the plane under it; they add up in a line
    cost: int  # about how many more instructions than ops that compute whole outputs take


def _limits(candidates: Sequence[Sequence[_Candidate]]) -> list[int]:
    """The bytes in use in a division into groups, from the least that is possible."""
    n, sizes = len(candidates), {candidate.in_use for found in candidates for candidate in found}
    least: list[int] = [0, *[max(sizes)] * n]
    for first, found in enumerate(candidates):
        for candidate in found:
            to = candidate.group.last + 1
            least[to] = min(least[to], max(least[first], candidate.in_use))
    return sorted(size for size in sizes if size >= least[n])


def _cheapest(candidates: Sequence[Sequence[_Candidate]], limit: int) -> tuple[int, list[Group]]:
    """The cheapest division into groups with at most ``limit`` bytes in use, and its cost."""
    ways: list[tuple[int, list[Group]] | None] = [(0, []), *[None] * len(candidates)]
    for first, found in enumerate(candidates):
        if (way := ways[first]) is None:
            continue
        for candidate in found:
            total, to = way[0] + candidate.cost, candidate.group.last + 1
            known = ways[to]
            if candidate.in_use <= limit and (known is None or total < known[0]):
                ways[to] = total, [*way[1], candidate.group]
    assert ways[-1] is not None
    return ways[-1]


def _groups_from(ops: Sequence[Op], reads: Reads, first: int) -> Iterator[_Candidate]:
    """The groups that begin with an op."""
    last = last_readers(ops, reads)
    before = [ops[j].output.bytes for j in range(first) if last[j] >= first]

    def candidate(group: Group) -> _Candidate:
        beside, drift = _bytes(ops, reads, dying(ops, reads, last, group), group)
        return _Candidate(group, sum(before) + beside, drift, _cost(ops, group))

    yield candidate(Group(first, first, (0,)))
    for end in range(first, min(len(ops), first + MAX_ALIVE)):
        if not ops[end].runs_by_rows or (end > first and not may_fuse(ops, reads, last, end - 1)):
            return
        if len(before) + end - first > MAX_ALIVE:  # rule 6
            return
        for pixels in PIXELS:
            group = _with_rows(ops, first, end, pixels)
            yield candidate(_with_lead(ops, reads, last, group))


def _with_rows(ops: Sequence[Op], first: int, last: int, pixels: int) -> Group:
    """A group whose kernels compute at least ``pixels`` pixels in a call."""
    rows = [_rows_at_a_time(ops[last], pixels)]
    at_a_time = rows[0]
    for k in range(last, first, -1):
        stride, reach, _, grow = ops[k].row_map
        kept = min(ops[k - 1].out_shape.h, reach + -(-(at_a_time - 1) * stride // grow))
        rows.insert(0, kept)
        at_a_time = min(kept, _rows_at_a_time(ops[k - 1], pixels))
    return Group(first, last, tuple(rows))


def _rows_at_a_time(op: Op, pixels: int) -> int:
    """Rows of at least ``pixels`` pixels; an even number: some kernels compute rows in pairs."""
    rows = -(-pixels // op.out_shape.w)
    return min(op.out_shape.h, rows + (rows % 2 if rows > 1 else 0))


def _with_lead(ops: Sequence[Op], reads: Reads, last: Sequence[int], group: Group) -> Group:
    """The group with as many rows in its last ring as make it smallest: with more rows its output
    may begin nearer to the plane that it lies over.
    """
    sources = dying(ops, reads, last, group)
    if group.first == group.last or not sources:
        return group
    ring = group.rows[-2]
    height, best = ops[group.last - 1].out_shape.h, group
    for rows in range(ring, min(height, ring + MAX_ALIVE) + 1):
        longer = group._replace(rows=(*group.rows[:-2], rows, group.rows[-1]))
        best = min(best, longer, key=lambda plan: _bytes(ops, reads, sources, plan))
    return best


def _bytes(
    ops: Sequence[Op], reads: Reads, sources: Sequence[int], group: Group
) -> tuple[int, int]:
    """Bytes of the arena that the group needs beside the outputs before it, and the drift."""
    rings = sum(group.buffer_bytes(ops, i) for i in range(group.first, group.last))
    size = group.buffer_bytes(ops, group.last)
    beside, drift = size, 0
    for j in sources:
        lead = least_lead(ops, reads, group, j)
        if may_overlap(ops, reads, group, j, 0):
            lead = 0
        if lead is not None and lead < size:
            beside -= size - lead
            drift = max(drift, lead - max(0, size - ops[j].output.bytes))
    return rings + max(0, beside), drift


def _cost(ops: Sequence[Op], group: Group) -> int:
    """Instructions for the calls of kernels and for moving rows to the front of rings."""
    if group.rows[-1] == 0:
        return 0
    total, at_a_time = 0, group.rows[-1]
    for k in range(group.last, group.first - 1, -1):
        op = ops[k]
        calls = -(-op.out_shape.h // at_a_time)
        call = CALL
        if isinstance(op, DepthwiseConv) and op.stride == (1, 1):
            call += HALO[at_a_time % 2] * row_bytes(op)
        if k > group.first:
            stride, reach, _, grow = op.row_map
            kept, gone = group.rows[k - 1 - group.first], at_a_time * stride // grow
            call += max(0, kept - gone) * row_bytes(ops[k - 1]) // MOVED
            at_a_time = max(1, min(gone, (kept - reach) // stride + 1))
        total += calls * call
    return total
