"""Nets by a name with sizes: ``"mlp:64,32"`` for any input shape and any number of outputs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drypoint.common import accept

from .._aliases import PRESET
from .._containers.sequential import Sequential
from .._errors import ConfigError, LayerError
from .._layers.structure import Flatten
from .._module.layer import Layer
from .._module.sizes import Shape
from .grid import grid_cnn
from .presets import (
    autoencoder,
    cnn,
    conv1d,
    dilated,
    ds_cnn,
    ds_conv1d,
    lenet,
    lenet5,
    mixednet,
    mlp,
    mobilenet,
    mobilenet_v1,
    resnet8,
    squeezenet,
    tcn,
)
from .recurrent import gru, lstm
from .unet import unet

_LARGEST = 4096  # a size beyond this is a typing error
_MOST = 16  # sizes

Build = Callable[[Shape, int, Sequence[int]], Sequential]


@dataclass(frozen=True)
class Family:
    """A family of nets.

    Attributes:
        sizes: the sizes of a net that is named without sizes.
        meaning: what the sizes are; of fixed number, unless it ends in "...".
        summary: the family in a line.
        build: (input shape, number of outputs, sizes) -> the uninitialized net.
        axes: axes of the input: 3 of images, 2 of signals; None: any number.
    """

    sizes: tuple[int, ...]
    meaning: str
    summary: str
    build: Build
    axes: int | None = 3


def _by_width(preset: Callable[..., Sequential]) -> Build:
    """The build of a preset with one size, its width."""
    return lambda shape, outputs, sizes: preset(classes=outputs, input_shape=shape, width=sizes[0])


FAMILIES: dict[str, Family] = {
    "cnn": Family(
        (16, 32, 64),
        "channels of each convolution, ...",
        "convolutions of 3x3 with batch norm, ReLU and pooling; for pictures of any size",
        lambda shape, outputs, sizes: cnn(classes=outputs, input_shape=shape, widths=sizes),
    ),
    "lenet": Family(
        (20, 50, 500),
        "channels of two convolutions, hidden units",
        "LeNet with kernels of 5x5; for pictures from 16 x 16",
        lambda shape, outputs, sizes: lenet(classes=outputs, input_shape=shape, widths=sizes),
    ),
    "lenet5": Family(
        (6, 16, 120, 84),
        "channels of two convolutions, hidden units of two layers",
        "LeNet-5; for pictures from 12 x 12",
        lambda shape, outputs, sizes: lenet5(classes=outputs, input_shape=shape, widths=sizes),
    ),
    "grid-cnn": Family(
        (8, 16, 32, 32, 48),
        "channels of each convolution, ...",
        "convolutions of 3x3, to cells of 8 x 8 pixels that find objects; for pictures",
        lambda shape, outputs, sizes: grid_cnn(classes=outputs, input_shape=shape, widths=sizes),
    ),
    "mlp": Family(
        (128, 64),
        "units of each hidden layer, ...",
        "dense layers with ReLU; for tables and tiny pictures",
        lambda shape, outputs, sizes: mlp(classes=outputs, input_shape=shape, hidden=sizes),
        axes=None,
    ),
    "ds-cnn": Family(
        (64,), "channels", "depthwise-separable, as in MLPerf Tiny's keywords", _by_width(ds_cnn)
    ),
    "resnet8": Family(
        (16,), "channels of the first block", "residual, as in MLPerf Tiny", _by_width(resnet8)
    ),
    "mobilenet": Family(
        (8,), "channels of the first convolution", "a small MobileNetV2", _by_width(mobilenet)
    ),
    "mobilenet-v1": Family(
        (8,),
        "channels of the first convolution",
        "MobileNetV1, as in MLPerf Tiny's visual wake words",
        _by_width(mobilenet_v1),
    ),
    "conv1d": Family(
        (16, 32, 64),
        "channels of each convolution, ...",
        "convolutions along time with batch norm, ReLU and pooling; for signals of any length",
        lambda shape, outputs, sizes: conv1d(classes=outputs, input_shape=shape, widths=sizes),
        axes=2,
    ),
    "tcn": Family(
        (16, 16, 16, 16),
        "channels of each block, ...",
        "residual blocks of causal, dilated convolutions; for signals of any length",
        lambda shape, outputs, sizes: tcn(classes=outputs, input_shape=shape, widths=sizes),
        axes=2,
    ),
    "ds-conv1d": Family(
        (96,),
        "channels",
        "depthwise-separable along time, without padding; for keywords",
        _by_width(ds_conv1d),
        axes=2,
    ),
    "mixednet": Family(
        (32,),
        "channels",
        "causal depthwise convolutions of mixed lengths, as microWakeWord's; for keywords",
        _by_width(mixednet),
        axes=2,
    ),
    "gru": Family(
        (32,),
        "units of each layer, ...",
        "gated recurrent units, which read a signal step by step",
        lambda shape, outputs, sizes: gru(classes=outputs, input_shape=shape, units=sizes),
        axes=2,
    ),
    "lstm": Family(
        (32,),
        "units of each layer, ...",
        "long short-term memory, which reads a signal step by step",
        lambda shape, outputs, sizes: lstm(classes=outputs, input_shape=shape, units=sizes),
        axes=2,
    ),
    "autoencoder": Family(
        (128, 4, 8),
        "hidden units, layers on each side, units of the bottleneck",
        "dense, repeats its input, as in MLPerf Tiny's anomaly detection",
        lambda shape, _, sizes: _autoencoder(shape, sizes),
        axes=None,
    ),
    "squeezenet": Family(
        (8,), "channels of the first squeeze", "a small SqueezeNet", _by_width(squeezenet)
    ),
    "unet": Family(
        (8, 16, 32),
        "channels at each size, ...",
        "a small U-Net: a class for each pixel of pictures with label maps",
        lambda shape, outputs, sizes: unet(classes=outputs, input_shape=shape, widths=sizes),
    ),
    "dilated": Family((16,), "channels", "dilated convolutions", _by_width(dilated)),
}


def _autoencoder(shape: Shape, sizes: Sequence[int]) -> Sequential:
    hidden, depth, bottleneck = sizes
    net = autoencoder(inputs=math.prod(shape), hidden=hidden, depth=depth, bottleneck=bottleneck)
    if len(shape) == 1:
        return net
    layers: dict[str, Layer] = {"flatten": Flatten(), **net.layers}
    return Sequential(layers, shape)


@accept(PRESET)
def create_net(name: str, *, input_shape: Shape, classes: int) -> Sequential:
    """An uninitialized net of a family: ``create_net("mlp:64,32", ...)``; a classifier ends in a
    softmax.

    Args:
        name: a family, or a family, a colon and its sizes, separated by commas. `families` lists
            the families and the meaning of their sizes.
        input_shape: the shape of one example.
        classes: the number of outputs; an autoencoder has as many outputs as inputs.

    Raises:
        ConfigError: an unknown family, sizes that it does not take, or an input shape that is too
            small for it.
    """
    if not isinstance(input_shape, list | tuple):
        raise ConfigError("create_net", f"wants an input_shape (C, H, W), got {input_shape!r}")
    family, _, text = str(name).partition(":")
    if family not in FAMILIES:
        raise ConfigError("create_net", f"knows no net {name!r}; nets: {', '.join(FAMILIES)}")
    entry = FAMILIES[family]
    if entry.axes is not None and len(input_shape) != entry.axes:
        kinds = {2: "signals (channels, steps)", 3: "images (channels, height, width)"}
        shape = "x".join(map(str, input_shape))
        others = [n for n, f in FAMILIES.items() if f.axes in (None, len(input_shape))]
        text = f"makes {family} for {kinds[entry.axes]}, inputs are {shape}; nets for them: "
        raise ConfigError("create_net", text + ", ".join(others))
    sizes = _sizes(text, name) if ":" in name else entry.sizes
    if len(sizes) != len(entry.sizes) and not entry.meaning.endswith("..."):
        raise ConfigError(
            "create_net",
            f"wants {len(entry.sizes)} sizes for {family} ({entry.meaning}), as {family}:"
            f"{','.join(map(str, entry.sizes))}; got {name!r}",
        )
    try:
        return entry.build(tuple(input_shape), classes, sizes)
    except LayerError as error:
        shape = "x".join(map(str, input_shape))
        raise ConfigError(
            "create_net", f"cannot make {name} for inputs {shape}: {error}"
        ) from error


def families() -> dict[str, str]:
    """Name with its default sizes -> the family in a line: ``"mlp:128,64"``, ..."""
    return {
        f"{name}:{','.join(map(str, family.sizes))}": f"{family.summary} ({family.meaning})"
        for name, family in FAMILIES.items()
    }


def _sizes(text: str, name: str) -> tuple[int, ...]:
    parts = text.split(",")
    whole = all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts)
    if not whole or len(parts) > _MOST or not all(1 <= int(p) <= _LARGEST for p in parts):
        raise ConfigError(
            "create_net",
            f"wants at most {_MOST} sizes from 1 to {_LARGEST} after the colon, as mlp:64,32; "
            f"got {name!r}",
        )
    return tuple(map(int, parts))
