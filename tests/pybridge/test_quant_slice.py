"""Integer programs with parts of planes and shuffled channels.

Oracles: the float net, of which an op that moves integers computes the same steps exactly; NumPy's
indexing of the integers.
"""

import numpy as np
import pytest
from integer_nets import assert_stream, assert_within_bound, quantize

from drypoint import nn, quant
from drypoint.data import ImageEncoder
from drypoint.program import Slice, reference, simplify

SHAPE = (4, 6, 5)
X = np.random.default_rng(0).normal(0, 1, (40, *SHAPE)).astype(np.float32)
CONV = nn.Conv2d(4, 3)
LAYERS = {
    "channels": [CONV, nn.Slice(0, 1, 3), nn.Conv2d(2, 2)],
    "rows": [CONV, nn.Slice(1, 1), nn.Conv2d(2, 1)],
    "every second column": [CONV, nn.Slice(2, step=2), nn.ReLU(), nn.Conv2d(2, 1)],
    "padded": [nn.ZeroPad2d(1), nn.Slice(1, 0, 3), nn.Conv2d(2, 2)],
    "the input's": [nn.Slice(0, 2), nn.Conv2d(2, 2)],
    "last": [CONV, nn.Slice(0, 1)],
    "all": [CONV, nn.Slice(1), nn.Conv2d(2, 2)],
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_a_program_stays_within_the_proven_bound(layers):
    net, calibration, program = quantize(layers, X)
    kinds = [type(op) for op in program.ops]
    assert kinds.count(Slice) == (layers is not LAYERS["all"])
    assert_within_bound(net, calibration, program, X, minor=Slice in kinds)


def test_a_program_is_exact_where_values_only_move():
    """The integers of a slice and of a shuffle are integers of the convolution before them."""
    for layer, index in (
        (nn.Slice(0, 1, 3), np.s_[:, :, :, 1:3]),
        (nn.Slice(1, 1, step=2), np.s_[:, 1::2]),
        (nn.ChannelShuffle(2), np.s_[:, :, :, [0, 2, 1, 3]]),
    ):
        plain, moved = (quantize([nn.Conv2d(4, 3), *more], X)[2] for more in ([], [layer]))
        integers = [reference.trace(program, program.integers(X))[-1] for program in (plain, moved)]
        real = [program.real(y) for program, y in zip((plain, moved), integers, strict=True)]
        step = moved.output_scale / 2 + plain.output_scale / 2
        assert np.abs(real[0][index] - real[1]).max() <= step
        if isinstance(layer, nn.ChannelShuffle):
            assert len(moved.ops) == 1  # the convolution writes its channels in that order


def test_pixels_of_an_encoder_are_sliced_too():
    encoder = ImageEncoder(width=5, height=6, color="rgb", mean=0.3, std=(0.2, 0.4, 0.6))
    net = nn.Sequential([nn.Slice(0, 1, 3), nn.Conv2d(2, 2)], (3, 6, 5)).initialize(1)
    model = nn.Model(net, encoder=encoder)
    pixels = np.random.default_rng(1).integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)
    calibration = quant.calibrate(model, pixels)
    program = quant.quantize(model, calibration)
    assert [op.kind for op in program.ops] == ["slice", "conv"]
    real = program.real(reference.run(program, pixels)).reshape(20, *program.output_shape)
    bound = [*quant.error_bound(model, calibration).values()][-1]
    floats = net(encoder(pixels))
    assert np.abs(real.transpose(0, 3, 1, 2) - floats).max() <= bound


def test_channels_that_no_slice_reads_are_left_out():
    _, _, program = quantize([nn.Conv2d(24, 1), nn.Slice(0, 9, 17), nn.Conv2d(2, 3)], X)
    small = simplify(program).program
    assert small.ops[0].out_shape.c == 8
    x = program.integers(X)
    assert (reference.run(small, x) == reference.run(program, x)).all()


def test_a_stream_takes_channels_and_refuses_rows():
    x = np.random.default_rng(0).normal(0, 1, (20, 4, 12, 1)).astype(np.float32)
    refused = "leaves out rows along the time; a stream has no"
    for layer, refusal in ((nn.Slice(0, 1, 3), ""), (nn.Slice(1, 2), refused)):
        layers = [nn.Conv2d(4, (3, 1)), layer, nn.Conv2d(2, (2, 1))]
        assert_stream(layers, x, "slice", refusal)
