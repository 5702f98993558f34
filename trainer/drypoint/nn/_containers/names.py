"""Names of the layers of a container, and paths of parameters and layers inside them."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from drypoint.common import known_word, number_words

from .._errors import ConfigError, LayerError, PathError
from .._layers import activations
from .._layers.functions import FUNCTIONS
from .._layers.linear import Linear
from .._layers.structure import Flatten
from .._layers.user_functions import Function
from .._module.layer import Layer
from .._module.module import Module

LayerLike: TypeAlias = Module | str | int
"""A layer, or a short form of one: "relu", "softmax", ..., or an integer for a `Linear`."""

Value = TypeVar("Value")

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


_WORDS: Mapping[str, type[Layer]] = {
    **activations.FIXED,
    "leaky_relu": activations.LeakyReLU,
    "hardtanh": activations.Hardtanh,
    "softmax": activations.Softmax,
    "log_softmax": activations.LogSoftmax,
    "flatten": Flatten,
}


def name_layers(
    layers: Iterable[LayerLike] | Mapping[str, LayerLike], kind: str
) -> dict[str, Module]:
    """Name -> layer, in order; layers of a list get short names, numbered from 1 if several."""
    if isinstance(layers, Mapping):
        by_name = {name: _layer(layer, kind, f" as '{name}'") for name, layer in layers.items()}
    else:
        modules = [_layer(layer, kind) for layer in layers]
        names = number_words([module.short_name for module in modules])
        by_name = dict(zip(names, modules, strict=True))
    if not by_name:
        raise ConfigError(kind, "wants at least one layer")
    for name in by_name:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(kind, f"wants names of letters, digits, _ and -, got {name!r}")
    return by_name


def rename_layers(
    layers: Mapping[str, Module], names: Mapping[str, str], kind: str
) -> dict[str, Module]:
    """The layers, in order, with names replaced by `names`: old -> new."""
    for old in names:
        if old not in layers:
            raise PathError.unknown("layer", old, layers)
    by_name = {names.get(name, name): layer for name, layer in layers.items()}
    if len(by_name) < len(layers):
        raise ConfigError(kind, f"has two layers of one name after {dict(names)}")
    return by_name


def append_layers(layers: Mapping[str, Module], more: Mapping[str, Module]) -> dict[str, Module]:
    """The layers followed by `more`; a name that is taken gets the next free number."""
    result = dict(layers)
    for name, layer in more.items():
        base, number, free = name.rstrip("0123456789") or name, 1, name
        while free in result:
            number += 1
            free = f"{base}{number}"
        result[free] = layer
    return result


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """A context in which errors of the layer `name` get that name put before their path."""
    try:
        yield
    except LayerError as error:
        raise error.within(name) from error.__cause__


def join_paths(parts: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """{layer: {name: value}} as {"layer.name": value}."""
    return {f"{name}.{inner}": v for name, part in parts.items() for inner, v in part.items()}


def split_paths(
    values: Mapping[str, Value], layers: Mapping[str, Module]
) -> dict[str, dict[str, Value]]:
    """{"layer.name": value} as {layer: {name: value}}, for the layers that have values."""
    parts: dict[str, dict[str, Value]] = {}
    for name, layer in layers.items():
        own = (*layer.param_names, *layer.buffer_names)
        layer_values = {n: values[p] for n in own if (p := f"{name}.{n}") in values}
        if layer_values:
            parts[name] = layer_values
    return parts


def _layer(value: object, kind: str, name: str = "") -> Module:
    """The layer itself, or the layer of a short form."""
    if isinstance(value, Module):
        return value
    if type(value) is int:
        return Linear(value)
    if isinstance(value, str) and (word := known_word(value, _WORDS)):
        return _WORDS[word]()
    if isinstance(value, str) and (word := known_word(value, FUNCTIONS)):
        return Function(word)
    if isinstance(value, str):
        words = ", ".join(sorted({*_WORDS, *FUNCTIONS}))
        raise ConfigError(kind, f"knows the words {words}; got {value!r}{name}")
    hint = "" if name else "; write nn.ReLU() with brackets"
    raise ConfigError(kind, f"wants layers, got {value!r}{name}{hint}")
