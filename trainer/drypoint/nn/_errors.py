"""The errors of nn. An error of a layer names the layer's path in the net."""

import difflib
from collections.abc import Iterable
from typing import Self

from drypoint.common import DrypointError


class LayerError(DrypointError):
    """A layer refuses an argument or an operation.

    Attributes:
        kind: the layer's class name.
        path: the layer's path in the net, "" for a layer on its own.
        text: the rest of the message, after class name and path.
    """

    def __init__(self, kind: str, text: str, path: str = "") -> None:
        self.kind = kind
        self.text = text
        self.path = path
        where = f" at path '{path}'" if path else ""
        super().__init__(f"{kind}{where} {text}")

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        return type(self), (self.kind, self.text, self.path)

    def within(self, name: str) -> Self:
        """The error with `name` put before its path, for the container that holds the layer."""
        return type(self)(self.kind, self.text, f"{name}.{self.path}" if self.path else name)


class ShapeError(LayerError, ValueError):
    """Arrays or shapes do not fit a layer."""


class ContractError(LayerError):
    """A layer breaks a promise of the contract; see `check_layer`."""


class NotInitializedError(LayerError, RuntimeError):
    """A layer is applied whose parameters have no values yet."""


class InputError(LayerError, ValueError):
    """Values are no finite real numbers or no valid targets, or batches differ in length."""


class ConfigError(LayerError, ValueError):
    """A hyper-parameter is outside its range, or a configuration does not describe a layer."""


class PathError(DrypointError, KeyError):
    """No layer, parameter or buffer has this name, index or path."""

    @classmethod
    def unknown(cls, what: str, path: str, known: Iterable[str]) -> Self:
        """The error for a path that is not in `known`; it lists the closest paths, else all."""
        names = list(known)
        close = difflib.get_close_matches(path, names, n=3, cutoff=0.5) or names
        hint = f"is it one of {', '.join(close)}?" if close else "there is none"
        return cls(f"no {what} at path '{path}'; {hint}")


class PortError(DrypointError, TypeError):
    """A port is missing or unknown, or there are several where one is wanted."""


class GraphError(DrypointError, ValueError):
    """The edges of a graph do not connect its layers: a cycle, an unknown end, a port fed twice."""


class ModelError(DrypointError, ValueError):
    """The parts of a model do not fit together, or the model lacks the part that a call needs."""


class ModelFileError(DrypointError, ValueError):
    """The bytes are not a model file that this version can read, or the model cannot be saved."""
