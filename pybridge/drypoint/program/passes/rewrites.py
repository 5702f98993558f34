"""Rewrites of a program's graph that leave its output bytes as they are.

A rewrite gives new ops and new reads in the old numbers of tensors. `assembled` drops the ops that
no output needs.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._outputs import is_output
from .._plan import NO_PLAN, Reads
from .._program import Program
from .._reference import apply
from .._tensors import NUMPY_TYPE, DType, ProgramError
from ..ops import AvgPool, DepthwiseConv, Lookup, MaxPool, Op, Slice, Upsample
from ..ops._binary import BinaryOp
from ..ops._interval import Interval
from ..ops._op import RequantizedOp
from .intervals import intervals


class Rewritten(NamedTuple):
    """A program that a rewrite gives."""

    program: Program
    origins: Sequence[int]  # for each of its ops, the op's index in the program before
    reasons: dict[int, str]  # index of an op before -> why it is gone, or what it is now


def assemble(
    program: Program, ops: Sequence[Op], reads: Reads, reasons: dict[int, str]
) -> Rewritten:
    """The program of the ops that the outputs need, directly or through others."""
    used = [False, *map(is_output, ops)]
    for i in reversed(range(len(ops))):
        for tensor in reads[i] if used[i + 1] else ():
            used[tensor] = True
    origins = [i for i in range(len(ops)) if used[i + 1]]
    numbers = {0: 0} | {origin + 1: number for number, origin in enumerate(origins, 1)}
    narrowed = dataclasses.replace(
        program,
        ops=tuple(ops[i] for i in origins),
        reads=tuple(tuple(numbers[tensor] for tensor in reads[i]) for i in origins),
        plan=NO_PLAN,
    )
    return Rewritten(narrowed, origins, reasons)


class _Graph:
    """The ops and reads of a program while one rewrite walks through them in order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.ops = list(program.ops)
        self.reads = list[tuple[int, ...]]()
        self.number = list(range(len(program.ops) + 1))  # tensor before -> with its values now
        self.reasons: dict[int, str] = {}
        self.readers = defaultdict[int, list[int]](list)  # tensor before -> ops that read it
        for i, tensors in enumerate(program.reads):
            for tensor in tensors:
                self.readers[tensor].append(i)

    def walk(self, visit: Callable[["_Graph", int], None]) -> Rewritten | None:
        """Call ``visit`` with each op's index, its reads redirected; None: it changed nothing."""
        for i, tensors in enumerate(self.program.reads):
            self.reads.append(tuple(self.number[tensor] for tensor in tensors))
            visit(self, i)
        if not self.reasons:
            return None
        return assemble(self.program, self.ops, tuple(self.reads), self.reasons)

    def drop(self, i: int, instead: int, reason: str) -> None:
        """Let the readers of op i read another tensor."""
        self.number[i + 1] = instead
        self.reasons[i] = reason


def without_identities(program: Program) -> Rewritten | None:
    """Without the ops that write what they read, for all values that can occur."""
    bounds = intervals(program)

    def visit(graph: _Graph, i: int) -> None:
        if _is_identity(graph.ops[i], bounds[program.reads[i][0]]):
            graph.drop(i, graph.reads[i][0], "writes what it reads")

    return _Graph(program).walk(visit)


def _is_identity(op: Op, source: Interval) -> bool:
    one_value = isinstance(op, Lookup) or (
        isinstance(op, MaxPool | AvgPool | DepthwiseConv | Upsample)
        and op.kernel == (1, 1)
        and not any(op.padding)
    )
    if isinstance(op, Slice):
        return op.output == op.inputs[0]
    if not one_value or op.output != op.inputs[0]:
        return False
    values = _store(op.in_type)[:, None]
    planes = np.broadcast_to(values, (256, op.in_shape.c))[:, None, None]
    occurs = (values >= source.low) & (values <= source.high)
    return bool((apply(op, planes) == planes)[:, 0, 0][occurs].all())


def _store(dtype: DType) -> NDArray[np.integer]:
    """All values of an 8-bit type, in the order of the stored byte read as unsigned."""
    return np.arange(256, dtype=np.uint8).view(NUMPY_TYPE[dtype])


def with_constants_in_tables(program: Program) -> Rewritten | None:
    """Additions and products with a tensor that is one constant become lookups."""
    bounds = intervals(program)

    def visit(graph: _Graph, i: int) -> None:
        op = graph.ops[i]
        for side, tensor in enumerate(program.reads[i]) if isinstance(op, BinaryOp) else ():
            low, high = bounds[tensor]
            other = op.inputs[1 - side]
            if low.min() != high.max() or other.shape != op.out_shape:
                continue
            values = _store(other.type)
            constant = np.full_like(low[:1], low[0], NUMPY_TYPE[op.inputs[side].type])
            planes = (constant, values) if side == 0 else (values, constant)
            table = apply(op, *planes)
            graph.ops[i] = Lookup(name=op.name, inputs=(other,), output=op.output, table=table)
            graph.reads[i] = (graph.reads[i][1 - side],)
            graph.reasons[i] = f"{op.kind} of a constant: a lookup"
            return

    return _Graph(program).walk(visit)


def with_joined_lookups(program: Program) -> Rewritten | None:
    """A lookup that only lookups read becomes part of their tables."""

    def visit(graph: _Graph, i: int) -> None:
        op, source = graph.ops[i], graph.reads[i][0]
        before = graph.ops[source - 1] if source else None
        if not (isinstance(op, Lookup) and isinstance(before, Lookup)):
            return
        if all(isinstance(program.ops[reader], Lookup) for reader in graph.readers[source]):
            table = op.table[before.table.view(np.uint8)]
            graph.ops[i] = dataclasses.replace(op, inputs=before.inputs, table=table)
            graph.reads[i] = graph.reads[source - 1]
            graph.reasons[source - 1] = f"part of the table of {op.name}"

    return _Graph(program).walk(visit)


def with_joined_clamps(program: Program) -> Rewritten | None:
    """A lookup that clamps, and that alone reads the op before it, becomes this op's clamp."""
    bounds = intervals(program)

    def visit(graph: _Graph, i: int) -> None:
        op, tensor, source = graph.ops[i], program.reads[i][0], graph.reads[i][0]
        before = graph.ops[source - 1] if source else None
        if not (isinstance(op, Lookup) and isinstance(before, RequantizedOp)):
            return
        if op.output != op.inputs[0] or graph.readers[tensor] != [i]:
            return
        values = np.arange(bounds[tensor].low.min(), bounds[tensor].high.max() + 1)
        entries = op.table[values & 255]
        limits = int(entries[0]), int(entries[-1])
        if limits[0] <= limits[1] and (entries == values.clip(*limits)).all():
            lo, hi = (min(max(end, limits[0]), limits[1]) for end in (before.lo, before.hi))
            graph.ops[source - 1] = dataclasses.replace(before, lo=lo, hi=hi)
            graph.drop(i, source, f"part of the clamp of {before.name}")

    return _Graph(program).walk(visit)


def without_copy(program: Program) -> Rewritten | None:
    """Without one op that computes what an op before it computes, unless the arena would grow: the
    first op's output is alive for longer then.
    """
    for copy, first in _copies(program):

        def visit(graph: _Graph, i: int, copy: int = copy, first: int = first) -> None:
            if i == copy:
                graph.drop(i, first + 1, f"a copy of {program.ops[first].name}")

        try:
            found = _Graph(program).walk(visit)
        except ProgramError:  # more outputs alive together than a plan may have
            continue
        if found is not None and found.program.arena_size <= program.arena_size:
            return found
    return None


def _copies(program: Program) -> Iterator[tuple[int, int]]:
    """Pairs (later, earlier) of ops equal but for the name, of equal reads; outputs stay."""
    seen = dict[Hashable, int]()
    for i, op in enumerate(program.ops):
        if is_output(op):
            continue
        values = [getattr(op, field.name) for field in dataclasses.fields(op)][1:]  # no name
        bytes_of = (v.tobytes() if isinstance(v, np.ndarray) else v for v in values)
        key = (type(op), program.reads[i], *bytes_of)
        if key in seen:
            yield i, seen[key]
        seen.setdefault(key, i)
