"""A layer of one's own in LeNet, in fifteen lines, and what it costs.

    python examples/own_layer.py

trains LeNet on MNIST for an epoch without the layer and with it, in turns, and prints the
microseconds an image of both nets. docs/own-layer.md explains how to write a layer.
"""

import statistics
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drypoint import autodiff, data, nn, train
from drypoint.nn import Model, Sequential
from drypoint.train import TrainResult


@dataclass(frozen=True, eq=False, repr=False)
class ChannelScale(nn.Layer):
    """x * scale, one number a channel of images (C, H, W); it starts at 1."""

    channels: int
    short_name: ClassVar[str] = "scale"
    param_names: ClassVar[tuple[str, ...]] = ("scale",)

    def output_shape(self, input_shape):
        return input_shape

    def param_shapes(self, input_shape=None):
        return {"scale": (self.channels, 1, 1)}

    def initial_arrays(self, draw):
        return {"scale": np.ones((self.channels, 1, 1), np.float32)}

    def forward(self, x, params, ctx):
        return x * params["scale"]


def with_layer(net: Sequential) -> Sequential:
    """The net with the layer after its first pooling, between two convolutions."""
    layers = dict(net.items())
    at = list(layers).index("pool1") + 1
    return Sequential(
        dict([*list(layers.items())[:at], ("scale", ChannelScale(20)), *list(layers.items())[at:]]),
        net.input_shape,
    )


def train_epoch(net: Sequential, digits: data.Dataset) -> TrainResult:
    """One epoch, as anyone trains."""
    model = Model(net.initialize(0), encoder=data.ImageEncoder(width=28, height=28))
    return train.fit(model, digits, epochs=1, validation_split=0, progress="none")


def main(n_images: int = 20_480, rounds: int = 5) -> None:
    """Train both in turns and print a line for each."""
    autodiff.set_threads(1)
    digits = data.load("mnist", "train")[:n_images]
    nets = {"LeNet": nn.lenet(), "LeNet with the layer": with_layer(nn.lenet())}
    seconds: dict[str, list[float]] = {name: [] for name in nets}
    for _ in range(rounds):
        for name, net in nets.items():
            seconds[name] += train_epoch(net, digits).history["seconds"]
    for name, found in seconds.items():
        print(f"{name:20} {1e6 * statistics.median(found) / n_images:5.1f} us an image")
    bare, layered = seconds.values()
    ratios = [b / a for a, b in zip(bare, layered, strict=True)]
    print(f"the layer costs {statistics.median(ratios) - 1:.0%} (medians of {rounds} rounds)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
