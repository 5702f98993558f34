"""A convolution, and the rules of all convolutions: of windows, padding values, tables."""

import numpy as np
import oracle
from op_tests import RULE, OpTests, i32, tables, u8
from random_ops import random_convolution

from drypoint.program import Conv, Shape, Tensor


class TestConv(OpTests):
    op = Conv
    fields = {
        "name": "conv", "inputs": (u8(6, 5, 2),), "output": u8(2, 2, 3), "kernel": (3, 2),
        "pool": (2, 2), **tables(3, (3, 3, 2, 2)), **RULE,
    }  # fmt: skip
    broken = (
        ({"inputs": ()}, "0 inputs, but the op reads 1"),
        ({"inputs": (i32(6, 5, 2),)}, "reads u8 or i8, not i32"),
        (
            {"output": Tensor(Shape(2, 2, 3), "f32")},
            "the output is of type f32, not u8, i8, i32, i16",
        ),
        ({"inputs": (u8(0, 5, 2),)}, "the input is 0x5x2: 1 to 65535 a side, at most 268435456"),
        (
            {"inputs": (Tensor(Shape(6, 5, 2), "u8", 1),)},
            "is u8 with zero point 1, not 0 to 0",
        ),
        ({"kernel": (0, 2)}, "kernel (0, 2) is not within 1 to 65535"),
        ({"stride": (1, 65536)}, "stride (1, 65536) is not within 1 to 65535"),
        ({"pool": (0, 1)}, "pool (0, 1) is not within 1 to 65535"),
        ({"dilation": (1, 0)}, "dilation (1, 0) is not within 1 to 65535"),
        ({"padding": (0, -1, 0, 0)}, "padding (0, -1, 0, 0) is not within 0 to"),
        ({"padding": (0, 0, 65536, 0)}, "padding (0, 0, 65536, 0) is not within 0"),
        ({"output": u8(4, 4, 3)}, "output 4x4x3, but it makes 2x2x3"),
        ({"kernel": (7, 2)}, "output 2x2x3, but it makes 0x2x3"),
        ({"dilation": (3, 1)}, "output 2x2x3, but it makes 0x2x3"),
        ({"pad": np.zeros(2, np.uint8)}, "has padding values, but no padding"),
        ({"padding": (1, 1, 0, 0), "pad": np.zeros(3, np.uint8)}, "pad is uint8[3], not uint8[2]"),
    )
    loops = staticmethod(oracle.convolution)

    @staticmethod
    def random(rng, name, source, *, last):
        return random_convolution(rng, name, source, "conv", last=last)

    def test_the_unbroken_op_says_what_it_costs(self):
        op = self.make()
        assert op.plane == (4, 4)
        assert op.acc_bound.tolist() == [12 * 255] * 3
        assert op.macs == op.work == 4 * 4 * 36
