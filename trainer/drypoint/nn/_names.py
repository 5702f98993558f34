"""What the layers of a container are called, and the paths that come of it."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ._errors import ConfigError, LayerError
from ._layer import Layer

Value = TypeVar("Value")

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def named(layers: Iterable[Layer] | Mapping[str, Layer], kind: str) -> dict[str, Layer]:
    """Layers by name, in order; a list gets short names, numbered from 1 where several are alike.

    Raises:
        ConfigError: there are none, one is no layer, or a name is empty or has other characters
            than letters, digits, _ and - (dots join the parts of a flattened path).
    """
    by_name = dict(layers) if isinstance(layers, Mapping) else _numbered(list(layers), kind)
    if not by_name:
        raise ConfigError(kind, "wants at least one layer")
    for name, layer in by_name.items():
        if not isinstance(layer, Layer):
            raise ConfigError(kind, f"wants layers, got {layer!r} as '{name}'")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(kind, f"wants names of letters, digits, _ and -, got {name!r}")
    return by_name


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Within it, errors of the layer `name` get the path that a container calls it by."""
    try:
        yield
    except LayerError as error:
        raise error.within(name) from error.__cause__


def joined(parts: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """Values by name within a layer, for each layer, as values by path."""
    return {f"{name}.{inner}": v for name, part in parts.items() for inner, v in part.items()}


def split(values: Mapping[str, Value], layers: Mapping[str, Layer]) -> dict[str, dict[str, Value]]:
    """Values by path as values by name within a layer, for each layer that has some."""
    parts: dict[str, dict[str, Value]] = {}
    for name, layer in layers.items():
        own = (*layer.param_names, *layer.buffer_names)
        mine = {n: values[p] for n in own if (p := f"{name}.{n}") in values}
        if mine:
            parts[name] = mine
    return parts


def _numbered(layers: list[Layer], kind: str) -> dict[str, Layer]:
    wrong = [layer for layer in layers if not isinstance(layer, Layer)]
    if wrong:
        raise ConfigError(kind, f"wants layers, got {wrong[0]!r}; write nn.ReLU() with brackets")
    totals = Counter(layer.short_name for layer in layers)
    seen: Counter[str] = Counter()
    names = {}
    for layer in layers:
        short = layer.short_name
        seen[short] += 1
        names[f"{short}{seen[short]}" if totals[short] > 1 else short] = layer
    return names
