"""Integer programs with interpolated planes.

Oracles: the proven bound of the error; PyTorch's interpolation.
"""

import numpy as np
import pytest
from integer_nets import assert_stream, assert_within_bound, quantize

from drypoint import nn, quant
from drypoint.data import ImageEncoder
from drypoint.program import Resize, reference

SHAPE = (2, 6, 5)
X = np.random.default_rng(0).normal(0, 1, (40, *SHAPE)).astype(np.float32)
CONV = nn.Conv2d(3, 3)
LAYERS = {
    "twice": [CONV, nn.Upsample(2, mode="bilinear"), nn.Conv2d(2, 2)],
    "corners": [CONV, nn.Upsample((2, 3), mode="bilinear", align_corners=True), nn.Conv2d(2, 2)],
    "smaller": [CONV, nn.Resize((2, 5)), nn.ReLU(), nn.Conv2d(2, 2)],
    "asymmetric": [CONV, nn.Resize(7, alignment="asymmetric"), nn.Conv2d(2, 2)],
    "the input's": [nn.Resize((9, 4)), nn.Conv2d(2, 2)],
    "last": [CONV, nn.Resize(5)],
    "one pixel": [CONV, nn.GlobalAvgPool2d(), nn.Reshape((3, 1, 1)), nn.Resize(3), CONV],
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_a_program_stays_within_the_proven_bound(layers):
    net, calibration, program = quantize(layers, X)
    assert [type(op) for op in program.ops].count(Resize) == 1
    assert_within_bound(net, calibration, program, X, minor=1)


def test_pixels_of_an_encoder_are_resized_too():
    encoder = ImageEncoder(width=5, height=6, color="rgb", mean=0.3, std=(0.2, 0.4, 0.6))
    net = nn.Sequential([nn.Resize(4), nn.Conv2d(2, 2)], (3, 6, 5)).initialize(1)
    model = nn.Model(net, encoder=encoder)
    pixels = np.random.default_rng(1).integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)
    calibration = quant.calibrate(model, pixels)
    program = quant.quantize(model, calibration)
    assert [op.kind for op in program.ops] == ["resize", "conv"]
    real = program.real(reference.run(program, pixels)).reshape(20, *program.output_shape)
    bound = next(
        iter(quant.error_bound(model, calibration).values())
    )  # half a pixel, before weights
    assert bound <= 0.51
    weights = np.abs(net.layers["conv"].param("weight")).sum(axis=(1, 2, 3)).max()
    difference = np.abs(real.transpose(0, 3, 1, 2) - net(encoder(pixels))).max()
    assert difference <= weights * 0.51 / 255 / 0.2 + 0.02  # and the steps of the weights


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


def test_a_stream_resizes_columns_and_refuses_rows():
    x = np.random.default_rng(0).normal(0, 1, (20, 2, 12, 3)).astype(np.float32)
    refused = "makes 6 rows of 12 along the time; a stream"
    for size, refusal in (((12, 5), ""), ((6, 3), refused)):
        assert_stream([nn.Resize(size), nn.Conv2d(2, (2, 1))], x, "resize", refusal)
