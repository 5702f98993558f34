"""The memory plan against NUMERICS.md section 8: the smallest arena, in place, and what is refused.

Oracles: brute force over all orders in which outputs are put at the lowest free place (one of them
gives the smallest arena there is), byte sets of what is alive, and canaries around a C run's arena.
"""

import dataclasses
import itertools

import nets
import numpy as np
import pytest
from answers import check_answers
from backends import BACKENDS
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output

from drypoint.engine import Engine
from drypoint.engine._native import ffi, lib
from drypoint.program import Add, Concat, Dense, Lookup, Plan, Program, ProgramError, Shape, Tensor
from drypoint.program._plan import MAX_ALIVE
from drypoint.program._planner import SEARCHED, Block, _place, make_plan
from tools import INCLUDE

SCALES = {"input_scale": 1.0, "outputs": only_output()}


def plane(size, dtype="u8"):
    return Tensor(Shape(1, 1, size), dtype)


def rule(dtype, channels):
    lo, hi = (-(2**31), 2**31 - 1) if dtype == "i32" else (0, 255)
    bias, mult = np.zeros(channels, np.int32), np.full(channels, 2, np.int32)
    return {"shift": 0, "lo": lo, "hi": hi, "bias": bias, "mult": mult}


def dense(name, source, size, dtype="u8"):
    weight = np.ones((size, source), np.int8)
    tensors = {"inputs": (plane(source),), "output": plane(size, dtype)}
    return Dense(name=name, **tensors, weight=weight, **rule(dtype, size))


def add(name, size):
    tensors = {"inputs": (plane(size), plane(size)), "output": plane(size)}
    return Add(name=name, **tensors, factors=(1, 1), **rule("u8", 1))


def lookup(name, size):
    table = np.arange(256, dtype=np.uint8)
    return Lookup(name=name, inputs=(plane(size),), output=plane(size), table=table)


def line(*sizes):
    """A line of dense ops with outputs of these bytes, and a last op."""
    ops = [dense(f"op{i}", n, m) for i, (n, m) in enumerate(itertools.pairwise([1, *sizes]))]
    return Program(name="line", ops=(*ops, dense("last", sizes[-1], 1, "i32")), **SCALES)


def random_graph(seed, most=7):
    """Lookups and additions of planes of one size, dense ops to other sizes."""
    rng = np.random.default_rng(seed)
    sizes, ops, reads = [int(rng.integers(1, 9))], [], []
    for i in range(int(rng.integers(2, most))):
        number = int(rng.integers(max(0, i - 3), i + 1))
        size = sizes[number]
        fits = [n for n, other in enumerate(sizes) if other == size]
        kind = rng.choice(["dense", "dense", "lookup", "add"])
        made = int(rng.integers(1, 9)) if kind == "dense" else size
        same = add if kind == "add" else lookup
        ops.append(dense(f"op{i}", size, made) if kind == "dense" else same(f"op{i}", size))
        reads.append((number, int(rng.choice(fits))) if kind == "add" else (number,))
        sizes.append(made)
    read = {n for numbers in reads for n in numbers}
    while len(unread := [n for n in range(1, len(sizes)) if n not in read]) > 1:
        for number in unread[:2]:
            ops.append(dense(f"op{len(ops)}", sizes[number], 3))
            reads.append((number,))
            sizes.append(3)
        ops.append(add(f"op{len(ops)}", 3))
        reads.append((len(ops) - 2, len(ops) - 1))
        sizes.append(3)
        read |= {*unread[:2], len(ops) - 2, len(ops) - 1}
    ops.append(dense("last", sizes[-1], 1, "i32"))
    reads.append((len(ops) - 1,))
    return Program(name=f"graph{seed}", ops=tuple(ops), reads=tuple(reads), **SCALES)


def kept_bytes(program, op):
    """Bytes of the arena that the output of an op takes."""
    i = program.ops.index(op)
    h = program.plan.rows_of(i) if program.plan.is_fused(i) else op.out_shape.h
    return h * op.out_shape.w * op.out_shape.c


def lifetimes(program):
    """For each op: the ops from the one that writes its output to the last reader; none where the
    output is one of the program, which does not lie in the arena."""
    last = {}
    for i, numbers in enumerate(program.reads):
        for number in numbers:
            last[number - 1] = i
    return [range(i, last.get(i, i - 1) + 1) for i in range(len(program.ops))]


def under(program, i):
    """The op whose output lies where the output of op i, which is in place, lies."""
    sources = [number - 1 for number in program.reads[i] if number > 0]
    offsets, last = program.plan.offsets, lifetimes(program)
    return next(j for j in sources if offsets[j] == offsets[i] and last[j].stop == i + 1)


def blocks(program):
    """Outputs that lie at one place, one after the other in place: (bytes, ops while in use)."""
    found, block_of = [], []
    for i, alive in enumerate(lifetimes(program)):
        if program.ops[i].out_type == "i32":
            block_of.append(-1)
        elif program.plan.in_place[i]:
            at = block_of[under(program, i)]
            found[at] = (found[at][0], range(found[at][1].start, alive.stop))
            block_of.append(at)
        else:
            block_of.append(len(found))
            found.append((program.ops[i].output.bytes, alive))
    return found


def meet(a, b):
    return max(a.start, b.start) < min(a.stop, b.stop)


def smallest_arena(found):
    """Brute force: every order of the blocks, each at the lowest place that the blocks before it
    leave. In a smallest plan, push every block down until it rests on another or on 0; the order of
    the offsets then gives this plan back. An order ends where it is as high as the best one.
    """
    best = sum(size for size, _ in found)

    def go_on(placed, height):
        nonlocal best
        if height >= best:
            return
        if len(placed) == len(found):
            best = height
            return
        for i, (size, alive) in enumerate(found):
            if i in placed:
                continue
            busy = [place for j, place in placed.items() if meet(alive, found[j][1])]
            places = (range(at, at + size) for at in [0, *(place.stop for place in busy)])
            free = [place for place in places if not any(meet(place, other) for other in busy)]
            lowest = min(free, key=lambda place: place.start)
            go_on({**placed, i: lowest}, max(height, lowest.stop))

    go_on({}, 0)
    return best


def most_alive(found):
    """The largest sum of bytes in use while one op runs."""
    ops = range(max((alive.stop for _, alive in found), default=0))
    return max((sum(n for n, alive in found if op in alive) for op in ops), default=0)


def test_small_graphs_have_the_smallest_arena():
    tried = 0
    for seed in range(250):
        program = random_graph(seed)
        found = blocks(program)
        if len(found) <= 6:
            tried += 1
            assert program.arena_size == smallest_arena(found), program
            assert program.arena_lower_bound == most_alive(found)
    assert tried > 100
    assert any(program.plan.in_place.count(True) > 1 for program in map(random_graph, range(50)))


def arena_of(made):
    """The arena that the planner takes for blocks, after a check that they do not overlap."""
    offsets = _place(made)
    ranges = [range(at, at + block.size) for at, block in zip(offsets, made, strict=True)]
    for i, j in itertools.combinations(range(len(made)), 2):
        assert not (made[i].meets(made[j]) and meet(ranges[i], ranges[j]))
    return max(place.stop for place in ranges)


def test_entangled_outputs_have_the_smallest_arena_too():
    """Lifetimes that small graphs seldom have."""
    rng = np.random.default_rng(0)
    for _ in range(150):
        made = []
        for size in rng.integers(1, 9, 6).tolist():
            begin, end = sorted(rng.integers(0, 9, 2).tolist())
            made.append(Block(size, begin, end))
        made.sort(key=lambda block: block.begin)
        assert arena_of(made) == smallest_arena([(b.size, range(b.begin, b.end + 1)) for b in made])


def test_the_smallest_arena_can_be_larger_than_any_sum_of_what_is_alive():
    """Eight outputs (bytes, first op, last op): at most 8 bytes are alive, and 9 are needed."""
    found = [(2, 0, 4), (4, 1, 2), (2, 2, 5), (3, 3, 6), (1, 4, 5), (1, 5, 6), (4, 6, 7), (4, 7, 8)]
    alive = [(size, range(begin, end + 1)) for size, begin, end in found]
    assert most_alive(alive) == 8
    assert smallest_arena(alive) == 9
    assert arena_of([Block(*block) for block in found]) == 9


@given(seed=st.integers(0, 2**30))
def test_every_plan_keeps_what_is_alive_apart(seed):
    """Oracle: the set of bytes of each output, op by op. Without rows."""
    program = nets.random_program(3 * seed)
    plan, alive = program.plan, lifetimes(program)
    assert len(plan.offsets) == len(plan.in_place) == len(program.ops)
    outputs = [i for i, op in enumerate(program.ops) if op.out_type == "i32"]
    sizes = [program.ops[i].out_shape.size for i in outputs]
    assert [plan.offsets[i] for i in outputs] == [sum(sizes[:k]) for k in range(len(sizes))]
    assert not any(plan.in_place[i] for i in outputs)
    places = [
        set(range(at, at + op.output.bytes)) if op.out_type != "i32" else set()
        for at, op in zip(plan.offsets, program.ops, strict=True)
    ]
    assert plan.arena_size == max(set().union(*places), default=-1) + 1
    for i, j in itertools.combinations(range(len(places)), 2):
        if meet(alive[i], alive[j]) and places[i] & places[j]:
            assert plan.in_place[j]
            assert i + 1 in program.reads[j]
            assert alive[i].stop == j + 1
            assert places[i] == places[j]
            assert program.ops[j].in_place
    for j, marked in enumerate(plan.in_place):
        if marked:
            assert plan.offsets[j] == plan.offsets[under(program, j)]
    assert program.arena_lower_bound == most_alive(blocks(program)) <= plan.arena_size


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_a_line_takes_the_largest_sum_of_two_neighbours(sizes):
    """Also a line that is longer than the search: outputs lie at the two ends in turn."""
    program = line(*sizes)
    least = max([*map(sum, itertools.pairwise(sizes)), *sizes])
    assert program.arena_size == program.arena_lower_bound == least
    for i, (at, size) in enumerate(zip(program.plan.offsets, sizes, strict=False)):
        assert at == 0 if i % 2 == 0 else at == least - size


def test_outputs_of_a_line_lie_at_the_ends_in_turn():
    assert line(100, 60, 20).plan == Plan((0, 100, 0, 0), (False,) * 4, 160)
    assert line(7).plan == Plan((0, 0), (False, False), 7)
    alone = Program(name="one", ops=(dense("only", 5, 3, "i32"),), **SCALES)
    assert alone.plan == Plan((0,), (False,), 0)
    assert alone.arena_lower_bound == 0


def test_an_addition_and_a_table_write_over_an_input_that_no_later_op_reads():
    """a -> b -> c = add(b, a) -> d = table(c) -> last: b, c and d share 60 bytes."""
    ops = (dense("a", 1, 60), dense("b", 60, 60), add("c", 60), lookup("d", 60))
    ops = (*ops, dense("last", 60, 1, "i32"))
    program = Program(name="net", ops=ops, reads=((0,), (1,), (2, 1), (3,), (4,)), **SCALES)
    assert program.plan.in_place == (False, False, True, True, False)
    assert program.plan.offsets == (0, 60, 60, 60, 0)
    assert program.arena_size == 120
    # A later op reads the first input: op c lies over the second one.
    ops = (*ops[:4], add("e", 60), dense("last", 60, 1, "i32"))
    reads = ((0,), (1,), (2, 1), (3,), (4, 2), (5,))
    program = Program(name="net", ops=ops, reads=reads, **SCALES)
    assert program.plan.in_place == (False, False, True, True, True, False)
    assert program.plan.offsets[2] == program.plan.offsets[0] != program.plan.offsets[1]
    # The program's input is the caller's, and so is the output.
    ops = (lookup("a", 60), dense("last", 60, 1, "i32"))
    assert Program(name="net", ops=ops, **SCALES).plan.in_place == (False, False)


def test_many_outputs_are_placed_in_time_too():
    """More blocks than the search takes: a ladder of concatenations with the output before."""
    ops, reads, small = [dense("op0", 1, 8), dense("op1", 8, 8)], [(0,), (1,)], 1
    while len(ops) < 40:
        both = Tensor(Shape(1, 1, 16), "u8")
        ops.append(Concat(name=f"op{len(ops)}", inputs=(plane(8), plane(8)), output=both))
        reads.append((len(ops) - 1, small))
        small = len(ops) - 1
        ops.append(dense(f"op{len(ops)}", 16, 8))
        reads.append((len(ops) - 1,))
    ops.append(dense("last", 8, 1, "i32"))
    reads.append((40,))
    program = Program(name="ladder", ops=tuple(ops), reads=tuple(reads), **SCALES)
    assert len(blocks(program)) > SEARCHED
    assert program.arena_size == program.arena_lower_bound


def wide(count):
    """So many outputs of one input, then additions of them: all are alive together."""
    ops, reads = [dense(f"op{i}", 2, 4) for i in range(count)], [(0,)] * count
    number = 1
    for i in range(1, count):
        ops.append(add(f"sum{i}", 4))
        reads.append((number, i + 1))
        number = len(ops)
    ops.append(dense("last", 4, 1, "i32"))
    return {"name": "wide", "ops": tuple(ops), "reads": (*reads, (number,)), **SCALES}


def test_sixteen_outputs_may_be_alive_and_no_more():
    program = Program(**wide(MAX_ALIVE))
    assert Engine(program).arena_size == program.arena_size == 4 * MAX_ALIVE
    with pytest.raises(ProgramError) as error:
        Program(**wide(MAX_ALIVE + 1))
    assert str(error.value) == "17 outputs are alive after op 'op16'; at most 16 may be"
    header = (INCLUDE / "drypoint.h").read_text("utf-8")
    assert f"\n#define DPT_MAX_ALIVE {MAX_ALIVE}\n" in header


def residual():
    """a -> b -> c = add(b, a) -> d (a copy of a's size) -> last; c lies where b lies."""
    ops = (dense("a", 1, 6), dense("b", 6, 6), add("c", 6), dense("d", 6, 4))
    ops = (*ops, dense("last", 4, 1, "i32"))
    return Program(name="net", ops=ops, reads=((0,), (1,), (2, 1), (3,), (4,)), **SCALES)


NO, YES = False, True


def residual_with(*plan):
    return dataclasses.replace(residual(), plan=Plan(*plan))


def test_a_plan_that_breaks_a_rule_is_refused():
    assert residual().plan == Plan((0, 6, 6, 0, 0), (NO, NO, YES, NO, NO), 12)
    check_answers("plans", globals(), ProgramError)


def test_any_plan_that_keeps_the_rules_is_taken():
    """A program stores its plan: the planner is not asked again."""
    good = residual()
    for plan in (
        Plan((6, 0, 0, 6, 0), (NO, NO, YES, NO, NO), 12),
        Plan((0, 6, 12, 0, 0), (NO,) * 5, 18),
        Plan((100, 6, 6, 0, 0), (NO, NO, YES, NO, NO), 106),
        Plan((0, 6, 0, 6, 0), (NO, NO, YES, NO, NO), 12),  # over the second input
    ):
        other = dataclasses.replace(good, plan=plan)
        assert other.plan == plan
        x = np.array([[[7]]], np.uint8)
        np.testing.assert_array_equal(Engine(other).run(x), Engine(good).run(x))
        assert Engine(other).arena_size == plan.arena_size


def test_an_input_that_a_later_op_reads_must_not_be_written_over():
    ops = (dense("a", 1, 6), lookup("b", 6), add("c", 6), dense("last", 6, 1, "i32"))
    reads = ((0,), (1,), (2, 1), (3,))
    plan = Plan((0, 0, 0, 0), (NO, YES, YES, NO), 6)
    with pytest.raises(
        ProgramError, match="op 'b' would write over the output of 'a', which op 'c"
    ):
        Program(name="net", ops=ops, reads=reads, plan=plan, **SCALES)


def run_in(engine, arena, size, x):
    """The status of a run whose arena is the first `size` bytes of a buffer, and its output."""
    output = np.zeros(engine.program.output_count, np.int32)
    status = lib.dpt_run(
        engine._model,
        engine._backend,
        ffi.cast("void *", arena.ctypes.data),
        size,
        ffi.cast("void *", x.ctypes.data),
        ffi.cast("int32_t *", output.ctypes.data),
    )
    return status, output


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_writes_all_of_the_arena_and_no_byte_beyond(backend, toolbox):
    """The planner's arena has no hole for graphs without padding between outputs: every byte is in
    some output. Two runs from other contents leave equal bytes, so each byte was written.
    """
    for seed in range(toolbox.count(every_day=60, ci=1000)):
        program = nets.random_program(seed)
        engine, x = Engine(program, backend=backend), nets.random_inputs(program, seed)[0]
        size, left = engine.arena_size, []
        covered = np.zeros(size, bool)
        for at, op in zip(program.plan.offsets, program.ops, strict=True):
            if op.out_type != "i32":
                covered[at : at + kept_bytes(program, op)] = True
        for pattern in (0x55, 0xAA):
            buffer = np.full(64 + size + 64, pattern, np.uint8)
            status, _ = run_in(engine, buffer[64:], size, x)
            assert status == lib.DPT_OK
            assert (buffer[:64] == pattern).all()
            assert (buffer[64 + size :] == pattern).all()
            left.append(buffer[64 : 64 + size])
        np.testing.assert_array_equal(left[0][covered], left[1][covered])
        assert covered[-1:].all()  # the last byte is an output's: the size is exact
        assert (left[0][~covered] == 0x55).all()
        assert (left[1][~covered] == 0xAA).all()
        if size > 0:
            buffer = np.full(size, 0x55, np.uint8)
            assert run_in(engine, buffer, size - 1, x)[0] == lib.DPT_E_ARENA
            assert (buffer == 0x55).all()


def test_a_plan_depends_on_the_graph_alone():
    for seed in range(0, 150, 3):  # without rows
        program = nets.random_program(seed)
        assert make_plan(program.ops, program.reads) == program.plan
