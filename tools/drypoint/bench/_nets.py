"""The nets that are timed: LeNet, others so that speed is not tuned to one shape, and the
topologies of MLPerf Tiny for keywords (kws), images (ic), visual wake words (vww), anomalies in
sounds (ad) and a streaming wake word (sww).
"""

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint import data, nn, quant, train
from drypoint.data import ClassDecoder, ImageEncoder
from drypoint.nn import Conv2d, Flatten, Layer, Linear, MaxPool2d, Model, ReLU, Sequential
from drypoint.program import (
    Add,
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Op,
    Output,
    Program,
    Shape,
    Tensor,
)

from ._plan import BenchError

IMAGES = 256  # that every contestant decides on, and the largest batch
TRAINING_IMAGES = 6000  # enough for weights that decide; a few seconds


@dataclass(frozen=True)
class Case:
    """A program to time, with its inputs.

    Attributes:
        name: of the net.
        program: what the engine runs.
        images: the program's inputs, uint8 or int8 (IMAGES, h, w, c).
    """

    name: str
    program: Program
    images: NDArray[np.integer]


def vgg_ish() -> Sequential:
    """32x32 in colour, kernels of 3x3 with padding: 10.4 million MACs."""
    return Sequential(
        {
            "conv1": Conv2d(16, 3, padding=1),
            "relu1": ReLU(),
            "conv2": Conv2d(32, 3, padding=1),
            "relu2": ReLU(),
            "pool2": MaxPool2d(2),
            "conv3": Conv2d(64, 3, padding=1),
            "relu3": ReLU(),
            "pool3": MaxPool2d(2),
            "flatten": Flatten(),
            "fc1": Linear(128),
            "relu4": ReLU(),
            "fc2": Linear(10),
        },
        (3, 32, 32),
    )


def dense() -> Sequential:
    """No convolution at all."""
    return Sequential(
        {
            "flatten": Flatten(),
            "fc1": Linear(256),
            "relu1": ReLU(),
            "fc2": Linear(128),
            "relu2": ReLU(),
            "fc3": Linear(10),
        },
        (1, 28, 28),
    )


def strided_convolutions() -> Sequential:
    """Convolutions that step by two, in place of pooling."""
    return Sequential(
        {
            "conv1": Conv2d(24, 4, stride=2),
            "relu1": ReLU(),
            "conv2": Conv2d(48, 3, stride=2),
            "relu2": ReLU(),
            "flatten": Flatten(),
            "fc1": Linear(96),
            "relu3": ReLU(),
            "fc2": Linear(10),
        },
        (1, 28, 28),
    )


def sww() -> Sequential:
    """MLPerf Tiny's streaming wake word on a window of 30 frames with 40 features: depthwise
    convolutions along time and convolutions of 1x1 in turn, 826,368 MACs. Time lies along the
    height, as in files of wake words.
    """
    layers: list[Layer] = []
    read = 40
    for taps, width in ((3, 128), (5, 128), (10, 128), (15, 32)):
        layers += [Conv2d(read, (taps, 1), groups=read), Conv2d(width, 1), ReLU()]
        read = width
    return Sequential([*layers, Flatten(), Linear(3)], (40, 30, 1))


NETS: dict[str, Callable[[], Sequential]] = {
    "lenet": nn.lenet,
    "lenet5": nn.lenet5,
    "vgg-ish": vgg_ish,
    "dense": dense,
    "strided": strided_convolutions,
    "kws": nn.ds_cnn,
    "ic": nn.resnet8,
    "vww": nn.mobilenet_v1,
    "ad": nn.autoencoder,
    "sww": sww,
}


SIGNALS = ("ad", "sww")  # these read real numbers, and images the others


def check_nets(names: Sequence[str], nets: Collection[str] = NETS) -> list[str]:
    """The names, if there are nets of all of them.

    Raises:
        BenchError: there is none of some name.
    """
    for name in names:
        if name not in nets:
            raise BenchError(f"no net {name!r}; there are: {', '.join(nets)}")
    return list(names)


def make_case(name: str) -> Case:
    """A net by its name. LeNet is trained for some seconds, the others hold random weights."""
    net = NETS[name]()
    assert net.input_shape is not None  # every net here says it
    if name in SIGNALS:
        return _signal_case(name, net.initialize(0))
    channels, height, width = net.input_shape
    encoder = ImageEncoder.from_shape(net.input_shape)
    (classes,) = net.output_shape(net.input_shape)
    model = Model(net, encoder=encoder, decoder=ClassDecoder(tuple(range(classes))))
    if name == "lenet":
        digits = data.load("mnist", "train")[:TRAINING_IMAGES]
        model = train.fit(model, digits, epochs=2, progress="none").model
        seen, shown = digits.x[:512], data.load("mnist", "test").x[:IMAGES]
    else:
        model = model.with_net(net.initialize(0))
        seen = random_images(height, width, channels, n=512, seed=1)
        shown = random_images(height, width, channels, n=IMAGES, seed=2)
    program = quant.quantize(model, quant.calibrate(model, seen), name=name)
    return Case(name, program, program.check_input(shown))


def _signal_case(name: str, net: Sequential) -> Case:
    """A net that reads real numbers, in place of images: random ones, quantized as signals are."""
    assert net.input_shape is not None
    shown, seen = (
        np.random.default_rng(seed).normal(size=(n, *net.input_shape)).astype(np.float32)
        for seed, n in ((2, IMAGES), (1, 512))
    )
    model = Model(net)
    program = quant.quantize(model, quant.calibrate(model, seen), name=name)
    return Case(name, program, program.integers(shown))


def listening_step() -> Program:
    """A step of `nn.mixednet`, in the manner of microWakeWord's nets, with its front end "micro";
    its weights are drawn."""
    encoder = data.AudioEncoder(preset="micro", rows=98, layout="signal")
    sound = np.random.default_rng(1).normal(0, 3000, (32, encoder.samples)).astype(np.int16)
    model = Model(nn.mixednet(input_shape=encoder.shape, seed=0), encoder=encoder)
    return quant.quantize(model, sound, name="wake_word").streaming()


def gru_step() -> Program:
    """A step of a GRU of 32 units that reads 32 features, and a Linear, of drawn weights."""
    net = nn.gru(input_shape=(32, 50), units=(32,), seed=0)
    signals = np.random.default_rng(1).normal(size=(32, 32, 50)).astype(np.float32)
    return quant.quantize(net, signals, name="gru")


def empty_case() -> Case:
    """A program of one multiplication, for the cost of a call."""
    program = Program(
        name="empty", ops=(one_product(),), input_scale=1.0, outputs=(Output("output", 1.0),)
    )
    return case_of(program)


def one_product() -> Dense:
    """An op of one multiplication, of a u8, which writes int32."""
    ones = np.ones(1, np.int32)
    return Dense(
        name="one",
        inputs=(Tensor(Shape(1, 1, 1), "u8"),),
        output=Tensor(Shape(1, 1, 1), "i32"),
        weight=np.ones((1, 1), np.int8),
        bias=0 * ones,
        mult=(1 << 30) * ones,
        shift=2,
        lo=-(2**31),
        hi=2**31 - 1,
    )


def one_op(op: Op) -> Program | None:
    """A program of an op alone, which writes int32 as the last op of a program does. An addition
    adds the program's input to itself. None for an op of another kind, and one that copies values.
    """
    if not isinstance(op, Conv | GroupedConv | DepthwiseConv | Dense | AvgPool | Add):
        return None
    if isinstance(op, Add):
        read = Tensor(op.output.shape, op.inputs[0].type)
        factors = (op.factors[0], op.factors[0])  # one tensor has one scale
        op = replace(op, inputs=(read, read), factors=factors, bias=np.zeros_like(op.bias))
    output = Tensor(op.output.shape, "i32")
    op = replace(op, output=output, lo=-(2**31), hi=2**31 - 1)
    reads = ((0,) * op.arity,)
    return Program(
        name=op.name, ops=(op,), reads=reads, input_scale=1.0, outputs=(Output("output", 1.0),)
    )


def case_of(program: Program) -> Case:
    """A case of a user's program, with random inputs."""
    rng = np.random.default_rng(0)
    dtype = np.uint8 if program.input_type == "u8" else np.int8
    limits = np.iinfo(dtype)
    shape = (IMAGES, *program.input_shape)
    images = rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
    return Case(program.name, program, images)


def random_images(
    height: int, width: int, channels: int, *, n: int, seed: int
) -> NDArray[np.uint8]:
    """Random images (n, h, w) or (n, h, w, channels): tiles, since noise all decides alike."""
    rng = np.random.default_rng(seed)
    shape = (n, -(-height // 4), -(-width // 4), channels)
    coarse = rng.integers(0, 256, shape).astype(np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
    return images[..., 0] if channels == 1 else images


def add_options(
    parser: argparse.ArgumentParser,
    *,
    count: Callable[[str], int],
    rounds: int,
    nets: Collection[str] = NETS,
) -> None:
    """The options of a bench."""
    names = f"some of {','.join(nets)}, or all"
    parser.add_argument("--nets", default="lenet", metavar="NAMES", help=names)
    measurements = f"measurements of each contestant; {rounds} if left out"
    parser.add_argument("--rounds", type=count, metavar="N", help=measurements)
    parser.add_argument("--no-peers", action="store_true", help="only drypoint")
    parser.add_argument("--quick", action="store_true", help="a few seconds, rough figures")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")


def named_nets(args: argparse.Namespace, nets: Collection[str] = NETS) -> list[str]:
    """The names of the nets to time, of ``nets``.

    Raises:
        BenchError: there is no such net.
    """
    return check_nets(list(nets) if args.nets == "all" else args.nets.split(","), nets)
