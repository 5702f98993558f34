"""One of each picture, from a net of a few weights and six random images."""

import numpy as np
from constant_nets import separable_net

from drypoint import data, measure, nn, plot

CLASSES = ("ant", "bee", "cat")
FOUND = [[data.FoundBox("ant", 0.9, 1, 2, 5, 6), data.FoundBox("bee", 0.5, 0, 0, 8, 8)], []]


def dataset(n=6):
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (n, 8, 8), dtype=np.uint8)
    return data.Dataset(images, np.arange(n) % 3, CLASSES)


def net():
    layers = {
        "conv1": nn.Conv2d(4, 3),
        "relu1": nn.ReLU(),
        "conv2": nn.Conv2d(2, 3),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(3),
        "softmax": nn.Softmax(),
    }
    return nn.Sequential(layers, (1, 8, 8)).initialize(seed=3)


def probabilities(n=60):
    """Rows (n, 3) of three different sharpnesses."""
    rng = np.random.default_rng(1)
    return rng.dirichlet([1.0, 0.5, 0.2], n)


def measure_random(n=60):
    return measure.measure(probabilities=probabilities(n), y=np.arange(n) % 3, classes=CLASSES)


def history(epochs=4):
    falling = np.geomspace(1.0, 0.1, epochs)
    return {
        "loss": tuple(falling),
        "val_loss": tuple(falling * 1.2),
        "accuracy": tuple(1 - falling / 2),
        "lr": tuple(falling / 100),
        "seconds": (1.0,) * epochs,
    }


def pictures():
    """Name -> function of ``ax`` or ``axes``: a picture."""
    images, model, m = dataset(), net(), measure_random()
    seen = model.activations(images.x[:, None] / np.float32(255))
    on_images = measure.measure(lambda x: probabilities(len(x)), images)
    return {
        "examples": lambda ax: plot.examples(images, ax=ax),
        "worst": lambda ax: plot.examples(on_images.worst(5), title="worst", ax=ax),
        "images": lambda ax: plot.images({"raw": images.x[0], "in": seen["conv1"][0, 0]}, ax=ax),
        "ports": lambda ax: plot.ports(images.as_ports(), ax=ax),
        "boxes": lambda ax: plot.boxes(images.x[:2], FOUND, ax=ax),
        "kernels": lambda ax: plot.kernels(model["conv1"], ax=ax),
        "mosaic": lambda ax: plot.kernels(model["conv2"], ax=ax),
        "maps": lambda ax: plot.maps(seen["relu1"].mean(axis=0), ax=ax),
        "training": lambda ax: plot.training(history(), batch_loss=np.ones(40), axes=ax),
        "confusion": lambda ax: plot.confusion(m, ax=ax),
        "histograms": lambda ax: plot.histograms(seen, clips={"conv1": (-1.0, 0.5)}, axes=ax),
        "scores": lambda ax: plot.scores([("bee", 0.7), ("cat", 0.2)], true="cat", ax=ax),
        "bars": lambda ax: plot.comparison({"slow": 10.0, "fast": 2000.0}, label="1/s", ax=ax),
        "points": lambda ax: plot.comparison({"a": m, "b": (0.5, 0.4, 0.7), "c": 0.3}, ax=ax),
        "tradeoff": lambda ax: plot.tradeoff({"a": (1, 0.5), "b": (9, 0.9), "c": (9, 0.4)}, ax=ax),
        "reliability": lambda ax: plot.reliability(m, axes=ax),
        "net": lambda ax: plot.net(model, ax=ax),
        "memory": lambda ax: plot.memory(separable_net(), ax=ax),
    }


def words(ax):
    """The texts in a drawing."""
    return [text.get_text() for text in ax.texts]
