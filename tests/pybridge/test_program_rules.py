"""Rules of ops and programs: each rule is broken once, and the message names the op."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from drypoint.common import DrypointError
from drypoint.program import AvgPool, Conv, Dense, MaxPool, Program, ProgramError, Shape

RULE = {"shift": 0, "lo": 0, "hi": 255}


def conv(**change):
    fields = {
        "name": "conv", "in_type": "u8", "out_type": "u8", "in_shape": Shape(6, 5, 2),
        "out_shape": Shape(2, 2, 3), "kernel": (3, 2), "pool": (2, 2), "weight": np.ones(
        (3, 3, 2, 2), np.int8), "bias": np.zeros(3, np.int32), "mult": np.full(3, 2**20, np.int32),
        **RULE,
    }  # fmt: skip
    return Conv(**fields | change)


def dense(**change):
    fields = {
        "name": "dense", "in_type": "u8", "out_type": "u8", "in_shape": Shape(2, 2, 3),
        "out_shape": Shape(1, 1, 2), "weight": np.ones((2, 12), np.int8),
        "bias": np.zeros(2, np.int32), "mult": np.full(2, 2**20, np.int32), **RULE,
    }  # fmt: skip
    return Dense(**fields | change)


def maxpool(**change):
    fields = {
        "name": "max", "in_type": "u8", "out_type": "u8", "in_shape": Shape(4, 5, 2),
        "out_shape": Shape(2, 2, 2), "kernel": (2, 2), "stride": (2, 2),
    }  # fmt: skip
    return MaxPool(**fields | change)


def avgpool(**change):
    fields = {
        "name": "mean", "in_type": "u8", "out_type": "u8", "in_shape": Shape(4, 5, 2),
        "out_shape": Shape(2, 2, 2), "kernel": (2, 2), "stride": (2, 2),
        "mult": np.array([2**30], np.int32), **RULE,
    }  # fmt: skip
    return AvgPool(**fields | change)


def test_the_unbroken_ops_are_valid():
    assert conv().plane == (4, 4)
    assert conv().acc_bound.tolist() == [12 * 255] * 3
    assert conv().macs == 4 * 4 * 36
    assert dense().macs == 24
    assert avgpool().acc_bound.tolist() == [4 * 255]
    assert maxpool().macs == avgpool().macs == 0


MINUS_128 = np.full((2, 12), -128, np.int8)


@pytest.mark.parametrize(
    ("make", "change", "words"),
    [
        (conv, {"in_type": "i32"}, "op 'conv': reads u8 or i8, not i32"),
        (conv, {"out_type": "f32"}, "op 'conv': writes u8, i8 or i32, not f32"),
        (conv, {"in_shape": Shape(0, 5, 2)}, "op 'conv': input 0x5x2: 1 to 65535 a side"),
        (dense, {"out_shape": Shape(1, 1, 65536)}, "op 'dense': output 1x1x65536: 1 to 65535"),
        (maxpool, {"in_shape": Shape(65535, 65535, 1)}, "op 'max': input 65535x65535x1: 1 to"),
        (conv, {"kernel": (0, 2)}, "op 'conv': kernel (0, 2) is not within 1 to 255"),
        (conv, {"stride": (1, 256)}, "op 'conv': stride (1, 256) is not within 1 to 255"),
        (conv, {"pool": (0, 1)}, "op 'conv': pool (0, 1) is not within 1 to 255"),
        (conv, {"padding": (0, -1, 0, 0)}, "op 'conv': padding (0, -1, 0, 0) is not within 0 to"),
        (conv, {"padding": (0, 0, 256, 0)}, "op 'conv': padding (0, 0, 256, 0) is not within 0"),
        (conv, {"out_shape": Shape(4, 4, 3)}, "op 'conv': output 4x4x3, but it makes 2x2x3"),
        (conv, {"kernel": (7, 2)}, "op 'conv': output 2x2x3, but it makes 0x2x3"),
        (dense, {"out_shape": Shape(1, 2, 1)}, "op 'dense': output 1x2x1 is not 1x1xN"),
        (
            dense,
            {"weight": np.ones((2, 11), np.int8)},
            "op 'dense': weight is int8[2, 11], not int8",
        ),
        (
            dense,
            {"weight": np.ones((2, 12))},
            "op 'dense': weight is float64[2, 12], not int8[2, 12]",
        ),
        (dense, {"weight": [[1] * 12] * 2}, "op 'dense': weight is [[1, 1"),
        (dense, {"weight": MINUS_128}, "op 'dense': a weight is -128"),
        (dense, {"bias": np.zeros(3, np.int32)}, "op 'dense': bias is int32[3], not int32[2]"),
        (dense, {"bias": np.zeros(2, np.int64)}, "op 'dense': bias is int64[2], not int32[2]"),
        (dense, {"bias": np.zeros(2, ">i4")}, "op 'dense': bias is >i4[2], not int32[2]"),
        (
            dense,
            {"mult": np.full(2, 3, np.int32)},
            "op 'dense': a multiplier is not an even number",
        ),
        (
            dense,
            {"mult": np.full(2, 0, np.int32)},
            "op 'dense': a multiplier is not an even number",
        ),
        (avgpool, {"mult": np.full(2, -2, np.int32)}, "op 'mean': mult is int32[2], not int32[1]"),
        (
            avgpool,
            {"mult": np.full(1, -2, np.int32)},
            "op 'mean': a multiplier is not an even number",
        ),
        (dense, {"shift": 31}, "op 'dense': shift 31 is not within 0 to 30"),
        (dense, {"shift": -1}, "op 'dense': shift -1 is not within 0 to 30"),
        (dense, {"lo": 5, "hi": 4}, "op 'dense': clamp 5..4 does not lie in u8"),
        (dense, {"lo": -1}, "op 'dense': clamp -1..255 does not lie in u8"),
        (dense, {"out_type": "i8"}, "op 'dense': clamp 0..255 does not lie in i8"),
        (
            dense,
            {"shift": 20},
            "op 'dense': an accumulator could reach 3208642560, above 2147483647",
        ),
        (
            avgpool,
            {"shift": 22},
            "op 'mean': an accumulator could reach 4278190080, above 2147483647",
        ),
        (maxpool, {"out_type": "i8"}, "op 'max': a maximum keeps its type"),
        (maxpool, {"kernel": (5, 2)}, "op 'max': output 2x2x2, but it makes 0x2x2"),
        (avgpool, {"stride": (0, 1)}, "op 'mean': stride (0, 1) is not within 1 to 255"),
        (avgpool, {"out_shape": Shape(2, 2, 1)}, "op 'mean': output 2x2x1, but it makes 2x2x2"),
    ],
)
def test_an_op_that_breaks_a_rule_does_not_exist(make, change, words):
    with pytest.raises(ProgramError) as error:
        make(**change)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_the_bound_is_exact_at_its_edge():
    """2^31 - 1 is allowed, one more is not: bias + 255 * 12."""
    edge = 2**31 - 1 - 255 * 12
    assert dense(bias=np.full(2, -edge, np.int32)).acc_bound.tolist() == [2**31 - 1] * 2
    with pytest.raises(ProgramError, match="could reach 2147483648"):
        dense(bias=np.array([0, edge + 1], np.int32))


def program(*ops, **change):
    fields = {"name": "net", "ops": ops, "input_scale": 1.0, "output_scale": 0.5}
    return Program(**fields | change)


def last(**change):
    return dense(name="last", out_type="i32", lo=-(2**31), hi=2**31 - 1, **change)


@pytest.mark.parametrize(
    ("ops", "change", "words"),
    [
        ((), {}, "program 'net' has no ops"),
        ((dense(),), {}, "the last op, 'dense', must write i32"),
        ((conv(), dense()), {}, "the last op, 'dense', must write i32"),
        ((maxpool(), last()), {}, "op 'last' reads u8 2x2x3, but 'max' writes u8 2x2x2"),
        (
            (conv(out_type="i8", hi=127), last()),
            {},
            "op 'last' reads u8 2x2x3, but 'conv' writes i8",
        ),
        (
            (conv(out_type="i32", lo=0, hi=9), last()),
            {},
            "op 'last' reads u8 2x2x3, but 'conv' wri",
        ),
        ((conv(), last()), {"labels": ("a",)}, "1 labels for 2 outputs"),
        ((conv(), last()), {"labels": ("a", "b\0")}, "'b\\x00' holds a zero byte"),
        ((conv(), last()), {"labels": ("a", "\ud800")}, "'\\ud800' cannot be written in UTF-8"),
        ((conv(), last()), {"name": "\udfff"}, "'\\udfff' cannot be written in UTF-8"),
        ((conv(name="a\0"), last()), {}, "'a\\x00' holds a zero byte"),
        ((conv(), last()), {"input_scale": 0.0}, "the input scale is 0.0, not a positive number"),
        ((conv(), last()), {"output_scale": float("nan")}, "the output scale is nan, not a posi"),
        ((conv(), last()), {"output_scale": float("inf")}, "the output scale is inf, not a posi"),
        ((conv(), last()), {"encoder": [1]}, "the encoder is [1], neither a mapping nor None"),
        ((conv(), last()), {"decoder": 3}, "the decoder is 3, neither a mapping nor None"),
        ((conv(), last()), {"provenance": None}, "the provenance is None, not a mapping"),
    ],
)
def test_a_program_that_breaks_a_rule_does_not_exist(ops, change, words):
    with pytest.raises(ProgramError) as error:
        program(*ops, **change)
    assert words in str(error.value)
    assert isinstance(error.value, DrypointError)


def test_counts_end_where_the_blob_ends():
    """Ops and labels are counted in 16 bits."""
    one = maxpool(in_shape=Shape(1, 1, 1), out_shape=Shape(1, 1, 1), kernel=(1, 1), stride=(1, 1))
    wide = dataclasses.replace(one, out_type="i32", in_shape=Shape(1, 2, 40_000),
                               out_shape=Shape(1, 2, 40_000))  # fmt: skip
    with pytest.raises(ProgramError, match="65536 ops; a program has at most 65535"):
        program(*[one] * 65_536)
    with pytest.raises(ProgramError, match="80000 labels; a program has at most 65535"):
        program(wide, labels=("",) * 80_000)


def test_values_are_frozen_and_arrays_are_copies():
    weight = np.ones((2, 12), np.int8)
    op = dense(weight=weight)
    weight[0, 0] = 5
    assert op.weight[0, 0] == 1
    for array in (op.weight, op.bias, op.mult):
        assert not array.flags.writeable
        assert array.flags.c_contiguous
    with pytest.raises(dataclasses.FrozenInstanceError):
        op.shift = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        program(last()).name = "other"


def test_weights_of_another_layout_are_stored_in_the_engines():
    transposed = np.arange(24, dtype=np.int8).reshape(12, 2).T
    assert dense(weight=transposed).weight.tobytes() == np.ascontiguousarray(transposed).tobytes()


def test_the_arena_is_the_largest_sum_of_two_neighbours():
    """The arena is the largest sum of two neighbours; outputs lie at its ends in turn."""
    first = maxpool(name="a", in_shape=Shape(9, 9, 4), out_shape=Shape(8, 8, 4), stride=(1, 1))
    second = maxpool(name="b", in_shape=Shape(8, 8, 4), out_shape=Shape(4, 4, 4))
    third = maxpool(name="c", in_shape=Shape(4, 4, 4), out_shape=Shape(4, 4, 4), kernel=(1, 1),
                    stride=(1, 1))  # fmt: skip
    end = dataclasses.replace(third, name="d", out_type="i32")
    net = program(first, second, third, end)
    assert net.arena_size == 256 + 64
    assert net.out_offsets == (0, 256, 0, 0)
    assert program(end).arena_size == 0
    assert program(end).out_offsets == (0,)


def test_real_outputs_are_scaled_and_a_softmax_is_one():
    outputs = np.array([[4, 2], [2**30, -(2**30)]], np.int32)
    np.testing.assert_array_equal(program(last()).real(outputs), outputs * 0.5)
    probabilities = program(last(), softmax=True).real(outputs)
    # e / (1 + e) in float64; two roundings of 2^-53 each and those of exp stay below 1e-15.
    np.testing.assert_allclose(probabilities[0, 0], np.e / (1 + np.e), rtol=1e-15)
    assert probabilities[1].tolist() == [1.0, 0.0]


def test_the_listing_names_every_op_and_the_totals():
    assert str(program(conv(), last())).splitlines() == [
        "program net: 2 ops, 600 MACs, arena 12 bytes",
        "op    kind                       reads     writes     weights  MACs  largest accumulator",
        "conv  conv 3x2 + relu + max 2x2  u8 6x5x2  u8 2x2x3        36   576                3,060",
        "last  dense                      u8 2x2x3  i32 1x1x2       24    24                3,060",
    ]
    padded = conv(padding=(1, 0, 1, 0), stride=(2, 1), pool=(1, 1), lo=1, out_shape=Shape(3, 4, 3))
    lines = str(program(padded, avgpool(in_shape=Shape(3, 4, 3), out_shape=Shape(1, 2, 3),
                        out_type="i32", lo=1), )).splitlines()  # fmt: skip
    assert "conv 3x2 /2x1 pad 1,0,1,0  " in lines[2]
    assert "mean 2x2 /2x2  " in lines[3]
    assert "max 2x2 /2x2  " in str(program(maxpool(out_type="i32")))


def test_in_a_prompt_and_a_notebook_a_program_is_no_wall_of_numbers():
    made = program(conv(), last(), name="<net>")
    assert repr(made) == "Program('<net>': u8 6x5x2; 2 ops, 600 MACs, arena 12)"
    assert repr(made.ops[0]) == "Conv('conv': u8 6x5x2 -> u8 2x2x3)"
    assert made._repr_html_().startswith("<pre>program &lt;net&gt;: 2 ops")


def test_provenance_is_empty_unless_given():
    assert isinstance(program(last()).provenance, Mapping)
    assert not program(last()).provenance
