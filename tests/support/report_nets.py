"""Small data sets and small nets that learn them within a second, for tests of the report."""

import numpy as np

from drypoint import nn
from drypoint.data import ClassDecoder, Dataset, ImageEncoder
from drypoint.nn import Model
from drypoint.train import Adam, fit

CLASSES = ("up", "down", "left", "right")
SIDE = 12


def pictures(count, *, seed, spread=40, counts=None):
    """Colour pictures with a bright bar at the side that the class names, in noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, len(CLASSES), count)
    if counts is not None:
        y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    x = rng.normal(90, spread, (len(y), SIDE, SIDE, 3))
    for image, label in zip(x, y, strict=True):
        np.rot90(image, k=int(label))[1:4] += 70
    return Dataset(x.clip(0, 255).astype(np.uint8), y, CLASSES)


def colours(count, *, seed, side=16):
    """Noisy pictures in the colour that the class names: what a net can learn that pools early."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, count)
    tints = np.array([[40, 0, 0], [0, 40, 0], [0, 0, 40], [30, 30, 30]])
    x = rng.normal(100, 20, (count, side, side, 3)) + 2 * tints[y][:, None, None]
    return Dataset(x.clip(0, 255).astype(np.uint8), y, CLASSES)


def signals(count, *, seed, steps=24, noise=0.6):
    """Waves of two channels, whose frequency the class names, in noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, count)
    waves = np.sin(np.arange(steps)[None, :, None] * (0.3 + 0.35 * y[:, None, None]))
    x = rng.normal(0, noise, (count, steps, 2)) + waves
    return Dataset(x.astype(np.float32), y, CLASSES)


def image_net():
    """A small net of a kind that everybody trains first."""
    layers = {"conv1": nn.Conv2d(8, 3), "relu1": nn.ReLU(), "pool": nn.MaxPool2d(2)}
    layers |= {"conv2": nn.Conv2d(8, 3), "relu2": nn.ReLU(), "flatten": nn.Flatten()}
    layers |= {"fc": nn.Linear(4), "softmax": nn.Softmax()}
    return nn.Sequential(layers, (3, SIDE, SIDE))


def model_of(train, net=None):
    values = train.x.reshape(-1, 3) / 255
    mean, std = (tuple(v.tolist()) for v in (values.mean(axis=0), values.std(axis=0)))
    encoder = ImageEncoder(width=SIDE, height=SIDE, color="rgb", mean=mean, std=std)
    return Model((net or image_net()).initialize(0), encoder=encoder, decoder=ClassDecoder(CLASSES))


def train_net(train, *, net=None, epochs=6, lr=3e-3):
    return fit(
        model_of(train, net), train, epochs=epochs, batch_size=32, optimizer=Adam(lr=lr),
        progress="none", seed=0,
    ).model  # fmt: skip


TRAIN, TEST = pictures(400, seed=1), pictures(240, seed=2)
