"""Every layer, loss and container class: the list, its table, and modules from their `config`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from drypoint.common import Arguments, Table, Tabular, accept

from ._aliases import ARGUMENTS, LAYER_HINTS
from ._containers.container import Container
from ._containers.graph import Graph
from ._containers.names import inside
from ._containers.sequential import Sequential
from ._errors import ConfigError
from ._layers import activations
from ._layers.batch_norm import BatchNorm1d, BatchNorm2d
from ._layers.convolution import Conv2d
from ._layers.detection import DetectionLoss
from ._layers.linear import Linear
from ._layers.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, MAELoss, MSELoss
from ._layers.merging import MERGES
from ._layers.pooling import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ._layers.recurrent import GRU, LSTM
from ._layers.signal_layers import AvgPool1d, Conv1d, GlobalAvgPool1d, MaxPool1d
from ._layers.structure import (
    ChannelShuffle,
    Dropout,
    Flatten,
    InputPart,
    OneHot,
    Permute,
    Reshape,
    Slice,
    ZeroPad2d,
)
from ._layers.upsampling import ConvTranspose2d, PixelShuffle, Resize, Upsample
from ._layers.user_functions import Elementwise, Function
from ._module.layer import Layer
from ._module.module import Module

LEAF_TYPES: tuple[type[Module], ...] = (
    Conv2d,
    MaxPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    AdaptiveAvgPool2d,
    Conv1d,
    MaxPool1d,
    AvgPool1d,
    GlobalAvgPool1d,
    GRU,
    LSTM,
    ZeroPad2d,
    Upsample,
    Resize,
    PixelShuffle,
    ConvTranspose2d,
    BatchNorm2d,
    BatchNorm1d,
    Linear,
    Flatten,
    Reshape,
    Slice,
    InputPart,
    Permute,
    ChannelShuffle,
    OneHot,
    Dropout,
    *activations.ACTIVATIONS,
    Function,
    Elementwise,
    activations.Softmax,
    activations.LogSoftmax,
    *MERGES,
    CrossEntropyLoss,
    BinaryCrossEntropyLoss,
    MSELoss,
    MAELoss,
    DetectionLoss,
)
"""All layers and losses that contain no others: the types that a model file may name besides
`Sequential` and `Graph`."""

_types: tuple[type[Module], ...] = (*LEAF_TYPES, Sequential, Graph)
for _type in _types:
    _arguments = ARGUMENTS.get(_type.__name__, Arguments())
    accept(replace(_arguments, hints={**LAYER_HINTS, **_arguments.hints}))(_type)


def module_from_config(config: object) -> Module:
    """The uninitialized layer, loss or net that a ``config()`` describes.

    Raises:
        ConfigError: the config names no known type, or its fields do not fit the type.
        ShapeError: the layers of a container do not fit together.
        GraphError: the edges of a graph do not connect its layers.
    """
    kind = config.get("type") if isinstance(config, dict) else None
    classes: tuple[type[Module], ...] = (Sequential, Graph, *LEAF_TYPES)
    types = {t.__name__: t for t in classes}
    if not isinstance(config, dict) or not isinstance(kind, str) or kind not in types:
        raise ConfigError("Layer", f"has one of the types {', '.join(types)}, got {kind!r}")
    layers = config.get("layers")
    if issubclass(types[kind], Container) and isinstance(layers, dict):
        config = {**config, "layers": {name: _inner(name, inner) for name, inner in layers.items()}}
    return types[kind].from_config(config)


def layer_from_config(config: object) -> Layer:
    """The uninitialized layer or net that a ``config()`` describes.

    Raises:
        ConfigError: the config describes a loss or another module that is no layer. Otherwise as
            `module_from_config`.
    """
    module = module_from_config(config)
    if not isinstance(module, Layer):
        raise ConfigError(type(module).__name__, "is no layer on its own: put it in a Graph")
    return module


def _inner(name: str, config: object) -> Module:
    """The layer `name` of a container; an error names the layer's path."""
    with inside(name):
        return module_from_config(config)


_HEAD = ("layer", "learns", "exportable", "what it does")


@dataclass(frozen=True, kw_only=True)
class LayerKind:
    """One class of layers.

    Attributes:
        name: the class name.
        trainable: whether the class may have parameters; a container has the parameters of its
            layers.
        exportable: the condition under which quantization supports the class; "" for never.
        summary: the first line of its docstring.
    """

    name: str
    trainable: bool
    exportable: str
    summary: str


@dataclass(frozen=True)
class LayerTable(Tabular):
    """All layers, losses and containers; as text and in notebooks, a table."""

    kinds: tuple[LayerKind, ...]

    def __iter__(self) -> Iterator[LayerKind]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)

    def _table(self) -> Table:
        return Table(head=_HEAD, rows=[*self._rows()], left=range(len(_HEAD)), rules=1)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for kind in self.kinds:
            mark = "*" if kind.trainable else ""
            yield kind.name, mark, kind.exportable or "-", kind.summary


def layers() -> LayerTable:
    """The table of all layers, losses and containers."""
    kinds: tuple[type[Module], ...] = (*LEAF_TYPES, Sequential, Graph)
    return LayerTable(tuple(map(_kind, kinds)))


def _kind(kind: type[Module]) -> LayerKind:
    return LayerKind(
        name=kind.__name__,
        trainable=kind.param_names is not Module.param_names,
        exportable=kind.exportable,
        summary=(kind.__doc__ or "").partition("\n")[0],
    )
