"""The nets whose training is timed, and what they train on."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drypoint import bench, data, nn
from drypoint.bench import SIGNALS as OF_ENGINE
from drypoint.bench import random_images
from drypoint.nn import Sequential


def unet() -> Sequential:
    """A small U-Net for maps of 32 x 32: two levels of 8 and 16 channels, a skip between them."""

    def block(channels: int) -> dict[str, nn.Layer]:
        conv = nn.Conv2d(channels, 3, padding="same", bias=False)
        return {"conv": conv, "norm": nn.BatchNorm2d(), "act": nn.ReLU()}

    layers: dict[str, nn.Module] = {
        "fine": Sequential(block(8)),
        "pool": nn.MaxPool2d(2),
        "coarse": Sequential(block(16)),
        "up": nn.Upsample(2),
        "join": nn.Concat(),
        "decoder": Sequential(block(8)),
        "map": nn.Conv2d(1, 1),
    }
    edges = [
        ("input", "fine", "pool", "coarse", "up", "join.a"),
        ("fine", "join.b"),
        ("join", "decoder", "map"),
    ]
    return Sequential({"unet": nn.Graph(layers, edges, {"input": (1, 32, 32)})}, (1, 32, 32))


NETS: dict[str, Callable[[], Sequential]] = {
    **bench.NETS,
    "mobilenet": nn.mobilenet,
    "tcn": nn.tcn,
    "unet": unet,
}
SIGNALS = (*OF_ENGINE, "tcn", "unet")  # these read real numbers, and images the others
MNIST = (1, 28, 28)  # the shape of nets that read it
REPEATING = ("ad", "unet")  # these learn to repeat their input, and classes the others

EXAMPLES = (
    15_360  # random ones of nets that do not read MNIST: images of 28 x 28 have MNIST's bytes
)


def training_data(name: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Examples and targets of a net.

    Returns:
        x: MNIST for nets that read it, since the images determine how many gradients are zero;
            else random, uint8 images (N, h, w) or (N, h, w, 3), or float32 signals.
        y: int64 classes (N,), or x where a net repeats its input.
    """
    net = NETS[name]()
    shape = net.input_shape
    assert shape is not None  # every net of NETS has one
    if shape == MNIST:
        digits = data.load("mnist", "train")
        return digits.x, digits.y
    rng = np.random.default_rng(0)
    classes = rng.integers(0, net.output_shape(shape)[0], EXAMPLES)
    if name in SIGNALS:
        x = rng.normal(size=(EXAMPLES, *shape)).astype(np.float32)
        return x, x if name in REPEATING else classes
    channels, height, width = shape
    return random_images(height, width, channels, n=EXAMPLES, seed=1), classes
