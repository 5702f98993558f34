"""Clamps of the ops' outputs, and the possible ends of a net."""

import numpy as np
import pytest

from drypoint.data import ImageEncoder
from drypoint.nn import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Graph,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Model,
    ReLU,
    Sequential,
)
from drypoint.program import MaxPool, reference
from drypoint.quant import calibrate, error_bound, quantize
from drypoint.quant._fold import fold

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 6, 8)).astype(np.uint8)


def model(layers, *, encoder=True):
    net = Sequential(layers, (1, 6, 8)).initialize(0)
    return Model(net, encoder=ImageEncoder(width=8, height=6) if encoder else None)


def quantize_layers(layers):
    given = model(layers)
    return quantize(given, calibrate(given, IMAGES))


I32 = (-(2**31), 2**31 - 1)
CLAMPS = {
    "no relu, relu, last": (
        {"a": Conv2d(2, 3), "b": Conv2d(2, 3), "relu": ReLU(), "flat": Flatten(), "c": Linear(2)},
        [("i8", -128, 127), ("u8", 0, 255), ("i32", *I32)],
    ),
    "relu at the end": (
        {"flat": Flatten(), "a": Linear(3), "b": Linear(2), "relu": ReLU()},
        [("i8", -128, 127), ("i32", 0, I32[1])],
    ),
    "means": (
        {"a": Conv2d(2, 1), "mean": AvgPool2d(2), "b": Conv2d(2, 1), "relu": ReLU(),
         "last": AvgPool2d((1, 2))},
        [("i8", -128, 127), ("i8", -128, 127), ("u8", 0, 255), ("i32", *I32)],
    ),
    "a mean of pixels": (
        {"mean": AvgPool2d(2), "flat": Flatten(), "fc": Linear(2)},
        [("u8", 0, 255), ("i32", *I32)],
    ),
    "a mean with relu": (
        {"a": Conv2d(2, 1), "mean": AvgPool2d(2), "relu": ReLU(), "flat": Flatten(),
         "b": Linear(2)},
        [("i8", -128, 127), ("u8", 0, 255), ("i32", *I32)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "clamps"), CLAMPS.values(), ids=CLAMPS)
def test_an_op_clamps_to_its_type_and_a_relu_to_zero(layers, clamps):
    """Oracle: the ranges of the types, written out."""
    ops = quantize_layers(layers).ops
    assert [(op.out_type, op.lo, op.hi) for op in ops] == clamps


ENDS = {
    "a plane of several channels": {"conv": Conv2d(2, 3)},
    "a flattened plane of one channel": {"conv": Conv2d(1, 3), "flat": Flatten()},
    "a flattened pixel": {"conv": Conv2d(3, (6, 8)), "flat": Flatten()},
    "a flattened row of one channel": {"conv": Conv2d(1, (6, 1)), "flat": Flatten()},
    "a vector": {"flat": Flatten(), "fc": Linear(3)},
}


@pytest.mark.parametrize("layers", ENDS.values(), ids=ENDS)
def test_the_outputs_of_a_program_are_those_of_its_net_in_their_order(layers):
    """Oracle: the float net. Outputs differ by less than 2 % of their range, since weights have 8
    bits; in any other order they differ by more.
    """
    given = model(layers)
    program = quantize_layers(layers)
    outputs = reference.run(program, IMAGES[..., None]) * program.output_scale
    wanted = given.net(given.encode(IMAGES))
    if wanted.ndim == 4:
        wanted = wanted.transpose(0, 2, 3, 1)
    error = np.abs(outputs.reshape(len(IMAGES), -1) - wanted.reshape(len(IMAGES), -1))
    assert error.max() < 0.02 * np.ptp(wanted)


def test_without_an_encoder_a_net_needs_no_weights():
    """Only an encoder needs weights to be folded into."""
    assert len(fold(model({"pool": MaxPool2d(2)}, encoder=False)).nodes) == 2  # and the input


def test_a_maximum_at_the_end_reads_integers_without_a_zero_point():
    """int32 outputs of a copy have no zero point; the values before are mostly positive."""
    layers = {"a": Conv2d(2, 3), "leaky": LeakyReLU(0.1), "last": MaxPool2d(2, stride=1)}
    program = quantize_layers(layers)
    last = program.ops[-1]
    assert (type(last), last.inputs[0].zero, last.out_type) == (MaxPool, 0, "i32")


def test_a_mean_at_the_end_has_256_steps_for_one_of_its_input():
    given = model({"mean": AvgPool2d(2)}, encoder=False)
    program = quantize(given, calibrate(given, IMAGES[:, None] / 255))
    assert program.output_scale == program.input_scale / 256


def test_a_convolution_that_others_read_keeps_its_plane_before_a_pool():
    """Oracle: the proven bound of the error, of the pool and of the other reader."""
    layers = {"a": Conv2d(2, 3), "pool": MaxPool2d(2), "b": Conv2d(3, 1), "c": Conv2d(3, 1)}
    edges = [("input", "a", "pool", ".small"), ("a", "b", ".large"), ("a", ".plane")]
    edges += [("pool", "c", ".tiny")]
    net = Graph(layers, edges, {"input": (1, 6, 8)}).initialize(0)
    x = IMAGES[:, None] / np.float32(255)
    calibration = calibrate(net, x)
    program, bounds = quantize(net, calibration), error_bound(net, calibration)
    found = program.real(reference.run(program, program.integers(x)))
    for output, op in zip(program.outputs, program.output_ops, strict=True):
        wanted = net(x)[output.name].transpose(0, 2, 3, 1).reshape(len(x), -1)
        assert np.abs(found[output.name] - wanted).max() <= bounds[op.name]
