"""The layers that make images larger.

Oracles: sums and copies pixel by pixel, in plain loops; PyTorch, where it is installed.
"""

import itertools

import numpy as np
import pytest

from drypoint import nn, train

TRANSPOSED = [
    (layer, shape)
    for kernel, stride, padding, more in itertools.product(
        ((1, 2), (3, 3), (4, 5)), ((1, 1), (2, 3), (3, 2)), (0, ((0, 1), (1, 0)), "same"), (0, 1)
    )
    if not (more and (padding == "same" or 1 in stride))
    and not (padding == ((0, 1), (1, 0)) and 1 in kernel)
    for layer, shape in [
        (
            nn.ConvTranspose2d(2, kernel, stride=stride, padding=padding, output_padding=more),
            (3, 2, 3),
        )
    ]
]


def scattered(layer, x):
    """Each pixel times the kernel, added where the stride says; then rows and columns left out."""
    (kh, kw), (sh, sw) = layer.kernel_size, layer.stride
    weight = layer.params["weight"].astype(np.float64)
    (_, h, w), o = x.shape, layer.out_channels
    _, height, width = layer.output_shape(x.shape)
    whole = np.zeros((o, h * sh + kh + height, w * sw + kw + width))
    for c, y, across in itertools.product(*map(range, x.shape)):
        whole[:, y * sh : y * sh + kh, across * sw : across * sw + kw] += (
            x[c, y, across] * weight[c]
        )
    if layer.padding == "same":
        top, left = (max(k - s, 0) // 2 for k, s in ((kh, sh), (kw, sw)))
    else:
        top, left = (0, 0) if layer.padding == 0 else (0, 1)
    out = whole[:, top : top + height, left : left + width]
    return out + layer.params["bias"].astype(np.float64)[:, None, None]


@pytest.mark.parametrize(("layer", "shape"), TRANSPOSED)
def test_a_transposed_convolution_adds_a_kernel_for_each_pixel(layer, shape):
    rng = np.random.default_rng(0)
    layer = layer.initialize(0, input_shape=shape)
    layer = layer.with_params({**layer.params, "bias": np.array([0.5, -2], np.float32)})
    x = rng.normal(0, 1, shape)
    # float64 sums in another order: some units in the last place.
    np.testing.assert_allclose(layer(x), scattered(layer, x), rtol=0, atol=1e-12)


def test_same_padding_multiplies_the_size_by_the_stride():
    for kernel, stride, size in itertools.product(range(1, 6), range(1, 4), range(1, 5)):
        layer = nn.ConvTranspose2d(1, kernel, stride=stride, padding="same")
        assert layer.output_shape((1, size, 1)) == (1, size * stride, stride)


def test_a_pixel_shuffle_places_channels_by_its_mode():
    x = np.arange(2 * 9 * 2 * 3).reshape(18, 2, 3).astype(np.float32)
    crd, dcr = nn.PixelShuffle(3)(x), nn.PixelShuffle(3, mode="DCR")(x)
    for o, y, across in itertools.product(range(2), range(6), range(9)):
        i, j = y % 3, across % 3
        assert crd[o, y, across] == x[(o * 3 + i) * 3 + j, y // 3, across // 3]
        assert dcr[o, y, across] == x[(i * 3 + j) * 2 + o, y // 3, across // 3]


def test_a_drawn_weight_keeps_the_size_of_values():
    """As that of the convolution that it is: a kernel that overlaps itself adds several values."""
    x = np.random.default_rng(0).normal(0, 1, (8, 16, 12, 12)).astype(np.float32)
    for kernel, stride in ((2, 2), (4, 2), (5, 1), (3, 3)):
        layer = nn.ConvTranspose2d(32, kernel, stride=stride, padding="same")
        y = layer.initialize(1, input_shape=x.shape[1:])(x)
        # kaiming: twice the variance of what is read; edges and the draw move it
        assert 1.2 < float(y.var()) < 2.4


def test_a_decoder_learns_to_undo_a_pooling():
    """8 x 8 pictures of bars from their 2 x 2 means: the error falls below a tenth of the pixels'
    own variance."""
    rng = np.random.default_rng(0)
    at, upright = rng.integers(0, 4, 512), rng.random(512) < 0.5
    pictures = np.zeros((512, 1, 8, 8), np.float32)
    for picture, k, up in zip(pictures, at, upright, strict=True):
        picture[0, :, 2 * k : 2 * k + 2] = 1 if up else 0
        picture[0, 2 * k : 2 * k + 2, :] += 0 if up else 1
    small = pictures.reshape(512, 1, 4, 2, 4, 2).mean(axis=(3, 5))
    net = nn.Sequential(
        [nn.ConvTranspose2d(8, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(1, 3, padding=1)],
        input_shape=(1, 4, 4),
    )
    more = {"loss": nn.MSELoss(), "epochs": 12, "batch_size": 16, "progress": "none"}
    more["optimizer"] = train.Adam(lr=0.01)
    result = train.fit(net, (small, pictures), **more)
    error = float(((result.model(small) - pictures) ** 2).mean())
    assert error < pictures.var() / 10


def test_the_compiled_step_takes_them_without_host_callbacks(capsys):
    """Oracle: the plan line of `fit`, and the tape step, whose bytes a compiled step gives."""
    x = np.random.default_rng(0).normal(size=(40, 1, 8, 8)).astype(np.float32)
    for up in (
        [nn.ConvTranspose2d(3, 3, stride=2, padding=1, output_padding=1)],
        [nn.ConvTranspose2d(3, (1, 2), stride=2, padding="same", bias=False)],  # rows of no weight
        [nn.Upsample(2), nn.Conv2d(2, 3, padding=1)],
        [nn.Conv2d(12, 1), nn.PixelShuffle(2)],
        [nn.Conv2d(12, 1), nn.PixelShuffle(2, mode="DCR")],
    ):
        down = [nn.Conv2d(4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        net = nn.Sequential([*down, *up, nn.Conv2d(1, 1)], input_shape=(1, 8, 8)).initialize(0)
        options = {"loss": nn.MSELoss(), "epochs": 2, "batch_size": 16, "validation_split": 0}
        trained = train.fit(net, (x, x), **options, progress="lines")
        plan = capsys.readouterr().err
        assert "compiled step" in plan, plan
        assert "host callbacks" not in plan, plan
        assert "tape step" not in plan, plan
        tape = train.fit(net, (x, x), **options, progress="none", compiled=False)
        assert trained.model.dumps() == tape.model.dumps(), up


def test_the_layers_compute_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (2, 4, 3, 5)).astype(np.float32)
    for kernel, stride, padding, more in (
        ((3, 3), (2, 2), (1, 1), (1, 1)), ((4, 2), (2, 2), (1, 0), (0, 0)),
        ((2, 5), (2, 3), (0, 2), (0, 1)), ((3, 3), (1, 1), (1, 1), (0, 0)),
    ):  # fmt: skip
        sizes = {"stride": stride, "padding": padding, "output_padding": more}
        theirs = torch.nn.ConvTranspose2d(4, 3, kernel, **sizes)
        ours = nn.ConvTranspose2d(3, kernel, in_channels=4, **sizes)
        ours = ours.with_params({k: v.detach().numpy() for k, v in theirs.named_parameters()})
        wanted = theirs(torch.from_numpy(x)).detach().numpy()
        # float32 sums of at most 60 products, in another order
        np.testing.assert_allclose(ours(x), wanted, rtol=0, atol=1e-5)
    shuffled = torch.nn.PixelShuffle(2)(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(nn.PixelShuffle(2)(x), shuffled)
    repeated = torch.nn.Upsample(scale_factor=(2, 3), mode="nearest")(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(nn.Upsample((2, 3))(x), repeated)


def test_pytorch_interpolates_so():
    """Sums of float32 differ by some roundings: 1e-6."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(3).normal(0, 1, (2, 3, 5, 4)).astype(np.float32)
    for size in ((10, 8), (3, 7), (1, 1), (5, 9)):
        for corners in (False, True):
            wanted = torch.nn.functional.interpolate(
                torch.from_numpy(x), size, mode="bilinear", align_corners=corners
            ).numpy()
            layer = nn.Resize(size, alignment="align_corners" if corners else "half_pixel")
            got = np.stack([layer(image) for image in x])
            np.testing.assert_allclose(got, wanted, atol=1e-6)
    upsample = torch.nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=True)
    wanted = upsample(torch.from_numpy(x)).numpy()[0]
    layer = nn.Upsample((2, 3), mode="bilinear", align_corners=True)
    np.testing.assert_allclose(layer(x[0]), wanted, atol=1e-6)
