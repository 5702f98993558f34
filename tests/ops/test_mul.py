"""The product of two planes, or of a plane and a factor for each channel."""

from op_tests import RULE, OpTests, i8, tables, u8
from oracle import flatten, requantized, rule_of

from drypoint.program import Mul


class TestMul(OpTests):
    op = Mul
    fields = {
        "name": "mul", "inputs": (u8(2, 2, 3), i8(1, 1, 3, zero=-5)), "output": u8(2, 2, 3),
        **tables(1), **RULE,
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(2, 2, 3), u8(2, 1, 3))}, "u8 2x1x3, which has neither its shape nor"),
        ({"output": u8(2, 2, 2)}, "output 2x2x2, but it makes 2x2x3"),
    )

    @staticmethod
    def loops(op, *planes):
        bias, rule, (p, q) = int(op.bias[0]), rule_of(op, 0), (t.zero for t in op.inputs)
        a, b = map(flatten, planes)
        b = [b[i % op.out_shape.c] if len(b) < len(a) else b[i] for i in range(len(a))]
        pairs = zip(a, b, strict=True)
        return [requantized(bias + (x - p) * (y - q), *rule) for x, y in pairs]

    def test_the_bound_has_the_zero_points(self):
        assert self.make().acc_bound.tolist() == [255 * (128 + 5)]
