"""program.simplify on random graphs and a net with planted constants.

Oracle: the outputs of the program before, computed by the reference. Intervals are held to the
values that occur, and to inputs that reach their ends.
"""

import dataclasses
import itertools
from collections import Counter

import constant_nets
import nets
import numpy as np
import pytest
import random_ops

from drypoint.engine import Engine
from drypoint.program import (
    LIMITS,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    ProgramError,
    Shape,
    Tensor,
    blob,
    fuse_rows,
    reference,
    simplify,
)
from drypoint.program.ops._op import RequantizedOp
from drypoint.program.passes.intervals import intervals

SEEDS = range(20_000, 20_300)
RULES = {  # what `Change.what` says -> changes of the random graphs that say it, at least
    "channels": 150,
    "weights": 150,
    "no op needs it": 100,
    "one input is left": 20,
    "writes what it reads": 20,
    "part of the table of": 10,
    "part of the clamp of": 10,
    "add of a constant: a lookup": 40,
    "mul of a constant: a lookup": 5,
}


def program_with_constants(seed):
    return constant_nets.with_constants(nets.random_program(seed), seed)


def differing(before, after, x):
    outputs = [nets.values(reference.run(program, x)) for program in (before, after)]
    return int((outputs[0] != outputs[1]).sum())


def test_random_graphs_give_the_same_bytes_and_meet_every_rule(toolbox):
    """Also: a second time there is nothing to leave out; the work, the arena and the bounds of
    accumulators do not grow; the engine computes the simplified program."""
    found, seeds = Counter(), SEEDS[: toolbox.count(every_day=100, ci=300)]
    for seed in seeds:
        program = program_with_constants(seed)
        simplified = simplify(program)
        found.update(rule for change in simplified.changes for rule in RULES if rule in change.what)
        after = simplified.program
        x = constant_nets.structured_inputs(program, seed)
        assert differing(program, after, x) == 0, seed
        assert simplify(after).program is after, seed
        by_rows = any(program.plan.rows)  # random ones, which the planner may not find
        for what in ("macs", "work", "weight_bytes", *([] if by_rows else ["arena_size"])):
            assert getattr(after, what) <= getattr(program, what), (seed, what)
        bounds = {op.name: op for op in program.ops if isinstance(op, RequantizedOp)}
        for op in after.ops:
            if isinstance(op, RequantizedOp):
                assert op.acc_bound.max() <= bounds[op.name].acc_bound.max(), (seed, op.name)
        if seed % 10 == 0:
            engine = Engine(after)
            wanted = nets.values(reference.run(program, x))
            assert (nets.values(engine.run(x)) == wanted).all(), seed
    least = RULES if toolbox.all_tools else dict.fromkeys(RULES, 1)
    assert {rule: n for rule, n in found.items() if n < least[rule]} == {}
    assert set(found) == set(RULES)


def test_every_constant_is_one_byte_for_every_accumulator_of_its_interval():
    """Each value of a narrow interval and both ends of a wide one, requantized by NUMERICS.md
    section 2 in Python's integers."""
    constants = 0
    for seed in SEEDS:
        program = program_with_constants(seed)
        bounds = intervals(program)
        for op, reads, bound in zip(program.ops, program.reads, bounds[1:], strict=True):
            if not isinstance(op, RequantizedOp):
                continue
            low, high = op.accumulators([bounds[tensor] for tensor in reads])
            for channel in np.flatnonzero(bound.constant):
                ends = int(low[channel]), int(high[channel])
                values = range(ends[0], ends[1] + 1) if ends[1] - ends[0] < 500 else ends
                m = int(op.mult[channel % len(op.mult)])
                assert {requantize(op, acc, m) for acc in values} == {int(bound.low[channel])}
                constants += 1
    assert constants > 1000


def requantize(op, acc, m):
    y = ((acc * 2**op.shift * m + 2**31) // 2**32) + op.output.zero
    return min(max(y, op.lo), op.hi)


def test_all_values_lie_in_their_intervals():
    for seed in SEEDS[:150]:
        program = program_with_constants(seed)
        x = constant_nets.structured_inputs(program, seed)
        planes = [x, *reference.trace(program, x)]
        for plane, (low, high) in zip(planes, intervals(program), strict=True):
            assert (plane >= low).all() and (plane <= high).all(), seed


def test_an_op_that_reads_the_input_reaches_both_ends_of_its_intervals():
    """Padding, stride, dilation, groups and pooling of random ops. Oracle: a loop over the places
    and taps, whose products are each as small, or as large, as an input value makes them: a window
    reads every value once.
    """
    kinds = Counter()
    for seed, kind in itertools.product(range(15), ("conv", "depthwise", "grouped", "dense")):
        rng = np.random.default_rng(seed)
        source = Tensor(Shape(5, 4, 3), str(rng.choice(["u8", "i8"])))
        op = random_ops.random_op(rng, "op", source, last=True, kind=kind)
        (bound,) = intervals(constant_nets.program(op))[:1]
        low, high = op.accumulators([bound])
        for channel in range(op.out_shape.c):
            ends = [*zip(*sums_of_places(op, channel), strict=True)]
            assert (min(ends[0]), max(ends[1])) == (low[channel], high[channel]), (seed, kind)
        kinds[type(op)] += 1
    assert min(kinds[kind] for kind in (Conv, DepthwiseConv, GroupedConv, Dense)) >= 10


def sums_of_places(op, channel):
    """The smallest and the largest accumulator of each place that pooling reads."""
    ends = LIMITS[op.in_type]
    h, w, c = op.in_shape
    if isinstance(op, Dense):
        products = [sorted((int(v) * ends[0], int(v) * ends[1])) for v in op.weight[channel]]
        yield tuple(int(op.bias[channel]) + sum(side) for side in zip(*products, strict=True))
        return
    groups = {Conv: 1, DepthwiseConv: c}.get(type(op)) or op.groups
    group = channel * groups // op.out_shape.c
    kernel = op.rows[channel].reshape(*op.kernel, c // groups)
    pad = np.zeros(c, int) if op.pad is None else op.pad
    height, width = (op.out_shape[axis] * op.pool[axis] for axis in (0, 1))
    for y, x in itertools.product(range(height), range(width)):
        least = most = int(op.bias[channel])
        for (ky, kx, i), weight in np.ndenumerate(kernel.astype(int)):
            row = y * op.stride[0] - op.padding[0] + ky * op.dilation[0]
            column = x * op.stride[1] - op.padding[1] + kx * op.dilation[1]
            inside = 0 <= row < h and 0 <= column < w
            padded = int(pad[group * (c // groups) + i])
            products = [weight * q for q in (ends if inside else (padded,))]
            least, most = least + min(products), most + max(products)
        yield least, most


def test_a_separable_net_loses_its_dead_channels_exactly():
    """As many as were planted: 4, 5 and 6 of 16 channels of three blocks."""
    program = constant_nets.separable_net(dead=(4, 5, 6))
    simplified = simplify(program)
    after = {op.name: op for op in simplified.program.ops}
    live = {"point1": (16, 12), "point2": (12, 11), "point3": (11, 10), "last": (10, 4)}
    for name, (read, written) in live.items():
        assert (after[name].in_shape.c, after[name].out_shape.c) == (read, written)
    weights = 16 * 27 + 16 * 12 + 12 * 9 + 12 * 11 + 11 * 9 + 11 * 10 + 10 * 9 + 10 * 4 + 2 * 256
    assert simplified.program.weight_bytes == weights
    assert simplified.program.macs == 64 * (weights - 2 * 256) + 2 * 256
    assert str(simplified).splitlines() == [
        f"left out: {program.macs - simplified.program.macs:,} of 109,056 MACs, "
        f"{program.weight_bytes - weights:,} of 2,208 weights, 256 of 2,048 bytes of arena; every "
        "output byte stays",
        "  point1  16 -> 12 channels, 256 -> 192 weights",
        "  depth1  16 -> 12 channels, 144 -> 108 weights",
        "  point2  16 -> 11 channels, 256 -> 132 weights",
        "  depth2  16 -> 11 channels, 144 -> 99 weights",
        "  point3  16 -> 10 channels, 256 -> 110 weights",
        "  depth3  16 -> 10 channels, 144 -> 90 weights",
        "  last    64 -> 40 weights",
    ]
    x = constant_nets.structured_inputs(program, count=994)
    assert len(x) == 1000
    assert differing(program, simplified.program, x) == 0


def test_all_channels_stay_where_few_less_would_be_slower():
    """Kernels compute four channels at a time: 13 to 15 take longer than 16, and 12 do not."""
    for dead, kept in ((1, 16), (3, 16), (4, 12), (5, 11)):
        program = constant_nets.separable_net(dead=(dead, 0, 0))
        simplified = simplify(program)
        ops = {op.name: op for op in simplified.program.ops}
        assert ops["depth1"].out_shape.c == kept
        assert (simplified.program is program) == (kept == 16)


def test_a_program_without_constants_is_returned_as_it_is():
    program = constant_nets.separable_net(dead=(0, 0, 0))
    simplified = simplify(program)
    assert simplified.program is program
    assert str(simplified) == "left out: nothing"
    assert simplified.to_json()["changes"] == []


def test_a_program_that_runs_by_rows_does_so_afterwards():
    """And one without constants keeps its plan."""
    for dead in (4, 0):
        program = fuse_rows(constant_nets.wide_net(dead))
        assert any(program.plan.rows)
        after = simplify(program).program
        assert any(after.plan.rows)
        assert (after is program) == (dead == 0)
        x = constant_nets.structured_inputs(program)
        assert differing(program, after, x) == 0
        assert (Engine(after).run(x) == reference.run(program, x)).all()


def test_other_fields_and_the_blob_stay():
    program = program_with_constants(20_001)
    program = dataclasses.replace(program, provenance={"from": "here"})
    after = simplify(program).program
    again = blob.loads(blob.dumps(after))
    for field in ("name", "labels", "softmax", "input_scale", "output_scale", "provenance"):
        assert getattr(again, field) == getattr(program, field)
    assert (again.input, again.output_shape) == (program.input, program.output_shape)


def test_what_is_no_program_is_refused():
    with pytest.raises(ProgramError, match="program is the text 'net"):
        simplify("net.dpt")
