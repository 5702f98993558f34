"""Layers of quantized files that no float net has: they only add nodes to a graph; and quantization
parameters as files have them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint import nn
from drypoint.graph import Builder, Reals, Sides, Unsupported, Value
from drypoint.program import AvgPool
from drypoint.program import Shape as Plane

from ._tensor_view import Shape

Array: TypeAlias = NDArray[np.generic]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class FileQuantParams:
    """Type, scales and zero point of 8-bit integers: the real value of q is scale * (q - zero)."""

    kind: str  # "INT8" or "UINT8"
    scales: Floats  # one, or one for each output channel of weights
    zero: int  # the zero point


class OnlyLowered(nn.Layer):
    """A layer of which only the lowering is known."""

    short_name: ClassVar[str] = "function"

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        return input_shape

    def forward(self, x: Any, params: Any, ctx: Any) -> Any:
        """Not computed: the layer is of no float net."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class OfIntegers(OnlyLowered):
    """Any function of one value: a program has a table of it."""

    function: Callable[[Reals], Reals]

    @classmethod
    def of_table(cls, table: Array, source: FileQuantParams, target: FileQuantParams) -> Self:
        """The function of a table from integers to integers."""

        def function(reals: Reals) -> Reals:
            places = np.rint(reals / source.scales).astype(np.int64) + source.zero
            return target.scales * (table[places].astype(np.float64) - target.zero)

        return cls(function)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A table of the function."""
        return graph.table(values[0], self.function)


@dataclass(frozen=True, eq=False, repr=False)
class Nodes(OnlyLowered):
    """Any nodes."""

    build: Callable[..., Value]

    def lower(self, graph: Builder, *values: Value) -> Value:
        """The nodes."""
        return self.build(graph, *values)


@dataclass(frozen=True, eq=False, repr=False)
class View(OnlyLowered):
    """The values as they lie in memory, seen as another plane."""

    plane: Plane

    def lower(self, graph: Builder, *values: Value) -> Value:
        """No node."""
        return graph.view(graph.in_memory(values[0]), self.plane)


@dataclass(frozen=True, eq=False, repr=False)
class MeanHalvesAway(nn.AvgPool2d):
    """The mean of each window, of which halves are rounded away from zero."""

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A mean of windows."""
        (value,) = values
        window = self.window((value.shape.c, value.shape.h, value.shape.w))
        mean = AvgPool.plan(
            value.shape, kernel=window.kernel, stride=window.stride, halves_away=True
        )
        return graph.op(value, mean)


@dataclass(frozen=True, eq=False, repr=False)
class Crop(OnlyLowered):
    """Rows and columns that the upsampling before it leaves out, which nothing else reads."""

    sides: Sides

    def output_shape(self, input_shape: Shape) -> Shape:
        """Fewer rows and columns."""
        (c, h, w), (top, left, bottom, right) = input_shape, self.sides
        return c, h - top - bottom, w - left - right

    def lower(self, graph: Builder, *values: Value) -> Value:
        """The upsampling, of fewer rows and columns."""
        cropped = graph.crop(values[0], self.sides)
        if cropped is None:
            raise Unsupported("takes a part of a plane that is no upsampling's; use STRIDED_SLICE")
        return cropped


class Requantize(OnlyLowered):
    """The values of another layer in other steps."""

    short_name: ClassVar[str] = "requantize"

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A table, unless the steps are equal."""
        return graph.requantize(values[0])


@dataclass(frozen=True, eq=False, repr=False)
class Pad2d(nn.ZeroPad2d):
    """A number around an image."""

    value: float

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A padding with the number."""
        (top, bottom), (left, right) = self.sides
        return graph.pad(values[0], (top, left, bottom, right), self.value)
