"""The sum of two planes."""

import numpy as np
from op_tests import RULE, OpTests, i8, i32, tables, u8
from oracle import flatten, requantized, rule_of

from drypoint.program import Add


class TestAdd(OpTests):
    op = Add
    fields = {
        "name": "add", "inputs": (u8(2, 2, 3), i8(2, 2, 3, zero=5)), "output": u8(2, 2, 3),
        "factors": (3, 32767), **tables(1), **RULE,
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(2, 2, 3),)}, "1 inputs, but the op reads 2"),
        ({"inputs": (u8(2, 2, 3), i32(2, 2, 3))}, "reads u8 or i8 or i16, not i32"),
        ({"inputs": (u8(2, 2, 3), u8(2, 3, 2))}, "output 2x2x3, but it makes 2x3x2"),
        ({"output": u8(2, 2, 2)}, "output 2x2x2, but it makes 2x2x3"),
        ({"factors": (0, 1)}, "factors (0, 1) are not within 1 to 32767"),
        ({"factors": (1, 32768)}, "factors (1, 32768) are not within 1 to 32767"),
        ({"bias": np.zeros(3, np.int32)}, "bias is int32[3], not int32[1]"),
        ({"mult": np.full(1, 5, np.int32)}, "a multiplier is not an even number"),
        ({"hi": 256}, "clamp 0..256 does not lie in u8"),
        ({"shift": 10}, "an accumulator could reach 4295619584, above 2147483647"),
    )

    @staticmethod
    def loops(op, *planes):
        (fa, fb), bias, rule = op.factors, int(op.bias[0]), rule_of(op, 0)
        pairs = zip(*map(flatten, planes), strict=True)
        return [requantized(bias + fa * a + fb * b, *rule) for a, b in pairs]

    def test_the_bound_has_both_factors_and_the_bias(self):
        assert self.make().acc_bound.tolist() == [3 * 255 + 32767 * 128]
        op = self.make(bias=np.array([-9], np.int32))
        assert op.acc_bound.tolist() == [9 + 3 * 255 + 32767 * 128]
