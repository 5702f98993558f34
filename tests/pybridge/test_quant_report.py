"""The report by layer, against plain arithmetic on the two nets' outputs."""

import json
import math

import numpy as np
import pytest
from floatnets import cases, random_case
from hypothesis import example, given
from properties import examples

from drypoint.data import ImageEncoder
from drypoint.nn import Flatten, Linear, MaxPool2d, Model, ReLU, Sequential, Softmax
from drypoint.program import Lookup, MaxPool, Upsample, reference
from drypoint.quant import QuantizationError, calibrate, quantize, report

IMAGES = np.random.default_rng(0).integers(0, 256, (300, 4, 6)).astype(np.uint8)


def model(*, pool=False):
    layers = {"pool": MaxPool2d(2)} if pool else {}
    layers |= {"flatten": Flatten(), "fc1": Linear(6), "relu": ReLU(), "fc2": Linear(3)}
    net = Sequential({**layers, "softmax": Softmax()}, (1, 4, 6)).initialize(2)
    return Model(net, encoder=ImageEncoder(width=6, height=4, mean=0.4, std=0.3))


def test_figures_equal_numpy_on_the_outputs_of_both_nets():
    """Oracle: NumPy over all images at once; more than one batch, so sums of parts agree with it
    to float64's rounding."""
    given_model = model()
    calibration = calibrate(given_model, IMAGES[:40])
    found = report(given_model, calibration, IMAGES)
    program = quantize(given_model, calibration)
    floats = given_model.net.activations(given_model.encode(IMAGES), ["relu", "fc2"])
    traces = reference.trace(program, IMAGES)
    assert [(op.op, op.layer, op.dtype) for op in found] == [
        ("fc1", "relu", "u8"),
        ("fc2", "fc2", "i32"),
    ]
    for op, trace in zip(found, traces, strict=True):
        f = floats[op.layer].astype(np.float64).reshape(300, -1)
        q = trace.reshape(300, -1) * op.scale
        assert op.max_error == np.abs(f - q).max()
        assert op.sqnr == pytest.approx(
            10 * math.log10((f**2).sum() / ((f - q) ** 2).sum()), rel=1e-9
        )
        assert op.cosine == pytest.approx(
            (f * q).sum() / math.sqrt((f**2).sum() * (q**2).sum()), rel=1e-12
        )
        counts, _ = np.histogram(f - q, 32, (-op.error_limit, op.error_limit))
        assert list(op.error_counts) == counts.tolist()
        assert sum(op.error_counts) == f.size
        assert math.log2(op.error_limit / op.scale).is_integer()
        beyond = np.count_nonzero(f > 255.5 * op.scale) if op.dtype == "u8" else 0
        assert op.clipped == beyond / f.size
    assert next(iter(found)).scale == pytest.approx(calibration.ranges["relu"][1] / 255)


@given(cases)
@example(random_case(495621996))  # a cosine of 1e15, and a mean of what it gives
@examples(30)
def test_random_nets_have_a_row_for_each_op_and_agree_closely(case):
    """The images are the calibration images: nothing is clipped by more than the rounding. A
    lookup's output may be, and so may every output computed from it: where the function is
    steep (a cosine of 1e15), floats lie far outside of what the table holds."""
    calibration = case.calibration()
    found = report(case.model, calibration, case.images)
    program = quantize(case.model, calibration)
    behind_lookup = {0: False}
    for i, op in enumerate(program.ops):
        behind = isinstance(op, Lookup) or any(behind_lookup[t] for t in program.reads[i])
        behind_lookup[i + 1] = behind
    numbers = {op.name: i + 1 for i, op in enumerate(program.ops)}
    rows = [numbers[op.op] for op in found]
    assert rows == sorted(rows)
    for number in {*numbers.values()} - {*rows}:  # pools of pixels, and what only copies of it show
        readers = [
            op for op, reads in zip(program.ops, program.reads, strict=True) if number in reads
        ]
        assert number < rows[0] or {type(op) for op in readers} <= {MaxPool, Upsample}
    assert found.n_examples == len(case.images)
    for number, op in zip(rows, found, strict=True):
        assert 0 <= op.clipped <= (1 if behind_lookup[number] else 0.05)
        assert op.cosine <= 1 + 1e-9
        assert op.max_error >= 0


def test_a_pool_on_pixels_is_left_out():
    given_model = model(pool=True)
    found = report(given_model, calibrate(given_model, IMAGES), IMAGES[:5])
    assert [op.op for op in found] == ["fc1", "fc2"]
    assert len(found) == 2


def test_it_prints_a_table_and_is_json():
    given_model = model()
    found = report(given_model, calibrate(given_model, IMAGES), IMAGES)
    lines = str(found).splitlines()
    assert lines[0].startswith("op   type ")
    assert lines[0].endswith("  scale  clipped  SQNR, dB  largest error    cosine")
    assert [line.split()[0] for line in lines[1:-1]] == ["fc1", "fc2"]
    assert lines[-1] == "integers against floats on 300 examples"
    rows = json.loads(json.dumps(found.to_json()))["ops"]
    assert [row["op"] for row in rows] == ["fc1", "fc2"]
    assert all(row["sqnr"] > 20 for row in rows)


def test_images_that_are_none_are_refused():
    given_model = model()
    with pytest.raises(QuantizationError, match="at least one input"):
        report(given_model, calibrate(given_model, IMAGES), IMAGES[:0])
