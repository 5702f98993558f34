"""The predefined nets in integers: the bytes of every backend, and the bound of every op.

The float oracle computes in float64; its rounding is far below half a step, the least bound.
"""

import numpy as np
import pytest

from drypoint import nn
from drypoint.data import ImageEncoder
from drypoint.engine import Engine, verify
from drypoint.program import reference
from drypoint.quant import Calibration, error_bound, quantize
from drypoint.quant._fold import fold
from drypoint.quant._quantized_nodes import quantize_nodes

SHAPE = (3, 12, 10)
PRESETS = ("resnet8", "mobilenet", "squeezenet", "ds_cnn", "dilated")


def with_statistics(net, rng):
    """The net with batch norms that have seen something: buffers and parameters off 0 and 1."""
    changed = {
        path: (array + rng.uniform(-0.4, 0.4, array.shape)).astype(np.float32)
        for path, array in {**net.params, **net.buffers}.items()
        if path.rsplit(".", 1)[-1] in {"running_mean", "running_variance", "scale", "shift"}
    }
    params = {p: a for p, a in changed.items() if p in net.params}
    buffers = {p: a for p, a in changed.items() if p in net.buffers}
    return net.with_params({**net.params, **params}).with_buffers({**net.buffers, **buffers})


def ranges_of(net, x):
    seen = {"input": x, **nn.Graph.from_sequential(net).flatten().activations(x)}
    ranges = {path: (float(a.min()), float(a.max())) for path, a in seen.items()}
    return Calibration(ranges=ranges, method="minmax", percentile=100.0, n_examples=len(x)), seen


def check(model, x, inputs):
    """Bytes of all backends against the reference; values of all ops against the float net."""
    calibration, floats = ranges_of(model.net, x)
    program = quantize(model, calibration)
    runners = {name: Engine(program, backend=name) for name in Engine.backends()}
    assert verify(program, runners, inputs).differing_bytes == 0
    bounds, line = error_bound(model, calibration), quantize_nodes(fold(model), calibration)
    for step, came in zip(line, reference.trace(program, inputs), strict=True):
        h, w, c = step.node.shape
        wanted = floats[step.node.layer].reshape(len(x), c, h, w).transpose(0, 2, 3, 1)
        wanted = wanted.clip(step.node.low, step.node.high)
        real = (came.astype(np.float64) - step.target.zero) * step.target.scale
        off = np.abs(real.reshape(wanted.shape) - wanted).max()
        assert off <= bounds[step.node.name] * (1 + 2**-18), step.node.name
    return program


@pytest.mark.parametrize("name", PRESETS)
def test_images_with_a_mean_of_each_channel(name):
    """Padded first convolutions pad with the pixel of each channel's mean."""
    rng = np.random.default_rng(0)
    net = getattr(nn, name)(classes=4, input_shape=SHAPE, width=4, seed=1)
    encoder = ImageEncoder(
        width=SHAPE[2], height=SHAPE[1], color="rgb", mean=(0.2, 0.4, 0.6), std=(0.2, 0.3, 0.4)
    )
    model = nn.Model(with_statistics(net, rng), encoder=encoder)
    images = rng.integers(0, 256, (12, *SHAPE[1:], 3)).astype(np.uint8)
    mean, std = (np.array(v)[:, None, None] for v in (encoder.mean, encoder.std))
    x = (images.transpose(0, 3, 1, 2) / 255 - mean) / std
    program = check(model, x, images)
    assert program.ops[0].pad.tolist() == [51, 102, 153]


def test_an_autoencoder_of_vectors():
    rng = np.random.default_rng(0)
    net = nn.autoencoder(inputs=20, hidden=16, depth=2, bottleneck=4, seed=1)
    model, x = nn.Model(with_statistics(net, rng)), rng.normal(size=(30, 20))
    program = quantize(model, ranges_of(net, x)[0])
    check(model, x, program.integers(x))
