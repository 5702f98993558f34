"""The axes of a plane in another order."""

import itertools

from op_tests import OpTests, i8

from drypoint.program import AXIS_ORDERS, Shape, Tensor, Transpose


class TestTranspose(OpTests):
    op = Transpose
    fields = {
        "name": "turn", "inputs": (i8(2, 3, 4, zero=4),), "output": i8(4, 2, 3, zero=4),
        "groups": 4,
    }  # fmt: skip
    broken = (
        ({"groups": 0}, "groups 0 is not within 1 to 5"),
        ({"groups": 6}, "groups 6 is not within 1 to 5"),
        ({"groups": 5}, "output 4x2x3, but it makes 4x3x2"),
        ({"output": i8(4, 2, 3)}, "copies values, so i8 2x3x4 zero 4 cannot"),
    )

    @staticmethod
    def loops(op, x):
        values = []
        for y, across, c in itertools.product(*map(range, op.out_shape)):
            at = {  # the table of NUMERICS.md
                1: (y, c, across), 2: (across, y, c), 3: (c, y, across), 4: (across, c, y),
                5: (c, across, y),
            }[op.groups]  # fmt: skip
            values.append(x[at[0]][at[1]][at[2]])
        return values

    @staticmethod
    def random(rng, name, source, *, last):
        groups = int(rng.integers(1, 6))
        shape = Shape(*(source.shape[axis] for axis in AXIS_ORDERS[groups - 1]))
        output = Tensor(shape, "i32") if last else source._replace(shape=shape)
        return Transpose(name=name, inputs=(source,), output=output, groups=groups)

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().work == 24
        assert self.make().describe() == "axes CHW"
