"""A part of a plane."""

import itertools

from op_tests import OpTests, i8

from drypoint.program import Shape, Slice, Tensor


class TestSlice(OpTests):
    op = Slice
    fields = {
        "name": "part", "inputs": (i8(6, 5, 7, zero=4),), "output": i8(2, 3, 4, zero=4),
        "stride": (3, 1), "first": (1, 2, 3),
    }  # fmt: skip
    broken = (
        ({"stride": (0, 1)}, "stride (0, 1) is not within 1 to 65535"),
        ({"stride": (3, 65536)}, "stride (3, 65536) is not within 1 to 65535"),
        ({"first": (1, -1, 3)}, "first (1, -1, 3) is not a row, a column and a channel"),
        ({"first": (1, 2, -1)}, "first (1, 2, -1) is not a row, a column and a channel"),
        ({"first": (3, 2, 3)}, "reads row 6, column 4 and channels 3 to 6 of 6x5x7"),
        ({"stride": (3, 2)}, "reads row 4, column 6 and"),
        ({"first": (1, 2, 4)}, "channels 4 to 7 of 6x5x7"),
        ({"output": i8(2, 3, 4)}, "copies values, so i8 6x5x7 zero 4 cannot"),
    )

    @staticmethod
    def loops(op, x):
        values = []
        for y, across, c in itertools.product(*map(range, op.out_shape)):
            row = x[op.first[0] + y * op.stride[0]]
            values.append(row[op.first[1] + across * op.stride[1]][op.first[2] + c])
        return values

    @staticmethod
    def random(rng, name, source, *, last):
        first = [int(rng.integers(0, n)) if rng.random() < 0.5 else 0 for n in source.shape]
        stride = tuple(int(n) for n in rng.choice([1, 1, 2, 3], 2))
        most = [
            (n - 1 - at) // step + 1
            for n, at, step in zip(source.shape, first, (*stride, 1), strict=True)
        ]
        shape = Shape(*(int(rng.integers(1, n + 1)) if rng.random() < 0.5 else n for n in most))
        output = Tensor(shape, "i32") if last else source._replace(shape=shape)
        fields = {"name": name, "inputs": (source,), "output": output}
        return Slice(**fields, stride=stride, first=tuple(first))

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().work == 24
        assert self.make().macs == 0
        assert self.make().stream_problem.startswith("leaves out rows")
