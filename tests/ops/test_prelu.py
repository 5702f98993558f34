"""A slope for each channel below real zero."""

import itertools

import numpy as np
from op_tests import RULE, OpTests, i8, tables, u8
from oracle import flatten, requantized, rule_of
from random_ops import random_output, requantization, weights

from drypoint.program import PReLU
from drypoint.program.ops._interval import Interval


class TestPReLU(OpTests):
    op = PReLU
    fields = {
        "name": "prelu", "inputs": (i8(2, 2, 3, zero=-5),), "output": u8(2, 2, 3),
        "factors": (127, 2), **tables(1, 3), **RULE,
    }  # fmt: skip
    broken = (
        ({"factors": (0, 1)}, "factors (0, 1) are not within 1 to 32767"),
        ({"factors": (1, 32768)}, "factors (1, 32768) are not within 1 to 32767"),
        ({"weight": np.ones(2, np.int8)}, "weight is int8[2], not int8[3]"),
        ({"weight": np.full(3, -128, np.int8)}, "a slope is -128"),
        ({"output": u8(2, 2, 2)}, "output 2x2x2, but it makes 2x2x3"),
        ({"shift": 17}, "an accumulator could reach 2213937152, above 2147483647"),
    )

    @staticmethod
    def loops(op, x):
        bias, rule, zero = int(op.bias[0]), rule_of(op, 0), op.inputs[0].zero
        slopes = itertools.cycle(op.weight.tolist())
        return [
            requantized(
                bias + (q - zero) * (op.factors[0] if q >= zero else op.factors[1] * slope), *rule
            )
            for q, slope in zip(flatten(x), slopes, strict=False)
        ]

    @staticmethod
    def random(rng, name, source, *, last):
        output = random_output(rng, source.shape, last)
        factors = tuple(int(n) for n in rng.choice([1, 77, 20000, 32767], 2))
        weight = weights(rng, (source.shape.c,), str(rng.choice(["any", "extreme", "small"])))
        bias = rng.integers(-1000, 1001, 1).astype(np.int32)
        largest = max(factors[0], factors[1] * 127) * (255 + 128) + 1000
        rule = requantization(rng, largest, output.type, 1)
        base = {"name": name, "inputs": (source,), "output": output, "factors": factors}
        return PReLU(**base, **rule, bias=bias, weight=weight)

    def test_the_bound_has_the_zero_point_and_the_larger_side(self):
        assert self.make().acc_bound.tolist() == [127 * (128 + 5)]
        steep = self.make(weight=np.array([0, -100, 3], np.int8))
        assert steep.acc_bound.tolist() == [200 * (128 + 5)]

    def test_the_interval_of_a_falling_side_turns_at_real_zero(self):
        """-25 .. 10 about zero point -5: -20 .. 15 times a factor of 127 or 2 * slope."""
        op = self.make(weight=np.array([-100, 0, 50], np.int8))
        ends = Interval(np.full(3, -25), np.full(3, 10))
        low, high = op.sums([ends])
        assert low.tolist() == [0, 0, -2000]
        assert high.tolist() == [4000, 1905, 1905]
