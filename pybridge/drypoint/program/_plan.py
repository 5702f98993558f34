"""The memory plan: where each op's output lies in the arena, by section 8 of NUMERICS.md."""

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ._history import COUNTER, find_delays, lent_rows, state_offsets
from ._outputs import is_output, output_offsets
from ._tensors import ProgramError
from .ops import Op
from .ops._op import BaseOp

MAX_ALIVE = 16  # outputs in the arena at once, and ops of a group: DPT_MAX_ALIVE
MAX_HISTORIES = 128  # and delays of a program: DPT_MAX_HISTORIES

Reads = tuple[tuple[int, ...], ...]  # for each op, the numbers of the tensors that it reads


class Plan(NamedTuple):
    """Where outputs lie, and which ops run row by row.

    Attributes:
        offsets: of each op's output, or of the rows of it that are kept; of an output of the
            program, which lies in the caller's buffer, the number of values before it.
        in_place: whether an op writes over a plane that its group reads.
        arena_size: bytes of the arena.
        rows: for each op, 0 where it computes its whole output at once; where it is fused, the rows
            that are kept; else the rows that it computes at a time. Empty: 0 for every op.
        fused: whether only rows of an op's output are kept, for the next op, which belongs to the
            same group. Empty: no op is.
    """

    offsets: tuple[int, ...]
    in_place: tuple[bool, ...]
    arena_size: int
    rows: tuple[int, ...] = ()
    fused: tuple[bool, ...] = ()

    def rows_of(self, index: int) -> int:
        """``rows`` of an op."""
        return self.rows[index] if self.rows else 0

    def is_fused(self, index: int) -> bool:
        """``fused`` of an op."""
        return bool(self.fused) and self.fused[index]


NO_PLAN = Plan((), (), 0)  # of a program: the planner makes one


class Group(NamedTuple):
    """Consecutive ops that run together: row by row if there are several."""

    first: int  # index of its first op
    last: int  # index of its last op
    rows: tuple[int, ...]  # of each of its ops, as in a `Plan`

    def buffer_bytes(self, ops: Sequence[Op], index: int) -> int:
        """Bytes of the arena that the output of one of its ops takes."""
        if not is_placed(ops, index):
            return 0
        h = ops[index].out_shape.h if index == self.last else self.rows[index - self.first]
        return h * row_bytes(ops[index])


def is_placed(ops: Sequence[Op], index: int) -> bool:
    """Whether the output of an op is no place of the state and none of the caller's buffer."""
    return not is_output(ops[index]) and not ops[index].remembers


def row_bytes(op: Op) -> int:
    """Bytes of a row of an op's output."""
    return op.output.bytes // op.out_shape.h


def reads_one_pixel(op: Op, tensors: Sequence[int], tensor: int) -> bool:
    """Whether every row of an op reads all of a tensor, which is one pixel."""
    return any(number == tensor and op.reads_pixel(side) for side, number in enumerate(tensors))


def may_fuse(ops: Sequence[Op], reads: Reads, last: Sequence[int], index: int) -> bool:
    """Whether an op may keep rows of its output, for the next op alone; ``last``: last readers."""
    if index + 1 == len(ops) or last[index] != index + 1:
        return False
    by_rows = ops[index].runs_by_rows and ops[index + 1].runs_by_rows
    return by_rows and not reads_one_pixel(ops[index + 1], reads[index + 1], index + 1)


def last_readers(ops: Sequence[BaseOp], reads: Reads) -> tuple[int, ...]:
    """For each op, the last op that reads its output; 0 where no op does. A carried tensor is alive
    to the last op.
    """
    last = [0] * len(reads)
    for i, tensors in enumerate(reads):
        for tensor in tensors:
            if tensor > 0:
                last[tensor - 1] = i
    for i in find_delays(ops):
        last[i] = len(ops) - 1
    return tuple(last)


def dying(ops: Sequence[Op], reads: Reads, last: Sequence[int], group: Group) -> list[int]:
    """The ops, but histories, whose outputs the group reads and no later group does."""
    tensors = itertools.chain.from_iterable(reads[group.first : group.last + 1])
    stored = [j - 1 for j in dict.fromkeys(tensors) if 0 < j <= group.first]
    return [j for j in stored if last[j] <= group.last and is_placed(ops, j)]


def groups(plan: Plan) -> Iterator[Group]:
    """The groups of a plan, in order."""
    first = 0
    for i in range(len(plan.offsets)):
        if not plan.is_fused(i):
            yield Group(first, i, tuple(map(plan.rows_of, range(first, i + 1))))
            first = i + 1


def may_overlap(ops: Sequence[Op], reads: Reads, group: Group, source: int, ahead: int) -> bool:
    """Whether the group's output may lie over the output of op ``source``, which no later group
    reads, and begin ``ahead`` bytes before it: rules 2 and 3.
    """
    out = ops[group.last]
    exact = (
        ahead == 0
        and out.in_place
        and out.output.bytes == ops[source].output.bytes
        and source + 1 in reads[group.last]
        and not reads_one_pixel(out, reads[group.last], source + 1)
    )
    lead = least_lead(ops, reads, group, source, end=group.last if exact else None)
    return lead is not None and ahead >= lead


def least_lead(
    ops: Sequence[Op], reads: Reads, group: Group, source: int, *, end: int | None = None
) -> int | None:
    """How many bytes before the output of op ``source``, which no later group reads, the group's
    output must begin at least to lie over it by rule 3; None: it may not. The rule is for the
    readers before op ``end``, or for all of the group.
    """
    lead = max(0, ops[group.last].output.bytes - ops[source].output.bytes)
    for k in range(group.first, group.last + 1 if end is None else end):
        if source + 1 in reads[k]:
            of_op = _lead(ops, reads, group, source, k)
            if of_op is None:
                return None
            lead = max(lead, of_op)
    return lead


def _lead(ops: Sequence[Op], reads: Reads, group: Group, source: int, k: int) -> int | None:
    """The lead by rule 3 for op k of the group, which reads the output of op ``source``."""
    out, plane = ops[group.last], ops[source]
    grows = any(op.resamples for op in ops[k : group.last + 1])
    if group.rows[-1] == 0 or grows or reads_one_pixel(ops[k], reads[k], source + 1):
        return None
    q, height = group.rows[-1], ops[k].out_shape.h
    at = range(out.out_shape.h - q + 1)
    # Op k has rows to compute at the first `count` rows of the output.
    count = bisect_left(at, height, key=lambda y: _computed_rows(ops, group, k, y))
    stride, _, pad, _ = ops[k].row_map
    lead = 0
    for y in (at[0], at[count - 1]) if count > 0 else ():
        still_read = _computed_rows(ops, group, k, y) * stride - pad
        lead = max(lead, (y + q) * row_bytes(out) - still_read * row_bytes(plane))
    return lead


def _computed_rows(ops: Sequence[Op], group: Group, k: int, y: int) -> int:
    """How many rows op k has computed at least when the last op computes row y: n of rule 3."""
    if k == group.last:
        return y
    stride, _, pad, _ = ops[group.last].row_map
    ring, height = group.rows[-2], ops[group.last - 1].out_shape.h
    n = height if ring == height else min(height, y * stride - pad + ring)
    for i in range(group.last - 1, k, -1):
        stride, reach, pad, _ = ops[i].row_map
        n = min(ops[i - 1].out_shape.h, (n - 1) * stride - pad + reach)
    return n


def check_plan(ops: Sequence[Op], reads: Reads, plan: Plan) -> None:
    """Refuse a plan in which outputs that are alive together overlap."""
    n = len(ops)
    columns = (plan.offsets, plan.in_place, plan.rows or (0,) * n, plan.fused or (False,) * n)
    if any(len(column) != n for column in columns):
        raise ProgramError(
            f"the plan has {', '.join(str(len(c)) for c in columns)} offsets, marks, rows and "
            f"fused ops for {n} ops"
        )
    last = last_readers(ops, reads)
    for i, values in output_offsets(ops).items():
        if plan.offsets[i] != values:
            raise ProgramError(
                f"op {ops[i].name!r} has its output at value {plan.offsets[i]}, but the outputs "
                f"before it have {values} values"
            )
    for i, op in enumerate(ops):
        if plan.offsets[i] < 0:
            raise ProgramError(f"op {op.name!r} has the offset {plan.offsets[i]} in the arena")
        _check_rows(ops, reads, plan, last, i)
    _check_state(ops, reads, plan, last)
    need = state_offsets(ops)[-1]
    alive = list[tuple[int, int]]()  # ops, and the bytes that their outputs take
    for group in groups(plan):
        if group.last - group.first >= MAX_ALIVE:
            name = ops[group.first].name
            raise ProgramError(f"the group of op {name!r} has more than {MAX_ALIVE} ops")
        for i in range(group.first, group.last + 1):
            size, taken = group.buffer_bytes(ops, i), False
            for j, other in alive if is_placed(ops, i) else ():
                ahead = plan.offsets[j] - plan.offsets[i]
                if -other < ahead < size:
                    stored = j < group.first and last[j] <= group.last
                    marked = plan.in_place[i] and i == group.last
                    if not (stored and marked and may_overlap(ops, reads, group, j, ahead)):
                        raise ProgramError(
                            f"op {ops[i].name!r} would write over the output of {ops[j].name!r}, "
                            f"which op {ops[last[j]].name!r} reads"
                        )
                    taken = True
            if plan.in_place[i] and not taken:
                raise ProgramError(
                    f"op {ops[i].name!r} is not at the place of its input, as it says"
                )
            if i == group.last:
                alive = [(j, bytes_of) for j, bytes_of in alive if last[j] > group.last]
            if is_placed(ops, i):
                alive.append((i, size))
                need = max(need, plan.offsets[i] + size)
            if len(alive) > MAX_ALIVE:
                raise ProgramError(
                    f"{len(alive)} outputs are alive after op {ops[i].name!r}; at most "
                    f"{MAX_ALIVE} may be"
                )
    if need != plan.arena_size:
        raise ProgramError(f"the arena is {plan.arena_size} bytes, but the plan needs {need}")


def _check_state(ops: Sequence[Op], reads: Reads, plan: Plan, last: Sequence[int]) -> None:
    """Rule 8, and the places of the histories: NUMERICS.md section 11."""
    *places, size = state_offsets(ops)
    kept = {i: op for i, op in enumerate(ops) if op.remembers}
    lent, delay_of = lent_rows(ops, reads), find_delays(ops)
    if len(kept) > MAX_HISTORIES:
        raise ProgramError(
            f"{len(kept)} histories and delays; a program has at most {MAX_HISTORIES}"
        )
    if kept and any(plan.rows):
        raise ProgramError("an op of a streaming program runs row by row, which none may")
    for i, op in enumerate(ops):
        at = plan.offsets[i]
        wanted = places[delay_of.get(i, i)]
        if (i in kept or i in delay_of) and at != wanted:
            raise ProgramError(f"op {op.name!r} has its state at {at} in the arena, not {wanted}")
        if not is_placed(ops, i) or at >= size:
            continue
        end = at + op.output.bytes
        wrong = at < COUNTER * len(ops)
        for h, of in kept.items():  # at most MAX_HISTORIES: the time is linear
            free = h in lent and (last[i] < h or last[h] < i)
            used = places[h] + (row_bytes(of) if free else 0)
            over = max(at, used) < min(end, places[h] + of.state_bytes)
            wrong |= over and delay_of.get(i) != h
        if wrong:
            raise ProgramError(
                f"op {op.name!r} would write over the state at the front of the arena; it may lie "
                "over the oldest row of a history that no op reads any more"
            )


def _check_rows(ops: Sequence[Op], reads: Reads, plan: Plan, last: Sequence[int], i: int) -> None:
    """Rule 5 for op i."""
    op, rows, fused = ops[i], plan.rows_of(i), plan.is_fused(i)
    if rows == 0 and not fused:
        return
    what = f"keeps {rows} rows of its output" if fused else f"computes {rows} rows at a time"
    if not 0 < rows <= op.out_shape.h:
        raise ProgramError(f"op {op.name!r} {what}, which has {op.out_shape.h}")
    if not op.runs_by_rows:
        raise ProgramError(
            f"op {op.name!r} {what}; a dense op, or one with rows of padding alone, cannot"
        )
    if not fused:
        return
    if not may_fuse(ops, reads, last, i) or plan.rows_of(i + 1) == 0:
        raise ProgramError(
            f"op {op.name!r} {what}; wanted: the next op reads it row by row, and no other op does"
        )
    least = min(ops[i + 1].row_map.reach, op.out_shape.h)
    if rows < least:
        raise ProgramError(f"op {op.name!r} {what}; op {ops[i + 1].name!r} reads {least} at a time")
