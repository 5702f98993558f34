"""Integer programs of each layer, wherever it stands, and of layers side by side.

Oracles: the proven bound of the error, from the float net; an op that moves integers computes the
float net's steps exactly.
"""

import numpy as np
import pytest
from integer_nets import assert_stream, assert_within_bound, quantize
from layer_nets import KINDS, NAMES, nets_around

from drypoint import nn, quant
from drypoint.data import ImageEncoder
from drypoint.program import reference, simplify

SHAPE = (4, 6, 5)
X = np.random.default_rng(0).normal(0, 1, (40, *SHAPE)).astype(np.float32)
CONV, LAST = nn.Conv2d(4, 3), nn.Conv2d(2, 2)
UP = nn.ConvTranspose2d(3, 3, stride=2, padding=1, output_padding=1)
# Samples of these are refused where their values would have to move.
SOMETIMES = {"Flatten", "Graph", "Reshape", "Softmax", "ZeroPad2d"}


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_that_is_exportable_stays_within_the_proven_bound(name):
    """Of no other layer is a program made."""
    found = []
    for layers, shape in nets_around(name):
        x = np.random.default_rng(0).normal(0, 1, (8, *shape)).astype(np.float32)
        try:
            net, calibration, program = quantize(layers, x)
        except quant.QuantizationError:
            found.append(False)
            continue
        found.append(True)
        # A program gives scores, no probabilities; test_quant_recurrent.py has the bound of a step.
        if KINDS[name].exportable not in ("at the end", "step by step"):
            assert_within_bound(net, calibration, program, x)
    assert (any if name in SOMETIMES else all)(found) == bool(KINDS[name].exportable)
    assert any(found) == bool(KINDS[name].exportable)


NETS = {
    "columns, then a ReLU": [CONV, nn.Slice(2, step=2), nn.ReLU(), LAST],
    "rows of padding": [nn.ZeroPad2d(1), nn.Slice(1, 0, 3), LAST],
    "resized, then a ReLU": [CONV, nn.Resize((2, 5)), nn.ReLU(), LAST],
    "resized, the last op": [CONV, nn.Resize(5)],
    "one pixel resized": [
        CONV, nn.GlobalAvgPool2d(), nn.Reshape((4, 1, 1)), nn.Resize(3), nn.Conv2d(2, 3)],
    "transposed, batch norm, ReLU": [CONV, UP, nn.BatchNorm2d(), nn.ReLU(), LAST],
    "transposed by 1": [nn.ConvTranspose2d(3, 3), nn.ReLU(), LAST],
    "transposed behind padding": [
        nn.ZeroPad2d((1, 0, 2, 1)), nn.ConvTranspose2d(4, 4, stride=2), LAST],
    "a sigmoid at the end": [nn.ConvTranspose2d(1, 4, stride=2, padding=1), nn.Sigmoid()],
    "a maximum, then a ReLU": [UP, nn.MaxPool2d(3, stride=1), nn.ReLU(), LAST],
    "repeated, batch norm, ReLU6": [
        CONV, nn.Upsample((2, 3)), nn.BatchNorm2d(), nn.ReLU6(), LAST],
    "shuffled, then a ReLU": [nn.Conv2d(8, 3), nn.PixelShuffle(2), nn.ReLU(), LAST],
    "shuffled behind a function": [nn.Conv2d(8, 3), nn.SiLU(), nn.PixelShuffle(2), LAST],
    "shuffled, the last op": [nn.Conv2d(8, 3), nn.PixelShuffle(2)],
    "shuffled, batch norm": [nn.Conv2d(12, 1), nn.PixelShuffle(2), nn.BatchNorm2d()],
    "blocks, batch norm": [
        nn.Conv2d(12, 1), nn.ConvTranspose2d(3, 2, stride=2), nn.BatchNorm2d()],
}  # fmt: skip


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
def test_layers_side_by_side_stay_within_the_proven_bound(layers):
    net, calibration, program = quantize(layers, X)
    assert_within_bound(net, calibration, program, X)
    x, small = program.integers(X), simplify(program).program
    assert np.array_equal(reference.run(small, x), reference.run(program, x))
    rows = quant.report(net, calibration, X[:20])
    assert {row.op for row in rows} <= {op.name for op in program.ops}
    assert min(row.sqnr for row in rows) > 15  # of rounding, not of values at wrong places


def test_a_program_is_exact_where_values_only_move():
    """The integers of a slice and of a shuffle are integers of the convolution before them."""
    for layer, index in (
        (nn.Slice(0, 1, 3), np.s_[:, :, :, 1:3]),
        (nn.Slice(1, 1, step=2), np.s_[:, 1::2]),
        (nn.ChannelShuffle(2), np.s_[:, :, :, [0, 2, 1, 3]]),
    ):
        plain, moved = (quantize([CONV, *more], X)[2] for more in ([], [layer]))
        integers = [reference.trace(program, program.integers(X))[-1] for program in (plain, moved)]
        real = [program.real(y) for program, y in zip((plain, moved), integers, strict=True)]
        step = moved.output_scale / 2 + plain.output_scale / 2
        assert np.abs(real[0][index] - real[1]).max() <= step
        if isinstance(layer, nn.ChannelShuffle):
            assert len(moved.ops) == 1  # the convolution writes its channels in that order


@pytest.mark.parametrize(
    ("layer", "kind", "off"),
    [
        (nn.Slice(0, 1, 3), "slice", 0),
        (nn.Upsample(2), "upsample", 0),
        (nn.Resize(4), "resize", 0.51),  # half a pixel
    ],
)
def test_pixels_of_an_encoder_are_moved_before_the_first_weights(layer, kind, off):
    """Oracle: the float net, each of whose weights is off by half a 127th of the largest."""
    encoder = ImageEncoder(width=5, height=6, color="rgb", mean=0.3, std=(0.2, 0.4, 0.6))
    net = nn.Sequential([layer, nn.Conv2d(2, 2)], (3, 6, 5)).initialize(1)
    model = nn.Model(net, encoder=encoder)
    pixels = np.random.default_rng(1).integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)
    program = quant.quantize(model, quant.calibrate(model, pixels))
    assert [op.kind for op in program.ops] == [kind, "conv"]
    assert program.input_type == "u8"
    real = program.real(reference.run(program, pixels)).reshape(20, *program.output_shape)
    weights = np.abs(net.layers["conv"].param("weight"))
    rounding = weights[0].size * weights.max() / 254 * np.abs(encoder(pixels)).max()
    difference = np.abs(real.transpose(0, 3, 1, 2) - net(encoder(pixels))).max()
    assert difference <= weights.sum(axis=(1, 2, 3)).max() * off / 255 / 0.2 + rounding


def test_channels_that_no_slice_reads_are_left_out():
    _, _, program = quantize([nn.Conv2d(24, 1), nn.Slice(0, 9, 17), nn.Conv2d(2, 3)], X)
    small = simplify(program).program
    assert small.ops[0].out_shape.c == 8
    x = program.integers(X)
    assert (reference.run(small, x) == reference.run(program, x)).all()


NEXT = nn.Conv2d(2, (2, 1))
STREAMS = [
    ((4, 12, 1), [nn.Conv2d(4, (3, 1)), nn.Slice(0, 1, 3), NEXT], "slice", ""),
    ((4, 12, 1), [nn.Conv2d(4, (3, 1)), nn.Slice(1, 2), NEXT], "slice",
     "leaves out rows along the time; a stream has no"),
    ((2, 12, 3), [nn.Resize((12, 5)), NEXT], "resize", ""),
    ((2, 12, 3), [nn.Resize((6, 3)), NEXT], "resize",
     "makes 6 rows of 12 along the time; a stream"),
    ((2, 12, 3), [nn.Permute((2, 1, 0)), NEXT], "transpose", ""),
    ((2, 12, 3), [nn.Permute((0, 2, 1)), NEXT], "transpose", "makes another axis of the time"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "layers", "kind", "refusal"), STREAMS)
def test_a_stream_moves_channels_and_columns_and_no_time(shape, layers, kind, refusal):
    x = np.random.default_rng(0).normal(0, 1, (20, *shape)).astype(np.float32)
    assert_stream(layers, x, kind, refusal)
