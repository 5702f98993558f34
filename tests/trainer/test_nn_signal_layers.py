"""Layers of signals: against naive loops, and against the layers of images of width 1."""

import numpy as np
import pytest

from drypoint import nn
from drypoint.autodiff import Tensor

SIGNAL = np.random.default_rng(0).normal(size=(4, 11)).astype(np.float32)


def naive(x, weight, bias, *, stride, before, after, dilation, groups):
    """The cross-correlation as torch.nn.Conv1d documents it, in float64."""
    out, per_group, taps = weight.shape
    x = np.pad(x.astype(np.float64), ((0, 0), (before, after)))
    length = (x.shape[1] - dilation * (taps - 1) - 1) // stride + 1
    y = np.zeros((out, length))
    for o, t, i, k in np.ndindex(out, length, per_group, taps):
        channel = o // (out // groups) * per_group + i
        y[o, t] += weight[o, i, k] * x[channel, t * stride + k * dilation]
    return y + bias[:, None]


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({}, 0, 0),
        ({"padding": 2, "stride": 2}, 2, 2),
        ({"padding": (1, 3), "groups": 2}, 1, 3),
        ({"padding": "same", "dilation": 2}, 2, 2),
        ({"padding": "same", "stride": 3}, 0, 1),
        ({"padding": "causal", "dilation": 3, "groups": 4}, 6, 0),
        ({"padding": "valid"}, 0, 0),
    ],
)
def test_a_convolution_is_the_naive_loop(options, before, after):
    """float32 sums of at most 12 products of numbers near 1: far below 1e-5."""
    layer = nn.Conv1d(8, 3, **options).initialize(1, input_shape=SIGNAL.shape)
    layer = layer.with_params({**layer.params, "bias": np.arange(8, dtype=np.float32)})
    weight = layer.params["weight"]
    assert weight.shape == (8, 4 // layer.groups, 3)
    expected = naive(SIGNAL, weight, layer.params["bias"], stride=layer.stride, before=before,
                     after=after, dilation=layer.dilation, groups=layer.groups)  # fmt: skip
    np.testing.assert_allclose(layer(SIGNAL), expected, atol=1e-5)
    assert layer.output_shape(SIGNAL.shape) == expected.shape
    assert layer.macs(SIGNAL.shape) == expected.size * weight[0].size


def test_an_output_of_a_causal_convolution_reads_no_later_step():
    layer = nn.Conv1d(2, 3, padding="causal", dilation=2).initialize(1, input_shape=(4, 11))
    changed = SIGNAL.copy()
    changed[:, 7:] += 1
    same = (layer(changed) == layer(SIGNAL)).all(axis=0)
    assert same.tolist() == [True] * 7 + [False] * 4


def test_pools_and_norm_are_those_of_images_of_width_1():
    batch = np.stack([SIGNAL, -SIGNAL])
    pairs = [
        (nn.MaxPool1d(3, stride=2, padding=(1, 0)),
         nn.MaxPool2d((3, 1), stride=(2, 1), padding=((1, 0), (0, 0)))),
        (nn.AvgPool1d(2), nn.AvgPool2d((2, 1))),
        (nn.GlobalAvgPool1d(), nn.GlobalAvgPool2d()),
        (nn.BatchNorm1d(), nn.BatchNorm2d()),
    ]  # fmt: skip
    for signals, images in pairs:
        shapes = zip((signals, images), ((4, 11), (4, 11, 1)), strict=True)
        ready = [layer.initialize(0, input_shape=shape) for layer, shape in shapes]
        found, expected = (
            layer.apply({p: Tensor(a) for p, a in layer.params.items()}, Tensor(x)).data
            for layer, x in zip(ready, (batch, batch[..., None]), strict=True)
        )
        assert np.array_equal(found, expected.reshape(found.shape))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv1d(2, (3, 1)), "kernel_size"),
        (lambda: nn.Conv1d(2, 3, stride=(1, 1)), "stride"),
        (lambda: nn.Conv1d(2, 3, padding="circular"), "'same', 'valid', 'causal' or a number"),
        (lambda: nn.Conv1d(2, 3, padding=(1, 2, 3)), r"\(before, after\)"),
        (lambda: nn.Conv1d(2, 3, padding=-1), "padding"),
        (lambda: nn.Conv1d(3, 3, groups=2), "2 groups divide"),
        (lambda: nn.MaxPool1d(2, padding=2), "padding below its kernel"),
        (lambda: nn.MaxPool1d((2, 2)), "kernel_size"),
        (lambda: nn.AvgPool1d(2, stride=0), "stride"),
        (lambda: nn.AvgPool1d(2, padding="same"), r"number or \(before, after\)"),
    ],
)
def test_hyper_parameters_are_checked(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        make()


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(nn.ShapeError, match=r"Conv1d wants signals \(C, L\)"):
        nn.Conv1d(2, 3).output_shape((1, 4, 4))
    with pytest.raises(nn.ShapeError, match=r"Conv1d wants 3 channels \(C, L\), got \(2, 9\)"):
        nn.Conv1d(2, 3, in_channels=3).output_shape((2, 9))
