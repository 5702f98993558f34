"""A net in numbers, and as a table."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._sizes import Shape

if TYPE_CHECKING:
    from ._layer import Layer


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """One layer in numbers.

    Attributes:
        path: in the net.
        kind: its class name.
        output_shape: of one example.
        n_params: numbers learned.
        macs: multiply-accumulate operations for one example.
        int8_bytes: of its output at one byte a value; 0 where it can be computed in place.
        trainable: whether it has parameters.
        initialized: whether they have values.
    """

    path: str
    kind: str
    output_shape: Shape
    n_params: int
    macs: int
    int8_bytes: int
    trainable: bool
    initialized: bool


@dataclass(frozen=True, kw_only=True)
class NetInfo:
    """A net in numbers; as text, a table.

    Attributes:
        input_shape: of one example.
        layers: in order, containers opened.
    """

    input_shape: Shape
    layers: tuple[LayerInfo, ...]

    @property
    def n_params(self) -> int:
        """Numbers learned."""
        return sum(layer.n_params for layer in self.layers)

    @property
    def param_bytes(self) -> int:
        """Of the parameters in float32."""
        return 4 * self.n_params

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one example."""
        return sum(layer.macs for layer in self.layers)

    @property
    def int8_bytes(self) -> int:
        """Of the input and all outputs that need memory of their own, at one byte a value."""
        return math.prod(self.input_shape) + sum(layer.int8_bytes for layer in self.layers)

    def __str__(self) -> str:
        """A table; * marks layers that learn, ! those whose parameters have no values."""
        first = ("input", "", _size(self.input_shape), "", "", f"{math.prod(self.input_shape):,}")
        totals = (f"{self.n_params:,}", f"{self.macs:,}", f"{self.int8_bytes:,}")
        rows = [
            ("layer", "type", "output", "params", "MACs", "int8 bytes"),
            first,
            *map(_row, self.layers),
            ("total", "", "", *totals),
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [_line(row, widths) for row in rows]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def net_info(net: "Layer", input_shape: Shape) -> NetInfo:
    """A layer or net in numbers, for examples of `input_shape`.

    Raises:
        ShapeError: the net does not take them.
    """
    return NetInfo(
        input_shape=input_shape, layers=tuple(_infos(net.bind(input_shape), input_shape))
    )


def _infos(net: "Layer", input_shape: Shape) -> Iterator[LayerInfo]:
    shape = input_shape
    for path, layer in net.leaves():
        given, shape = shape, layer.output_shape(shape)
        yield LayerInfo(
            path=path,
            kind=type(layer).__name__,
            output_shape=shape,
            n_params=layer.n_params,
            macs=layer.macs(given),
            int8_bytes=0 if layer.in_place else math.prod(shape),
            trainable=bool(layer.param_names),
            initialized=layer.initialized,
        )


def _row(layer: LayerInfo) -> tuple[str, ...]:
    mark = ("*" if layer.trainable else "") + ("" if layer.initialized else "!")
    numbers = (layer.n_params, layer.macs, layer.int8_bytes)
    texts = (f"{number:,}" if number else "-" for number in numbers)
    return f"{layer.path}{mark}", layer.kind, _size(layer.output_shape), *texts


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        c.ljust(w) if i < 3 else c.rjust(w)
        for i, (c, w) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape))
