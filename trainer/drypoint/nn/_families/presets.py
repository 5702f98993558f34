"""Predefined nets."""

from collections.abc import Mapping, Sequence

from .._containers.sequential import Sequential
from .._errors import ConfigError
from .._layers.activations import ReLU, ReLU6, Softmax
from .._layers.convolution import Conv2d
from .._layers.linear import Linear
from .._layers.pooling import GlobalAvgPool2d, MaxPool2d
from .._layers.signal_layers import GlobalAvgPool1d, MaxPool1d
from .._layers.structure import Flatten
from .._module.layer import Layer
from .._module.sizes import Shape
from .blocks import (
    conv_norm,
    conv_norm_1d,
    dense_norm,
    fire,
    inverted_residual,
    mixed_block,
    preset,
    residual_block,
    separable,
    separable_1d,
    temporal_block,
)


@preset
def lenet(
    *,
    classes: int = 10,
    input_shape: Shape = (1, 28, 28),
    widths: Sequence[int] = (20, 50, 500),
    seed: int | None = None,
) -> Sequential:
    """LeNet for 28x28 gray images and ten classes: 431,080 parameters, 2,293,000 MACs.

    Two convolutions of 5x5 (20 and 50 channels), each with ReLU and 2x2 max-pooling, then 500
    hidden units. 93 % of the parameters are in fc1.

    Args:
        classes: the number of outputs.
        input_shape: channels, height and width of the images, height and width at least 16.
        widths: the channels of the two convolutions and the number of hidden units.
        seed: the seed of the initial weights; None leaves the net uninitialized.
    """
    first, second, hidden = _check_count("lenet", widths, 3)
    layers: dict[str, Layer] = {
        "conv1": Conv2d(first, 5),
        "relu1": ReLU(),
        "pool1": MaxPool2d(2),
        "conv2": Conv2d(second, 5),
        "relu2": ReLU(),
        "pool2": MaxPool2d(2),
        "flatten": Flatten(),
        "fc1": Linear(hidden),
        "relu3": ReLU(),
        "fc2": Linear(classes),
        "softmax": Softmax(),
    }
    return build_net(layers, input_shape, seed)


@preset
def lenet5(
    *,
    classes: int = 10,
    input_shape: Shape = (1, 28, 28),
    widths: Sequence[int] = (6, 16, 120, 84),
    seed: int | None = None,
) -> Sequential:
    """The sizes of LeNet-5 (LeCun et al. 1998) for 28x28 gray images: 61,706 parameters.

    It has ReLU and max-pooling in place of the original's squashed averages, and its second
    convolution reads all channels. It takes a seventh of `lenet`'s memory.

    Args:
        classes, seed: as for `lenet`.
        input_shape: channels, height and width of the images, height and width at least 12.
        widths: the channels of the two convolutions and the hidden units of the two dense layers.
    """
    first, second, third, fourth = _check_count("lenet5", widths, 4)
    layers: dict[str, Layer] = {
        "conv1": Conv2d(first, 5, padding=2),
        "relu1": ReLU(),
        "pool1": MaxPool2d(2),
        "conv2": Conv2d(second, 5),
        "relu2": ReLU(),
        "pool2": MaxPool2d(2),
        "flatten": Flatten(),
        "fc1": Linear(third),
        "relu3": ReLU(),
        "fc2": Linear(fourth),
        "relu4": ReLU(),
        "fc3": Linear(classes),
        "softmax": Softmax(),
    }
    return build_net(layers, input_shape, seed)


@preset
def cnn(
    *,
    classes: int = 10,
    input_shape: Shape = (1, 28, 28),
    widths: Sequence[int] = (16, 32, 64),
    seed: int | None = None,
) -> Sequential:
    """A plain convolutional net for images of any size: 24,058 parameters, 1,919,872 MACs.

    Convolutions of 3x3, each with batch norm and ReLU; 2x2 max-pooling between them while the plane
    has 4 rows and 4 columns; the mean of each channel, one Linear.

    Args:
        classes: the number of outputs.
        input_shape: channels, height and width of the images.
        widths: the channels of each convolution.
        seed: the seed of the initial weights; None leaves the net uninitialized.
    """
    layers: dict[str, Layer] = {}
    side = min(input_shape[1:], default=0)
    for i, width in enumerate(widths, 1):
        if i > 1 and side >= 4:
            layers[f"pool{i - 1}"] = MaxPool2d(2)
            side //= 2
        layers[f"block{i}"] = Sequential(conv_norm(width, 3, activation=ReLU()))
    return build_net({**layers, **_head(classes)}, input_shape, seed)


@preset
def mlp(
    *,
    classes: int = 10,
    input_shape: Shape = (1, 28, 28),
    hidden: Sequence[int] = (128, 64),
    seed: int | None = None,
) -> Sequential:
    """A multilayer perceptron, dense layers with ReLU: 109,386 parameters, 109,184 MACs.

    Args:
        classes, seed: as for `cnn`.
        input_shape: the shape of one input, of any number of axes.
        hidden: the units of each hidden layer.
    """
    layers: dict[str, Layer] = {} if len(input_shape) == 1 else {"flatten": Flatten()}
    for i, units in enumerate(hidden, 1):
        layers |= {f"fc{i}": Linear(units), f"relu{i}": ReLU()}
    layers |= {f"fc{len(hidden) + 1}": Linear(classes), "softmax": Softmax()}
    return build_net(layers, input_shape, seed)


@preset
def resnet8(
    *, classes: int = 10, input_shape: Shape = (3, 32, 32), width: int = 16, seed: int | None = None
) -> Sequential:
    """ResNet-8, as in MLPerf Tiny's image classification: 77,946 parameters, 12,501,632 MACs.

    A convolution, three residual blocks (the second and the third halve height and width and double
    the channels, with a convolution of 1x1 in their skips), the mean of each channel, one Linear.

    Args:
        classes, input_shape, seed: as for `cnn`.
        width: the channels of the first block; the others have 2 and 4 times as many.
    """
    layers = {
        "stem": Sequential(conv_norm(width, 3, activation=ReLU())),
        "block1": residual_block(width),
        "block2": residual_block(2 * width, stride=2),
        "block3": residual_block(4 * width, stride=2),
        **_head(classes),
    }
    return build_net(layers, input_shape, seed)


@preset
def mobilenet(
    *, classes: int = 10, input_shape: Shape = (3, 32, 32), width: int = 8, seed: int | None = None
) -> Sequential:
    """A small MobileNetV2 (Sandler et al. 2018): 30,154 parameters, 936,064 MACs.

    A convolution with a stride of 2, five inverted residual blocks, a convolution of 1x1, the mean
    of each channel, one Linear. A block expands its channels six times (the first block: not at
    all), has a depthwise convolution of 3x3, and ends in a convolution of 1x1 without activation.
    The second and the fourth block have a stride of 2, the others a skip. The activation is ReLU6.

    Args:
        classes, input_shape, seed: as for `cnn`.
        width: the channels of the first convolution; later ones have 2, 4 and 8 times as many.
    """
    layers = {
        "stem": Sequential(conv_norm(width, 3, stride=2, activation=ReLU6())),
        "block1": inverted_residual(width, width, expansion=1),
        "block2": inverted_residual(width, 2 * width, expansion=6, stride=2),
        "block3": inverted_residual(2 * width, 2 * width, expansion=6),
        "block4": inverted_residual(2 * width, 4 * width, expansion=6, stride=2),
        "block5": inverted_residual(4 * width, 4 * width, expansion=6),
        "last": Sequential(conv_norm(8 * width, 1, activation=ReLU6())),
        **_head(classes),
    }
    return build_net(layers, input_shape, seed)


@preset
def mobilenet_v1(
    *, classes: int = 2, input_shape: Shape = (3, 96, 96), width: int = 8, seed: int | None = None
) -> Sequential:
    """MobileNetV1, as in MLPerf Tiny's visual wake words: 213,586 parameters, 7,489,664 MACs.

    A convolution with a stride of 2, thirteen depthwise-separable blocks, the mean of each channel,
    one Linear (Howard et al. 2017). Four blocks halve height and width. The width of 8 is a
    quarter of the paper's.

    Args:
        classes, input_shape, seed: as for `cnn`.
        width: the channels of the first convolution; later ones have up to 32 times as many.
    """
    layers: dict[str, Layer] = {
        "stem": Sequential(conv_norm(width, 3, stride=2, activation=ReLU()))
    }
    read = width
    factors = (2, 4, 4, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32)
    for i, factor in enumerate(factors, 1):
        stride = 2 if i in (2, 4, 6, 12) else 1
        layers[f"block{i}"] = separable(read, factor * width, stride=stride)
        read = factor * width
    return build_net({**layers, **_head(classes)}, input_shape, seed)


@preset
def squeezenet(
    *, classes: int = 10, input_shape: Shape = (3, 32, 32), width: int = 8, seed: int | None = None
) -> Sequential:
    """A small SqueezeNet (Iandola et al. 2016): 16,634 parameters, 2,184,320 MACs.

    A convolution, four fire modules, max-pooling of 3x3 with a stride of 2 before the first and the
    third, a convolution of 1x1 to the classes, the mean of each channel. A fire module is a
    convolution of 1x1 to few channels, then convolutions of 1x1 and of 3x3 side by side. There is
    no batch norm.

    Args:
        classes, input_shape, seed: as for `cnn`.
        width: the channels to which the first two fire modules squeeze; the last two squeeze to
            twice as many. A module has four times as many outputs.
    """
    layers = {
        "stem": Sequential({"conv": Conv2d(4 * width, 3, padding=1), "act": ReLU()}),
        "pool1": MaxPool2d(3, stride=2),
        "fire1": fire(width, 2 * width),
        "fire2": fire(width, 2 * width),
        "pool2": MaxPool2d(3, stride=2),
        "fire3": fire(2 * width, 4 * width),
        "fire4": fire(2 * width, 4 * width),
        "classes": Conv2d(classes, 1),
        "mean": GlobalAvgPool2d(),
        "softmax": Softmax(),
    }
    return build_net(layers, input_shape, seed)


@preset
def ds_cnn(
    *, classes: int = 12, input_shape: Shape = (1, 49, 10), width: int = 64, seed: int | None = None
) -> Sequential:
    """DS-CNN, as in MLPerf Tiny's keyword spotting: 23,180 parameters, 2,656,768 MACs.

    A convolution of 10x4 with a stride of 2, four depthwise-separable blocks, the mean of each
    channel, one Linear. The input is a plane of 49 time steps by 10 coefficients.

    Args:
        classes, seed: as for `cnn`.
        input_shape: channels, height and width of the plane.
        width: the channels of every convolution.
    """
    layers = {
        "stem": Sequential(conv_norm(width, (10, 4), stride=2, activation=ReLU())),
        **{f"block{i}": separable(width, width) for i in range(1, 5)},
        **_head(classes),
    }
    return build_net(layers, input_shape, seed)


@preset
def dilated(
    *, classes: int = 10, input_shape: Shape = (3, 32, 32), width: int = 16, seed: int | None = None
) -> Sequential:
    """A small net of dilated convolutions: 7,642 parameters, 1,880,224 MACs.

    A convolution with a stride of 2, three convolutions of 3x3 with dilations of 1, 2 and 4, which
    keep height and width and see 31 rows of the image, the mean of each channel, one Linear.

    Args:
        classes, input_shape, seed: as for `cnn`.
        width: the channels of every convolution.
    """
    layers = {
        "stem": Sequential(conv_norm(width, 3, stride=2, activation=ReLU())),
        **{
            f"dilated{d}": Sequential(conv_norm(width, 3, dilation=d, activation=ReLU()))
            for d in (1, 2, 4)
        },
        **_head(classes),
    }
    return build_net(layers, input_shape, seed)


@preset
def conv1d(
    *,
    classes: int = 6,
    input_shape: Shape = (3, 128),
    widths: Sequence[int] = (16, 32, 64),
    seed: int | None = None,
) -> Sequential:
    """A plain convolutional net for signals of any length: 13,654 parameters, 522,624 MACs.

    Convolutions of 5 steps along time, each with batch norm and ReLU; max-pooling of 2 steps
    between them while there are 4 steps; the mean of each channel, one Linear.

    Args:
        classes, seed: as for `cnn`.
        input_shape: channels and time steps of the signals.
        widths: the channels of each convolution.
    """
    layers: dict[str, Layer] = {}
    steps = input_shape[-1] if input_shape else 0
    for i, width in enumerate(widths, 1):
        if i > 1 and steps >= 4:
            layers[f"pool{i - 1}"] = MaxPool1d(2)
            steps //= 2
        layers[f"block{i}"] = Sequential(conv_norm_1d(width, 5))
    return build_net({**layers, **_head(classes, GlobalAvgPool1d())}, input_shape, seed)


@preset
def tcn(
    *,
    classes: int = 6,
    input_shape: Shape = (3, 128),
    widths: Sequence[int] = (16, 16, 16, 16),
    seed: int | None = None,
) -> Sequential:
    """A temporal convolutional net (Bai et al. 2018): 5,942 parameters, 712,800 MACs.

    Residual blocks of two causal convolutions of 3 steps; the dilation doubles from block to block,
    from 1. The mean of each channel, one Linear.

    Args:
        classes, seed: as for `cnn`.
        input_shape: channels and time steps of the signals.
        widths: the channels of each block.
    """
    layers: dict[str, Layer] = {}
    read = input_shape[0] if input_shape else 0
    for i, width in enumerate(widths):
        layers[f"block{i + 1}"] = temporal_block(read, width, dilation=2**i)
        read = width
    return build_net({**layers, **_head(classes, GlobalAvgPool1d())}, input_shape, seed)


@preset
def mixednet(
    *, classes: int = 2, input_shape: Shape = (40, 98), width: int = 32, seed: int | None = None
) -> Sequential:
    """A net in the manner of microWakeWord's MixedNet: 17,058 parameters, 533,344 MACs.

    A causal convolution of 5 steps with a stride of 3, four blocks of mixed depthwise convolutions
    of 5, 7 and 11, 9 and 15, and 23 steps; the mean of each channel, one Linear. All are causal, so
    that a stream computes each step once.

    Args:
        classes, seed: as for `cnn`.
        input_shape: features and time steps of the signals.
        width: the channels of every convolution, an even number.
    """
    if width % 2:
        raise ConfigError("mixednet", f"wants an even width, got {width}")
    kernels = ((5,), (7, 11), (9, 15), (23,))
    layers: dict[str, Layer] = {
        "stem": Sequential(conv_norm_1d(width, 5, stride=3, padding="causal")),
        **{f"block{i}": mixed_block(width, lengths) for i, lengths in enumerate(kernels, 1)},
    }
    return build_net({**layers, **_head(classes, GlobalAvgPool1d())}, input_shape, seed)


@preset
def ds_conv1d(
    *, classes: int = 12, input_shape: Shape = (40, 98), width: int = 96, seed: int | None = None
) -> Sequential:
    """A depthwise-separable net along time, nothing padded: 80,172 parameters, 1,909,632 MACs.

    A convolution of 5 steps with a stride of 3, three depthwise-separable blocks, the mean of each
    channel, one Linear. The blocks' kernels have an eighth, two and three eighths of the steps that
    the first convolution leaves, plus one: 5, 9 and 13 of 32. Without padding a stream computes of
    every window what the net computes of the window alone.

    Args:
        classes, seed: as for `cnn`.
        input_shape: features and time steps of the signals, 5 steps or more.
        width: the channels of every convolution.
    """
    steps = (input_shape[-1] - 5) // 3 + 1 if input_shape else 0
    layers: dict[str, Layer] = {
        "stem": Sequential(conv_norm_1d(width, 5, stride=3, padding="valid")),
        **{f"block{i}": separable_1d(width, 1 + max(0, steps) * i // 8) for i in (1, 2, 3)},
    }
    return build_net({**layers, **_head(classes, GlobalAvgPool1d())}, input_shape, seed)


@preset
def autoencoder(
    *,
    inputs: int = 640,
    hidden: int = 128,
    depth: int = 4,
    bottleneck: int = 8,
    seed: int | None = None,
) -> Sequential:
    """A dense autoencoder, as in MLPerf Tiny's anomaly detection: 266,896 parameters, 264,192 MACs.

    Each hidden layer is a Linear, batch norm and ReLU; the output is a Linear. Train it to repeat
    its input: ``train.fit(net, (x, x), loss=nn.MSELoss())``.

    Args:
        inputs: the length of an input and an output.
        hidden: the length of the hidden layers.
        depth: the number of hidden layers before the bottleneck, and as many come after it.
        bottleneck: the length of the innermost layer.
        seed: the seed of the initial weights; None leaves the net uninitialized.
    """
    layers: dict[str, Layer] = {
        **{f"encode{i}": dense_norm(hidden) for i in range(1, depth + 1)},
        "bottleneck": dense_norm(bottleneck),
        **{f"decode{i}": dense_norm(hidden) for i in range(1, depth + 1)},
        "output": Linear(inputs),
    }
    return build_net(layers, (inputs,), seed)


def _head(classes: int, mean: Layer | None = None) -> dict[str, Layer]:
    """The mean of each channel, and the classes' probabilities."""
    return {"mean": mean or GlobalAvgPool2d(), "fc": Linear(classes), "softmax": Softmax()}


def _check_count(net: str, widths: Sequence[int], count: int) -> Sequence[int]:
    if len(widths) != count:
        raise ConfigError(net, f"wants {count} widths, got {widths!r}")
    return widths


def build_net(layers: Mapping[str, Layer], input_shape: Shape, seed: int | None) -> Sequential:
    net = Sequential(layers, input_shape)
    return net if seed is None else net.initialize(seed)
