"""A larger plane of the same values."""

import itertools

from op_tests import OpTests, i8
from random_ops import random_pair

from drypoint.program import Shape, Tensor, Upsample


class TestUpsample(OpTests):
    op = Upsample
    fields = {
        "name": "up", "inputs": (i8(2, 3, 12, zero=4),), "output": i8(3, 5, 2, zero=4),
        "kernel": (2, 3), "padding": (0, 2, 1, 2),
    }  # fmt: skip
    broken = (
        ({"kernel": (0, 3)}, "kernel (0, 3) is not within 1 to 65535"),
        ({"kernel": (2, 65536)}, "kernel (2, 65536) is not within 1 to 65535"),
        ({"padding": (0, 3, 1, 2)}, "padding (0, 3, 1, 2) is not less than the kernel (2, 3)"),
        ({"padding": (2, 0, 0, 0)}, "padding (2, 0, 0, 0) is not less than the"),
        ({"padding": (0, -1, 1, 2)}, "padding (0, -1, 1, 2) is not less than"),
        ({"padding": (0, 2, 0, 2)}, "output 3x5x2, but it makes 4x5x2 or 4x5x12"),
        ({"output": i8(3, 5, 3, zero=4)}, "output 3x5x3, but it makes 3x5x2 or"),
        ({"inputs": (i8(2, 3, 13, zero=4),)}, "output 3x5x2, but it makes 3x5x13"),
        ({"output": i8(3, 5, 2)}, "copies values, so i8 2x3x12 zero 4 cannot"),
    )

    @staticmethod
    def loops(op, x):
        spread = op.in_shape.c > op.out_shape.c
        values = []
        for y, across, o in itertools.product(*map(range, op.out_shape)):
            row, ky = divmod(y + op.padding[0], op.kernel[0])
            column, kx = divmod(across + op.padding[1], op.kernel[1])
            pixel = x[row][column]
            values.append(pixel[o + (ky * op.kernel[1] + kx) * op.out_shape.c * spread])
        return values

    @staticmethod
    def random(rng, name, source, *, last):
        h, w, c = source.shape
        kernel = random_pair(rng, *(1 if n > 12 else 3 for n in (h, w)))
        padding = tuple(int(rng.integers(0, kernel[i % 2])) for i in range(4))
        block = kernel[0] * kernel[1]
        channels = c // block if c % block == 0 and rng.random() < 0.7 else c
        sides = (h * kernel[0] - padding[0] - padding[2], w * kernel[1] - padding[1] - padding[3])
        if min(sides) < 1:
            padding, sides = (0, 0, 0, 0), (h * kernel[0], w * kernel[1])
        shape = Shape(*sides, channels)
        output = Tensor(shape, "i32") if last else source._replace(shape=shape)
        fields = {"name": name, "inputs": (source,), "output": output}
        return Upsample(**fields, kernel=kernel, padding=padding)

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().spreads
        assert not self.make(output=i8(3, 5, 12, zero=4)).spreads
        assert self.make().work == 30
        assert self.make().macs == 0
