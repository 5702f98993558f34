"""Random float models of the layers that `floatnets.random_case` does not draw: moved and resized
planes, slopes of channels, other functions, signals, several inputs.
"""

import numpy as np
from floatnets import Case, _activation, _convolution, _fill

from drypoint.nn import (
    Add,
    AvgPool1d,
    BatchNorm1d,
    ChannelShuffle,
    Concat,
    Conv1d,
    Conv2d,
    Elementwise,
    Flatten,
    Function,
    GlobalAvgPool1d,
    Graph,
    Hardtanh,
    InputPart,
    Layer,
    Linear,
    LogSoftmax,
    MaxPool1d,
    MaxPool2d,
    Model,
    Mul,
    Permute,
    PixelShuffle,
    PReLU,
    ReLU,
    Resize,
    Sequential,
    Slice,
    Softmax,
    Upsample,
)

NAMED = ("abs", "square", "softplus", "elu", "selu", "softsign", "mish", "gelu_tanh")
ALIGNMENTS = ("half_pixel", "align_corners", "asymmetric")
ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def newer_case(seed: int) -> Case:
    """A model and some real inputs for it, determined by the seed."""
    rng = np.random.default_rng([seed, 1])
    net = (_planes, _planes, _signals, _inputs)[int(rng.integers(4))](rng)
    net = _fill(rng, net)
    x = rng.normal(size=(int(rng.integers(1, 6)), *net.input_shape)) * 10.0 ** rng.integers(-2, 3)
    x = np.abs(x) if rng.random() < 0.3 else x
    return Case(Model(net), x, x)


def _function(rng) -> Layer:
    """A function of each value, or a slope for each channel."""
    choice = rng.random()
    if choice < 0.4:
        return PReLU()
    if choice < 0.6:
        return Hardtanh(-float(rng.choice([0.1, 1, 3])), float(rng.choice([0.5, 1, 6])))
    if choice < 0.8:
        return Function(str(rng.choice(NAMED)))
    if choice < 0.9:
        return Elementwise(np.arctan, lambda x: 1 / (1 + x * x))
    return _activation(rng)


def _mover(rng, shape) -> Layer:
    """A layer that moves, repeats or interpolates the values of a plane (C, H, W)."""
    c, h, w = shape
    small = h * w * c <= 600
    choice = int(rng.integers(7))
    if choice == 0 and small:
        size = tuple(int(n) for n in rng.integers(1, 9, 2))
        return Resize(size, alignment=str(rng.choice(ALIGNMENTS)))
    if choice == 1 and small:
        return Upsample(int(rng.integers(1, 4)), mode=str(rng.choice(["nearest", "bilinear"])))
    if choice == 2:
        return Permute(ORDERS[int(rng.integers(len(ORDERS)))])
    if choice == 3:
        return ChannelShuffle(int(rng.choice([g for g in range(1, c + 1) if c % g == 0])))
    if choice == 4 and c % 4 == 0:
        return PixelShuffle(2, mode=str(rng.choice(["CRD", "DCR"])))
    axis = int(rng.integers(3))
    start = int(rng.integers(shape[axis]))
    stop = int(rng.integers(start + 1, shape[axis] + 1))
    return Slice(axis, start, stop, 1 if axis == 0 else int(rng.integers(1, 3)))


def _planes(rng) -> Sequential:
    """A chain on planes."""
    shape = plane = tuple(int(n) for n in rng.integers((1, 2, 2), (5, 9, 9)))
    layers: list[Layer] = []
    for _ in range(int(rng.integers(1, 4))):
        new: list[Layer] = []
        if rng.random() < 0.7:
            channels = 4 * int(rng.integers(1, 3))
            new.append(
                Conv2d(channels, 3, padding=1) if rng.random() < 0.5 else _convolution(rng, plane)
            )
            new += [_function(rng)] if rng.random() < 0.8 else []
        for layer in new:
            plane = layer.output_shape(plane)
        layers += [*new, _mover(rng, plane)]
        plane = layers[-1].output_shape(plane)
        layers += [_function(rng)] if rng.random() < 0.4 else []
    return Sequential([*layers, *_end(rng)], shape)


def _end(rng) -> list[Layer]:
    ends: list[list[Layer]] = [[], [Softmax()], [LogSoftmax()]]
    return [Flatten(), Linear(int(rng.integers(2, 6))), *ends[int(rng.integers(3))]]


def _signals(rng) -> Sequential:
    """A chain along time."""
    shape = plane = int(rng.integers(1, 5)), int(rng.integers(4, 30))
    layers: list[Layer] = []
    for _ in range(int(rng.integers(1, 4))):
        padding = [0, "same", "causal"][int(rng.integers(3))]
        taps = int(rng.integers(1, min(5, plane[1] + 1)))
        groups = int(rng.choice([g for g in range(1, plane[0] + 1) if plane[0] % g == 0]))
        options = {"stride": int(rng.integers(1, 3)), "groups": groups, "padding": padding}
        layers.append(Conv1d(groups * int(rng.integers(1, 4)), taps, **options))
        plane = layers[-1].output_shape(plane)
        layers += [BatchNorm1d()] if rng.random() < 0.4 else []
        layers += [_function(rng)] if rng.random() < 0.7 else []
        if plane[1] >= 2 and rng.random() < 0.5:
            kind = MaxPool1d if rng.random() < 0.5 else AvgPool1d
            layers.append(kind(2, stride=int(rng.integers(1, 3))))
            plane = layers[-1].output_shape(plane)
    if rng.random() < 0.5:
        return Sequential([*layers, GlobalAvgPool1d(), Linear(int(rng.integers(2, 6)))], shape)
    return Sequential([*layers, *_end(rng)], shape)


def _inputs(rng) -> Graph:
    """A net of two inputs, which it reads out of one vector, joined as planes or as vectors."""
    c, h, w = plane = tuple(int(n) for n in rng.integers((1, 2, 2), (4, 7, 7)))
    first = c * h * w
    if rng.random() < 0.5:
        join = (Add, Mul)[int(rng.integers(2))]()
        layers = {
            "image": InputPart(0, plane),
            "conv": Conv2d(c, 3, padding=1),
            "other": InputPart(first, plane),
            "join": join,
            "pool": MaxPool2d(2),
        }
        edges = [("input", "image", "conv", "join.a"), ("input", "other", "join.b")]
        edges += [("join", "pool", "flatten", "fc")]
        size = 2 * first
    else:
        n = int(rng.integers(1, 6))
        layers = {
            "image": InputPart(0, plane),
            "conv": Conv2d(4, 2),
            "relu": ReLU(),
            "global": Sequential([Flatten(), Linear(5)]),
            "vector": InputPart(first, (n,)),
            "dense": Linear(3),
            "join": Concat(),
        }
        edges = [("input", "image", "conv", "relu", "global", "join.a")]
        edges += [("input", "vector", "dense", "join.b"), ("join", "flatten", "fc")]
        size = first + n
    layers |= {"flatten": Flatten(), "fc": Linear(int(rng.integers(2, 5)))}
    return Graph(layers, edges, {"input": (size,)})
