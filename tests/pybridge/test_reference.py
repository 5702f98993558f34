"""The reference against plain loops, and algebraic properties of the arithmetic."""

import dataclasses

import nets
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drypoint.program import (
    AvgPool,
    Conv,
    Dense,
    GroupedConv,
    MaxPool,
    Program,
    ProgramError,
    Shape,
    reference,
)
from tools import ROOT

SEEDS = st.integers(0, 2**32 - 1)


def one_op(seed, kind, *, in_type="u8", last=False):
    rng = np.random.default_rng(seed)
    shape = Shape(*(int(n) for n in rng.integers(1, (8, 8, 4))))
    op = nets.random_op(rng, "op", shape, in_type, last=last, kinds=(kind,))
    limits = {"u8": (0, 256, np.uint8), "i8": (-128, 128, np.int8)}[in_type]
    return op, rng.integers(*limits[:2], shape).astype(limits[2])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("in_type", ["u8", "i8"])
@pytest.mark.parametrize("kind", ["conv", "grouped", "dense", "max", "avg"])
@given(seed=SEEDS)
@settings(max_examples=25)
def test_every_op_equals_plain_loops(kind, in_type, last, seed):
    op, x = one_op(seed, kind, in_type=in_type, last=last)
    got = reference.apply(op, x[None])[0]
    wanted = oracle.apply(op, x)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)


@given(program=nets.programs, seed=SEEDS)
@settings(max_examples=25)
def test_programs_equal_plain_loops_on_every_op(program, seed):
    x = nets.random_inputs(program, seed, n=3)
    traces = reference.trace(program, x)
    for i in range(len(x)):
        for op, got, wanted in zip(program.ops, traces, oracle.trace(program, x[i]), strict=True):
            assert got.dtype == wanted.dtype, op.name
            np.testing.assert_array_equal(got[i], wanted, err_msg=op.name)


@given(seed=SEEDS)
def test_pooling_before_requantization_is_pooling_after(seed):
    op, x = one_op(seed, "conv")
    after = oracle.apply(op, x, pool_first=False)
    np.testing.assert_array_equal(reference.apply(op, x[None])[0], after)


@given(seed=SEEDS)
def test_permuted_output_channels_give_permuted_outputs(seed):
    op, x = one_op(seed, "conv")
    order = np.random.default_rng(seed).permutation(op.out_shape.c)
    tables = {name: getattr(op, name)[order] for name in ("weight", "bias", "mult")}
    permuted = reference.apply(dataclasses.replace(op, **tables), x[None])
    np.testing.assert_array_equal(permuted, reference.apply(op, x[None])[..., order])


@given(seed=SEEDS)
def test_permuted_input_channels_with_their_weights_change_nothing(seed):
    op, x = one_op(seed, "conv")
    order = np.random.default_rng(seed).permutation(op.in_shape.c)
    permuted = dataclasses.replace(op, weight=op.weight[..., order])
    got = reference.apply(permuted, x[None][..., order])
    np.testing.assert_array_equal(got, reference.apply(op, x[None]))


@given(seed=SEEDS)
def test_a_dense_op_is_a_convolution_over_the_whole_plane(seed):
    op, x = one_op(seed, "dense")
    shape = op.in_shape
    conv = Conv(
        name="conv", in_type=op.in_type, out_type=op.out_type, in_shape=shape,
        out_shape=op.out_shape, kernel=shape[:2], shift=op.shift, lo=op.lo, hi=op.hi, mult=op.mult,
        bias=op.bias, weight=op.weight.reshape(-1, *shape),
    )  # fmt: skip
    np.testing.assert_array_equal(reference.apply(conv, x[None]), reference.apply(op, x[None]))


@given(seed=SEEDS)
def test_zero_input_gives_the_requantized_bias(seed):
    op, x = one_op(seed, "conv")
    got = reference.apply(op, np.zeros_like(x[None]))
    rule = (op.shift, op.lo, op.hi)
    pairs = zip(op.bias.tolist(), op.mult.tolist(), strict=True)
    wanted = [oracle.requantized(bias, mult, *rule) for bias, mult in pairs]
    np.testing.assert_array_equal(got, np.broadcast_to(np.array(wanted, got.dtype), got.shape))


@given(program=nets.programs, seed=SEEDS)
@settings(max_examples=25)
def test_a_batch_is_its_images_one_by_one(program, seed):
    x = nets.random_inputs(program, seed, n=3)
    single = np.concatenate([reference.run(program, image) for image in x])
    np.testing.assert_array_equal(reference.run(program, x), single)
    assert single.dtype == np.int32
    assert single.shape == (3, program.output_shape.size)


def test_batches_longer_than_a_part_are_put_together():
    program = nets.random_program(3)
    x = nets.random_inputs(program, 3, n=513)
    halves = [reference.run(program, part) for part in (x[:200], x[200:])]
    np.testing.assert_array_equal(reference.run(program, x), np.concatenate(halves))


def test_no_images_give_no_outputs():
    for seed in range(20):
        program = nets.random_program(seed)
        x = nets.random_inputs(program, 0)[:0]
        assert reference.run(program, x).shape == (0, program.output_shape.size)


def test_the_largest_sum_that_the_contract_allows_is_exact():
    """Bias and products together reach 2^31 - 1: nothing may wrap or round on the way."""
    shape = Shape(11, 6028, 1)
    rest = 2**31 - 1 - shape.size * 255 * 127
    signs = np.array([1, -1])
    op = Dense(
        name="edge", in_type="u8", out_type="i32", in_shape=shape, out_shape=Shape(1, 1, 2),
        weight=np.repeat(127 * signs[:, None], shape.size, axis=1).astype(np.int8),
        bias=(rest * signs).astype(np.int32), mult=np.full(2, 2**31 - 2, np.int32), shift=0,
        lo=-(2**31), hi=2**31 - 1,
    )  # fmt: skip
    assert op.acc_bound.tolist() == [2**31 - 1] * 2
    program = Program(name="edge", ops=(op,), input_scale=1.0, output_scale=1.0)
    got = reference.run(program, np.full(shape, 255, np.uint8))
    clamp = -(2**31), 2**31 - 1
    wanted = [oracle.requantized(a, 2**31 - 2, 0, *clamp) for a in (2**31 - 1, 1 - 2**31)]
    assert got[0].tolist() == wanted


def test_random_programs_have_every_kind_type_and_more_than_one_output():
    """The generator is worth its name: otherwise the properties above would prove little."""
    programs = [nets.random_program(seed) for seed in range(300)]
    ops = [op for program in programs for op in program.ops]
    assert {type(op) for op in ops} == {Conv, GroupedConv, Dense, MaxPool, AvgPool}
    assert {(op.in_type, op.out_type) for op in ops if isinstance(op, Conv)} == {
        (a, b) for a in ("u8", "i8") for b in ("u8", "i8", "i32")
    }
    grouped = [op for op in ops if isinstance(op, GroupedConv)]
    assert {1, 2} <= {op.in_shape.c // op.groups for op in grouped}  # depthwise, and others
    assert {1, 2} <= {op.out_shape.c // op.groups for op in grouped}
    varied = 0
    for program in programs:
        outputs = reference.run(program, nets.random_inputs(program, 1, n=8))
        varied += len(np.unique(outputs)) > 3
    assert varied > 100


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((3, 4, 1), np.int8), "inputs are int8, the program reads uint8"),
        (np.zeros((3, 4, 1), np.float32), "inputs are float32, the program reads uint8"),
        (np.zeros((4, 3, 1), np.uint8), "inputs are (4, 3, 1), the program reads (3, 4, 1)"),
        (np.zeros((2, 3, 4, 2), np.uint8), "inputs are (2, 3, 4, 2), the program reads (3, 4, 1)"),
        (np.uint8(3), "inputs are (), the program reads (3, 4, 1)"),
    ],
)
def test_inputs_of_another_type_or_shape_are_refused(x, words):
    op = MaxPool(
        name="max", in_type="u8", out_type="i32", in_shape=Shape(3, 4, 1),
        out_shape=Shape(3, 4, 1), kernel=(1, 1), stride=(1, 1),
    )  # fmt: skip
    program = Program(name="net", ops=(op,), input_scale=1.0, output_scale=1.0)
    with pytest.raises(ProgramError) as error:
        reference.run(program, x)
    assert words in str(error.value)
    plain = np.arange(12, dtype=np.uint8).reshape(3, 4)  # one channel may be left out
    for good in (plain, plain[None], plain[..., None], plain[None, ..., None]):
        assert reference.run(program, good).tolist() == [list(range(12))]


def test_the_contract_has_the_sections_that_the_code_names():
    text = (ROOT / "engine_c/NUMERICS.md").read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## 1. Values",
        "## 2. Requantization: the one rounding rule",
        "## 3. The ops",
        "## 4. No accumulator overflows: the proof",
        "## 5. How the quantizer chooses",
        "## 6. Decision and probabilities",
        "## 7. Steps of a run",
    ]
