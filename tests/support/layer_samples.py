"""The samples of each layer: an entry a class, from which all tests of layers take their layers.

An entry has layers with the shape of an example for each, shapes that the first layer refuses, and
a random layer for a shape. The tests of the contract, of gradients, of files and of quantization,
and the random nets of `drawn_nets.py` iterate over `SAMPLES`. A new layer is an entry here; a
function of each value without options has its entry by itself.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature

import numpy as np
from floatnets import _convolution, _pair, _pool

from drypoint import nn
from drypoint.nn import Layer
from drypoint.nn._layers.activations import Pointwise

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape], Layer | None]
MOST = 600  # values of a plane that random layers make larger
ALIGNMENTS = ("half_pixel", "align_corners", "asymmetric")


@dataclass(frozen=True)
class Samples:
    """The samples of a layer.

    Attributes:
        layers: layers, each with the shape of an example.
        wrong: shapes that the first layer refuses; a layer without them takes all shapes.
        draw: a random layer for a shape, None where none takes it.
    """

    layers: Sequence[tuple[Layer, Shape]]
    wrong: Sequence[Shape] = ()
    draw: Draw = lambda rng, shape: None  # noqa: ARG005


def arctan_slope(x):
    return 1 / (1 + x * x)


def always(layer: Layer) -> Draw:
    """The layer for any shape."""
    return lambda rng, shape: layer  # noqa: ARG005


def of_rank(*ranks: int) -> Callable[[Draw], Draw]:
    """Draws layers for shapes of these ranks."""

    def limit(draw: Draw) -> Draw:
        return lambda rng, shape: draw(rng, shape) if len(shape) in ranks else None

    return limit


def draw_divisor(rng, number: int) -> int:
    return int(rng.choice([g for g in range(1, number + 1) if number % g == 0]))


@of_rank(3)
def draw_pool2d(rng, shape):
    return _pool(rng, shape, padded=True)


@of_rank(2)
def draw_conv1d(rng, shape):
    groups = draw_divisor(rng, shape[0])
    return nn.Conv1d(
        groups * int(rng.integers(1, 4)),
        int(rng.integers(1, min(5, shape[1] + 1))),
        stride=int(rng.integers(1, 3)),
        padding=[0, "same", "causal"][int(rng.integers(3))],
        groups=groups,
    )


def draw_pool1d(kind) -> Draw:
    @of_rank(2)
    def draw(rng, shape):
        taps = int(rng.integers(1, min(3, shape[1]) + 1))
        padding = tuple(int(n) for n in rng.integers(0, taps, 2))
        return kind(taps, stride=int(rng.integers(1, 4)), padding=padding)

    return draw


@of_rank(3)
def draw_adaptive(rng, shape):
    return nn.AdaptiveAvgPool2d((draw_divisor(rng, shape[1]), draw_divisor(rng, shape[2])))


@of_rank(3)
def draw_zero_pad(rng, shape):  # noqa: ARG001
    return nn.ZeroPad2d(tuple(int(n) for n in rng.integers(0, 3, 4)))


@of_rank(3)
def draw_upsample(rng, shape):
    if math.prod(shape) > MOST:
        return None
    factors, bilinear = _pair(rng, 3, 3), rng.random() < 0.5
    if bilinear:
        return nn.Upsample(factors, mode="bilinear", align_corners=bool(rng.random() < 0.5))
    return nn.Upsample(factors)


@of_rank(3)
def draw_resize(rng, shape):
    if math.prod(shape) > MOST:
        return None
    return nn.Resize(_pair(rng, 8, 8), alignment=str(rng.choice(ALIGNMENTS)))


@of_rank(3)
def draw_pixel_shuffle(rng, shape):
    factor = int(rng.integers(1, 4))
    if shape[0] % factor**2:
        return None
    return nn.PixelShuffle(factor, mode=str(rng.choice(["CRD", "DCR"])))


@of_rank(3)
def draw_transposed(rng, shape):
    if math.prod(shape) > MOST:
        return None
    kernel, stride = _pair(rng, 4, 4), _pair(rng, 2, 2)
    return nn.ConvTranspose2d(int(rng.integers(1, 4)), kernel, stride=stride, padding="same")


def draw_reshape(rng, shape):
    """To a vector, or a vector to a column of pixels."""
    size = math.prod(shape)
    if len(shape) == 1 and rng.random() < 0.5:
        return nn.Reshape((size, 1, 1))
    return nn.Reshape((size,))


def draw_slice(rng, shape):
    axis = int(rng.integers(len(shape)))
    start = int(rng.integers(shape[axis]))
    stop = int(rng.integers(start + 1, shape[axis] + 1))
    return nn.Slice(axis, start, stop, int(rng.integers(1, 3)) if axis > 0 else 1)


@of_rank(1)
def draw_input_part(rng, shape):
    """The first half of a vector, as a plane or a vector; another layer reads the other half."""
    size = shape[0] // 2
    if size == 0:
        return None
    columns = draw_divisor(rng, size)
    rows = draw_divisor(rng, size // columns)
    plane = size // columns // rows, rows, columns
    return nn.InputPart(0, plane if rng.random() < 0.6 else (size,))


@of_rank(2, 3)
def draw_permutation(rng, shape):
    return nn.Permute(tuple(int(n) for n in rng.permutation(len(shape))))


def draw_prelu(rng, shape):
    return nn.PReLU(shape[0] if rng.random() < 0.5 else 1)


def draw_leaky(rng, shape):  # noqa: ARG001
    return nn.LeakyReLU(float(rng.choice([0.01, 0.3, -0.5, 2.0])))


def draw_hardtanh(rng, shape):  # noqa: ARG001
    return nn.Hardtanh(-float(rng.choice([0.1, 1, 3])), float(rng.choice([0.5, 1, 6])))


EVERYWHERE = [name for name, function in nn.FUNCTIONS.items() if function.least == -math.inf]


def draw_function(rng, shape):  # noqa: ARG001
    """Any function of all numbers but exp, whose floats overflow."""
    return nn.Function(str(rng.choice([name for name in EVERYWHERE if name != "exp"])))


PLANE = [(3,), (3, 2), (0, 2, 2), (3, 2, 2, 2)]  # shapes that a layer of planes refuses
BLOCK = nn.Sequential({"conv": nn.Conv2d(2, 2), "norm": nn.BatchNorm2d(), "tanh": nn.Tanh()})

FUNCTIONS = [
    kind for kind in nn.LEAF_TYPES if issubclass(kind, Pointwise) and not signature(kind).parameters
]
SAMPLES: dict[type[Layer], Samples] = {
    **{
        kind: Samples([(kind(), (2, 3)), (kind(), (400,))], draw=always(kind()))
        for kind in FUNCTIONS
    },
    nn.Conv2d: Samples(
        [
            (nn.Conv2d(3, 2), (2, 4, 5)),
            (nn.Conv2d(4, (2, 3), stride=(2, 1), padding=(1, 0), groups=2, bias=False), (2, 5, 4)),
            (nn.Conv2d(2, 3, padding="same", stride=2, dilation=(1, 2)), (1, 5, 6)),
            (nn.Conv2d(1, 2, padding=((0, 1), (2, 0))), (3, 3, 3)),
            (nn.Conv2d(1, 1, padding="valid", in_channels=3), (3, 2, 2)),
        ],
        wrong=[(4,), (2, 4), (2, 1, 1), (0, 4, 4), (2, 4, 4, 4)],
        draw=of_rank(3)(_convolution),
    ),
    nn.MaxPool2d: Samples(
        [
            (nn.MaxPool2d(2), (2, 4, 5)),
            (nn.MaxPool2d((3, 2), stride=(1, 2), padding=((0, 2), (1, 0))), (1, 4, 5)),
        ],
        wrong=[(4,), (2, 4), (1, 1, 1)],
        draw=draw_pool2d,
    ),
    nn.AvgPool2d: Samples(
        [
            (nn.AvgPool2d(2), (2, 4, 5)),
            (nn.AvgPool2d(3, stride=1, padding=1), (1, 3, 4)),
        ],
        wrong=[(4,), (2, 4), (1, 1, 1)],
        draw=draw_pool2d,
    ),
    nn.Conv1d: Samples(
        [
            (nn.Conv1d(3, 2), (2, 5)),
            (nn.Conv1d(4, 3, stride=2, padding=(1, 0), groups=2, bias=False), (2, 6)),
            (nn.Conv1d(2, 3, padding="same", stride=2, dilation=2), (1, 7)),
            (nn.Conv1d(1, 3, padding="causal", dilation=2), (3, 4)),
            (nn.Conv1d(1, 2, padding=1, in_channels=2), (2, 2)),
        ],
        wrong=[(4,), (2, 1), (0, 4), (2, 4, 4)],
        draw=draw_conv1d,
    ),
    nn.GRU: Samples(
        [
            (nn.GRU(3), (2, 4)),
            (nn.GRU(2, num_layers=2, return_sequences=True, input_size=1), (1, 3)),
        ],
        wrong=[(4,), (0, 4), (2, 4, 4)],
    ),
    nn.LSTM: Samples(
        [
            (nn.LSTM(3), (2, 4)),
            (nn.LSTM(2, num_layers=2, return_sequences=True, input_size=1), (1, 3)),
        ],
        wrong=[(4,), (2, 0), (2, 4, 4)],
    ),
    nn.MaxPool1d: Samples(
        [
            (nn.MaxPool1d(2), (2, 5)),
            (nn.MaxPool1d(3, stride=1, padding=(0, 2)), (1, 5)),
        ],
        wrong=[(4,), (1, 1), (2, 4, 4)],
        draw=draw_pool1d(nn.MaxPool1d),
    ),
    nn.AvgPool1d: Samples(
        [(nn.AvgPool1d(2), (2, 5)), (nn.AvgPool1d(3, stride=1, padding=1), (1, 4))],
        wrong=[(4,), (1, 1), (2, 4, 4)],
        draw=draw_pool1d(nn.AvgPool1d),
    ),
    nn.GlobalAvgPool1d: Samples(
        [(nn.GlobalAvgPool1d(), (2, 5))],
        wrong=[(3,), (0, 2), (3, 2, 2)],
        draw=of_rank(2)(always(nn.GlobalAvgPool1d())),
    ),
    nn.BatchNorm2d: Samples(
        [(nn.BatchNorm2d(), (3, 2, 2)), (nn.BatchNorm2d(momentum=1.0), (1, 3, 2))],
        wrong=PLANE,
        draw=of_rank(3)(always(nn.BatchNorm2d())),
    ),
    nn.BatchNorm1d: Samples(
        [
            (nn.BatchNorm1d(), (3,)),
            (nn.BatchNorm1d(momentum=0), (1,)),
            (nn.BatchNorm1d(), (2, 5)),
        ],
        wrong=[(), (0,), (0, 2), (3, 2, 2)],
        draw=of_rank(1, 2)(always(nn.BatchNorm1d())),
    ),
    nn.Linear: Samples(
        [(nn.Linear(3), (4,)), (nn.Linear(1, bias=False, in_features=2), (2,))],
        wrong=[(), (4, 1), (2, 2, 2), (0,)],
        draw=of_rank(1)(
            lambda rng, _: nn.Linear(int(rng.integers(1, 9)), bias=bool(rng.random() < 0.8))
        ),
    ),
    nn.Flatten: Samples([(nn.Flatten(), (2, 3, 4))], draw=always(nn.Flatten())),
    nn.Dropout: Samples(
        [(nn.Dropout(0.5), (6,)), (nn.Dropout(0), (2, 2))], draw=always(nn.Dropout(0.5))
    ),
    nn.LeakyReLU: Samples(
        [(nn.LeakyReLU(), (2, 3)), (nn.LeakyReLU(-2), (4, 1, 2))], draw=draw_leaky
    ),
    nn.PReLU: Samples(
        [(nn.PReLU(3, init=-0.5), (3, 2, 4)), (nn.PReLU(), (2, 3)), (nn.PReLU(5), (5,))],
        wrong=[(), (2,), (4, 3)],
        draw=draw_prelu,
    ),
    nn.Hardtanh: Samples(
        [(nn.Hardtanh(), (2, 3)), (nn.Hardtanh(-0.5, 2.0), (400,))], draw=draw_hardtanh
    ),
    nn.Function: Samples(
        [
            (nn.Function(name), (2, 3))
            for name, function in nn.FUNCTIONS.items()
            if function.least == -math.inf
        ],
        draw=draw_function,
    ),
    nn.Elementwise: Samples(
        [(nn.Elementwise(np.arctan, arctan_slope), (2, 3))],
        draw=always(nn.Elementwise(np.arctan, arctan_slope)),
    ),
    nn.Reshape: Samples(
        [(nn.Reshape((3, 4)), (2, 6)), (nn.Reshape(()), (1,)), (nn.Reshape((6,)), (2, 1, 3))],
        wrong=[(), (5,), (3, 5)],
        draw=draw_reshape,
    ),
    nn.OneHot: Samples([(nn.OneHot(3), ())], wrong=[(1,), (2, 3)]),
    nn.GlobalAvgPool2d: Samples(
        [(nn.GlobalAvgPool2d(), (2, 3, 4))],
        wrong=PLANE,
        draw=of_rank(3)(always(nn.GlobalAvgPool2d())),
    ),
    nn.AdaptiveAvgPool2d: Samples(
        [
            (nn.AdaptiveAvgPool2d(1), (2, 3, 4)),
            (nn.AdaptiveAvgPool2d((3, 2)), (1, 3, 4)),
        ],
        wrong=PLANE,
        draw=draw_adaptive,
    ),
    nn.ZeroPad2d: Samples(
        [(nn.ZeroPad2d(1), (2, 3, 4)), (nn.ZeroPad2d((0, 3, 2, 0)), (1, 2, 1))],
        wrong=PLANE,
        draw=draw_zero_pad,
    ),
    nn.Resize: Samples(
        [
            (nn.Resize((5, 3)), (2, 3, 4)),
            (nn.Resize(4, alignment="align_corners"), (1, 1, 3)),
            (nn.Resize((2, 6), alignment="asymmetric"), (2, 3, 4)),
        ],
        wrong=PLANE,
        draw=draw_resize,
    ),
    nn.Upsample: Samples(
        [
            (nn.Upsample(2, mode="bilinear"), (2, 3, 4)),
            (nn.Upsample((2, 3), mode="bilinear", align_corners=True), (1, 2, 2)),
            (nn.Upsample(2), (2, 3, 4)),
            (nn.Upsample((1, 3)), (1, 2, 1)),
        ],
        wrong=PLANE,
        draw=draw_upsample,
    ),
    nn.PixelShuffle: Samples(
        [
            (nn.PixelShuffle(2), (8, 2, 3)),
            (nn.PixelShuffle(3, mode="DCR"), (9, 1, 2)),
            (nn.PixelShuffle(1), (2, 2, 2)),
        ],
        wrong=[(4,), (4, 2), (0, 2, 2), (6, 2, 2), (4, 2, 2, 2)],
        draw=draw_pixel_shuffle,
    ),
    nn.ConvTranspose2d: Samples(
        [
            (nn.ConvTranspose2d(2, 3, stride=2, padding=1, output_padding=1), (3, 2, 3)),
            (nn.ConvTranspose2d(3, (2, 3), stride=(2, 1), bias=False), (2, 3, 2)),
            (nn.ConvTranspose2d(1, 4, stride=3, padding=((3, 1), (0, 2))), (2, 2, 3)),
            (nn.ConvTranspose2d(2, 3, stride=2, padding="same", in_channels=1), (1, 3, 2)),
            (nn.ConvTranspose2d(2, (2, 1), stride=(3, 2), padding="same"), (1, 2, 2)),
        ],
        wrong=PLANE,
        draw=draw_transposed,
    ),
    nn.Slice: Samples(
        [
            (nn.Slice(0, 1), (3,)),
            (nn.Slice(1, -3, -1), (2, 5)),
            (nn.Slice(2, 1, step=2), (2, 3, 4)),
            (nn.Slice(1, stop=1), (1, 3, 2)),
            (nn.Slice(1), (2, 3, 4)),
        ],
        wrong=[(), (1,)],
        draw=draw_slice,
    ),
    nn.InputPart: Samples(
        [(nn.InputPart(2, (2, 3)), (8,)), (nn.InputPart(5, (3,)), (8,))],
        wrong=[(), (7,), (2, 8)],
        draw=draw_input_part,
    ),
    nn.Permute: Samples(
        [
            *((nn.Permute(axes), (2, 3, 4)) for axes in itertools.permutations(range(3))),
            (nn.Permute((1, 0)), (2, 3)),
            (nn.Permute((0,)), (3,)),
        ],
        wrong=[(), (2,), (2, 3)],
        draw=draw_permutation,
    ),
    nn.ChannelShuffle: Samples(
        [(nn.ChannelShuffle(2), (4, 2, 3)), (nn.ChannelShuffle(3), (6,))],
        wrong=[(), (3,), (5, 2)],
        draw=lambda rng, shape: nn.ChannelShuffle(draw_divisor(rng, shape[0])),
    ),
    nn.Softmax: Samples(
        [(nn.Softmax(), (5,)), (nn.Softmax(axis=0), (3, 2)), (nn.Softmax(-2), (2, 3, 2))],
        wrong=[()],
        draw=always(nn.Softmax()),
    ),
    nn.LogSoftmax: Samples(
        [(nn.LogSoftmax(), (5,)), (nn.LogSoftmax(axis=0), (3, 2))],
        wrong=[()],
        draw=always(nn.LogSoftmax()),
    ),
    nn.Sequential: Samples(
        [
            (nn.Sequential([nn.Conv2d(3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2)]), (1, 3, 3)),
            (nn.Sequential({"block": BLOCK, "pool": nn.MaxPool2d(2)}), (2, 4, 4)),
        ],
        wrong=[(), (4,)],
    ),
    nn.Graph: Samples(
        [
            (nn.Graph.from_sequential(nn.Sequential([nn.Linear(3), nn.Tanh()])), (4,)),
            (nn.Graph({"block": BLOCK, "pool": nn.MaxPool2d(2)}, [("block", "pool")]), (2, 4, 4)),
            (
                nn.Graph(
                    {"same": nn.Conv2d(2, 3, padding=1), "relu": nn.ReLU(), "sum": nn.Add()},
                    [("input", "same", "relu", "sum.a"), ("input", "sum.b")],
                ),
                (2, 3, 3),
            ),
            (  # squeeze and excite
                nn.Graph(
                    {
                        "squeeze": nn.AdaptiveAvgPool2d(1),
                        "fewer": nn.Conv2d(1, 1),
                        "relu": nn.ReLU(),
                        "excite": nn.Conv2d(3, 1),
                        "gate": nn.Hardsigmoid(),
                        "mul": nn.Mul(),
                    },
                    [
                        ("input", "squeeze", "fewer", "relu", "excite", "gate", "mul.b"),
                        ("input", "mul.a"),
                    ],
                ),
                (3, 2, 3),
            ),
            (
                nn.Graph(
                    {"a": nn.Conv2d(2, 1), "b": nn.Conv2d(1, 3, padding=1), "join": nn.Concat(3)},
                    [("input", "a", "join.a"), ("input", "b", "join.b"), ("input", "join.c")],
                ),
                (2, 3, 3),
            ),
            (
                nn.Graph([nn.SiLU(), nn.Mul()], [("input", "silu", "mul.a"), ("input", "mul.b")]),
                (4,),
            ),
            (
                nn.Graph(
                    {"flat": nn.Flatten(), "fc": nn.Linear(3), "join": nn.Concat()},
                    [("input", "flat", "join.a"), ("flat", "fc", "join.b")],
                ),
                (2, 2, 3),
            ),
            *(
                (
                    nn.Graph(
                        {"conv": nn.Conv2d(2, 1), "join": merge()},
                        [("input", "conv", "join.a"), ("input", "join.b")],
                    ),
                    (2, 3, 3),
                )
                for merge in nn.LEAF_TYPES
                if issubclass(merge, nn.Merge) and merge.in_kernels
            ),
        ],
        wrong=[(), (3, 4), (0,)],
    ),
}
