"""Builds a graph, node by node: what the layers of a net and the operators of files call."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from drypoint.program import BinaryOp, Concat, Op, Shape, SoftmaxForm, Transpose, Upsample
from drypoint.program.lowering import Planned, QuantParams, Unsupported

from ._absorb_padding import add_sides, copy_padded
from ._graph import Graph, NetOutput
from ._nodes import (
    NO_PADDING,
    Affine,
    Clip,
    Input,
    InputPart,
    Join,
    Node,
    OpNode,
    Pad,
    Pair,
    Permute,
    RealFunction,
    Reals,
    Sides,
    State,
    Table,
    Weighted,
)

UNITY = 127  # the weight of a factor for each channel: the channel's scale is the factor / 127


@dataclass(frozen=True, eq=False, kw_only=True)
class Value:
    """The output of a layer or an operator: the plane of a node, as readers see it.

    Attributes:
        number: of the node.
        shape: the plane; another one than the node's after a reshape that moved no value.
        flat: whether readers see a vector in the order channel, row, column, while the plane holds
            it in the order row, column, channel.
        softmax: whether the layer's output is the softmax of the plane; "channels": of each pixel.
    """

    number: int
    shape: Shape
    flat: bool = False
    softmax: SoftmaxForm = False


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
        fields: dict[str, Any] = {"name": "input", "layer": "input", "reads": (), "shape": shape}
        self._nodes: dict[int, Node] = {0: Input(**fields, affine=affine, qparams=qparams)}
        self.input = Value(number=0, shape=shape)
        self.layer = self.title = ""
        self._arrays: Mapping[str, NDArray[np.floating]] = {}
        self._qparams: QuantParams | None = None
        self._scales: Reals | None = None
        self._clip = (-math.inf, math.inf)
        self._has_affine, self._input_is_shared = affine is not None, input_is_shared

    def enter(
        self,
        layer: str,
        title: str,
        arrays: Mapping[str, NDArray[np.floating]] | None = None,
        *,
        qparams: QuantParams | None = None,
        scales: Reals | None = None,
        clip: tuple[float, float] = (-math.inf, math.inf),
    ) -> None:
        """Begin with a layer or an operator.

        Args:
            layer: its path.
            title: how messages name it.
            arrays: its parameters and buffers by name.
            qparams: of its output, where a file has them.
            scales: of its weights' output channels, where a file has integers.
            clip: bounds of its output, of an activation that a file's operator has in it.
        """
        self.layer, self.title, self._arrays = layer, title, arrays or {}
        self._qparams, self._scales, self._clip = qparams, scales, clip

    @property
    def step(self) -> float | None:
        """The step of the layer's weights, where a file has integers with one."""
        return None if self._scales is None else float(self._scales[0])

    def array(self, name: str) -> Reals:
        """A parameter or buffer of the layer."""
        return self._arrays[name].astype(np.float64)

    def part(self, name: str) -> dict[str, Any]:
        """The fields of a node that computes a part of the layer, in the range of its output."""
        return {"name": f"{self.layer}.{name}", "layer": "", "range_of": self.layer}

    def graph(
        self, values: Value | Mapping[str, Value], encoder: Mapping[str, Any] | None = None
    ) -> Graph:
        """The graph that ends in a value, or in several values by the names of the outputs, without
        nodes that these do not depend on.
        """
        named = values if isinstance(values, Mapping) else {"output": values}
        outputs = (NetOutput(value.number, value.softmax, name) for name, value in named.items())
        numbers = {value.number for value in named.values()}
        for number, node in reversed(self._nodes.items()):
            numbers |= set(node.reads) if number in numbers else set()
        nodes = {n: node for n, node in self._nodes.items() if n in numbers | {0}}
        graph = Graph(nodes=nodes, outputs=tuple(outputs), encoder=encoder)
        return graph.with_outputs(lambda number: number)

    def node(self, value: Value) -> Node:
        """The node of a value."""
        return self._nodes[value.number]

    def add(self, node: Node, **value: Any) -> Value:
        """Add a node."""
        number = len(self._nodes)
        self._nodes[number] = replace(node, title=node.title or self.title)
        return Value(number=number, shape=node.shape, **value)

    def stand_in(self, shape: Shape, qparams: QuantParams | None = None) -> Value:
        """Some value for the output of a refused layer, so that the layers after it are checked."""
        return self.add(Input(name=self.layer, reads=(), shape=shape, qparams=qparams))

    def _fields(self, *values: Value, shape: Shape) -> dict[str, Any]:
        """The fields of a node that computes, in the parameters of the layer's output."""
        low, high = self._clip
        fields = {"name": self.layer, "layer": self.layer, "qparams": self._qparams}
        reads = tuple(value.number for value in values)
        return fields | {"reads": reads, "shape": shape, "low": low, "high": high}

    def _copies(self, *values: Value, shape: Shape) -> dict[str, Any]:
        """The fields of a node that copies values, in the parameters of its input."""
        fields = self._fields(*values, shape=shape)
        del fields["low"], fields["high"]
        return fields | {"qparams": self.node(values[0]).qparams}

    def plane(self, value: Value, verb: str = "reads") -> Value:
        """The value, checked to be a plane as it lies in memory. Where a reshape moved only axes of
        size 1, a transpose gives the plane that shape.

        Raises:
            Unsupported: it is flattened, or of another shape than its node's plane.
        """
        if value.flat:
            raise Unsupported(
                f"it {verb} a flattened plane, whose values the engine stores in another order: "
                "put it before the Flatten"
            )
        plane = self.node(value).shape
        if value.shape == plane:
            return value
        long = [axis for axis in range(3) if plane[axis] > 1]
        for order in itertools.permutations((0, 1, 2)):
            moved = Shape(*(plane[axis] for axis in order))
            if moved == value.shape and [axis for axis in order if axis in long] == long:
                fields = self._copies(value, shape=moved)
                fields |= {"name": f"{self.layer}.view", "layer": ""}
                fields |= {"range_of": self.node(value).ranged}
                return self.add(OpNode(**fields, op=Transpose, fields={"order": order}))
        raise Unsupported(f"it {verb} a plane {plane} reshaped to {value.shape}: leave that out")

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
        top, left, bottom, right = padding
        size = value.shape.h + top + bottom, value.shape.w + left + right
        h, w = (
            (n - (k - 1) * d - 1) // s + 1
            for n, k, s, d in zip(size, weight.shape[1:3], stride, dilation, strict=True)
        )
        node = Weighted(
            **self._fields(value, shape=Shape(h, w, len(weight))),
            weight=weight,
            bias=bias,
            stride=stride,
            dilation=dilation,
            padding=padding,
            groups=groups,
            scales=self._weight_scales(len(weight)),
        )
        return self.add(replace(node, **fields))

    def dense(self, value: Value, weight: Reals, bias: Reals) -> Value:
        """A dense op; ``weight`` is [out, in], its columns in the order that ``value`` is seen in:
        of a flattened plane channel, row, column.
        """
        h, w, c = plane = self.node(value).shape
        rows = weight.reshape(-1, *plane)
        if value.flat:
            rows = weight.reshape(-1, c, h, w).transpose(0, 2, 3, 1)
        node = Weighted(
            **self._fields(value, shape=Shape(1, 1, len(weight))),
            weight=rows,
            bias=bias,
            dense=True,
            scales=self._weight_scales(len(weight)),
        )
        return self.add(node)

    def _weight_scales(self, channels: int) -> Reals | None:
        """A file's weight scales, repeated for a transposed convolution's pixels of a block."""
        if self._scales is None and self._qparams is not None:
            raise Unsupported("has float weights in a quantized net: quantize them too")
        return (
            None if self._scales is None else np.tile(self._scales, channels // len(self._scales))
        )

    def scale_channels(self, value: Value, factor: Reals, term: Reals) -> Value:
        """factor * x + term for each channel; in a file's integers with weights of 127, 0, -127."""
        value = self.plane(value)
        scales = np.where(factor == 0, 1.0, np.abs(factor)) / UNITY
        node = Weighted(
            **self._fields(value, shape=value.shape),
            weight=factor[:, None, None, None],
            bias=term,
            groups=value.shape.c,
            scales_channels=True,
            scales=None if self._qparams is None else scales,
        )
        return self.add(node)

    def clip(self, value: Value, low: float, high: float, **fields: Any) -> Value:
        """Each value, at least ``low`` and at most ``high``."""
        own = self._fields(value, shape=self.node(value).shape) | {"low": low, "high": high}
        return replace(self.add(Clip(**own | fields), flat=value.flat), shape=value.shape)

    def table(self, value: Value, function: RealFunction, slope: float = math.inf) -> Value:
        """A function of each value; see `Table`."""
        fields = self._fields(value, shape=self.node(value).shape)
        table = Table(**fields, function=function, slope=slope)
        return replace(self.add(table, flat=value.flat), shape=value.shape)

    def join(self, a: Value, b: Value) -> Value:
        """Two vectors side by side for weights alone, which take in the scale of each."""
        fields = self._fields(a, b, shape=Shape(1, 1, a.shape.c + b.shape.c))
        return self.add(Join(**fields, bounds=(-127.0, 127.0)))

    def state(self, clock: Value, channels: int) -> Value:
        """A vector of the step before, which a later node writes: `carry` names the node."""
        fields = self._copies(clock, shape=Shape(1, 1, channels))
        return self.add(State(**fields))

    def carry(self, state: Value, value: Value) -> None:
        """Let a state be the value in the next step, with the value's type and range."""
        before, node = self.node(state), self.node(value)
        assert isinstance(before, State)
        before = replace(before, carries=value.number, bounds=node.bounds)
        self._nodes[state.number] = replace(before, wide=node.wide)

    def refine(self, value: Value, **fields: Any) -> Value:
        """The value, of whose node some fields are others: `wide`, `bounds`, `range_of`."""
        self._nodes[value.number] = replace(self.node(value), **fields)
        return value

    def requantize(self, value: Value, name: str = "", *, dtype: bool = False) -> Value:
        """The value in the steps of the layer's output: by a table where it has others.

        Args:
            value: the value.
            name: of the table; "": the layer's.
            dtype: whether it must have the output's type too.
        """
        source, target = self.node(value).qparams, self._qparams
        if source is None or target is None:
            return value
        if source.stands_for(target) and not (dtype and source.dtype != target.dtype):
            return value
        fields = self._fields(value, shape=self.node(value).shape)
        table = Table(**fields | {"name": name or self.layer}, function=lambda reals: reals)
        return replace(self.add(table, flat=value.flat), shape=value.shape)

    def op(self, value: Value, planned: Planned) -> Value:
        """A node of an op of one plane, as `plan` of the op's class says; none where it is idle. Of
        an op that computes nothing the result has the steps of the layer's output.
        """
        value, (op, shape, own) = self.plane(value), planned
        computes = op.nature == "computes"
        if not op.is_idle(value.shape, shape, own):
            fields = (self._fields if computes else self._copies)(value, shape=shape)
            value = self.add(OpNode(**fields, op=op, fields=own))
        name = f"{self.layer}.clip" if op.nature == "chooses" else ""
        return value if computes else self.requantize(value, name)

    def binary(self, op: type[BinaryOp], a: Value, b: Value) -> Value:
        """A node of two planes; the second may be one pixel where the op broadcasts it."""
        planes = [self.node(value).shape for value in (a, b)]
        if planes[0] != planes[1]:
            a, b = (value if value.flat else self.plane(value) for value in (a, b))
            planes = [self.node(value).shape for value in (a, b)]
        pixel = op.broadcasts and planes[1] == (1, 1, planes[0].c) and not (a.flat or b.flat)
        if not (pixel or (planes[0] == planes[1] and a.flat == b.flat)):
            raise Unsupported(
                "it reads a flattened plane and a vector, whose values lie in other orders: put it "
                "before the Flatten"
            )
        node = OpNode(**self._fields(a, b, shape=planes[0]), op=cast("type[Op]", op))
        return replace(self.add(node, flat=a.flat), shape=a.shape)

    def concat(self, values: Sequence[Value]) -> Value:
        """The channels of the values side by side; of flattened planes of one size, flattened."""
        h, w, _ = values[0].shape
        flat = all(value.flat and value.shape[:2] == (h, w) for value in values)
        planes = [replace(value, flat=value.flat and not flat) for value in values]
        parts = [
            self.requantize(self.plane(value, "joins"), f"{self.layer}.{i}", dtype=True)
            for i, value in enumerate(planes)
        ]
        channels = sum(value.shape.c for value in parts)
        fields = self._copies(*parts, shape=Shape(h, w, channels))
        return self.add(OpNode(**fields, op=Concat), flat=flat)

    def input_part(self, value: Value, first: int, shape: Shape) -> Value:
        """One of several inputs: values of the net's input, a vector, from ``first`` on."""
        return self.add(InputPart(**self._fields(value, shape=shape), first=first))

    def permute(self, value: Value, order: NDArray[np.intp]) -> Value:
        """The channels in another order; see `Permute`."""
        if (order == np.arange(len(order))).all():
            return value
        value = self.plane(value)
        fields = self._copies(value, shape=value.shape)
        fields |= {"name": f"{self.layer}.order", "layer": ""}
        return self.add(Permute(**fields, range_of=self.node(value).ranged, order=order))

    def pad(self, value: Value, sides: Sides, fill: float = 0.0) -> Value:
        """Rows and columns of one real value around the plane."""
        if not any(sides):
            return value
        value = self.plane(value)
        fields = self._copies(value, shape=_grow(value.shape, sides))
        return self.add(Pad(**fields, sides=sides, fill=fill))

    def crop(self, value: Value, sides: Sides) -> Value | None:
        """An upsampling that nothing else reads, less rows and columns at its edges; None of a view
        or of another node.
        """
        node = self.node(value)
        if not (isinstance(node, OpNode) and node.op is Upsample and value.shape == node.shape):
            return None
        top, left, bottom, right = sides
        shape = _grow(value.shape, (-top, -left, -bottom, -right))
        fields = {**node.fields, "padding": add_sides(node.fields["padding"], sides)}
        self._nodes[value.number] = replace(node, shape=shape, fields=fields)
        return replace(value, shape=shape)

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
        return replace(value, flat=value.flat or value.shape.h * value.shape.w > 1)

    def reshape(self, value: Value, shape: Shape) -> Value:
        """The value as a plane of another shape, which moves no value: its own shape, which it had
        before a `flatten`, or another view.

        Raises:
            Unsupported: values move.
        """
        if shape == value.shape:
            return replace(value, flat=False)
        if same_order(value.shape, shape) and not self._has_affine:
            return self.view(self.in_memory(replace(value, flat=False)), shape)
        raise Unsupported(
            f"it makes {shape} of {value.shape}, which the engine stores in another order or form: "
            "leave it out, or put a Flatten before a Linear"
        )

    def view(self, value: Value, shape: Shape) -> Value:
        """The values as they lie in memory, seen as another plane; an unread input becomes it."""
        is_read = self._input_is_shared or any(0 in node.reads for node in self._nodes.values())
        if value.number == 0 and not is_read:
            self._nodes[0] = replace(self._nodes[0], shape=shape)
        return replace(value, shape=shape)


def _grow(shape: Shape, sides: Sides) -> Shape:
    """The shape with rows and columns on each side."""
    top, left, bottom, right = sides
    return Shape(shape.h + top + bottom, shape.w + left + right, shape.c)


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
    """Whether a reshape of a plane moves no value, though the engine's channels are innermost: it
    keeps the channels, or there is one axis of channels or places alone.
    """
    return before.c == after.c or all(
        shape.c == 1 or shape.h * shape.w == 1 for shape in (before, after)
    )
