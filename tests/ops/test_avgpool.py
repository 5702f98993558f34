"""The mean of each window."""

import numpy as np
from op_tests import RULE, OpTests, tables, u8
from oracle import requantized, rule_of, windows
from random_ops import random_output, random_pads, random_windows, requantization

from drypoint.program import AvgPool


class TestAvgPool(OpTests):
    op = AvgPool
    fields = {
        "name": "mean", "inputs": (u8(4, 5, 2),), "output": u8(2, 2, 2), "kernel": (2, 2),
        "stride": (2, 2), **tables(1), **RULE,
    }  # fmt: skip
    broken = (
        ({"padding": (0, 0, 0, 2)}, "padding (0, 0, 0, 2) is not less than the kernel (2, 2)"),
        ({"stride": (0, 1)}, "stride (0, 1) is not within 1 to 65535"),
        ({"output": u8(2, 2, 1)}, "output 2x2x1, but it makes 2x2x2"),
        ({"padding": (1, 0, 0, 0), "pad": np.zeros(2, np.int8)}, "pad is int8[2], not uint8[2]"),
        ({"bias": np.zeros(2, np.int32)}, "bias is int32[2], not int32[1]"),
        ({"mult": np.full(2, -2, np.int32)}, "mult is int32[2], not int32[1]"),
        ({"mult": np.full(1, -2, np.int32)}, "a multiplier is not an even number"),
        ({"shift": 22}, "an accumulator could reach 4278190080, above 2147483647"),
    )

    @staticmethod
    def loops(op, x):
        bias, rule = int(op.bias[0]), rule_of(op, 0)
        return [requantized(bias + sum(window), *rule) for window in windows(op, x)]

    @staticmethod
    def random(rng, name, source, *, last):
        shape, fields = random_windows(rng, source)
        output = random_output(rng, shape, last)
        bias = rng.integers(-5000, 5001, 1).astype(np.int32)
        largest = 255 * fields["kernel"][0] * fields["kernel"][1] + 5000
        rule = requantization(rng, largest, output.type, 1)
        pad = random_pads(rng, source, fields["padding"])
        base = {"name": name, "inputs": (source,), "output": output}
        return AvgPool(**base, **rule, **fields, bias=bias, pad=pad)

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().acc_bound.tolist() == [4 * 255]
        assert self.make().macs == 0
