"""Integer programs of layers that make planes larger.

Oracle: the ops, written out by hand.
"""

import numpy as np
import pytest
from integer_nets import quantize

from drypoint import nn, quant
from drypoint.program import Conv, Upsample, reference

SHAPE = (2, 5, 6)
X = np.random.default_rng(0).normal(0, 1, (60, *SHAPE)).astype(np.float32)
LAST = nn.Conv2d(2, 3)


def test_a_batch_norm_goes_into_the_convolution_of_a_transposed_one():
    larger = nn.ConvTranspose2d(3, 3, stride=2, padding=1, output_padding=1)
    layers = [nn.Conv2d(4, 3), larger, nn.BatchNorm2d(), nn.ReLU(), LAST]
    _, _, program = quantize(layers, X)
    names = [(op.name, type(op)) for op in program.ops]
    assert names == [
        ("conv1", Conv), ("deconv.conv", Conv), ("deconv", Upsample), ("conv2", Conv)
    ]  # fmt: skip
    conv, larger = program.ops[1:3]
    assert (conv.kernel, conv.padding, conv.lo) == ((2, 2), (1, 1, 1, 1), 0)
    assert (larger.kernel, larger.padding, larger.spreads) == ((2, 2), (1, 1, 1, 1), True)
    assert conv.macs == 4 * 5 * 4 * (4 * 3) * 4


def test_a_shuffle_orders_the_channels_of_the_convolution_before_it():
    layers = [nn.Conv2d(8, 3), nn.PixelShuffle(2), nn.ReLU(), LAST]
    net, _, program = quantize(layers, X)
    assert [type(op) for op in program.ops] == [Conv, Upsample, Conv]
    rows = np.abs(program.ops[0].weight.astype(int)).reshape(8, -1)
    weight = net.params["conv1.weight"].transpose(0, 2, 3, 1).reshape(8, -1)
    for i, o in enumerate([0, 4, 1, 5, 2, 6, 3, 7]):  # pixel by pixel of a block, 2 channels each
        scale = np.abs(weight[o]).max() / 127
        assert (np.abs(rows[i] - np.abs(weight[o]) / scale) <= 0.5 + 1e-4).all()


def test_a_shuffle_whose_channels_no_convolution_can_order_has_one_of_its_own():
    layers = [nn.Conv2d(8, 3), nn.SiLU(), nn.PixelShuffle(2), LAST]
    _, _, program = quantize(layers, X)
    assert [op.name for op in program.ops] == ["conv1", "silu", "shuffle.order", "shuffle", "conv2"]
    order = program.ops[2]
    x = np.random.default_rng(2).integers(-128, 128, (50, *order.in_shape)).astype(np.int8)
    y = reference.apply(order, x)
    assert (y == x[..., [0, 4, 1, 5, 2, 6, 3, 7]]).all()


def test_a_layer_that_changes_no_size_is_no_op():
    _, _, program = quantize([nn.Conv2d(4, 3), nn.Upsample(1), nn.PixelShuffle(1), LAST], X)
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
