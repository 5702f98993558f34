"""Groups of ops that run row by row: NUMERICS.md section 8.

Oracles: `rows_nets.follow`, which follows a run from that page and knows what every byte of the
arena holds; figures worked out on that page; the reference, through every backend.
"""

import dataclasses
from functools import cache

import nets
import pytest
from answers import check_answers
from backends import BACKENDS
from equal_bytes import check_engine
from hypothesis import given
from hypothesis import strategies as st
from line_nets import SCALES, add, dense, line, mean, residual, spotter, windows
from rows_nets import follow

from drypoint.program import (
    Plan,
    Program,
    ProgramError,
    Shape,
    Tensor,
    fuse_rows,
)
from drypoint.program._plan import MAX_ALIVE
from drypoint.program.passes.fuse import make_plan_by_rows


def assert_equal_everywhere(program, backends=()):
    """On these backends; without any named, on every backend that this CPU has."""
    check_engine(program, nets.random_inputs(program, 3), backends)


def test_the_group_of_the_page():
    """8,960 bytes, calls and rows as NUMERICS.md walks through them; one row less is refused."""
    net = spotter(1)
    assert net.arena_size == 16_000
    rows, fused = (0, 3, 2, 0, 0), (False, True, False, False, False)
    plan = Plan((0, 8000, 0, 8000, 0), (False, False, True, False, False), 8960, rows, fused)
    program = dataclasses.replace(net, plan=plan)
    calls = [(i, list(some)) for i, some in follow(program)][1:6]
    assert calls == [(1, [0, 1, 2]), (2, [0, 1]), (1, [3, 4]), (2, [2, 3]), (1, [5, 6])]
    assert_equal_everywhere(program)
    assert program.arena_lower_bound == 8960
    short = plan._replace(rows=(0, 2, 2, 0, 0), arena_size=8640)
    with pytest.raises(ProgramError, match="op 'pw0' would write over the output of 'stem'"):
        dataclasses.replace(net, plan=short)


@given(seed=st.integers(0, 2**30))
def test_every_op_of_a_group_reads_what_was_written(seed):
    program = nets.random_program(3 * seed + 1)
    rows = [[] for _ in program.ops]
    for i, some in follow(program):
        rows[i] += some
    assert rows == [list(range(op.out_shape.h)) for op in program.ops]


def test_random_programs_have_groups_of_all_forms():
    lengths, over, parts = set(), 0, 0
    for seed in range(1, 600, 3):
        plan = nets.random_program(seed).plan
        length = 1
        for i in range(len(plan.offsets)):
            length = length + 1 if plan.is_fused(i) else 1
            lengths.add(length)
            over += plan.in_place[i] and plan.rows_of(i) > 0
        parts += any(plan.rows)
    assert {1, 2, 3, 4, 5} <= lengths
    assert over > 50
    assert parts > 100


@cache
def planned_nets():
    """Nets with groups of the planner."""
    cases = ((spotter(), None), (spotter(), 1), (residual(), 1))
    found = [fuse_rows(net, arena=arena) for net, arena in cases]
    for (net, _), program in zip(cases, found, strict=True):
        assert program.arena_size < net.arena_size
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_groups_of_the_planner_give_the_reference_bytes(backend):
    for program in planned_nets():
        assert_equal_everywhere(program, [backend])


def test_the_planner_saves_ram_first():
    assert fuse_rows(spotter(), arena=9_500).arena_size == 8_960
    assert fuse_rows(spotter(), arena=12_000).arena_size <= 12_000
    # The skip, the row of the sum over it, three rows of the depthwise input, a row of its output.
    block = fuse_rows(residual(), arena=1)
    assert block.plan.fused == (False, True, True, True, False, False)
    assert block.arena_size == 8 * 144 + 12 * (3 * 48 + 48 + 8)


def test_a_group_of_the_planner_leaves_at_most_sixteen_outputs_alive():
    """Fifteen outputs wait for their sums while a chain runs that could be one group."""
    tensor = Tensor(Shape(25, 5, 4), "u8")
    ops = [windows(f"op{i}", tensor, 4, 1) for i in range(15)]
    reads = [(0,)] * 15
    for i in range(4):
        ops.append(windows(f"chain{i}", tensor, 4, 3, padding=1))
        reads.append((len(ops) - 1,) if i else (0,))
    for i in range(15):
        ops.append(add(f"sum{i}", tensor))
        reads.append((len(ops) - 1, i + 1))
    ops.append(dense("last", tensor))
    net = Program(name="many", ops=tuple(ops), reads=(*reads, (len(ops) - 1,)), **SCALES)
    plan = make_plan_by_rows(net.ops, net.reads, 1)
    assert any(plan.rows)
    assert_equal_everywhere(dataclasses.replace(net, plan=plan), ["scalar"])


def test_less_than_the_code_is_not_saved():
    """A net that saves 1,023 bytes keeps its plan; one that saves more does not."""
    small = spotter(1, 8)  # 1,000 bytes a plane
    assert make_plan_by_rows(small.ops, small.reads, 1).arena_size < small.arena_size
    assert fuse_rows(small, arena=1) is small
    pooled = line(lambda t: windows("conv", t, 4, 3, pool=2), mean)
    assert fuse_rows(pooled) is pooled


NET = line(
    lambda t: windows("a", t, 4, 3, padding=1, depthwise=True),
    lambda t: windows("b", t, 4, 3, stride=2, padding=1),
    lambda t: windows("c", t, 2, 1),
)
GROUP = ((0, 100, 600, 0), (False,) * 4, 726)  # 500, 156 and 78 bytes


def net_with(rows, fused):
    return dataclasses.replace(NET, plan=Plan(*GROUP, rows, fused))


def test_rows_that_break_a_rule_are_refused():
    check_answers("rows", globals(), ProgramError)


def test_a_group_has_at_most_sixteen_ops():
    makers = [lambda t, i=i: windows(f"op{i}", t, 4, 1) for i in range(17)]
    net = line(*makers)
    for ops in (MAX_ALIVE, MAX_ALIVE + 1):
        rows = (*[1] * ops, *[0] * (18 - ops))
        fused = (*[True] * (ops - 1), *[False] * (19 - ops))
        rings = (20 * i for i in range(ops - 1))
        offsets = (*rings, 400, 900) if ops == MAX_ALIVE else (*rings, 400)
        size = max(offsets) + 500
        plan = Plan((*offsets, 0), (False,) * 18, size, rows, fused)
        if ops == MAX_ALIVE:
            assert_equal_everywhere(dataclasses.replace(net, plan=plan), ["scalar"])
            continue
        with pytest.raises(ProgramError, match="the group of op 'op0' has more than 16 ops"):
            dataclasses.replace(net, plan=plan)
