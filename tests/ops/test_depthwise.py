"""A convolution of each channel by itself."""

import numpy as np
import oracle
from op_tests import RULE, OpTests, tables, u8
from random_ops import random_convolution

from drypoint.program import DepthwiseConv


class TestDepthwiseConv(OpTests):
    op = DepthwiseConv
    fields = {
        "name": "depth", "inputs": (u8(4, 4, 2),), "output": u8(2, 2, 4), "kernel": (2, 2),
        "dilation": (2, 2), **tables(4, (2, 2, 4)), **RULE,
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(4, 4, 0),)}, "the input is 4x4x0: 1 to 65535 a side"),
        ({"dilation": (65536, 1)}, "dilation (65536, 1) is not within 1 to"),
        ({"dilation": (1, 1)}, "output 2x2x4, but it makes 3x3x4"),
        ({"dilation": (4, 1)}, "output 2x2x4, but it makes 0x3x4"),
        ({"output": u8(2, 2, 3)}, "3 output channels are no multiple of 2 input channels"),
        ({"weight": np.ones((4, 2, 2), np.int8)}, "int8[4, 2, 2], not int8[2, 2, 4]"),
    )
    loops = staticmethod(oracle.convolution)

    @staticmethod
    def random(rng, name, source, *, last):
        return random_convolution(rng, name, source, "depthwise", last=last)

    def test_the_unbroken_op_says_what_it_costs(self):
        op = self.make()
        assert op.reach == (3, 3)
        assert op.macs == 2 * 2 * 16
        assert op.multiplier == 2
        assert op.acc_bound.tolist() == [4 * 255] * 4
