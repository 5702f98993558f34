"""The op that gives a tensor of the step before: `test_recurrent.py` says what
it computes."""

import numpy as np
from op_tests import OpTests, i8, i32, u8

from drypoint.program import Delay


class TestDelay(OpTests):
    op = Delay
    fields = {
        "name": "state", "inputs": (u8(1, 2, 3),), "output": i8(1, 1, 4, zero=3), "carries": 5,
        "pad": np.array([3, 3, -9, 127], np.int8),
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(1, 2, 3),) * 2}, "2 inputs, but the op reads 1"),
        ({"output": i32(1, 1, 4), "pad": None}, "carries i32: wanted: u8, i8 or i16"),
        ({"carries": 0}, "carries tensor 0, not 1 to 65535"),
        ({"carries": 65536}, "carries tensor 65536, not 1 to 65535"),
        ({"pad": np.zeros(3, np.int8)}, "pad is int8[3], not int8[4]"),
        ({"pad": np.zeros(4, np.int16)}, "pad is int16[4], not int8[4]"),
    )
