"""Random memory plans in which ops run row by row, and a second writing of what such a run does."""

from collections.abc import Iterator, Sequence

import numpy as np

from drypoint.program import Dense, Op, Plan, Program, Resize, Slice, Tensor, Upsample
from drypoint.program._plan import Group, Reads, last_readers, may_fuse
from drypoint.program._planner import plan_groups


def random_rows_plan(rng: np.random.Generator, ops: Sequence[Op], reads: Reads) -> Plan:
    """Groups of any length, rings of a few rows more than needed, any number of rows at a time."""
    last, groups, first = last_readers(ops, reads), list[Group](), 0
    for i, op in enumerate(ops):
        if may_fuse(ops, reads, last, i) and rng.random() < 0.7:
            continue
        rows = [_ring(rng, ops, k) for k in range(first, i)]
        by_rows = op.runs_by_rows and (i > first or rng.random() < 0.5)
        at_a_time = int(rng.integers(1, op.out_shape.h + 1)) if by_rows else 0
        groups.append(Group(first, i, (*rows, at_a_time)))
        first = i + 1
    return plan_groups(ops, reads, groups)


def _ring(rng: np.random.Generator, ops: Sequence[Op], index: int) -> int:
    """The rows that an op keeps for the next op."""
    more = int(rng.integers(0, 4)) if rng.random() < 0.6 else 0
    return min(ops[index].out_shape.h, ops[index + 1].row_map.reach + more)


class Arena:
    """The arena of a run: which row of which op's output each byte holds."""

    def __init__(self, program: Program) -> None:
        self.program, self.bytes = program, dict[int, tuple[int, int, int]]()

    def write(self, index: int, at: int, row: int) -> None:
        """Op ``index`` writes a row of its output at a place."""
        for k in range(_pitch(self.program.ops[index])):
            self.bytes[at + k] = (index, row, k)

    def holds(self, index: int, at: int, row: int) -> bool:
        """Whether a row of an op's output lies at a place, whole."""
        size = _pitch(self.program.ops[index])
        return all(self.bytes.get(at + k) == (index, row, k) for k in range(size))


def follow(program: Program) -> Iterator[tuple[int, range]]:
    """Follow a run through NUMERICS.md section 8, written from that page: the op and the rows of
    each call of a kernel. Every row that an op reads must lie whole where the plan says.

    Raises:
        AssertionError: bytes that an op reads were written over.
    """
    arena, plan, first = Arena(program), program.plan, 0
    for last in range(len(program.ops)):
        if not plan.is_fused(last):
            yield from _follow_group(program, arena, first, last)
            first = last + 1


def _follow_group(
    program: Program, arena: Arena, first: int, last: int
) -> Iterator[tuple[int, range]]:
    ops, plan = program.ops, program.plan
    begin, done = [0] * len(ops), [0] * len(ops)

    def needed_rows(k: int) -> int:  # the first row of op k's output that the next op still reads
        complete = done[k + 1] == ops[k + 1].out_shape.h
        return ops[k].out_shape.h if complete else max(0, _read_by(ops[k + 1], done[k + 1])[0])

    def full(k: int) -> bool:
        return done[k] == ops[k].out_shape.h or done[k] - needed_rows(k) >= plan.rows_of(k)

    while any(done[k] < ops[k].out_shape.h for k in range(first, last + 1)):
        ready = [k for k in range(first, last + 1) if done[k] < ops[k].out_shape.h]
        k = max(k for k in ready if k == first or full(k - 1))
        op, h = ops[k], ops[k].out_shape.h
        if k < last:  # the rows that are read for the last time are gone
            at, pitch = plan.offsets[k], _pitch(op)
            kept = range(min(needed_rows(k), done[k]), done[k])
            assert all(arena.holds(k, at + (row - begin[k]) * pitch, row) for row in kept)
            begin[k] = kept.start
            for row in kept:
                arena.write(k, at + (row - begin[k]) * pitch, row)
        n = h - done[k]
        if plan.rows_of(k) > 0:
            n = min(n, plan.rows_of(k) - (done[k] - begin[k] if k < last else 0))
        if k > first and done[k - 1] < ops[k - 1].out_shape.h:
            n = min(n, sum(_read_by(op, y)[-1] < done[k - 1] for y in range(done[k], h)))
        rows = range(done[k], done[k] + n)
        assert n > 0
        for source, tensor in zip(program.reads[k], op.inputs, strict=True):
            for row in _rows_read(op, tensor, rows) if source > 0 else ():
                at = plan.offsets[source - 1] + (row - begin[source - 1]) * _pitch(ops[source - 1])
                assert arena.holds(source - 1, at, row), (op.name, row)
        yield k, rows
        for row in rows if op.out_type != "i32" else ():
            # As if the kernel wrote before it read, but for values at the place that they lie at.
            arena.write(k, plan.offsets[k] + (row - begin[k]) * _pitch(op), row)
            if not op.in_place:
                for source, tensor in zip(program.reads[k], op.inputs, strict=True):
                    for other in _rows_read(op, tensor, rows) if source > 0 else ():
                        at = plan.offsets[source - 1]
                        at += (other - begin[source - 1]) * _pitch(ops[source - 1])
                        assert arena.holds(source - 1, at, other), (op.name, other)
        done[k] += n


def _pitch(op: Op) -> int:
    return op.out_shape.w * op.out_shape.c


def _read_by(op: Op, y: int) -> range:
    """The rows of its input that row y of the output depends on, padding included."""
    if isinstance(op, Resize):
        row = max(0, y * op.stride[0] + op.offset[0] - op.parts[0]) // op.parts[0]
        return range(row, row + min(op.parts[0], 2))
    if isinstance(op, Slice):
        row = op.first[0] + y * op.stride[0]
        return range(row, row + 1)
    if isinstance(op, Upsample):
        row = (y + op.padding[0]) // op.kernel[0]
        return range(row, row + 1)
    if not hasattr(op, "stride"):
        return range(y, y + 1)
    pool, dilation = getattr(op, "pool", (1, 1))[0], getattr(op, "dilation", (1, 1))[0]
    reach = (op.kernel[0] - 1) * dilation + 1
    begin = y * op.stride[0] * pool - op.padding[0]
    return range(begin, begin + (pool - 1) * op.stride[0] + reach)


def _rows_read(op: Op, tensor: Tensor, rows: range) -> range:
    """The rows of an input that rows of the output depend on."""
    if isinstance(op, Dense) or tensor.shape.h != op.in_shape.h:
        return range(tensor.shape.h)
    begin, end = _read_by(op, rows[0]).start, _read_by(op, rows[-1]).stop
    return range(max(0, begin), min(end, tensor.shape.h))
