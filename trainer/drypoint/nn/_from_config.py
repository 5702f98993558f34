"""Layers, losses and nets from what their `config` gave."""

from ._container import Container
from ._errors import ConfigError
from ._graph import Graph
from ._layer import Layer
from ._leaves import LEAF_TYPES
from ._module import Module
from ._names import inside
from ._sequential import Sequential


def module_from_config(config: object) -> Module:
    """The uninitialized layer, loss or net, of whatever type, that gave `config`.

    Raises:
        ConfigError: it names no known type, or fields do not fit.
        ShapeError: the layers of a container do not fit together.
        GraphError: the edges of a graph do not connect its layers.
    """
    kind = config.get("type") if isinstance(config, dict) else None
    known: tuple[type[Module], ...] = (Sequential, Graph, *LEAF_TYPES)
    types = {t.__name__: t for t in known}
    if not isinstance(config, dict) or not isinstance(kind, str) or kind not in types:
        raise ConfigError("Layer", f"has one of the types {', '.join(types)}, got {kind!r}")
    layers = config.get("layers")
    if issubclass(types[kind], Container) and isinstance(layers, dict):
        config = {**config, "layers": {name: _inner(name, one) for name, one in layers.items()}}
    return types[kind].from_config(config)


def layer_from_config(config: object) -> Layer:
    """As `module_from_config`, of a layer or net.

    Raises:
        ConfigError: it describes a loss or another module that is no layer.
    """
    module = module_from_config(config)
    if not isinstance(module, Layer):
        raise ConfigError(type(module).__name__, "is no layer on its own: put it in a Graph")
    return module


def _inner(name: str, config: object) -> Module:
    """The layer `name` of a container; an error names it."""
    with inside(name):
        return module_from_config(config)
