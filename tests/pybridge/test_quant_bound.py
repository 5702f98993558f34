"""Integers against floats: the engine's bytes, and the bound of the difference, for random nets.

The float oracle computes in float64, and the ranges come from it, so that nothing of float32 is in
the comparison. Only float64's rounding remains: a sum has at most some 2^30 accumulator steps,
of which an output step is at least one, so the rounding is below 2^-20 of an output step. The
bounds have at least half an output step.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from drawn_nets import every_case
from equal_bytes import check_engine
from floatnets import random_case
from hypothesis import given
from properties import examples

from drypoint.data import ImageEncoder
from drypoint.graph import InputPart, OpNode
from drypoint.nn import Conv2d, Flatten, Linear, MaxPool2d, Model, ReLU, Sequential, Softmax
from drypoint.program import (
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    reference,
)
from drypoint.quant import error_bound, quantize
from drypoint.quant._fold import fold
from drypoint.quant._quantized_nodes import quantize_nodes

ROUNDING = 2.0**-18


def wanted_outputs(case, line):
    """For each op, the float net's output of the last layer fused into the op; None for an op that
    computes a part of a layer. A clip that follows a maximum is done before it, with the same
    result. Pools before the first weights compute with pixels.
    """
    wanted, encoder, activations = [], case.model.encoder, case.activations()
    raw = {0} if isinstance(encoder, ImageEncoder) else set()
    for i, step in enumerate(line):
        node, (h, w, c) = step.node, step.node.shape
        values = activations.get(node.layer)
        if isinstance(node, OpNode) and node.op in (MaxPool, AvgPool) and node.reads[0] in raw:
            raw.add(i + 1)
        if values is not None:
            values = values.reshape(len(values), c, h, w).transpose(0, 2, 3, 1)
            if i + 1 in raw:
                values = (values * (encoder.std or 1.0) + (encoder.mean or 0.0)) * 255
            values = values.clip(node.low, node.high)
        wanted.append(values)
    return wanted


def excesses(case, program, calibration):
    """op -> the largest difference from the float net, as a multiple of the bound."""
    line = quantize_nodes(fold(case.model), calibration)
    bounds, found = error_bound(case.model, calibration), {}
    traced = reference.trace(program, case.integers(program))
    names = {op.name for op in program.ops}
    steps = [  # without parts of the input that no op writes
        (step, wanted)
        for step, wanted in zip(line, wanted_outputs(case, line), strict=True)
        if not isinstance(step.node, InputPart) or step.node.layer in names
    ]
    for (step, wanted), op, came in zip(steps, program.ops, traced, strict=True):
        if wanted is not None:
            real = (came.astype(np.float64) - op.output.zero) * step.target.scale
            off, bound = float(np.abs(real - wanted).max()), bounds[op.name]
            found[op.name] = off / bound if bound else off * 1e6
    return found


@given(every_case)
@examples(120)
def test_integers_are_within_the_bound_in_every_layer(case):
    calibration = case.calibration()
    program = quantize(case.model, calibration)
    for op, excess in excesses(case, program, calibration).items():
        assert excess <= 1 + ROUNDING, op


@given(every_case)
def test_the_engine_gives_the_bytes_of_the_reference(case):
    program = quantize(case.model, case.calibration())
    rng = np.random.default_rng(0)
    x = case.integers(program)
    limits = np.iinfo(x.dtype)
    extreme = np.stack([np.full(x.shape[1:], v, x.dtype) for v in (limits.min, limits.max)])
    x = np.concatenate([x, extreme, rng.integers(limits.min, limits.max + 1, x.shape, x.dtype)])
    check_engine(program, x)


@given(every_case)
def test_the_overflow_bound_is_never_reached_and_stored(case):
    """Oracle: the worst input of each output channel, built from the signs of its weights."""
    for op in quantize(case.model, case.calibration()).ops:
        if isinstance(op, Conv | Dense | DepthwiseConv | GroupedConv):
            rows = op.rows.astype(object)
            high, low = (255, 0) if op.in_type == "u8" else (127, -128)
            for bias, row, bound in zip(op.bias.tolist(), rows, op.acc_bound, strict=True):
                up = bias + sum(w * (high if w > 0 else low) for w in row)
                down = bias + sum(w * (low if w > 0 else high) for w in row)
                assert max(abs(up), abs(down)) <= bound
                assert int(bound) << op.shift < 2**31


def small_model(seed=0):
    """Two convolutions, one fused pool, one dense: weights of ordinary size."""
    layers = {
        "conv1": Conv2d(3, 2), "relu1": ReLU(), "pool1": MaxPool2d(2), "conv2": Conv2d(4, (1, 2)),
        "flatten": Flatten(), "fc": Linear(3), "softmax": Softmax(),
    }  # fmt: skip
    encoder = ImageEncoder(width=9, height=7, mean=0.3, std=0.5)
    return Model(Sequential(layers).bind((1, 7, 9)).initialize(seed), encoder=encoder)


def small_case(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 7, 9, 1)).astype(np.uint8)
    real = ((pixels / 255 - 0.3) / 0.5).transpose(0, 3, 1, 2)
    return replace(random_case(0), model=small_model(seed), images=pixels, real=real)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("at", "part"), [(0, 8), (1, 8), (2, 2)])
def test_the_bound_is_broken_by_a_scale_that_is_off_by_a_part(seed, at, part):
    case = small_case(seed)
    calibration = case.calibration()
    program = quantize(case.model, calibration)
    op = program.ops[at]
    assert excesses(case, program, calibration)[op.name] <= 1 + ROUNDING
    wrong = replace(op, mult=2 * (op.mult // 2 - op.mult // (2 * part)))
    ops = (*program.ops[:at], wrong, *program.ops[at + 1 :])
    assert excesses(case, replace(program, ops=ops), calibration)[op.name] > 1


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_tight(seed):
    case = small_case(seed)
    calibration = case.calibration()
    found = excesses(case, quantize(case.model, calibration), calibration)
    assert found["conv1"] > 0.5
    assert found["conv2"] > 0.2
    assert found["fc"] > 0.03  # 60 errors add up, which never all point the same way


def test_a_bound_of_one_dense_layer_by_hand():
    """weight 1.27, bias 0.5, inputs to 255: scale 0.01; one channel; every term on its own."""
    net = Sequential({"fc": Linear(1)}, (1,)).with_params({"fc.weight": [[1.27]], "fc.bias": [0.5]})
    x = np.array([[0.0], [255.0]])
    case = replace(random_case(0), model=Model(net), images=x, real=x)
    (bound,) = error_bound(case.model, case.calibration()).values()
    (op,) = quantize(case.model, case.calibration()).ops
    assert (op.weight.item(), op.bias.item(), op.mult.item(), op.shift) == (127, 50, 2**30, 0)
    w = float(np.float32(1.27))
    scale = w / 127
    by_hand = 127 * scale * (0.5 + 2**-14)  # the border rounds to steps of 1, in float32
    by_hand += abs(0.5 - 50 * scale)  # the bias in steps of the accumulator
    by_hand += 4 * scale / 2  # one rounding of the output, four accumulator steps wide
    assert bound == pytest.approx(by_hand, rel=1e-6)  # the weight itself is float32


def test_a_bound_counts_what_the_multiplier_is_off_on_the_largest_accumulator():
    """64 weights of 1 make sums so large that rounding the multiplier costs a part of a step."""
    layers = {"fc1": Linear(1), "relu": ReLU(), "fc2": Linear(1)}
    params = {
        "fc1.weight": np.ones((1, 64)), "fc1.bias": [-0.3], "fc2.weight": [[1]], "fc2.bias": [0],
    }  # fmt: skip
    net = Sequential(layers, (64,)).with_params(params)
    x = np.full((2, 64), [[0.0], [255.0]])
    case = replace(random_case(0), model=Model(net), images=x, real=x)
    bound = error_bound(case.model, case.calibration())["fc1"]
    op = quantize(case.model, case.calibration()).ops[0]
    assert (set(op.weight.flat), op.bias.item(), op.shift) == ({127}, -38, 0)
    scale, bias = Fraction(1, 127), Fraction(float(np.float32(-0.3)))
    out = (255 * 64 + bias) / 255
    multiplier_off = abs(Fraction(op.mult.item(), 2**32) - scale / out)
    by_hand = 64 * (Fraction(1, 2) + Fraction(1, 2**14))  # the border rounds to steps of 1
    by_hand += abs(bias + 38 * scale)  # the bias in steps of the accumulator
    by_hand += out * (Fraction(1, 2) + multiplier_off * (38 + 255 * 127 * 64))
    # Float64 rounds some ten sums, so it is off by less than 1e-14 of the bound.
    assert out * multiplier_off * (38 + 255 * 127 * 64) > by_hand / 100_000
    assert bound == pytest.approx(float(by_hand), rel=1e-12)
