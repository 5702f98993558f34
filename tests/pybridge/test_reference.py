"""The reference against plain loops, and algebraic properties of the arithmetic."""

import dataclasses
import re

import nets
import numpy as np
import oracle
import pytest
import random_ops
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output
from properties import examples

from drypoint.program import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Lookup,
    MaxPool,
    Program,
    ProgramError,
    Shape,
    Tensor,
    blob,
    reference,
)
from drypoint.program.ops import _arithmetic
from tools import ROOT

SEEDS = st.integers(0, 2**32 - 1)
I32 = {"lo": -(2**31), "hi": 2**31 - 1}


def one_op(seed, kind, *, in_type="u8", last=False, zero=0):
    rng = np.random.default_rng(seed)
    shape = Shape(*(int(n) for n in rng.integers(1, (8, 8, 4))))
    op = random_ops.random_op(rng, "op", Tensor(shape, in_type, zero), last=last, kind=kind)
    limits = {"u8": (0, 256, np.uint8), "i8": (-128, 128, np.int8)}[in_type]
    return op, rng.integers(*limits[:2], shape).astype(limits[2])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("in_type", ["u8", "i8"])
@pytest.mark.parametrize("kind", [kind for kind in nets.KINDS if kind not in ("add", "concat")])
@given(seed=SEEDS)
@examples(25)
def test_every_op_of_one_input_equals_plain_loops(kind, in_type, last, seed):
    op, x = one_op(seed, kind, in_type=in_type, last=last)
    got = reference.apply(op, x[None])[0]
    wanted = oracle.apply(op, x)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)


def pair(rng, first, second, last):
    """An op of each kind of two inputs, of these types, and their values."""
    shape = Shape(*(int(n) for n in rng.integers(1, (6, 6, 5))))
    a, b = Tensor(shape, first), Tensor(shape, second)
    ops = [
        random_ops.binary_op(rng, kind, a, b, last=last, kind=kind) for kind in random_ops.BINARY
    ]
    if first == second:
        made = Shape(shape.h, shape.w, 2 * shape.c)
        output = Tensor(made, "i32" if last else first)
        ops.append(Concat(name="concat", inputs=(a, b), output=output))
    kinds = {"u8": (0, 256, np.uint8), "i8": (-128, 128, np.int8)}
    inputs = [rng.integers(*kinds[t][:2], (2, *shape)).astype(kinds[t][2]) for t in (first, second)]
    return ops, inputs


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("second", ["u8", "i8"])
@pytest.mark.parametrize("first", ["u8", "i8"])
@given(seed=SEEDS)
@examples(25)
def test_every_op_of_two_inputs_equals_plain_loops(first, second, last, seed):
    ops, inputs = pair(np.random.default_rng(seed), first, second, last)
    for op in ops:
        got = reference.apply(op, *inputs)
        for i in range(2):
            wanted = oracle.apply(op, *(x[i] for x in inputs))
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got[i], wanted, err_msg=op.name)


@given(program=nets.programs, seed=SEEDS)
@examples(25)
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
    pad = None if op.pad is None else op.pad[order]
    permuted = dataclasses.replace(op, weight=op.weight[..., order], pad=pad)
    got = reference.apply(permuted, x[None][..., order])
    np.testing.assert_array_equal(got, reference.apply(op, x[None]))


@given(seed=SEEDS)
def test_a_dense_op_is_a_convolution_over_the_whole_plane(seed):
    op, x = one_op(seed, "dense")
    shape = op.in_shape
    conv = Conv(
        name="conv", inputs=op.inputs, output=op.output, kernel=shape[:2], shift=op.shift, lo=op.lo,
        hi=op.hi, mult=op.mult, bias=op.bias, weight=op.weight.reshape(-1, *shape),
    )  # fmt: skip
    np.testing.assert_array_equal(reference.apply(conv, x[None]), reference.apply(op, x[None]))


@given(seed=SEEDS)
def test_a_depthwise_convolution_is_one_of_as_many_groups_as_input_channels(seed):
    op, x = one_op(seed, "depthwise")
    fields = {f.name: getattr(op, f.name) for f in dataclasses.fields(op)}
    fields["weight"] = op.weight.transpose(2, 0, 1)[..., None]
    groups = op.in_shape.c
    other = Conv(**fields) if groups == 1 else GroupedConv(**fields, groups=groups)
    np.testing.assert_array_equal(reference.apply(other, x[None]), reference.apply(op, x[None]))


@given(seed=SEEDS)
def test_a_dilated_kernel_is_one_with_zeros_between_its_taps(seed):
    op, x = one_op(seed, "conv")
    kernel = op.reach
    weight = np.zeros((op.out_shape.c, *kernel, op.in_shape.c), np.int8)
    weight[:, :: op.dilation[0], :: op.dilation[1]] = op.weight
    full = dataclasses.replace(op, kernel=kernel, dilation=(1, 1), weight=weight)
    np.testing.assert_array_equal(reference.apply(full, x[None]), reference.apply(op, x[None]))


@pytest.mark.parametrize("kind", ["conv", "grouped", "depthwise", "avgpool"])
@given(seed=SEEDS)
def test_padding_is_a_larger_input_of_its_values(kind, seed):
    op, x = one_op(seed, kind, in_type="i8", zero=-3)
    top, left, bottom, right = op.padding
    h, w, c = op.in_shape
    larger = np.zeros((h + top + bottom, w + left + right, c), np.int8)
    larger[...] = 0 if op.pad is None else op.pad
    larger[top : top + h, left : left + w] = x
    source = op.inputs[0]._replace(shape=Shape(*larger.shape))
    plain = dataclasses.replace(op, inputs=(source,), padding=(0, 0, 0, 0), pad=None)
    np.testing.assert_array_equal(
        reference.apply(plain, larger[None]), reference.apply(op, x[None])
    )


@given(seed=SEEDS, zero=st.integers(-128, 127))
def test_the_outputs_zero_point_moves_every_value_that_no_clamp_holds(seed, zero):
    """Against the i32 output, which has neither clamp nor zero point."""
    op, x = one_op(seed, "conv", last=True)
    wide = reference.apply(op, x[None])
    output = Tensor(op.out_shape, "i8", zero)
    moved = dataclasses.replace(op, output=output, lo=-128, hi=127)
    got = reference.apply(moved, x[None])
    np.testing.assert_array_equal(got, np.clip(wide.astype(np.int64) + zero, -128, 127))


@given(seed=SEEDS)
def test_zero_input_gives_the_requantized_bias(seed):
    op, x = one_op(seed, "conv")
    op = dataclasses.replace(op, pad=None)
    got = reference.apply(op, np.zeros_like(x[None]))
    rule = (op.shift, op.output.zero, op.lo, op.hi)
    pairs = zip(op.bias.tolist(), op.mult.tolist(), strict=True)
    wanted = [oracle.requantized(bias, mult, *rule) for bias, mult in pairs]
    np.testing.assert_array_equal(got, np.broadcast_to(np.array(wanted, got.dtype), got.shape))


@given(program=nets.programs, seed=SEEDS)
@examples(25)
def test_a_batch_is_its_images_one_by_one(program, seed):
    x = nets.random_inputs(program, seed, n=3)
    single = np.concatenate([nets.values(reference.run(program, image)) for image in x])
    np.testing.assert_array_equal(nets.values(reference.run(program, x)), single)
    assert single.dtype == np.int32
    assert single.shape == (3, program.output_count)


def test_batches_longer_than_a_part_are_put_together():
    program = nets.random_program(3)
    x = nets.random_inputs(program, 3, n=513)
    halves = [reference.run(program, part) for part in (x[:200], x[200:])]
    np.testing.assert_array_equal(reference.run(program, x), np.concatenate(halves))


def test_no_images_give_no_outputs():
    for seed in range(20):
        program = nets.random_program(seed)
        x = nets.random_inputs(program, 0)[:0]
        outputs = nets.values(reference.run(program, x))
        assert outputs.shape == (0, program.output_count)


def test_the_largest_sum_that_the_contract_allows_is_exact():
    """Bias and products together reach 2^31 - 1: nothing may wrap or round on the way."""
    shape = Shape(11, 6028, 1)
    rest = 2**31 - 1 - shape.size * 255 * 127
    signs = np.array([1, -1])
    op = Dense(
        name="edge", inputs=(Tensor(shape, "u8"),), output=Tensor(Shape(1, 1, 2), "i32"),
        weight=np.repeat(127 * signs[:, None], shape.size, axis=1).astype(np.int8),
        bias=(rest * signs).astype(np.int32), mult=np.full(2, 2**31 - 2, np.int32), shift=0,
        lo=-(2**31), hi=2**31 - 1,
    )  # fmt: skip
    assert op.acc_bound.tolist() == [2**31 - 1] * 2
    program = Program(name="edge", ops=(op,), input_scale=1.0, outputs=only_output())
    got = reference.run(program, np.full(shape, 255, np.uint8))
    clamp = -(2**31), 2**31 - 1
    wanted = [oracle.requantized(a, 2**31 - 2, 0, 0, *clamp) for a in (2**31 - 1, 1 - 2**31)]
    assert got[0].tolist() == wanted


def test_random_programs_have_every_kind_type_and_edge():
    """The generator is worth its name: otherwise the properties above would prove little."""
    programs = [nets.random_program(seed) for seed in range(300)]
    ops = [op for program in programs for op in program.ops]
    kinds = nets.OF_GRAPHS
    assert {type(op) for op in ops} == kinds
    assert {type(program.ops[-1]) for program in programs} == kinds
    for kind in (Conv, Add, Lookup, AvgPool):
        assert {(op.in_type, op.out_type) for op in ops if isinstance(op, kind)} == {
            (a, b) for a in ("u8", "i8") for b in ("u8", "i8", "i32")
        }
    convolutions = [op for op in ops if hasattr(op, "dilation")]
    for kind in (Conv, GroupedConv, DepthwiseConv):
        own = [op for op in convolutions if isinstance(op, kind)]
        assert {True, False} == {op.dilation != (1, 1) for op in own}
        assert {True, False} == {op.pad is None for op in own}
        assert {True, False} == {op.pool != (1, 1) for op in own}
        assert {True, False} == {op.output.zero != 0 for op in own}
    pools = [op for op in ops if isinstance(op, MaxPool | AvgPool)]
    assert {(type(op), any(op.padding)) for op in pools} == {
        (kind, padded) for kind in (MaxPool, AvgPool) for padded in (True, False)
    }
    assert {1, 2} <= {op.multiplier for op in ops if isinstance(op, DepthwiseConv)}
    assert {1, 2} <= {op.in_shape.c // op.groups for op in ops if isinstance(op, GroupedConv)}
    assert {True, False} == {in_place for program in programs for in_place in program.plan.in_place}
    counts = [[numbers for op in p.reads for numbers in op] for p in programs]
    assert any(len(set(numbers)) < len(numbers) for numbers in counts)  # one output, two readers
    assert any(i - 2 in op for p in programs for i, op in enumerate(p.reads))  # an op is skipped
    varied = 0
    for program in programs:
        outputs = nets.values(reference.run(program, nets.random_inputs(program, 1, n=8)))
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
        name="max", inputs=(Tensor(Shape(3, 4, 1), "u8"),), output=Tensor(Shape(3, 4, 1), "i32"),
        kernel=(1, 1),
    )  # fmt: skip
    program = Program(name="net", ops=(op,), input_scale=1.0, outputs=only_output())
    with pytest.raises(ProgramError) as error:
        reference.run(program, x)
    assert words in str(error.value)
    plain = np.arange(12, dtype=np.uint8).reshape(3, 4)  # one channel may be left out
    for good in (plain, plain[None], plain[..., None], plain[None, ..., None]):
        assert reference.run(program, good).tolist() == [list(range(12))]


NUMERICS, EXAMPLES = (
    (ROOT / f"engine_c/{name}.md").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    for name in ("NUMERICS", "EXAMPLES")
)


def page_section(title):
    """A section of the page of examples, without the commas between thousands."""
    text = re.search(rf"## {title}\n(.*?)(?:\n##|\Z)", EXAMPLES, re.DOTALL)[1]
    return re.sub(r"(?<=\d),(?=\d{3})", "", text)


def check_facts(title, *facts):
    """Fail unless the page's subsection states these facts, blanks and line ends apart."""
    text = " ".join(page_section(title).split())
    for fact in facts:
        assert fact in text, fact


def accumulators(op, *inputs):
    """An op's accumulators: with M = 2^30 * 2^(2 - 32) = 1, i32 outputs are the accumulators."""
    mult = np.full(len(op.mult), 2**30, np.int32)
    wide = dataclasses.replace(op, output=Tensor(op.out_shape, "i32"), mult=mult, shift=2, **I32)
    return reference.apply(wide, *inputs).ravel().tolist()


def test_the_residual_block_of_the_contract():
    """Section 3: every integer that the page walks through."""
    check_facts(
        "A residual block, walked through",
        "q = 10, 0, 4", "as integers -40, 80, 40", "acc = 800, -240, 320", "m = 536870912, e = 0",
        "60, -70, 0", "makes 6553 and 32765 of it; bias =", "= 262120", "m = 2785536, e = 0",
        "acc = 6553 · 60 + 32765 · 10 + 262120 = 982950; -196590; 393180",
        "y = 638, -128, 255 -> clamp to 0 .. 255: 255, 0, 255",
    )  # fmt: skip
    x, plane = np.array([10, 0, 4], np.uint8).reshape(1, 1, 3, 1), Shape(1, 3, 1)
    source = Tensor(plane, "u8")
    conv = Conv(
        name="conv", inputs=(source,), output=Tensor(plane, "i8", -40), kernel=(1, 3),
        padding=(0, 1, 0, 1), weight=np.array([-40, 80, 40], np.int8).reshape(1, 1, 3, 1),
        bias=np.zeros(1, np.int32), mult=np.array([536_870_912], np.int32), shift=0, lo=-128,
        hi=127,
    )  # fmt: skip
    add = Add(
        name="add", inputs=(conv.output, source), output=Tensor(plane, "u8"),
        factors=(6553, 32_765), bias=np.array([262_120], np.int32),
        mult=np.array([2_785_536], np.int32), shift=0, lo=0, hi=255,
    )  # fmt: skip
    between, sums = reference.apply(conv, x), accumulators(conv, x)
    assert sums == [800, -240, 320]
    assert between.ravel().tolist() == [60, -70, 0]
    assert accumulators(add, between, x) == [982_950, -196_590, 393_180]
    assert reference.apply(add, between, x).ravel().tolist() == [255, 0, 255]
    unclamped = dataclasses.replace(add, output=Tensor(plane, "i32"), **I32)
    assert reference.apply(unclamped, between, x).ravel().tolist() == [638, -128, 255]


def test_the_depthwise_block_of_the_contract():
    """Section 3: every integer that the page walks through."""
    check_facts(
        "A depthwise block, walked through",
        "pad = 128, 128", "Pixels: (128, 255), (0, 128), (255, 0), (64, 192)",
        "weights 127, -127, 64 and 127, 64, -127", "-8096 and -8096",
        "m = 10609770 and 5304884, e = 0",
        "acc = -8096 and 8224 y = -20 - 20 = -40 and 10 - 20 = -10",
        "acc = -36385 and -16224 y = -90 - 20 = -110 and -20 - 20 = -40",
    )  # fmt: skip
    pixels = np.array([[128, 255], [0, 128], [255, 0], [64, 192]], np.uint8).reshape(1, 4, 1, 2)
    conv = DepthwiseConv(
        name="conv", inputs=(Tensor(Shape(4, 1, 2), "u8"),),
        output=Tensor(Shape(2, 1, 2), "i8", -20), kernel=(3, 1), stride=(2, 1),
        padding=(1, 0, 0, 0), pad=np.array([128, 128], np.uint8),
        weight=np.array([[127, 127], [-127, 64], [64, -127]], np.int8).reshape(3, 1, 2),
        bias=np.array([-8096, -8096], np.int32), mult=np.array([10_609_770, 5_304_884], np.int32),
        shift=0, lo=-128, hi=127,
    )  # fmt: skip
    assert accumulators(conv, pixels) == [-8096, 8224, -36_385, -16_224]
    assert reference.apply(conv, pixels).ravel().tolist() == [-40, -10, -110, -40]


def test_the_two_ops_of_the_contract_are_those_of_the_blobs_page():
    """Section 3 computes one value of each op of BLOB.md section 8, whose bytes are a program."""
    page = (ROOT / "engine_c/BLOB.md").read_text("utf-8").split("## 8.")[1]
    dump = page.split("```")[1]
    data = bytes.fromhex("".join(line.strip().partition(" ")[2] for line in dump.splitlines()))
    x = np.array([[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 255]], np.uint8)
    assert "0 10 20 30, 40 50 60 70, 80 90 100 255" in EXAMPLES
    program = blob.loads(data)
    first, second = reference.trace(program, x)
    assert first.ravel().tolist() == [93, -100, 100, -100]
    assert second.ravel().tolist() == [-407, 12956]
    assert "Op 0 writes 93, -100 at x = 0 and 100, -100 at x = 1" in EXAMPLES
    assert "floor: -407" in EXAMPLES


def plane_of(size):
    return Tensor(Shape(1, 1, size), "u8")


def test_the_memory_plans_of_the_contract():
    """Section 8: a straight line of three ops, and an addition in place."""

    def dense(name, source, size, out_type="u8"):
        clamp = {"lo": 0, "hi": 255} if out_type == "u8" else I32
        return Dense(
            name=name, inputs=(source,), output=Tensor(Shape(1, 1, size), out_type),
            weight=np.ones((size, source.shape.c), np.int8), bias=np.zeros(size, np.int32),
            mult=np.full(size, 2, np.int32), shift=0, **clamp,
        )  # fmt: skip

    scales = {"input_scale": 1.0, "outputs": only_output()}
    line = [dense("a", plane_of(5), 100), dense("b", plane_of(100), 60)]
    line = Program(name="line", ops=(*line, dense("c", plane_of(60), 10, "i32")), **scales)
    assert line.plan.offsets[:2] == (0, 100)
    assert line.arena_size == 160
    ops = [dense("a", plane_of(5), 60), dense("b", plane_of(60), 60)]
    add = Add(
        name="add", inputs=(plane_of(60), plane_of(60)), output=plane_of(60), factors=(1, 1),
        bias=np.zeros(1, np.int32), mult=np.full(1, 2, np.int32), shift=0, lo=0, hi=255,
    )  # fmt: skip
    ops += [add, dense("last", plane_of(60), 10, "i32")]
    skip = Program(name="skip", ops=tuple(ops), reads=((0,), (1,), (2, 1), (3,)), **scales)
    assert skip.plan.in_place == (False, False, True, False)
    assert skip.plan.offsets == (0, 60, 60, 0)
    assert skip.arena_size == 120
    page = " ".join(NUMERICS.split("## 8.")[1].split())
    assert "an arena of 160 bytes: output 0 at 0, output 1 at 100" in page
    assert "in the place of output 1: 120 bytes" in page


def test_the_contract_has_the_sections_that_the_code_names():
    lines = NUMERICS.splitlines()
    assert len(lines) < 520
    assert max(len(line) for line in lines) <= 120
    assert [line for line in lines if line.startswith("## ")] == [
        "## 1. Values",
        "## 2. Requantization: the one rounding rule",
        "## 3. The ops",
        "## 4. No accumulator overflows: the proof",
        "## 5. How the quantizer chooses",
        "## 6. Decision and probabilities",
        "## 7. The work of a run",
        "## 8. The memory plan",
        "## 9. The border of real inputs and counts",
        "## 10. The reconstruction error of an autoencoder",
        "## 11. Streaming",
        "## 12. From samples to features",
        "## 13. From cells to boxes",
    ]


def test_a_blas_that_multiplies_wrongly_is_refused(monkeypatch):
    """As of OpenBLAS in an emulator of SME: no value of the specification may come from it."""
    program = nets.random_program(0, n_ops=1, kinds=("dense",))
    x = nets.random_inputs(program, 0)
    monkeypatch.setattr(_arithmetic, "_in_floats", lambda x, y: (x @ y) + (y.shape == (27, 8)))
    _arithmetic._check_blas.cache_clear()
    try:
        with pytest.raises(ProgramError, match="80 x 27 matrix of floats by a 27 x 8 one wrongly"):
            reference.run(program, x)
    finally:
        _arithmetic._check_blas.cache_clear()
