"""Any function of one value, and the rules of tensors."""

import numpy as np
from op_tests import OpTests, i8, u8
from oracle import flatten
from random_ops import random_output

from drypoint.program import LIMITS, NUMPY_TYPE, Lookup, Shape, Tensor


class TestLookup(OpTests):
    op = Lookup
    fields = {
        "name": "table", "inputs": (i8(2, 2, 3),), "output": u8(2, 2, 3),
        "table": np.arange(256, dtype=np.uint8),
    }  # fmt: skip
    broken = (
        ({"inputs": (i8(2, 2, 3),) * 2}, "2 inputs, but the op reads 1"),
        ({"output": i8(2, 2, 3, zero=-129)}, "output is i8 with zero point -129, not -128 to 127"),
        ({"output": Tensor(Shape(2, 2, 3), "i32", 3)}, "is i32 with zero point 3, not 0 to 0"),
        ({"table": np.zeros(255, np.uint8)}, "table is uint8[255], not uint8[256]"),
        ({"table": np.zeros(256, np.int8)}, "table is int8[256], not uint8[256]"),
        ({"output": u8(2, 2, 2)}, "output 2x2x2, but it makes 2x2x3"),
    )

    @staticmethod
    def loops(op, x):
        return [int(op.table[v % 256]) for v in flatten(x)]

    @staticmethod
    def random(rng, name, source, *, last):
        output = random_output(rng, source.shape, last)
        low, high = LIMITS[output.type]
        table = rng.integers(low, high + 1, 256).astype(NUMPY_TYPE[output.type])
        return Lookup(name=name, inputs=(source,), output=output, table=table)
