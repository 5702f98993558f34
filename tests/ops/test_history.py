"""The op of streaming programs that remembers rows: `test_streaming.py` says what it computes."""

from op_tests import OpTests, i8, u8

from drypoint.program import History


class TestHistory(OpTests):
    op = History
    fields = {
        "name": "rows", "inputs": (u8(1, 2, 3),), "output": u8(3, 2, 3), "kernel": (4, 1),
        "stride": (2, 1), "padding": (1, 0, 0, 0),
    }  # fmt: skip
    broken = (
        ({"inputs": (u8(2, 2, 3),)}, "reads 2x2x3, not one row"),
        ({"kernel": (4, 2)}, "kernel, stride or padding along the width, or"),
        ({"padding": (0, 0, 1, 0)}, "kernel, stride or padding along the width"),
        ({"padding": (4, 0, 0, 0)}, "padding 4 is not less than the 4 rows that"),
        ({"kernel": (2, 1)}, "writes 3 rows of the 2 that it keeps"),
        ({"output": u8(3, 2, 2)}, "output 3x2x2, but it makes 3x2x3"),
        ({"output": i8(3, 2, 3)}, "changes type or zero point"),
    )
