"""Integer programs of layers that make planes larger.

Oracles: the ops of a second net, whose convolution is written out by hand; the
proven bound of the error; the float net's own outputs.
"""

import numpy as np
import pytest

from drypoint import data, engine, nn, quant
from drypoint.program import Conv, Upsample, reference

SHAPE = (2, 5, 6)
X = np.random.default_rng(0).normal(0, 1, (60, *SHAPE)).astype(np.float32)
UP = nn.ConvTranspose2d(3, 3, stride=2, padding=1, output_padding=1)
LAST = nn.Conv2d(2, 3)
NETS = {
    "transposed": [UP, LAST],
    "transposed, batch norm, ReLU": [nn.Conv2d(4, 3), UP, nn.BatchNorm2d(), nn.ReLU(), LAST],
    "stride 1": [nn.ConvTranspose2d(3, 3), nn.ReLU(), LAST],
    "kernel below its stride": [nn.ConvTranspose2d(3, 2, stride=3, padding="same"), LAST],
    "uneven crop": [nn.ConvTranspose2d(3, (5, 4), stride=2, padding=((3, 1), (0, 2))), LAST],
    "behind padding": [nn.ZeroPad2d((1, 0, 2, 1)), nn.ConvTranspose2d(4, 4, stride=2), LAST],
    "repeated": [nn.Conv2d(3, 3), nn.Upsample((2, 3)), nn.BatchNorm2d(), nn.ReLU6(), LAST],
    "repeated input": [nn.Upsample(2), LAST],
    "shuffled": [nn.Conv2d(8, 3), nn.PixelShuffle(2), nn.ReLU(), LAST],
    "shuffled as in TensorFlow": [nn.Conv2d(8, 3), nn.PixelShuffle(2, mode="DCR"), LAST],
    "shuffled behind a function": [nn.Conv2d(8, 3), nn.SiLU(), nn.PixelShuffle(2), LAST],
    "a maximum, then a ReLU": [UP, nn.MaxPool2d(3, stride=1), nn.ReLU(), LAST],
    "the last op": [nn.Conv2d(8, 3), nn.PixelShuffle(2)],
    "a sigmoid at the end": [nn.ConvTranspose2d(1, 4, stride=2, padding=1), nn.Sigmoid()],
}


def make_program(layers, seed=1):
    """A net with running statistics of its own, its calibration and its program."""
    net = nn.Sequential(layers, input_shape=SHAPE).initialize(seed=seed)
    rng = np.random.default_rng(seed)
    buffers = {k: v + rng.uniform(0, 0.5, v.shape).astype(v.dtype) for k, v in net.buffers.items()}
    net = net.with_buffers(buffers) if buffers else net
    calibration = quant.calibrate(net, X)
    return net, calibration, quant.quantize(net, calibration)


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
def test_a_program_stays_within_the_proven_bound(layers):
    net, calibration, program = make_program(layers)
    x = program.integers(X)
    integers = program.real(reference.run(program, x)).reshape(len(X), *program.output_shape)
    bound = [*quant.error_bound(net, calibration).values()][-1]
    assert np.abs(integers.transpose(0, 3, 1, 2) - net(X)).max() <= bound
    assert engine.verify(program, {"C": engine.Engine(program)}, x).differing_bytes == 0


def test_the_report_has_a_row_for_each_layer_in_its_own_order():
    """Of a shuffled convolution none: its channels are in another order. Each signal-to-noise
    ratio is that of rounding, not that of values at wrong places.
    """
    for name, layers in NETS.items():
        net, calibration, program = make_program(layers)
        report = quant.report(net, calibration, X[:20])
        assert {row.op for row in report} <= {op.name for op in program.ops}, name
        assert min(row.sqnr for row in report) > 15, name


def test_a_batch_norm_goes_into_the_convolution_of_a_transposed_one():
    _, _, program = make_program(NETS["transposed, batch norm, ReLU"])
    names = [(op.name, type(op)) for op in program.ops]
    assert names == [
        ("conv1", Conv), ("deconv.conv", Conv), ("deconv", Upsample), ("conv2", Conv)
    ]  # fmt: skip
    conv, larger = program.ops[1:3]
    assert (conv.kernel, conv.padding, conv.lo) == ((2, 2), (1, 1, 1, 1), 0)
    assert (larger.kernel, larger.padding, larger.spreads) == ((2, 2), (1, 1, 1, 1), True)
    assert conv.macs == 4 * 5 * 4 * (4 * 3) * 4


def test_a_shuffle_orders_the_channels_of_the_convolution_before_it():
    net, _, program = make_program(NETS["shuffled"])
    assert [type(op) for op in program.ops] == [Conv, Upsample, Conv]
    rows = np.abs(program.ops[0].weight.astype(int)).reshape(8, -1)
    weight = net.params["conv1.weight"].transpose(0, 2, 3, 1).reshape(8, -1)
    for i, o in enumerate([0, 4, 1, 5, 2, 6, 3, 7]):  # pixel by pixel of a block, 2 channels each
        scale = np.abs(weight[o]).max() / 127
        assert (np.abs(rows[i] - np.abs(weight[o]) / scale) <= 0.5 + 1e-4).all()


def test_a_shuffle_whose_channels_no_convolution_can_order_has_one_of_its_own():
    _, _, program = make_program(NETS["shuffled behind a function"])
    assert [op.name for op in program.ops] == ["conv1", "silu", "shuffle.order", "shuffle", "conv2"]
    order = program.ops[2]
    x = np.random.default_rng(2).integers(-128, 128, (50, *order.in_shape)).astype(np.int8)
    y = reference.apply(order, x)
    assert (y == x[..., [0, 4, 1, 5, 2, 6, 3, 7]]).all()


def test_pixels_of_an_encoder_are_repeated_as_they_are():
    net = nn.Sequential([nn.Upsample(2), nn.Conv2d(2, 3, padding=1)], input_shape=(3, 4, 5))
    encoder = data.ImageEncoder(width=5, height=4, color="rgb", mean=0.4, std=0.2)
    model = nn.Model(net.initialize(seed=0), encoder=encoder)
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 5, 3)).astype(np.uint8)
    program = quant.quantize(model, quant.calibrate(model, images))
    assert program.input_type == "u8"
    repeated = reference.trace(program, images)[0]
    assert (repeated == images.repeat(2, axis=1).repeat(2, axis=2)).all()
    real = program.real(reference.run(program, images)).reshape(40, 8, 10, 2)
    # Pixels are exact; weights, real zero at the padding and the sums are rounded.
    assert np.abs(real.transpose(0, 3, 1, 2) - net_of(model, images)).max() < 0.15


def net_of(model, images):
    return model.net(model.encode(images))


def test_a_layer_that_changes_no_size_is_no_op():
    _, _, program = make_program([nn.Conv2d(4, 3), nn.Upsample(1), nn.PixelShuffle(1), LAST])
    assert [type(op) for op in program.ops] == [Conv, Conv]


def test_a_flattened_plane_is_not_made_larger():
    layers = [nn.Conv2d(4, 3), nn.Flatten(), nn.Reshape((4, 3, 4)), nn.Upsample(2)]
    net = nn.Sequential(layers, input_shape=SHAPE).initialize(seed=0)
    # back to the shape that it had before: no value has moved
    program = quant.quantize(net, quant.calibrate(net, X))
    assert [type(op) for op in program.ops] == [Conv, Upsample]
    layers[2] = nn.Reshape((4, 4, 3))
    net = nn.Sequential(layers, input_shape=SHAPE).initialize(seed=0)
    with pytest.raises(quant.UnsupportedError, match="reshaped to 4x3x4: leave"):
        quant.quantize(net, quant.calibrate(net, X))


@pytest.mark.parametrize("larger", [nn.PixelShuffle(2), nn.ConvTranspose2d(3, 2, stride=2)])
def test_a_batch_norm_behind_blocks_scales_their_channels(larger):
    """It becomes part of the convolution before, once for each pixel of a block."""
    x = np.random.default_rng(0).normal(0, 1, (40, 2, 4, 5)).astype(np.float32)
    layers = [nn.Conv2d(12, 1), larger, nn.BatchNorm2d()]
    net = nn.Sequential(layers, input_shape=(2, 4, 5)).initialize(seed=1)
    net = net.with_params({**net.params, "norm.scale": np.float32([1, -3, 0.1])})
    calibration = quant.calibrate(net, x)
    program = quant.quantize(net, calibration)
    found = program.real(reference.run(program, program.integers(x)))
    wanted = net(x).transpose(0, 2, 3, 1).reshape(len(x), -1)
    bound = [*quant.error_bound(net, calibration).values()][-1]
    assert np.abs(found - wanted).max() <= bound
