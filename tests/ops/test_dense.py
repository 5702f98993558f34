"""A dense op, and the rules of weights and of requantization."""

import numpy as np
import pytest
from op_tests import RULE, OpTests, i8, tables, u8
from oracle import flatten, requantized, rule_of
from random_ops import INT8_STYLES, random_output, weighted_op

from drypoint.program import Dense, ProgramError


class TestDense(OpTests):
    op = Dense
    fields = {
        "name": "dense", "inputs": (u8(2, 2, 3),), "output": u8(1, 1, 2), **tables(2, (2, 12)),
        **RULE,
    }  # fmt: skip
    broken = (
        ({"output": u8(1, 1, 65536)}, "the output is 1x1x65536: 1 to 65535"),
        ({"output": u8(1, 2, 1)}, "output 1x2x1, but it makes 1x1x1"),
        ({"weight": np.ones((2, 11), np.int8)}, "weight is int8[2, 11], not int8"),
        ({"weight": np.ones((2, 12))}, "weight is float64[2, 12], not int8[2, 12]"),
        ({"weight": [[1] * 12] * 2}, "weight is [[1, 1"),
        (
            {"weight": np.full((2, 12), -128, np.int8)},
            "a weight is -128; weights of 8 bits",
        ),
        ({"weight": np.full((2, 12), -8, np.int8), "weight_bits": 4}, "a weight is -8; weights of"),
        ({"weight": np.full((2, 12), 2, np.int8), "weight_bits": 2}, "of 2 bits are -1 to 1"),
        ({"weight_bits": 3}, "weights of 3 bits; wanted: 8, 4 or 2"),
        ({"bias": np.zeros(3, np.int32)}, "bias is int32[3], not int32[2]"),
        ({"bias": np.zeros(2, np.int64)}, "bias is int64[2], not int32[2]"),
        ({"bias": np.zeros(2, ">i4")}, "bias is >i4[2], not int32[2]"),
        ({"mult": np.full(2, 3, np.int32)}, "a multiplier is not an even number of at least 2"),
        ({"mult": np.full(2, 0, np.int32)}, "a multiplier is not an even number"),
        ({"shift": 31}, "shift 31 is not within 0 to 30"),
        ({"shift": -1}, "shift -1 is not within 0 to 30"),
        ({"lo": 5, "hi": 4}, "clamp 5..4 does not lie in u8"),
        ({"lo": -1}, "clamp -1..255 does not lie in u8"),
        ({"output": i8(1, 1, 2)}, "clamp 0..255 does not lie in i8"),
        ({"shift": 20}, "an accumulator could reach 3208642560, above 2147483647"),
    )

    @staticmethod
    def loops(op, x):
        flat, tables = flatten(x), zip(op.weight.tolist(), op.bias.tolist(), strict=True)
        sums = (bias + sum(v * w for v, w in zip(flat, row, strict=True)) for row, bias in tables)
        return [requantized(acc, *rule_of(op, o)) for o, acc in enumerate(sums)]

    @staticmethod
    def random(rng, name, source, *, last):
        n = int(rng.integers(1, 12))
        base = {"name": name, "inputs": (source,), "output": random_output(rng, (1, 1, n), last)}
        style = str(rng.choice(INT8_STYLES))
        return weighted_op(rng, Dense, style, base, (n, source.shape.size))

    def test_the_bound_is_exact_at_its_edge(self):
        """2^31 - 1 is allowed, one more is not: bias + 255 * 12."""
        edge = 2**31 - 1 - 255 * 12
        op = self.make(bias=np.full(2, -edge, np.int32))
        assert op.acc_bound.tolist() == [2**31 - 1] * 2
        assert op.macs == 24
        with pytest.raises(ProgramError, match="could reach 2147483648"):
            self.make(bias=np.array([0, edge + 1], np.int32))
