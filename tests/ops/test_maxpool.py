"""The largest value of each window, and the rule of ops that copy values."""

from op_tests import OpTests, i8, i32, u8
from oracle import windows
from random_ops import random_output, random_windows

from drypoint.program import MaxPool


class TestMaxPool(OpTests):
    op = MaxPool
    fields = {
        "name": "max", "inputs": (u8(4, 5, 2),), "output": u8(2, 2, 2), "kernel": (2, 2),
        "stride": (2, 2),
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(65535, 65535, 1),)}, "the input is 65535x65535x1: 1 to"),
        ({"kernel": (5, 2)}, "output 2x2x2, but it makes 0x2x2"),
        ({"padding": (2, 0, 0, 0)}, "padding (2, 0, 0, 0) is not less than the kernel (2, 2)"),
        (
            {"output": i8(2, 2, 2)},
            "copies values, so u8 4x5x2 cannot become i8 2x2x2: type and zero point stay, "
            "or zero point 0 widens to i32",
        ),
        (
            {"inputs": (i8(4, 5, 2, zero=3),), "output": i8(2, 2, 2)},
            "copies values, so i8 4x5x2 zero 3 cannot become i8 2x2x2",
        ),
        (
            {"inputs": (i8(4, 5, 2, zero=3),), "output": i32(2, 2, 2)},
            "copies values, so i8 4x5x2 zero 3 cannot become i32 2x2x2",
        ),
    )

    @staticmethod
    def loops(op, x):
        return [max(v for v in window if v is not None) for window in windows(op, x)]

    @staticmethod
    def random(rng, name, source, *, last):
        shape, fields = random_windows(rng, source)
        output = random_output(rng, shape, last)
        output = output if last else source._replace(shape=output.shape)
        return MaxPool(name=name, inputs=(source,), output=output, **fields)
