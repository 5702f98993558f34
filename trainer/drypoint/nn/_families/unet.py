"""A predefined net that gives a class for each pixel."""

from collections.abc import Sequence

from .._containers.graph import Graph
from .._containers.sequential import Sequential
from .._errors import ConfigError
from .._layers.activations import ReLU, Softmax
from .._layers.convolution import Conv2d
from .._layers.merging import Concat
from .._layers.pooling import MaxPool2d
from .._layers.upsampling import Upsample
from .._module.layer import Layer
from .._module.module import Module
from .._module.sizes import Shape
from .blocks import conv_norm, preset


@preset
def unet(
    *,
    classes: int = 2,
    input_shape: Shape = (1, 32, 32),
    widths: Sequence[int] = (8, 16, 32),
    seed: int | None = None,
) -> Sequential:
    """A small U-Net (Ronneberger et al. 2015): a class for each pixel, planes (classes, H, W).

    At each size a convolution of 3x3 with batch norm and ReLU; max-pooling of 2x2 on the way down,
    repeated pixels and the planes of the way down beside them on the way up. It ends in a
    convolution of 1x1 and a softmax over the classes of each pixel.

    Args:
        classes: the number of classes.
        input_shape: channels, height and width of the images; height and width multiples of 2 to
            the power of one less than the widths' number.
        widths: the channels at each size, the largest size first.
        seed: the seed of the initial weights; None leaves the net uninitialized.
    """
    step = 2 ** (len(widths) - 1)
    if len(input_shape) != 3 or input_shape[1] % step or input_shape[2] % step:
        raise ConfigError(
            "unet",
            f"wants images whose height and width are multiples of {step}, got {input_shape}",
        )
    layers: dict[str, Module] = {}
    edges: list[tuple[str, ...]] = []
    at = "input"
    for i, width in enumerate(widths, 1):
        layers[f"down{i}"] = _block(width)
        edges.append((at, f"down{i}"))
        at = f"down{i}"
        if i < len(widths):
            layers[f"pool{i}"] = MaxPool2d(2)
            edges.append((at, f"pool{i}"))
            at = f"pool{i}"
    for i in range(len(widths) - 1, 0, -1):
        layers |= {f"up{i}": Upsample(2), f"join{i}": Concat(), f"merge{i}": _block(widths[i - 1])}
        edges += [
            (at, f"up{i}", f"join{i}.a"),
            (f"down{i}", f"join{i}.b"),
            (f"join{i}", f"merge{i}"),
        ]
        at = f"merge{i}"
    body = Graph(layers, edges, {"input": tuple(input_shape)})
    parts: dict[str, Layer] = {"body": body, "scores": Conv2d(classes, 1)}
    parts["softmax"] = Softmax(axis=0)
    net = Sequential(parts, input_shape)
    return net if seed is None else net.initialize(seed)


def _block(channels: int) -> Sequential:
    return Sequential(conv_norm(channels, 3, activation=ReLU()))
