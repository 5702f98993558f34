"""Rules of ops and programs: each rule is broken once, and the message names the op."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

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
    Plan,
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


def grouped(**change):
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
    assert grouped().macs == 9 * 12
    assert grouped().acc_bound.tolist() == [2 * 255] * 6
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
    broken = {type(make()) for make, _, _ in BROKEN}
    assert broken == set(Op.__args__)


MINUS_128 = np.full((2, 12), -128, np.int8)
BROKEN = [
    # tensors
    (grouped, {"inputs": ()}, "op 'grouped': 0 inputs, but the op reads 1"),
    (depthwise, {"inputs": (u8(4, 4, 0),)}, "op 'depth': the input is 4x4x0: 1 to 65535 a side"),
    (conv, {"inputs": ()}, "op 'conv': 0 inputs, but the op reads 1"),
    (lookup, {"inputs": (i8(2, 2, 3),) * 2}, "op 'table': 2 inputs, but the op reads 1"),
    (add, {"inputs": (u8(2, 2, 3),)}, "op 'add': 1 inputs, but the op reads 2"),
    (concat, {"inputs": (u8(2, 2, 3),)}, "op 'concat': 1 inputs, but the op reads 2"),
    (conv, {"inputs": (i32(6, 5, 2),)}, "op 'conv': reads u8 or i8, not i32"),
    (add, {"inputs": (u8(2, 2, 3), i32(2, 2, 3))}, "op 'add': reads u8 or i8, not i32"),
    (
        conv,
        {"output": Tensor(Shape(2, 2, 3), "f32")},
        "op 'conv': the output is of type f32, not u8, i8 or i32",
    ),
    (
        conv,
        {"inputs": (u8(0, 5, 2),)},
        "op 'conv': the input is 0x5x2: 1 to 65535 a side, at most 268435456 values",
    ),
    (dense, {"output": u8(1, 1, 65536)}, "op 'dense': the output is 1x1x65536: 1 to 65535"),
    (maxpool, {"inputs": (u8(65535, 65535, 1),)}, "op 'max': the input is 65535x65535x1: 1 to"),
    (
        conv,
        {"inputs": (Tensor(Shape(6, 5, 2), "u8", 1),)},
        "op 'conv': the input is u8 with zero point 1, not 0 to 0",
    ),
    (
        lookup,
        {"output": i8(2, 2, 3, zero=-129)},
        "op 'table': the output is i8 with zero point -129, not -128 to 127",
    ),
    (
        lookup,
        {"output": Tensor(Shape(2, 2, 3), "i32", 3)},
        "op 'table': the output is i32 with zero point 3, not 0 to 0",
    ),
    # windows
    (conv, {"kernel": (0, 2)}, "op 'conv': kernel (0, 2) is not within 1 to 65535"),
    (conv, {"stride": (1, 65536)}, "op 'conv': stride (1, 65536) is not within 1 to 65535"),
    (conv, {"pool": (0, 1)}, "op 'conv': pool (0, 1) is not within 1 to 65535"),
    (conv, {"dilation": (1, 0)}, "op 'conv': dilation (1, 0) is not within 1 to 65535"),
    (depthwise, {"dilation": (65536, 1)}, "op 'depth': dilation (65536, 1) is not within 1 to"),
    (conv, {"padding": (0, -1, 0, 0)}, "op 'conv': padding (0, -1, 0, 0) is not within 0 to"),
    (conv, {"padding": (0, 0, 65536, 0)}, "op 'conv': padding (0, 0, 65536, 0) is not within 0"),
    (conv, {"output": u8(4, 4, 3)}, "op 'conv': output 4x4x3, but it makes 2x2x3"),
    (conv, {"kernel": (7, 2)}, "op 'conv': output 2x2x3, but it makes 0x2x3"),
    (conv, {"dilation": (3, 1)}, "op 'conv': output 2x2x3, but it makes 0x2x3"),
    (depthwise, {"dilation": (1, 1)}, "op 'depth': output 2x2x4, but it makes 3x3x4"),
    (depthwise, {"dilation": (4, 1)}, "op 'depth': output 2x2x4, but it makes 0x3x4"),
    (maxpool, {"kernel": (5, 2)}, "op 'max': output 2x2x2, but it makes 0x2x2"),
    (
        maxpool,
        {"padding": (2, 0, 0, 0)},
        "op 'max': padding (2, 0, 0, 0) is not less than the kernel (2, 2)",
    ),
    (
        avgpool,
        {"padding": (0, 0, 0, 2)},
        "op 'mean': padding (0, 0, 0, 2) is not less than the kernel (2, 2)",
    ),
    (avgpool, {"stride": (0, 1)}, "op 'mean': stride (0, 1) is not within 1 to 65535"),
    (avgpool, {"output": u8(2, 2, 1)}, "op 'mean': output 2x2x1, but it makes 2x2x2"),
    # padding values
    (conv, {"pad": np.zeros(2, np.uint8)}, "op 'conv': has padding values, but no padding"),
    (
        conv,
        {"padding": (1, 1, 0, 0), "pad": np.zeros(3, np.uint8)},
        "op 'conv': pad is uint8[3], not uint8[2]",
    ),
    (
        avgpool,
        {"padding": (1, 0, 0, 0), "pad": np.zeros(2, np.int8)},
        "op 'mean': pad is int8[2], not uint8[2]",
    ),
    # groups
    (grouped, {"groups": 1}, "op 'grouped': 1 groups do not divide 4 and 6 channels"),
    (grouped, {"groups": 4}, "op 'grouped': 4 groups do not divide 4 and 6 channels"),
    (grouped, {"groups": 3}, "op 'grouped': 3 groups do not divide 4 and 6 channels"),
    (
        grouped,
        {"weight": np.ones((6, 1, 1, 4), np.int8)},
        "op 'grouped': weight is int8[6, 1, 1, 4], not int8[6, 1, 1, 2]",
    ),
    (
        depthwise,
        {"output": u8(2, 2, 3)},
        "op 'depth': 3 output channels are no multiple of 2 input channels",
    ),
    (
        depthwise,
        {"weight": np.ones((4, 2, 2), np.int8)},
        "op 'depth': weight is int8[4, 2, 2], not int8[2, 2, 4]",
    ),
    # tables
    (dense, {"output": u8(1, 2, 1)}, "op 'dense': output 1x2x1, but it makes 1x1x1"),
    (dense, {"weight": np.ones((2, 11), np.int8)}, "op 'dense': weight is int8[2, 11], not int8"),
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
    (avgpool, {"bias": np.zeros(2, np.int32)}, "op 'mean': bias is int32[2], not int32[1]"),
    (add, {"bias": np.zeros(3, np.int32)}, "op 'add': bias is int32[3], not int32[1]"),
    (
        dense,
        {"mult": np.full(2, 3, np.int32)},
        "op 'dense': a multiplier is not an even number of at least 2",
    ),
    (dense, {"mult": np.full(2, 0, np.int32)}, "op 'dense': a multiplier is not an even number"),
    (avgpool, {"mult": np.full(2, -2, np.int32)}, "op 'mean': mult is int32[2], not int32[1]"),
    (avgpool, {"mult": np.full(1, -2, np.int32)}, "op 'mean': a multiplier is not an even number"),
    (add, {"mult": np.full(1, 5, np.int32)}, "op 'add': a multiplier is not an even number"),
    (
        lookup,
        {"table": np.zeros(255, np.uint8)},
        "op 'table': table is uint8[255], not uint8[256]",
    ),
    (
        lookup,
        {"table": np.zeros(256, np.int8)},
        "op 'table': table is int8[256], not uint8[256]",
    ),
    # histories
    (history, {"inputs": (u8(2, 2, 3),)}, "op 'rows': reads 2x2x3, not one row"),
    (history, {"kernel": (4, 2)}, "op 'rows': kernel, stride or padding along the width, or"),
    (history, {"padding": (0, 0, 1, 0)}, "op 'rows': kernel, stride or padding along the width"),
    (history, {"padding": (4, 0, 0, 0)}, "op 'rows': padding 4 is not less than the 4 rows that"),
    (history, {"kernel": (2, 1)}, "op 'rows': writes 3 rows of the 2 that it keeps"),
    (history, {"output": u8(3, 2, 2)}, "op 'rows': output 3x2x2, but it makes 3x2x3"),
    (history, {"output": i8(3, 2, 3)}, "op 'rows': changes type or zero point"),
    # upsampling
    (upsample, {"kernel": (0, 3)}, "op 'up': kernel (0, 3) is not within 1 to 65535"),
    (upsample, {"kernel": (2, 65536)}, "op 'up': kernel (2, 65536) is not within 1 to 65535"),
    (
        upsample,
        {"padding": (0, 3, 1, 2)},
        "op 'up': padding (0, 3, 1, 2) is not less than the kernel (2, 3)",
    ),
    (upsample, {"padding": (2, 0, 0, 0)}, "op 'up': padding (2, 0, 0, 0) is not less than the"),
    (upsample, {"padding": (0, -1, 1, 2)}, "op 'up': padding (0, -1, 1, 2) is not less than"),
    (upsample, {"padding": (0, 2, 0, 2)}, "op 'up': output 3x5x2, but it makes 4x5x2 or 4x5x12"),
    (upsample, {"output": i8(3, 5, 3, zero=4)}, "op 'up': output 3x5x3, but it makes 3x5x2 or"),
    (
        upsample,
        {"inputs": (i8(2, 3, 13, zero=4),)},
        "op 'up': output 3x5x2, but it makes 3x5x13",
    ),
    (upsample, {"output": i8(3, 5, 2)}, "op 'up': copies values, so i8 2x3x12 zero 4 cannot"),
    # requantization
    (dense, {"shift": 31}, "op 'dense': shift 31 is not within 0 to 30"),
    (dense, {"shift": -1}, "op 'dense': shift -1 is not within 0 to 30"),
    (dense, {"lo": 5, "hi": 4}, "op 'dense': clamp 5..4 does not lie in u8"),
    (dense, {"lo": -1}, "op 'dense': clamp -1..255 does not lie in u8"),
    (dense, {"output": i8(1, 1, 2)}, "op 'dense': clamp 0..255 does not lie in i8"),
    (add, {"hi": 256}, "op 'add': clamp 0..256 does not lie in u8"),
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
    (
        add,
        {"shift": 10},
        "op 'add': an accumulator could reach 4295619584, above 2147483647",
    ),
    # copies, pairs
    (
        maxpool,
        {"output": i8(2, 2, 2)},
        "op 'max': copies values, so u8 4x5x2 cannot become i8 2x2x2: type and zero point stay, "
        "or zero point 0 widens to i32",
    ),
    (
        maxpool,
        {"inputs": (i8(4, 5, 2, zero=3),), "output": i8(2, 2, 2)},
        "op 'max': copies values, so i8 4x5x2 zero 3 cannot become i8 2x2x2",
    ),
    (
        maxpool,
        {"inputs": (i8(4, 5, 2, zero=3),), "output": i32(2, 2, 2)},
        "op 'max': copies values, so i8 4x5x2 zero 3 cannot become i32 2x2x2",
    ),
    (
        concat,
        {"output": i8(2, 2, 4)},
        "op 'concat': copies values, so i8 2x2x3 zero 4 cannot become i8 2x2x4",
    ),
    (
        concat,
        {"inputs": (i8(2, 2, 3, zero=4), i8(2, 2, 1))},
        "op 'concat': copies values, so i8 2x2x1 cannot become i8 2x2x4 zero 4",
    ),
    (concat, {"output": i32(2, 2, 4)}, "op 'concat': copies values, so i8 2x2x3 zero 4 cannot"),
    (
        concat,
        {"inputs": (i8(2, 2, 3), u8(2, 2, 1)), "output": i32(2, 2, 4)},
        "op 'concat': puts i8 2x2x3 and u8 2x2x1 side by side: their types differ",
    ),
    (
        concat,
        {"inputs": (i8(2, 2, 3, zero=4), i8(2, 1, 1, zero=4))},
        "op 'concat': puts i8 2x2x3 zero 4 and i8 2x1x1 zero 4 side by side: their planes differ",
    ),
    (
        concat,
        {"output": i8(2, 2, 5, zero=4)},
        "op 'concat': output 2x2x5, but it makes 2x2x4",
    ),
    (
        add,
        {"inputs": (u8(2, 2, 3), u8(2, 3, 2))},
        "op 'add': output 2x2x3, but it makes 2x3x2",
    ),
    (add, {"output": u8(2, 2, 2)}, "op 'add': output 2x2x2, but it makes 2x2x3"),
    (mul, {"inputs": (u8(2, 2, 3), u8(2, 1, 3))}, "with u8 2x1x3, which has neither its shape nor"),
    (mul, {"output": u8(2, 2, 2)}, "op 'mul': output 2x2x2, but it makes 2x2x3"),
    (add, {"factors": (0, 1)}, "op 'add': factors (0, 1) are not within 1 to 32767"),
    (add, {"factors": (1, 32768)}, "op 'add': factors (1, 32768) are not within 1 to 32767"),
    (lookup, {"output": u8(2, 2, 2)}, "op 'table': output 2x2x2, but it makes 2x2x3"),
]


@pytest.mark.parametrize(("make", "change", "words"), BROKEN)
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
            "op 'conv' writes i32, which only the last op may",
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
        ((conv(), last()), {"output_scale": float("nan")}, "the output scale is nan, not a posi"),
        ((conv(), last()), {"output_scale": float("inf")}, "the output scale is inf, not a posi"),
        ((conv(), last()), {"encoder": [1]}, "the encoder is [1], neither a mapping nor None"),
        ((conv(), last()), {"decoder": 3}, "the decoder is 3, neither a mapping nor None"),
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
    one = maxpool(inputs=(u8(1, 1, 1),), output=u8(1, 1, 1), kernel=(1, 1), stride=(1, 1))
    plane = 1, 2, 40_000
    wide = dataclasses.replace(one, inputs=(u8(*plane),), output=i32(*plane))
    with pytest.raises(ProgramError, match="65536 ops; a program has at most 65535"):
        program(*[one] * 65_536)
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
