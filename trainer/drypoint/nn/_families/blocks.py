"""The blocks that the predefined nets are made of."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec

from drypoint.common import accept

from .._aliases import PRESET
from .._containers.graph import Graph
from .._containers.sequential import Sequential
from .._errors import ConfigError
from .._layers.activations import ReLU, ReLU6
from .._layers.batch_norm import BatchNorm1d, BatchNorm2d
from .._layers.convolution import Conv2d
from .._layers.linear import Linear
from .._layers.merging import Add, Concat
from .._layers.signal_layers import Conv1d
from .._module.layer import Layer
from .._module.module import Module
from .._module.sizes import check_count

Layers = dict[str, Layer]


_Arguments = ParamSpec("_Arguments")


def preset(build: Callable[_Arguments, Sequential]) -> Callable[_Arguments, Sequential]:
    """A decorator of a predefined net: names of other frameworks work, and sizes are checked."""
    parameters = inspect.signature(build).parameters
    defaults = {name: p.default for name, p in parameters.items() if name != "seed"}

    @functools.wraps(build)
    def call(*_: _Arguments.args, **values: _Arguments.kwargs) -> Sequential:
        for name in defaults.keys() & values.keys():
            several = isinstance(default := defaults[name], tuple)
            sizes: Any = values[name] if several else [values[name]]
            if not isinstance(sizes, list | tuple):
                raise ConfigError(build.__name__, f"wants {name} such as {default}, got {sizes!r}")
            for size in sizes:
                check_count(build.__name__, name, size)
        return build(*_, **values)

    return accept(PRESET)(call)


def conv_norm(
    channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    activation: Layer | None = None,
) -> Layers:
    """A convolution with the padding "same" and without bias, its batch norm, and an activation."""
    layers: Layers = {
        "conv": Conv2d(
            channels,
            kernel,
            stride=stride,
            padding="same",
            dilation=dilation,
            groups=groups,
            bias=False,
        ),
        "norm": BatchNorm2d(),
    }
    return layers if activation is None else {**layers, "act": activation}


def conv_norm_1d(
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    padding: Literal["same", "valid", "causal"] = "same",
) -> Layers:
    """A convolution along time without bias, its batch norm, ReLU.

    It keeps the length but for its stride; with the padding "valid" it has none. A causal one pads
    in front only.
    """
    conv = Conv1d(
        channels,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    return {"conv": conv, "norm": BatchNorm1d(), "act": ReLU()}


def temporal_block(inputs: int, channels: int, *, dilation: int) -> Graph:
    """Two causal convolutions of 3 steps with a dilation, a skip around both, ReLU after the
    addition (TCN, Bai et al. 2018). A block that changes the channels has a convolution of one step
    in its skip.
    """
    second = conv_norm_1d(channels, 3, dilation=dilation, padding="causal")
    del second["act"]
    branch = Sequential(
        {
            "a": Sequential(conv_norm_1d(channels, 3, dilation=dilation, padding="causal")),
            "b": Sequential(second),
        }
    )
    layers: dict[str, Module] = {"branch": branch, "add": Add(), "act": ReLU()}
    edges = [("input", "branch", "add.a"), ("add", "act")]
    if inputs == channels:
        return Graph(layers, [*edges, ("input", "add.b")])
    layers["skip"] = Conv1d(channels, 1)
    return Graph(layers, [*edges, ("input", "skip", "add.b")])


def mixed_block(channels: int, kernels: Sequence[int]) -> Layer:
    """Causal depthwise convolutions of one or two lengths side by side, and a convolution of one
    step (MixConv, Tan & Le 2019).

    Each length has an equal share of the channels, which a convolution of one step makes for it.
    Batch norm after each convolution; ReLU after the convolutions of one step.
    """
    share = channels // len(kernels)
    mix = Sequential(conv_norm_1d(channels, 1, padding="causal"))
    if len(kernels) == 1:
        return Sequential({"part": _mixed_part(share, kernels[0]), "mix": mix})
    names = "ab"
    layers: dict[str, Module] = {
        f"part_{name}": _mixed_part(share, kernel)
        for name, kernel in zip(names, kernels, strict=True)
    }
    edges = [("input", f"part_{name}", f"concat.{name}") for name in names]
    layers |= {"concat": Concat(), "mix": mix}
    return Graph(layers, [*edges, ("concat", "mix")])


def _mixed_part(
    channels: int, kernel: int, padding: Literal["valid", "causal"] = "causal"
) -> Sequential:
    depthwise = conv_norm_1d(channels, kernel, groups=channels, padding=padding)
    del depthwise["act"]
    expand = Sequential(conv_norm_1d(channels, 1, padding=padding))
    return Sequential({"expand": expand, "depthwise": Sequential(depthwise)})


def dense_norm(units: int) -> Sequential:
    """A dense layer without bias, its batch norm, ReLU."""
    return Sequential({"fc": Linear(units, bias=False), "norm": BatchNorm1d(), "act": ReLU()})


def residual_block(channels: int, *, stride: int = 1) -> Graph:
    """Two convolutions of 3x3, a skip around both, ReLU after the addition (ResNet).

    A block with a stride has a convolution of 1x1 with this stride in its skip.
    """
    branch = Sequential(
        {
            "a": Sequential(conv_norm(channels, 3, stride=stride, activation=ReLU())),
            "b": Sequential(conv_norm(channels, 3)),
        }
    )
    layers: dict[str, Module] = {"branch": branch, "add": Add(), "act": ReLU()}
    edges = [("input", "branch", "add.a"), ("add", "act")]
    if stride == 1:
        return Graph(layers, [*edges, ("input", "add.b")])
    layers["skip"] = Conv2d(channels, 1, stride=stride)
    return Graph(layers, [*edges, ("input", "skip", "add.b")])


def inverted_residual(inputs: int, channels: int, *, expansion: int, stride: int = 1) -> Layer:
    """A convolution of 1x1 that expands the channels, a depthwise convolution of 3x3, and a
    convolution of 1x1 without activation (MobileNetV2).

    A block that keeps size and channels has a skip around it. ``expansion`` 1 leaves out the first
    convolution.
    """
    wide = inputs * expansion
    blocks: Layers = {
        "expand": Sequential(conv_norm(wide, 1, activation=ReLU6())),
        "depthwise": Sequential(conv_norm(wide, 3, stride=stride, groups=wide, activation=ReLU6())),
        "project": Sequential(conv_norm(channels, 1)),
    }
    if expansion == 1:
        del blocks["expand"]
    branch = Sequential(blocks)
    if stride != 1 or inputs != channels:
        return branch
    edges = [("input", "branch", "add.a"), ("input", "add.b")]
    return Graph({"branch": branch, "add": Add()}, edges)


def fire(squeeze: int, expand: int) -> Graph:
    """A convolution of 1x1 to ``squeeze`` channels; convolutions of 1x1 and of 3x3 that read it,
    with ``expand`` channels each, side by side (SqueezeNet). ReLU after each convolution.
    """
    return Graph(
        {
            "squeeze": Sequential({"conv": Conv2d(squeeze, 1), "act": ReLU()}),
            "expand1x1": Sequential({"conv": Conv2d(expand, 1), "act": ReLU()}),
            "expand3x3": Sequential({"conv": Conv2d(expand, 3, padding=1), "act": ReLU()}),
            "concat": Concat(),
        },
        [
            ("input", "squeeze", "expand1x1", "concat.a"),
            ("squeeze", "expand3x3", "concat.b"),
        ],
    )


def separable(inputs: int, channels: int, *, stride: int = 1) -> Sequential:
    """A depthwise convolution of 3x3 and a convolution of 1x1, each with batch norm and ReLU."""
    depthwise = conv_norm(inputs, 3, stride=stride, groups=inputs, activation=ReLU())
    return Sequential(
        {
            "depthwise": Sequential(depthwise),
            "pointwise": Sequential(conv_norm(channels, 1, activation=ReLU())),
        }
    )


def separable_1d(channels: int, kernel: int) -> Sequential:
    """A convolution of one step, a depthwise convolution along time without padding, and a
    convolution of one step; batch norm after each, ReLU after the convolutions of one step.
    """
    mix = Sequential(conv_norm_1d(channels, 1))
    return Sequential({"part": _mixed_part(channels, kernel, "valid"), "mix": mix})
