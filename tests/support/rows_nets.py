"""Random memory plans in which ops run row by row."""

from collections.abc import Sequence

import numpy as np

from drypoint.program import Op, Plan
from drypoint.program._plan import Group, Reads, last_readers, may_fuse, row_map, runs_by_rows
from drypoint.program._planner import plan_groups


def random_rows_plan(rng: np.random.Generator, ops: Sequence[Op], reads: Reads) -> Plan:
    """Groups of any length, rings of a few rows more than needed, any number of rows at a time."""
    last, groups, first = last_readers(reads), list[Group](), 0
    for i, op in enumerate(ops):
        if may_fuse(ops, reads, last, i) and rng.random() < 0.7:
            continue
        rows = [_ring(rng, ops, k) for k in range(first, i)]
        by_rows = runs_by_rows(op) and (i > first or rng.random() < 0.5)
        at_a_time = int(rng.integers(1, op.out_shape.h + 1)) if by_rows else 0
        groups.append(Group(first, i, (*rows, at_a_time)))
        first = i + 1
    return plan_groups(ops, reads, groups)


def _ring(rng: np.random.Generator, ops: Sequence[Op], index: int) -> int:
    """The rows that an op keeps for the next op."""
    more = int(rng.integers(0, 4)) if rng.random() < 0.6 else 0
    return min(ops[index].out_shape.h, row_map(ops[index + 1]).reach + more)
