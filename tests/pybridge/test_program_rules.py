"""Rules of ops and programs: each rule is broken once, and the message names the op."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from answers import answers, check_answers

from drypoint.common import DrypointError
from drypoint.program import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    History,
    Lookup,
    MaxPool,
    Mul,
    Op,
    Program,
    ProgramError,
    Shape,
    Tensor,
    Upsample,
)

RULE = {"shift": 0, "lo": 0, "hi": 255}
I32 = {"lo": -(2**31), "hi": 2**31 - 1}


def u8(*shape):
    return Tensor(Shape(*shape), "u8")


def i8(*shape, zero=0):
    return Tensor(Shape(*shape), "i8", zero)


def i32(*shape):
    return Tensor(Shape(*shape), "i32")


def tables(channels, weight=None):
    made = {"bias": np.zeros(channels, np.int32), "mult": np.full(channels, 2**20, np.int32)}
    return made if weight is None else {**made, "weight": np.ones(weight, np.int8)}


def conv(**change):
    fields = {
        "name": "conv", "inputs": (u8(6, 5, 2),), "output": u8(2, 2, 3), "kernel": (3, 2),
        "pool": (2, 2), **tables(3, (3, 3, 2, 2)), **RULE,
    }  # fmt: skip
    return Conv(**fields | change)


def grouped_conv(**change):
    fields = {
        "name": "grouped", "inputs": (u8(3, 3, 4),), "output": u8(3, 3, 6), "kernel": (1, 1),
        "groups": 2, **tables(6, (6, 1, 1, 2)), **RULE,
    }  # fmt: skip
    return GroupedConv(**fields | change)


def depthwise(**change):
    fields = {
        "name": "depth", "inputs": (u8(4, 4, 2),), "output": u8(2, 2, 4), "kernel": (2, 2),
        "dilation": (2, 2), **tables(4, (2, 2, 4)), **RULE,
    }  # fmt: skip
    return DepthwiseConv(**fields | change)


def dense(**change):
    fields = {
        "name": "dense", "inputs": (u8(2, 2, 3),), "output": u8(1, 1, 2), **tables(2, (2, 12)),
        **RULE,
    }  # fmt: skip
    return Dense(**fields | change)


def maxpool(**change):
    fields = {
        "name": "max", "inputs": (u8(4, 5, 2),), "output": u8(2, 2, 2), "kernel": (2, 2),
        "stride": (2, 2),
    }  # fmt: skip
    return MaxPool(**fields | change)


def avgpool(**change):
    fields = {
        "name": "mean", "inputs": (u8(4, 5, 2),), "output": u8(2, 2, 2), "kernel": (2, 2),
        "stride": (2, 2), **tables(1), **RULE,
    }  # fmt: skip
    return AvgPool(**fields | change)


def add(**change):
    fields = {
        "name": "add", "inputs": (u8(2, 2, 3), i8(2, 2, 3, zero=5)), "output": u8(2, 2, 3),
        "factors": (3, 32767), **tables(1), **RULE,
    }  # fmt: skip
    return Add(**fields | change)


def mul(**change):
    fields = {
        "name": "mul", "inputs": (u8(2, 2, 3), i8(1, 1, 3, zero=-5)), "output": u8(2, 2, 3),
        **tables(1), **RULE,
    }  # fmt: skip
    return Mul(**fields | change)


def concat(**change):
    fields = {
        "name": "concat", "inputs": (i8(2, 2, 3, zero=4), i8(2, 2, 1, zero=4)),
        "output": i8(2, 2, 4, zero=4),
    }  # fmt: skip
    return Concat(**fields | change)


def lookup(**change):
    fields = {
        "name": "table", "inputs": (i8(2, 2, 3),), "output": u8(2, 2, 3),
        "table": np.arange(256, dtype=np.uint8),
    }  # fmt: skip
    return Lookup(**fields | change)


def history(**change):
    fields = {
        "name": "rows", "inputs": (u8(1, 2, 3),), "output": u8(3, 2, 3), "kernel": (4, 1),
        "stride": (2, 1), "padding": (1, 0, 0, 0),
    }  # fmt: skip
    return History(**fields | change)


def upsample(**change):
    fields = {
        "name": "up", "inputs": (i8(2, 3, 12, zero=4),), "output": i8(3, 5, 2, zero=4),
        "kernel": (2, 3), "padding": (0, 2, 1, 2),
    }  # fmt: skip
    return Upsample(**fields | change)


def test_the_unbroken_ops_are_valid():
    assert conv().plane == (4, 4)
    assert conv().acc_bound.tolist() == [12 * 255] * 3
    assert conv().macs == 4 * 4 * 36
    assert conv().steps == 4 * 4 * 36
    assert grouped_conv().macs == 9 * 12
    assert grouped_conv().acc_bound.tolist() == [2 * 255] * 6
    assert depthwise().reach == (3, 3)
    assert depthwise().macs == 2 * 2 * 16
    assert depthwise().multiplier == 2
    assert depthwise().acc_bound.tolist() == [4 * 255] * 4
    assert dense().macs == 24
    assert avgpool().acc_bound.tolist() == [4 * 255]
    assert add().acc_bound.tolist() == [3 * 255 + 32767 * 128]
    assert mul().acc_bound.tolist() == [255 * (128 + 5)]
    assert add(bias=np.array([-9], np.int32)).acc_bound.tolist() == [9 + 3 * 255 + 32767 * 128]
    assert concat().steps == 16
    assert upsample().spreads
    assert not upsample(output=i8(3, 5, 12, zero=4)).spreads
    assert upsample().steps == 30
    for op in (maxpool(), avgpool(), add(), concat(), lookup(), upsample()):
        assert op.macs == 0


def test_every_kind_of_op_is_broken_below():
    broken = {type(globals()[call.partition("(")[0]]()) for call, _ in answers("ops")}
    assert broken == set(Op.__args__)


def test_an_op_that_breaks_a_rule_does_not_exist():
    check_answers("ops", globals(), ProgramError)


def test_a_program_that_breaks_a_rule_does_not_exist():
    check_answers("programs", globals(), ProgramError)
    assert issubclass(ProgramError, DrypointError)


MINUS_128 = np.full((2, 12), -128, np.int8)


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
    return dense(**{"name": "last", "output": i32(1, 1, 2), **I32, **change})


def narrow(name, source, output, **change):
    """A dense op of one output, on whatever comes."""
    weight = np.ones((output.shape.c, source.shape.size), np.int8)
    fields = {**tables(output.shape.c), "weight": weight, **RULE, **change}
    return Dense(name=name, inputs=(source,), output=output, **fields)


def test_an_output_that_no_op_reads_is_refused_by_name():
    source = u8(2, 2, 3)
    ops = (narrow("a", source, u8(1, 1, 2)), narrow("b", source, u8(1, 1, 2)))
    end = narrow("end", u8(1, 1, 2), i32(1, 1, 1), **I32)
    assert program(*ops[1:], end).reads == ((0,), (1,))
    with pytest.raises(ProgramError, match="no op reads the output of 'a'"):
        program(*ops, end, reads=((0,), (0,), (2,)))
    with pytest.raises(ProgramError, match="no op reads the output of 'b'"):
        program(*ops, end, reads=((0,), (0,), (1,)))


def test_a_branch_reads_what_its_edges_say():
    first = lookup(name="first", inputs=(u8(2, 2, 3),))
    second = lookup(name="second", inputs=(u8(2, 2, 3),), output=i8(2, 2, 3, zero=5),
                    table=np.zeros(256, np.int8))  # fmt: skip
    net = program(first, second, add(), last(), reads=((0,), (0,), (1, 2), (3,)))
    assert net.tensor(0) == net.input == u8(2, 2, 3)
    assert net.inputs(2) == (u8(2, 2, 3), i8(2, 2, 3, zero=5))
    with pytest.raises(
        ProgramError, match="op 'add' reads u8 2x2x3, but the tensor is i8 2x2x3 zero"
    ):
        program(first, second, add(), last(), reads=((0,), (1,), (2, 1), (3,)))


def test_counts_end_where_the_blob_ends():
    """Ops and labels are counted in 16 bits."""
    copy = maxpool(inputs=(u8(1, 1, 1),), output=u8(1, 1, 1), kernel=(1, 1), stride=(1, 1))
    plane = 1, 2, 40_000
    wide = dataclasses.replace(copy, inputs=(u8(*plane),), output=i32(*plane))
    with pytest.raises(ProgramError, match="65536 ops; a program has at most 65535"):
        program(*[copy] * 65_536)
    with pytest.raises(ProgramError, match="80000 labels; a program has at most 65535"):
        program(wide, labels=("",) * 80_000)


def test_values_are_frozen_and_arrays_are_copies():
    weight = np.ones((2, 12), np.int8)
    op = dense(weight=weight)
    weight[0, 0] = 5
    assert op.weight[0, 0] == 1
    pads = conv(padding=(1, 0, 1, 0), output=u8(3, 2, 3), pad=np.ones(2, np.uint8)).pad
    for array in (op.weight, op.bias, op.mult, lookup().table, pads):
        assert not array.flags.writeable
        assert array.flags.c_contiguous
    with pytest.raises(dataclasses.FrozenInstanceError):
        op.shift = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        program(last()).name = "other"


def test_weights_of_another_layout_are_stored_in_the_engines():
    transposed = np.arange(24, dtype=np.int8).reshape(12, 2).T
    assert dense(weight=transposed).weight.tobytes() == np.ascontiguousarray(transposed).tobytes()


def test_real_outputs_are_scaled_and_a_softmax_is_one():
    outputs = np.array([[4, 2], [2**30, -(2**30)]], np.int32)
    np.testing.assert_array_equal(program(last()).real(outputs), outputs * 0.5)
    probabilities = program(last(), softmax=True).real(outputs)
    # e / (1 + e) in float64; two roundings of 2^-53 each and the roundings of exp stay below 1e-15.
    np.testing.assert_allclose(probabilities[0, 0], np.e / (1 + np.e), rtol=1e-15)
    assert probabilities[1].tolist() == [1.0, 0.0]


def test_in_a_prompt_and_a_notebook_a_program_is_no_wall_of_numbers():
    made = program(conv(), last(), name="<net>")
    assert repr(made) == "Program('<net>': u8 6x5x2; 2 ops, 600 MACs, arena 12)"
    assert repr(made.ops[0]) == "Conv('conv': u8 6x5x2 -> u8 2x2x3)"
    assert made._repr_html_().startswith("<pre>program &lt;net&gt;: 2 ops")


def test_provenance_is_empty_unless_given():
    assert isinstance(program(last()).provenance, Mapping)
    assert not program(last()).provenance
