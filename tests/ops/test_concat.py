"""Channels put side by side."""

from op_tests import OpTests, i8, i32, u8

from drypoint.program import Concat


class TestConcat(OpTests):
    op = Concat
    fields = {
        "name": "concat", "inputs": (i8(2, 2, 3, zero=4), i8(2, 2, 1, zero=4)),
        "output": i8(2, 2, 4, zero=4),
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(2, 2, 3),)}, "1 inputs, but the op reads 2"),
        ({"output": i8(2, 2, 4)}, "copies values, so i8 2x2x3 zero 4 cannot become i8 2x2x4"),
        (
            {"inputs": (i8(2, 2, 3, zero=4), i8(2, 2, 1))},
            "copies values, so i8 2x2x1 cannot become i8 2x2x4 zero 4",
        ),
        ({"output": i32(2, 2, 4)}, "copies values, so i8 2x2x3 zero 4 cannot"),
        (
            {"inputs": (i8(2, 2, 3), u8(2, 2, 1)), "output": i32(2, 2, 4)},
            "puts i8 2x2x3 and u8 2x2x1 side by side: their types differ",
        ),
        (
            {"inputs": (i8(2, 2, 3, zero=4), i8(2, 1, 1, zero=4))},
            "puts i8 2x2x3 zero 4 and i8 2x1x1 zero 4 side by side: their planes differ",
        ),
        ({"output": i8(2, 2, 5, zero=4)}, "output 2x2x5, but it makes 2x2x4"),
    )

    @staticmethod
    def loops(_, *planes):
        rows = zip(*planes, strict=True)
        return [v for a, b in rows for p, q in zip(a, b, strict=True) for v in p + q]

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().work == 16
