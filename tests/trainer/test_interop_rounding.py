"""The report of roundings. Oracle: both roundings of every single accumulator, one by one, and
LiteRT's reference kernels.
"""

import numpy as np
import pytest
from tflite_files import TfliteFile, a_net, litert

from drypoint import interop
from drypoint.interop._rounding import Requantization, compare, round_twice
from drypoint.program import Conv, Shape, Tensor, multipliers, reference


def doubled(acc, mult, shift):
    """TensorFlow Lite's product, in Python's integers, as its documentation states it."""
    product = acc * mult * 2 ** max(shift, 0)
    total = product + (2**30 if product >= 0 else 1 - 2**30)
    high = abs(total) // 2**31 * (1 if total >= 0 else -1)
    right = max(-shift, 0)
    rest = high % 2**right
    return high // 2**right + (rest > (2**right - 1) // 2 + (high < 0))


def test_twice_rounded_is_the_product_of_tensorflow_lite():
    rng = np.random.default_rng(0)
    for ratio in [*rng.uniform(1e-6, 3, 40), 0.5, 1.0, 2.0, 2**-20]:
        fraction, shift = np.frexp(ratio)
        mult = round(float(fraction) * 2**31)
        acc = rng.integers(-(2**26), 2**26, 300)
        wanted = [doubled(int(a), mult, int(shift)) for a in acc]
        assert round_twice(acc, np.array([ratio])).tolist() == wanted


@pytest.mark.parametrize("framework", ["TensorFlow Lite", "ONNX Runtime"])
def test_the_report_counts_what_counting_one_by_one_finds(framework):
    rng = np.random.default_rng(1)
    for trial in range(25):
        channels = int(rng.integers(1, 5))
        weight = rng.integers(-127, 128, (channels, 1, 1, 3)).astype(np.int8)
        ratio = 2.0 ** rng.uniform(-14, -2, channels)
        mult, shift = multipliers(ratio)
        kind, zero = [("u8", 0), ("i8", int(rng.integers(-100, 100)))][trial % 2]
        low, high = (0, 255) if kind == "u8" else (-128, 127)
        op = Conv(
            name="conv", inputs=(Tensor(Shape(1, 1, 3), "i8", 5),), kernel=(1, 1), weight=weight,
            output=Tensor(Shape(1, 1, channels), kind, zero), lo=low, hi=high - trial % 7,
            bias=rng.integers(-5000, 5000, channels).astype(np.int32), mult=mult, shift=shift,
        )  # fmt: skip
        (found,) = compare((op,), {0: Requantization(ratio=ratio)}, framework).ops
        reachable = differing = most = 0
        rows = weight.reshape(channels, 3).astype(int)
        for i in range(channels):
            ends = np.sort(np.stack([rows[i] * -128, rows[i] * 127]), axis=0).sum(axis=1)
            acc = np.arange(ends[0], ends[1] + 1) + int(op.bias[i])
            clamp = {"zero": zero, "clamp": (op.lo, op.hi)}
            ours = reference.requantize(acc.astype(np.int32), mult[i], shift=shift, **clamp)
            if framework == "ONNX Runtime":
                steps = np.rint(acc.astype(np.float32) * np.float32(ratio[i])).astype(int)
            else:
                steps = round_twice(acc, ratio[i : i + 1])
            off = np.abs(ours - (steps + zero).clip(op.lo, op.hi))
            reachable, differing = reachable + len(acc), differing + int((off > 0).sum())
            most = max(most, int(off.max()))
        assert (found.reachable, found.differing, found.most) == (reachable, differing, most)


def test_pairs_of_an_addition_and_a_product_are_litert_s():
    """All 65,536 pairs through LiteRT's reference kernels differ from ours as often as reported."""
    pairs = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij"), -1)
    for kind, scale in (("ADD", 0.03), ("MUL", 0.0021)):
        f = TfliteFile((1, 256, 256, 2), scale=0.02, zero=3)
        sides = []
        for weight in ([127, 0], [0, 127]):  # each channel on its own, in steps of its own
            values = f.constant(np.array([weight]).reshape(1, 1, 1, 2), "INT8", scale=[1 / 127])
            sides.append(f.then("CONV_2D", [0, values, f.constant([0], scale=[0.02 / 127])],
                                (1, 256, 256, 1), scale=0.02, zero=3, StrideH=1, StrideW=1,
                                Padding="VALID"))  # fmt: skip
        f.then(kind, sides, (1, 256, 256, 1), scale=scale, zero=-7)
        x = pairs[None].astype(np.int8)
        wanted = litert(f.bytes(), x, kernels="BUILTIN_REF")
        program, report = interop.program_and_rounding(f.bytes())
        off = np.abs(reference.run(program, x).reshape(wanted.shape) - wanted)
        found = report.ops[-1]
        assert (found.reachable, found.differing) == (65536, int((off > 0).sum()))
        assert found.most == off.max() <= 1


def test_means_over_an_even_number_round_halves_as_litert_does():
    """Each sum of four int8, a fourth of which are halves: LiteRT's bytes, with both zero points
    that a rectified or a centred plane has; with others halves go up, as the report counts.
    """
    totals = np.arange(-512, 509)
    quads = np.stack([(totals + i) // 4 for i in range(4)], axis=1).astype(np.int8)
    assert (quads.sum(axis=1) == totals).all()
    for zero, exact in ((-128, True), (0, True), (5, False)):
        f = TfliteFile((1, 2, 2 * len(totals), 1), scale=0.03, zero=zero)
        window = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2}
        f.then("AVERAGE_POOL_2D", [0], (1, 1, len(totals), 1), scale=0.03, zero=zero,
               Padding="VALID", **window)  # fmt: skip
        x = quads.reshape(-1, 2, 2).transpose(1, 0, 2).reshape(1, 2, -1, 1)
        program, report = interop.program_and_rounding(f.bytes())
        off = (reference.run(program, x).ravel() != litert(f.bytes(), x).ravel()).sum()
        assert (off == 0) == exact
        assert report.ops[0].differing == off


def test_a_program_with_such_a_mean_is_written():
    pytest.importorskip("ai_edge_litert")  # to_tflite writes with its schema
    f = TfliteFile((1, 4, 4, 3), scale=0.02, zero=-128)
    window = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2, "Padding": "VALID"}
    at = f.then("AVERAGE_POOL_2D", [0], (1, 2, 2, 3), scale=0.02, zero=-128, **window)
    f.then("FULLY_CONNECTED", [at, f.drawn(4, 12), f.bias(4)], (1, 4), scale=0.2)
    program = interop.program_from_tflite(f.bytes())
    images = np.random.default_rng(0).integers(-128, 128, (9, 4, 4, 3)).astype(np.int8)
    found = interop.program_from_tflite(interop.to_tflite(program, images))
    mean, wanted = (reference.trace(one, images)[0].astype(int) for one in (found, program))
    assert np.abs(mean - wanted).max() <= 1  # written as a convolution, which rounds halves up
    assert interop.to_onnx(program, images)


def test_the_report_is_a_table_a_line_and_numbers():
    report = interop.rounding_report(a_net())
    assert report.framework == "TensorFlow Lite"
    assert [one.name for one in report.ops][:3] == ["conv_2d_0", "depthwise_conv_2d_1", "add_2"]
    assert str(report).splitlines()[-1] == report.line
    assert report.line.startswith("rounding: TensorFlow Lite rounds twice, and gives another byte")
    assert report.line.endswith("by at most 1")
    assert len(report.json()["ops"]) == len(report.ops)
