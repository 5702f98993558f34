"""Rules of programs: each rule is broken once, and the message names the op. The rules of ops stand
in ``tests/ops``."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from last_output import only_output
from op_tests import RULE, every, i8, i32, tables, u8

from drypoint.common import DrypointError
from drypoint.program import (
    Add,
    Conv,
    Dense,
    Lookup,
    MaxPool,
    Plan,
    Program,
    ProgramError,
)

I32 = {"lo": -(2**31), "hi": 2**31 - 1}


conv, dense, maxpool, add, lookup = (
    every()[kind].make for kind in (Conv, Dense, MaxPool, Add, Lookup)
)


def program(*ops, **change):
    fields = {"name": "net", "ops": ops, "input_scale": 1.0, "outputs": only_output(0.5)}
    return Program(**fields | change)


def last(**change):
    return dense(**{"name": "last", "output": i32(1, 1, 2), **I32, **change})


def narrow(name, source, output, **change):
    """A dense op of one output, on whatever comes."""
    weight = np.ones((output.shape.c, source.shape.size), np.int8)
    fields = {**tables(output.shape.c), "weight": weight, **RULE, **change}
    return Dense(name=name, inputs=(source,), output=output, **fields)


@pytest.mark.parametrize(
    ("ops", "change", "words"),
    [
        ((), {}, "program 'net' has no ops"),
        ((dense(),), {}, "the last op, 'dense', must write i32"),
        ((conv(), dense()), {}, "the last op, 'dense', must write i32"),
        ((maxpool(), last()), {}, "op 'last' reads u8 2x2x3, but the tensor is u8 2x2x2"),
        (
            (conv(output=i8(2, 2, 3), hi=127), last()),
            {},
            "op 'last' reads u8 2x2x3, but the tensor is i8 2x2x3",
        ),
        (
            (conv(output=i8(2, 2, 3, zero=-7), hi=127), last(inputs=(i8(2, 2, 3),))),
            {},
            "op 'last' reads i8 2x2x3, but the tensor is i8 2x2x3 zero -7",
        ),
        (
            (conv(output=i32(2, 2, 3), lo=0, hi=9), last()),
            {},
            "op 'last' reads u8 2x2x3, but the tensor is i32 2x2x3",
        ),
        ((conv(), last()), {"reads": ((0,),)}, "reads has 1 rows for 2 ops"),
        (
            (conv(), last()),
            {"reads": ((0,), (2,))},
            "op 'last' reads the tensors (2,); wanted: 1 of the tensors 0 to 1, which are written",
        ),
        (
            (conv(), last()),
            {"reads": ((0,), (-1,))},
            "op 'last' reads the tensors (-1,); wanted: 1 of",
        ),
        ((conv(), last()), {"reads": ((0,), (0,))}, "op 'last' reads u8 2x2x3, but the tensor is"),
        (
            (conv(), last()),
            {"reads": ((0,), (1, 1))},
            "op 'last' reads the tensors (1, 1); wanted: 1 of",
        ),
        ((conv(), last()), {"labels": ("a",)}, "1 labels for 2 outputs"),
        ((conv(), last()), {"labels": ("a", "b\0")}, "'b\\x00' holds a zero byte"),
        ((conv(), last()), {"labels": ("a", "\ud800")}, "'\\ud800' cannot be written in UTF-8"),
        ((conv(), last()), {"name": "\udfff"}, "'\\udfff' cannot be written in UTF-8"),
        ((conv(name="a\0"), last()), {}, "'a\\x00' holds a zero byte"),
        ((conv(), last()), {"input_scale": 0.0}, "the input scale is 0.0, not a positive number"),
        (
            (conv(), last()),
            {"outputs": only_output(float("nan"))},
            "the output scale is nan, not a posi",
        ),
        (
            (conv(), last()),
            {"outputs": only_output(float("inf"))},
            "the output scale is inf, not a posi",
        ),
        ((conv(), last()), {"encoder": [1]}, "the encoder is [1], neither a mapping nor None"),
        (
            (conv(), last()),
            {"outputs": only_output(decoder=3)},
            "the decoder is 3, neither a mapping nor None",
        ),
        ((conv(), last()), {"provenance": None}, "the provenance is None, not a mapping"),
        (
            (conv(), last()),
            {"plan": Plan((0, 0), (False, False), 13)},
            "the arena is 13 bytes, but the plan needs 12",
        ),
    ],
)
def test_a_program_that_breaks_a_rule_does_not_exist(ops, change, words):
    with pytest.raises(ProgramError) as error:
        program(*ops, **change)
    assert words in str(error.value)
    assert isinstance(error.value, DrypointError)


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
    single = maxpool(inputs=(u8(1, 1, 1),), output=u8(1, 1, 1), kernel=(1, 1), stride=(1, 1))
    plane = 1, 2, 40_000
    wide = dataclasses.replace(single, inputs=(u8(*plane),), output=i32(*plane))
    with pytest.raises(ProgramError, match="65536 ops; a program has at most 65535"):
        program(*[single] * 65_536)
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
    probabilities = program(last(), outputs=only_output(0.5, softmax=True)).real(outputs)
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
