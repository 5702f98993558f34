"""Integer programs of nets that reshape planes and vectors.

Oracle: the proven bound of the error, from the float net.
"""

import numpy as np
import pytest
from integer_nets import assert_within_bound, quantize

from drypoint import nn, quant

SHAPE = (2, 9, 1)
X = np.random.default_rng(0).normal(0, 1, (40, *SHAPE)).astype(np.float32)
ROW = [nn.Conv2d(3, 1), nn.Reshape((3, 1, 9))]  # a column becomes a row: an axis of size 1 moves


@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize("window", [((1, 3), None, 0), ((3, 2), 16, 1), ((1, 1), 2, 0)])
def test_a_pool_reads_the_reshaped_plane(kind, window):
    """One output of windows of 3x2 with padding: the column and the row have another window."""
    kernel, stride, padding = window
    layers = [*ROW, kind(kernel, stride=stride, padding=padding), nn.Conv2d(2, 1)]
    net, calibration, program = quantize(layers, X)
    assert_within_bound(net, calibration, program, X)


def test_an_output_that_a_layer_reads_too_is_reshaped_for_the_layer():
    layers = {"conv": nn.Conv2d(2, 1), "view": nn.Reshape((2, 3, 3)), "next": nn.Conv2d(2, 2)}
    edges = [("input", "conv", "view", "next", ".last"), ("view", ".middle")]
    net = nn.Graph(layers, edges, {"input": SHAPE}).initialize(seed=1)
    with pytest.raises(quant.UnsupportedError, match=r"next .* reads a plane 9x1x2 reshaped to"):
        quant.quantize(net, X)


REFUSED = {
    "a shuffle of a vector": (
        [nn.Conv2d(2, 1), nn.Flatten(), nn.ChannelShuffle(2), nn.Linear(2)],
        "shuffle .* reads a flattened plane",
    ),
    "a shuffle in more groups than channels": (
        [nn.Conv2d(2, 1), nn.Flatten(), nn.ChannelShuffle(9), nn.Linear(2)],
        "shuffle .* reads a flattened plane",
    ),
    "a softmax along an axis of size 1": (
        [nn.Conv2d(3, (9, 1)), nn.Softmax()],
        r"softmax .* acts along axis -1 of \(3, 1, 1\), where each value is alone",
    ),
}


@pytest.mark.parametrize(("layers", "refusal"), REFUSED.values(), ids=REFUSED)
def test_a_net_whose_program_would_be_another_is_refused(layers, refusal):
    with pytest.raises(quant.UnsupportedError, match=refusal):
        quantize(layers, X)


def test_an_input_that_a_layer_read_before_a_reshape_keeps_its_shape():
    """All read the input through a layer that computes nothing."""
    layers = {"drop": nn.Dropout(0.5), "turn": nn.Permute((0, 2, 1)), "a": nn.Conv2d(2, 1),
              "view": nn.Reshape((2, 1, 9)), "b": nn.Conv2d(2, 1), "sum": nn.Add()}  # fmt: skip
    edges = [("input", "drop", "turn", "a", "sum.a"), ("drop", "view", "b", "sum.b")]
    net = nn.Graph(layers, edges, {"input": SHAPE}).initialize(seed=1)
    calibration = quant.calibrate(net, X)
    program = quant.quantize(net, calibration)
    assert program.input_shape == (9, 1, 2)
    assert_within_bound(net, calibration, program, X)


def test_a_net_that_begins_with_a_reshape_keeps_the_vectors_of_its_inputs():
    vectors = np.random.default_rng(1).normal(size=(40, 81)).astype(np.float32)
    layers = [nn.Reshape((1, 9, 9)), nn.Conv2d(2, 3), nn.ReLU(), nn.Conv2d(2, 7)]
    net, calibration, program = quantize(layers, vectors)
    assert_within_bound(net, calibration, program, vectors)
    assert program.is_single(vectors[0])
    assert np.array_equal(program.integers(vectors[:1]), program.integers(vectors[0]))
