"""Builds a graph, node by node: what the layers of a net and the operators of files call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Shape

from ._absorb_padding import copy_padded
from ._binary import Binary
from ._errors import Unsupported
from ._graph import Graph
from ._nodes import (
    NO_PADDING,
    Affine,
    AvgPool,
    Clip,
    Concat,
    Input,
    MaxPool,
    Node,
    Pad,
    Pair,
    Permute,
    RealFunction,
    Reals,
    Sides,
    Table,
    Upsample,
    Weighted,
)
from ._qparams import QuantParams


@dataclass(frozen=True, eq=False, kw_only=True)
class Value:
    """The output of a layer or an operator: the plane of a node, as readers see it.

    Attributes:
        number: of the node.
        shape: the plane; another one than the node's after a reshape that moved no value.
        flat: whether readers see a vector in the order channel, row, column, while the plane holds
            it in the order row, column, channel.
        softmax: whether the layer's output is the softmax of the plane.
    """

    number: int
    shape: Shape
    flat: bool = False
    softmax: bool = False


class Builder:
    """Nodes so far. Each method adds one and gives the value that it writes.

    A node gets the path of the layer that was entered, which is also its name unless the method is
    given another one, and the layer's title for messages.

    Args:
        shape: the plane of the net's input.
        affine: the arithmetic of an encoder of pixels.
        qparams: of the input, where a file has them.
        input_is_shared: whether several layers read the input.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        affine: Affine | None = None,
        qparams: QuantParams | None = None,
        input_is_shared: bool = False,
    ) -> None:
        first = Input(
            name="input", reads=(), shape=shape, layer="input", affine=affine, qparams=qparams
        )
        self._nodes: dict[int, Node] = {0: first}
        self.input = Value(number=0, shape=shape)
        self.layer = self.title = ""
        self._arrays: Mapping[str, NDArray[np.floating]] = {}
        self._has_affine, self._input_is_shared = affine is not None, input_is_shared

    def enter(
        self, layer: str, title: str, arrays: Mapping[str, NDArray[np.floating]] | None = None
    ) -> None:
        """Begin with a layer or an operator: its path, its title and its arrays by name."""
        self.layer, self.title, self._arrays = layer, title, arrays or {}

    def array(self, name: str) -> Reals:
        """A parameter or buffer of the layer."""
        return self._arrays[name].astype(np.float64)

    def part(self, name: str) -> dict[str, Any]:
        """The fields of a node that computes a part of the layer, in the range of its output."""
        return {"name": f"{self.layer}.{name}", "layer": "", "range_of": self.layer}

    def graph(self, output: Value, encoder: Mapping[str, Any] | None = None) -> Graph:
        """The graph that ends in a value, without nodes that the value does not depend on."""
        needed = {output.number}
        for number, node in reversed(self._nodes.items()):
            needed |= set(node.reads) if number in needed else set()
        nodes = {n: node for n, node in self._nodes.items() if n in needed | {0}}
        return Graph(nodes=nodes, output=output.number, softmax=output.softmax, encoder=encoder)

    def node(self, value: Value) -> Node:
        """The node of a value."""
        return self._nodes[value.number]

    def add(self, node: Node, **value: Any) -> Value:
        """Add a node."""
        number = len(self._nodes)
        self._nodes[number] = replace(node, title=node.title or self.title)
        return Value(number=number, shape=node.shape, **value)

    def _fields(self, *values: Value, shape: Shape, name: str = "") -> dict[str, Any]:
        reads = tuple(value.number for value in values)
        return {"name": name or self.layer, "layer": self.layer, "reads": reads, "shape": shape}

    def plane(self, value: Value, what: str = "reads") -> Value:
        """The value, checked to be a plane as it lies in memory.

        Raises:
            Unsupported: it is flattened, or of another shape than its node's plane.
        """
        if value.flat:
            raise Unsupported(
                f"it {what} a flattened plane, whose values the engine stores in another order: "
                "put it before the Flatten"
            )
        if value.shape != self.node(value).shape:
            raise Unsupported(
                f"{what} a plane {self.node(value).shape} that was made {value.shape}"
            )
        return value

    def conv(
        self,
        value: Value,
        weight: Reals,
        bias: Reals,
        *,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: Sides = NO_PADDING,
        groups: int = 1,
        **fields: Any,
    ) -> Value:
        """A convolution; ``weight`` is [out, kernel_h, kernel_w, in / groups]."""
        value = self.plane(value)
        size = [
            (n + before + after - (k - 1) * d - 1) // s + 1
            for n, k, s, d, before, after in zip(
                value.shape[:2], weight.shape[1:3], stride, dilation, padding[:2], padding[2:],
                strict=True,
            )
        ]  # fmt: skip
        shape = Shape(size[0], size[1], len(weight))
        node = Weighted(
            **self._fields(value, shape=shape),
            weight=weight,
            bias=bias,
            stride=stride,
            dilation=dilation,
            padding=padding,
            groups=groups,
        )
        return self.add(replace(node, **fields))

    def dense(self, value: Value, weight: Reals, bias: Reals, **fields: Any) -> Value:
        """A dense op; ``weight`` is [out, in], its columns in the plane's order in memory."""
        plane = self.node(value).shape
        if value.flat:  # the columns have the order channel, row, column
            c = plane.c
            weight = weight.reshape(-1, c, plane.h, plane.w).transpose(0, 2, 3, 1)
        node = Weighted(
            **self._fields(value, shape=Shape(1, 1, len(weight))),
            weight=weight.reshape(-1, *plane),
            bias=bias,
            dense=True,
        )
        return self.add(replace(node, **fields))

    def scale_channels(self, value: Value, factor: Reals, term: Reals, **fields: Any) -> Value:
        """factor * x + term for each channel."""
        value = self.plane(value)
        node = Weighted(
            **self._fields(value, shape=value.shape),
            weight=factor[:, None, None, None],
            bias=term,
            groups=value.shape.c,
            scales_channels=True,
        )
        return self.add(replace(node, **fields))

    def clip(self, value: Value, low: float, high: float) -> Value:
        """Each value, at least ``low`` and at most ``high``."""
        node = Clip(**self._fields(value, shape=self.node(value).shape), low=low, high=high)
        return self.add(node, flat=value.flat)

    def table(
        self, value: Value, function: RealFunction, slope: float = np.inf, **fields: Any
    ) -> Value:
        """A function of each value; see `Table`."""
        plane = self._fields(value, shape=self.node(value).shape)
        node = replace(Table(**plane, function=function, slope=slope), **fields)
        return replace(self.add(node, flat=value.flat), shape=value.shape)

    def max_pool(
        self, value: Value, kernel: Pair, stride: Pair, padding: Sides = NO_PADDING, **fields: Any
    ) -> Value:
        """The largest value of each window; no node where each window is one value."""
        if kernel == stride == (1, 1) and not any(padding):
            return self.plane(value)
        shape = self._pooled_shape(value, kernel, stride, padding)
        node = MaxPool(
            **self._fields(value, shape=shape), kernel=kernel, stride=stride, padding=padding
        )
        return self.add(replace(node, **fields))

    def avg_pool(
        self, value: Value, kernel: Pair, stride: Pair, padding: Sides = NO_PADDING, **fields: Any
    ) -> Value:
        """The mean of each window; padded places count as 0."""
        shape = self._pooled_shape(value, kernel, stride, padding)
        node = AvgPool(
            **self._fields(value, shape=shape), kernel=kernel, stride=stride, padding=padding
        )
        return self.add(replace(node, **fields))

    def _pooled_shape(self, value: Value, kernel: Pair, stride: Pair, padding: Sides) -> Shape:
        h, w, c = self.plane(value).shape
        top, left, bottom, right = padding
        rows, columns = h + top + bottom - kernel[0], w + left + right - kernel[1]
        return Shape(rows // stride[0] + 1, columns // stride[1] + 1, c)

    def binary(self, kind: type[Binary], a: Value, b: Value, **fields: Any) -> Value:
        """A node of two planes; the second may be one pixel where the kind broadcasts it."""
        planes = [self.node(value).shape for value in (a, b)]
        pixel = kind.broadcasts and planes[1] == Shape(1, 1, planes[0].c)
        pixel = pixel and not (a.flat or b.flat)
        if not (pixel or (planes[0] == planes[1] and a.flat == b.flat)):
            raise Unsupported(
                "it reads a flattened plane and a vector, whose values lie in other orders: put it "
                "before the Flatten"
            )
        node = kind(**self._fields(a, b, shape=planes[0]))
        return replace(self.add(replace(node, **fields), flat=a.flat), shape=a.shape)

    def concat(self, values: Sequence[Value], **fields: Any) -> Value:
        """The channels of the values side by side."""
        h, w, _ = values[0].shape
        shape = Shape(h, w, sum(self.plane(value, "joins").shape.c for value in values))
        return self.add(replace(Concat(**self._fields(*values, shape=shape)), **fields))

    def upsample(
        self, value: Value, kernel: Pair, crop: Sides = NO_PADDING, **fields: Any
    ) -> Value:
        """Each pixel repeated, as a block of pixels."""
        h, w, c = self.plane(value).shape
        return self._blocks(value, Shape(h * kernel[0], w * kernel[1], c), kernel, crop, **fields)

    def depth_to_space(
        self, value: Value, kernel: Pair, crop: Sides = NO_PADDING, **fields: Any
    ) -> Value:
        """Channel (i * columns + j) * O + o becomes pixel (i, j) of channel o of a block."""
        h, w, c = self.plane(value).shape
        shape = Shape(h * kernel[0], w * kernel[1], c // (kernel[0] * kernel[1]))
        return self._blocks(value, shape, kernel, crop, **fields)

    def _blocks(
        self, value: Value, shape: Shape, kernel: Pair, crop: Sides, **fields: Any
    ) -> Value:
        top, left, bottom, right = crop
        shape = Shape(shape.h - top - bottom, shape.w - left - right, shape.c)
        node = Upsample(**self._fields(value, shape=shape), kernel=kernel, crop=crop)
        return self.add(replace(node, **fields))

    def permute(self, value: Value, order: NDArray[np.intp]) -> Value:
        """The channels in another order; see `Permute`."""
        if (order == np.arange(len(order))).all():
            return value
        fields = self._fields(self.plane(value), shape=value.shape, name=f"{self.layer}.order")
        node = Permute(**fields, order=order, qparams=self.node(value).qparams)
        return self.add(replace(node, layer="", range_of=self.node(value).ranged))

    def pad(self, value: Value, sides: Sides, fill: float = 0.0, **fields: Any) -> Value:
        """Rows and columns of one real value around the plane."""
        if not any(sides):
            return value
        h, w, c = self.plane(value).shape
        top, left, bottom, right = sides
        shape = Shape(h + top + bottom, w + left + right, c)
        node = Pad(**self._fields(value, shape=shape), sides=sides, fill=fill)
        return self.add(replace(node, qparams=self.node(value).qparams, **fields))

    def is_padding(self, value: Value) -> bool:
        """Whether a value is a plane with padding around it, which no op has taken in."""
        return isinstance(self.node(value), Pad)

    def in_memory(self, value: Value) -> Value:
        """The value, its padding written to memory, for a reader that takes no padding."""
        node = self.node(value)
        if not isinstance(node, Pad):
            return value
        source = self._nodes[node.reads[0]]
        return self.add(copy_padded(f"{self.layer}.pad", source, node))

    def flatten(self, value: Value) -> Value:
        """The plane as a vector in the order channel, row, column."""
        value = self.in_memory(value)
        order = value.shape.c > 1 and value.shape.h * value.shape.w > 1
        return replace(value, flat=value.flat or order)

    def reshape(self, value: Value, shape: Shape) -> Value:
        """The value as a plane of another shape, which moves no value: its own shape, which it had
        before a `flatten`, or, of the net's input that nothing else reads, another view.

        Raises:
            Unsupported: values move, or the reshape stands between two ops.
        """
        if shape == value.shape:
            return replace(value, flat=False)
        first = self._nodes[0]
        alone = value.number == 0 and not self._input_is_shared
        if alone and not self._has_affine and same_order(value.shape, shape):
            self._nodes[0] = replace(first, shape=shape)
            return replace(value, shape=shape)
        raise Unsupported(
            f"it makes {shape} of {value.shape}, which the engine stores in another order or form: "
            "leave it out, or put a Flatten before a Linear"
        )


def plane_of(shape: Sequence[int]) -> Shape:
    """(C, H, W), (C, L) or (N,) as the engine's height, width, channels; time runs along h.

    Raises:
        Unsupported: the shape is another one.
    """
    match tuple(shape):
        case (c, h, w):
            return Shape(h, w, c)
        case (c, length):
            return Shape(length, 1, c)
        case (n,):
            return Shape(1, 1, n)
        case other:
            raise Unsupported(
                f"a value of shape {other} is not (C, H, W), (C, L) or (N,): reshape before the "
                "net, or flatten"
            )


def same_order(before: Shape, after: Shape) -> bool:
    """Whether a reshape of a plane moves no value, though the engine's channels are innermost."""
    return all(shape.c == 1 or shape.h * shape.w == 1 for shape in (before, after))
