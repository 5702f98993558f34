"""The axes of a plane in another order."""

import itertools

from op_tests import OpTests, i8

from drypoint.program import AXIS_ORDERS, Shape, Tensor, Transpose


class TestTranspose(OpTests):
    op = Transpose
    fields = {
        "name": "turn", "inputs": (i8(2, 3, 4, zero=4),), "output": i8(4, 2, 3, zero=4),
        "order": (2, 0, 1),
    }  # fmt: skip
    broken = (
        ({"order": (0, 1, 2)}, "order (0, 1, 2); wanted: one of (0, 2, 1), (1, 0, 2), (1, 2, 0)"),
        ({"order": (2, 1)}, "order (2, 1); wanted"),
        ({"order": (2, 1, 0)}, "output 4x2x3, but it makes 4x3x2"),
        ({"output": i8(4, 2, 3)}, "copies values, so i8 2x3x4 zero 4 cannot"),
    )

    @staticmethod
    def loops(op, x):
        values = []
        for y, across, c in itertools.product(*map(range, op.out_shape)):
            at = {  # the table of NUMERICS.md
                "HCW": (y, c, across), "WHC": (across, y, c), "WCH": (c, y, across),
                "CHW": (across, c, y), "CWH": (c, across, y),
            }["".join("HWC"[axis] for axis in op.order)]  # fmt: skip
            values.append(x[at[0]][at[1]][at[2]])
        return values

    @staticmethod
    def random(rng, name, source, *, last):
        order = AXIS_ORDERS[int(rng.integers(1, 6)) - 1]
        shape = Shape(*(source.shape[axis] for axis in order))
        output = Tensor(shape, "i32") if last else source._replace(shape=shape)
        return Transpose(name=name, inputs=(source,), output=output, order=order)

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().work == 24
        assert self.make().describe() == "axes CHW"
