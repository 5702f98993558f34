"""A convolution in groups of channels."""

import numpy as np
import oracle
from op_tests import RULE, OpTests, tables, u8
from random_ops import random_convolution

from drypoint.program import GroupedConv


class TestGroupedConv(OpTests):
    op = GroupedConv
    fields = {
        "name": "grouped", "inputs": (u8(3, 3, 4),), "output": u8(3, 3, 6), "kernel": (1, 1),
        "groups": 2, **tables(6, (6, 1, 1, 2)), **RULE,
    }  # fmt: skip
    broken = (
        ({"inputs": ()}, "0 inputs, but the op reads 1"),
        ({"groups": 1}, "1 groups do not divide 4 and 6 channels"),
        ({"groups": 4}, "4 groups do not divide 4 and 6 channels"),
        ({"groups": 3}, "3 groups do not divide 4 and 6 channels"),
        ({"weight": np.ones((6, 1, 1, 4), np.int8)}, "int8[6, 1, 1, 4], not int8[6, 1, 1, 2]"),
    )
    loops = staticmethod(oracle.convolution)

    @staticmethod
    def random(rng, name, source, *, last):
        """In groups where there are channels for more than one; else a convolution."""
        return random_convolution(rng, name, source, "grouped", last=last)

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().macs == 9 * 12
        assert self.make().acc_bound.tolist() == [2 * 255] * 6
