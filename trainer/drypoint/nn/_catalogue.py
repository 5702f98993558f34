"""The list of all layers."""

from collections.abc import Iterator
from dataclasses import dataclass

from drypoint.common import html_table, table_lines

from ._graph import Graph
from ._leaves import LEAF_TYPES
from ._module import Module
from ._sequential import Sequential

_HEAD = ("layer", "learns", "exportable", "what it does")


@dataclass(frozen=True, kw_only=True)
class LayerKind:
    """One class of layers.

    Attributes:
        name: of the class.
        trainable: whether such layers may have parameters; of a container, whether its own may.
        exportable: when quantization gives it an integer form; "" for never.
        summary: what it does, in a line.
    """

    name: str
    trainable: bool
    exportable: str
    summary: str


@dataclass(frozen=True)
class LayerTable:
    """All layers, losses and containers; as text and in notebooks, a table."""

    kinds: tuple[LayerKind, ...]

    def __iter__(self) -> Iterator[LayerKind]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)

    def __str__(self) -> str:
        rows = [_HEAD, *self._rows()]
        lines = table_lines(rows, left=range(len(_HEAD)))
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self._rows(), left=range(len(_HEAD)))

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for kind in self.kinds:
            mark = "*" if kind.trainable else ""
            yield kind.name, mark, kind.exportable or "-", kind.summary


def layers() -> LayerTable:
    """All layers, losses and containers that there are."""
    kinds: tuple[type[Module], ...] = (*LEAF_TYPES, Sequential, Graph)
    return LayerTable(tuple(map(_kind, kinds)))


def _kind(kind: type[Module]) -> LayerKind:
    return LayerKind(
        name=kind.__name__,
        trainable=kind.param_names is not Module.param_names,  # it has its own list of them
        exportable=kind.exportable,
        summary=(kind.__doc__ or "").partition("\n")[0],
    )
