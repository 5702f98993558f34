"""A plane of another size, its values interpolated."""

import itertools

import numpy as np
import pytest
from op_tests import RULE, OpTests, i8, tables, u8
from oracle import requantized, rule_of
from random_ops import random_output, requantization

from drypoint.program import Resize, Shape, resize_ratio

ALIGNMENTS = ("half_pixel", "align_corners", "asymmetric")


class TestResize(OpTests):
    op = Resize
    fields = {
        "name": "resize", "inputs": (i8(2, 3, 2, zero=4),), "output": u8(4, 5, 2),
        "parts": (4, 5), "stride": (2, 3), "offset": (3, 4), **tables(1), **RULE,
    }  # fmt: skip
    broken = (
        ({"parts": (0, 5)}, "parts (0, 5) is not within 1 to 32767"),
        ({"parts": (32768, 5)}, "parts (32768, 5) is not within 1 to 32767"),
        ({"stride": (2, 0)}, "stride (2, 0) is not within 1 to 65535"),
        ({"offset": (65536, 4)}, "offset (65536, 4) is not within 1 to 65535"),
        ({"output": u8(4, 5, 1)}, "output 4x5x1, but it makes 4x5x2"),
        ({"output": u8(6, 5, 2)}, "its last row lies behind the last of the input 2x3x2"),
        ({"offset": (3, 8)}, "its last column lies behind the last of the input"),
        ({"shift": 20}, "an accumulator could reach 2684354560, above 2147483647"),
    )

    @staticmethod
    def loops(op, x):
        bias, rule, values = int(op.bias[0]), rule_of(op, 0), []
        for y, across, c in itertools.product(*map(range, op.out_shape)):
            total = bias
            places = []
            for axis, at in enumerate((y, across)):
                parts, last = op.parts[axis], op.in_shape[axis] - 1
                place = at * op.stride[axis] + op.offset[axis] - parts
                place = min(max(place, 0), last * parts)
                first, rest = divmod(place, parts)
                places.append([(first, parts - rest), (min(first + 1, last), rest)])
            for (row, high), (column, wide) in itertools.product(*places):
                total += high * wide * x[row][column][c]
            values.append(requantized(total, *rule))
        return values

    @staticmethod
    def random(rng, name, source, *, last):
        h, w, c = source.shape
        size = tuple(int(rng.integers(1, 4 if n > 12 else 2 * n + 2)) for n in (h, w))
        alignment = str(rng.choice(ALIGNMENTS))
        ratios = [resize_ratio(n, m, alignment) for n, m in zip((h, w), size, strict=True)]
        stride, offset, parts = zip(*ratios, strict=True)
        output = random_output(rng, Shape(*size, c), last)
        bias = rng.integers(-5000, 5001, 1).astype(np.int32)
        rule = requantization(rng, 255 * parts[0] * parts[1] + 5000, output.type, 1)
        base = {"name": name, "inputs": (source,), "output": output, "bias": bias}
        return Resize(**base, **rule, parts=parts, stride=stride, offset=offset)

    def test_the_unbroken_op_says_what_it_costs(self):
        assert self.make().acc_bound.tolist() == [20 * 128]
        assert self.make().work == 4 * 40
        assert self.make().macs == 0


def test_two_values_become_four_as_on_the_page():
    """NUMERICS.md section 3."""
    assert resize_ratio(2, 4) == (2, 3, 4)
    rule = {"shift": 0, "lo": 0, "hi": 255, "bias": np.zeros(1, np.int32)}
    op = Resize(
        name="r", inputs=(u8(1, 2, 1),), output=u8(1, 4, 1), parts=(1, 4), stride=(1, 2),
        offset=(1, 3), mult=np.full(1, 2**30, np.int32), **rule,
    )  # fmt: skip
    x = np.array([0, 100], np.uint8).reshape(1, 1, 2, 1)
    assert op.compute(x).ravel().tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_ratios_say_where_pixels_lie(alignment):
    """Oracle: the formulas of ONNX's Resize, as fractions."""
    for before, after in itertools.product(range(1, 9), repeat=2):
        stride, offset, parts = resize_ratio(before, after, alignment)
        for y in range(after):
            at = {
                "half_pixel": (y + 0.5) * before / after - 0.5,
                "align_corners": y * (before - 1) / max(1, after - 1),
                "asymmetric": y * before / after,
            }[alignment]
            mine = (y * stride + offset - parts) / parts
            assert min(max(mine, 0), before - 1) == pytest.approx(min(max(at, 0), before - 1))
