"""Small nets and data that training tests share."""

import numpy as np

from drypoint import nn
from drypoint.data import ClassDecoder, Dataset, ImageEncoder


def blobs(n=90, seed=0):
    """Three classes of points in the plane, far apart: (x, y)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    centers = np.array([[2, 0], [-2, 2], [-2, -2]])
    return (centers[y] + rng.normal(size=(n, 2)) * 0.2).astype(np.float32), y


def classifier():
    """Of points in the plane."""
    return nn.Model(nn.Sequential({"fc": nn.Linear(3), "softmax": nn.Softmax()}, (2,)))


def images(n=60, seed=1):
    """Bright above or below: a data set of 8x6 images."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.integers(0, 60, (n, 8, 6))
    for i, label in enumerate(y):
        x[i, 4 * label : 4 * label + 4] += 150
    return Dataset(x.astype(np.uint8), y, ("above", "below"))


def image_net(**shape):
    """Everything that draws or keeps numbers: dropout, batch norm, a nested net."""
    body = nn.Sequential({"conv": nn.Conv2d(3, 3), "norm": nn.BatchNorm2d(), "relu": nn.ReLU()})
    head = nn.Sequential({"drop": nn.Dropout(0.2), "fc": nn.Linear(2), "softmax": nn.Softmax()})
    return nn.Sequential({"body": body, "flatten": nn.Flatten(), "head": head}, **shape)


def image_model():
    """That net with an encoder and a decoder."""
    encoder = ImageEncoder(width=6, height=8, mean=0.3, std=0.2)
    return nn.Model(image_net(), encoder=encoder, decoder=ClassDecoder(("above", "below")))
