"""Walks over the nodes of an ONNX graph and makes a draft of layers of them.

A node becomes a layer, another view of what a layer outputs (`_tensor_view`), a function that waits
for the nodes after it (`operators/functions.py`), or a constant. All nodes that cannot be converted
are named in one error.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported
from drypoint.program import input_names

from .._cut import before_refused
from .._draft import Draft
from .._integer_layers import FileQuantParams, Floats
from .._tensor_view import (
    Array,
    Axes,
    Index,
    Shape,
    TensorView,
    arrange,
    axes_of,
    check_size,
)
from .file import ANY_BATCH, Graph, Node
from .fold import FOLDED, Folder

Handler = Callable[["Reader", Node], None]
MAX_MOVED = 1 << 27  # elements of all views together, of which each may take some milliseconds
_AXES_KNOWN = {"Conv", "ConvTranspose", "QLinearConv", "MaxPool", "AveragePool", "Transpose"}
MAX_COLORS = 4  # channels of an image whose file has them last, if nothing else says so


class InputLayout(Exception):  # noqa: N818 (never leaves the part: the walk begins again)
    """The first layer reads an input as ``view``; from then on the net's input is known."""

    def __init__(self, name: str, view: TensorView) -> None:
        self.name, self.view = name, view


class Reader:
    """What is known of each tensor of a graph while its nodes are converted."""

    def __init__(
        self,
        graph: Graph,
        bound: Mapping[str, TensorView],
        *,
        integers: bool,
        materialize: Callable[["Reader", str], TensorView],
    ) -> None:
        self.graph, self.integers = graph, integers
        views = {
            name: graph.views.get(name) or input_of(shape, bound.get(name))
            for name, shape in graph.inputs.items()
        }
        shapes = [view.layer_shape for view in views.values()]
        names = input_names([graph.tensor_name(name) for name in views])
        self.draft = Draft.of_inputs(shapes, names, graph.size, graph.error)
        ends = self.draft.input_ends
        self.constants: dict[str, Array] = dict(graph.constants)
        # name -> parameters and axis of the scales, of constants that were dequantized
        self.qparams: dict[str, tuple[FileQuantParams, int]] = {}
        # name -> view of what a layer outputs
        self.values = {
            name: replace(view, end=end)
            for end, (name, view) in zip(ends, views.items(), strict=True)
        }
        self.waiting: dict[str, Any] = {}  # name -> function of other tensors that is no layer yet
        # name -> tensor, of its integers (what a QuantizeLinear writes, or a Cast of it), and the
        # place of the least one in a table
        self.integers_of: dict[str, tuple[TensorView, int]] = {}
        # name -> tensor and table, of a table's integers
        self.tables: dict[str, tuple[TensorView, Array]] = {}
        # name -> batch axis of a tensor whose first axis is another; `values` has it without
        self.batch_axes: dict[str, int] = {}
        # name -> names of the last outputs of several recurrent layers that a file stacks
        self.stacks: dict[str, tuple[str, ...]] = {}
        # name -> tensor, axis and places of each part, of a sequence of a tensor's parts
        self.sequences: dict[str, tuple[TensorView, int, list[range]]] = {}
        # how many nodes read each tensor; an output counts as one
        self.users = Counter(
            [*graph.outputs.values(), *(n for node in graph.nodes for n in node.inputs)]
        )
        known = {*bound, *graph.views}
        self._raw = {end: name for end, name in zip(ends, views, strict=True) if name not in known}
        for name, steps in graph.steps.items():
            self.draft.set_qparams(self.values[name].end, steps)
        self._folder = Folder(graph.opset, graph.size)
        self._moved = 0
        self._stand_ins: dict[str, TensorView] | None = None
        self._materialize = materialize

    def walk(self, handlers: Mapping[str, Handler], hints: Mapping[str, str]) -> dict[str, int]:
        """Convert all nodes; the number of the layer that computes each output."""
        troubles: list[tuple[str, str, str]] = []
        lost: set[str] = set()
        refused = set[int]()
        for position, node in enumerate(self.graph.nodes):
            self.draft.title, self.draft.name = node.title, node.layer
            try:
                if lost.intersection(node.inputs) and (node.op in handlers or node.op in FOLDED):
                    lost.update(node.outputs)  # nothing is known of what it reads
                else:
                    self._convert(node, handlers, hints)
            except (Unsupported, nn.LayerError, nn.ConfigError) as reason:
                troubles.append((node.op, node.title, str(reason)))
                refused.add(position)
                moved = self.batch_axes.keys() & {*node.inputs}
                lost.update(node.outputs if moved else self._not_stood_in(node))
        outputs = dict[str, int]()
        for port, tensor in self.graph.outputs.items():
            if tensor in lost:
                continue
            try:
                outputs[port] = self.output(tensor).end
            except (Unsupported, nn.LayerError) as reason:
                troubles.append(("output", self._output_title(port), str(reason)))
        troubles += self.draft.drop_unread_steps(outputs)
        if troubles or len(outputs) < len(self.graph.outputs):
            ends = [(node.inputs, node.outputs) for node in self.graph.nodes]
            names = before_refused(ends, refused, [self.graph.outputs[port] for port in outputs])
            last = [*dict.fromkeys(filter(None, map(self._last_image, names)))]
            names = [*filter(None, map(self.graph.tensor_name, last))]
            raise self.graph.error.of(troubles, len(ends), self.graph.noun, names)
        return outputs

    def _last_image(self, name: str) -> str:
        """The tensor, or the last one before it whose values an output may have; "" of none."""
        for tensor in (name, *reversed(self.values)):
            if tensor in self.waiting and tensor not in self.values:
                return tensor
            if name in self.values and self.values[tensor].end == self.values[name].end:
                try:
                    self.output(tensor)
                    return tensor
                except (Unsupported, nn.LayerError):
                    continue
        return ""

    def _output_title(self, port: str) -> str:
        return "the output" if len(self.graph.outputs) == 1 else f"the output '{port}'"

    def _not_stood_in(self, node: Node) -> set[str]:
        """The outputs of a refused node that get no value of their shape, by which the nodes after
        it could be checked too.
        """
        if self._stand_ins is None:
            self._stand_ins = self.graph.stand_ins()
        for name in self._stand_ins.keys() & {*node.outputs}:
            self.waiting.pop(name, None)
            self.values[name] = self._stand_ins[name]
        return {*node.outputs} - self._stand_ins.keys()

    def _convert(
        self, node: Node, handlers: Mapping[str, Handler], hints: Mapping[str, str]
    ) -> None:
        constant = all(not name or name in self.constants for name in node.inputs)
        if node.op in ("Shape", "Size") and node.inputs[0] not in self.constants:
            self._shape(node)
        elif constant and node.op not in handlers.keys() - FOLDED:
            inputs = [self.constants[name] if name else None for name in node.inputs]
            arrays = self._folder.fold(node, inputs)
            self.constants |= dict(zip(node.outputs, arrays, strict=False))
            self._keep_qparams(node)
        elif node.op in handlers:
            self._check_outputs(node)
            handlers[node.op](self, node)
        else:
            raise Unsupported(hints.get(node.op, "is none of the layers that drypoint has"))

    def _check_outputs(self, node: Node) -> None:
        more = [name for name in node.outputs[1:] if name and self.users[name]]
        if more and not node.op.upper().startswith(("SPLIT", "LSTM", "GRU")):
            raise Unsupported(f"has a second output '{more[0]}' that is read; only the first is")

    def _shape(self, node: Node) -> None:
        """The shape of a tensor, with its batch axis, is a constant."""
        with self.batch_first(node.inputs[0]) as at:
            sizes = [*self.view(node.inputs[0]).shape]
        shape: Array = np.array([*sizes[:at], self.graph.batch, *sizes[at:]], np.int64)
        if node.op == "Size":
            shape = np.array(math.prod(shape.tolist()), np.int64)
        start, end = node.attributes.get("start", 0), node.attributes.get("end")
        self.constants[node.outputs[0]] = shape[start:end] if node.op == "Shape" else shape

    def _keep_qparams(self, node: Node) -> None:
        """A dequantized constant keeps its steps when its axes are exchanged."""
        qparams_and_axis = self.qparams.get(node.inputs[0]) if node.inputs else None
        if qparams_and_axis is None or node.op not in ("Transpose", "Identity"):
            return
        qparams, axis = qparams_and_axis
        array = self.constants[node.outputs[0]]
        if node.op == "Transpose":
            axes = node.attributes.get("perm", tuple(reversed(range(array.ndim))))
            axis = axes.index(axis)
        self.qparams[node.outputs[0]] = qparams, axis

    # What nodes read

    def has(self, node: Node, position: int) -> bool:
        """Whether an input is given."""
        return position < len(node.inputs) and bool(node.inputs[position])

    def is_constant(self, node: Node, position: int) -> bool:
        """Whether an input is given and a constant."""
        return self.has(node, position) and node.inputs[position] in self.constants

    def constant(self, node: Node, position: int) -> Array:
        """A constant input."""
        if not self.is_constant(node, position):
            raise Unsupported(
                f"lacks its input {position} as a constant: save it as an initializer"
            )
        array = self.constants[node.inputs[position]]
        if array.dtype.kind in "cOSU":
            raise Unsupported(f"has an input {position} of {array.dtype}; wanted real numbers")
        if ANY_BATCH in array.shape and 0 in array.strides:
            raise Unsupported(f"has an input {position} of constants for each example of a batch")
        return array

    def floats(self, node: Node, position: int) -> Floats:
        """A constant input as float64."""
        return self.constant(node, position).astype(np.float64)

    def ints(self, node: Node, name: str, position: int = 99) -> tuple[int, ...] | None:
        """Integers that are an attribute in old versions and an input in new ones."""
        if name in node.attributes:
            value = node.attributes[name]
            return tuple(value) if isinstance(value, tuple) else (int(value),)
        if self.has(node, position):
            return tuple(int(n) for n in self.constant(node, position).ravel()[:99])
        return None

    def view(self, name: str) -> TensorView:
        """What is known of a computed tensor."""
        if name in self.waiting and name not in self.values:
            title = self.draft.title
            self.values[name] = self._materialize(self, name)
            self.draft.title = title
        if name in self.stacks:
            raise Unsupported("reads the last outputs of several layers; wanted one's, as h[-1]")
        if at := self.batch_axes.get(name, 0):
            raise Unsupported(
                f"reads a tensor whose batch axis is axis {at}, which only Transpose, LSTM and GRU "
                "do: transpose it back before"
            )
        if name not in self.values:
            raise Unsupported(f"reads '{name[:60]}', which is not computed from the net's input")
        return self.values[name]

    def read(self, node: Node, position: int = 0) -> TensorView:
        """What is known of an input."""
        if not self.has(node, position):
            raise Unsupported(f"lacks its input {position}")
        return self.view(node.inputs[position])

    def set(self, node: Node, value: TensorView) -> None:
        """Set what a node outputs."""
        self.values[node.outputs[0]] = value

    @contextmanager
    def batch_first(self, name: str) -> Iterator[int]:
        """A while in which a tensor is read as one with its batch axis first; that axis."""
        at = self.batch_axes.pop(name, 0)
        try:
            yield at
        finally:
            if at:
                self.batch_axes[name] = at

    # Views as layers take them

    def image(self, value: TensorView) -> TensorView:
        """The view as what a layer of images reads: (C, H, W), or (C, L) as (C, 1, L)."""
        if not 2 <= len(value.shape) <= 3:
            raise Unsupported(f"reads a tensor {value.shape}; wanted (C, H, W) or (C, L)")
        seen = value.shape
        shape = seen if len(seen) == 3 else (seen[0], 1, seen[1])
        self._bind(value, shape)
        axes = axes_of(value)
        if axes is not None and len(axes) == 2:  # of a signal
            (alone,) = {0, 1, 2} - {*axes}
            axes = axes[0], alone, axes[1]
        if axes is not None and (value.index is not None or _moves_in_memory(axes, value)):
            value = self._permute(value, axes)
        elif value.index is not None:
            value = self._with_channels_moved(value)
        end = self.draft.reshape(value, shape)
        return TensorView(end=end, layer_shape=shape, shape=seen)

    def _with_channels_moved(self, value: TensorView) -> TensorView:
        """The image with its channels back in order, which a channel shuffle, say, changed."""
        index = value.order.reshape(value.shape[0], -1)
        places, inside = index // index.shape[1], np.arange(index.shape[1])
        whole = value.shape[:1] == value.layer_shape[:1] and len(value.layer_shape) == 3
        if not whole or (places != places[:, :1]).any() or (index % index.shape[1] != inside).any():
            raise Unsupported(
                f"reads {value.shape}, whose channels are not the first axis: export with images "
                "as (N, C, H, W)"
            )
        output = self.draft.choose(value, places[:, 0].tolist())
        return replace(output, shape=value.shape)

    def plane(self, value: TensorView, *, first: bool = False) -> tuple[TensorView, Axes]:
        """The view as an image in any order of its axes, with its channels first where ``first``,
        and which axis each is.
        """
        if value.end in self._raw:
            self._bind_as_it_looks(value)
        axes = axes_of(value)
        if axes is not None and not (first and axes[0] != 0):
            return value, axes
        value = self.image(value)
        return value, ((0, 1, 2) if len(value.shape) == 3 else (0, 2))

    def vector(self, value: TensorView) -> TensorView:
        """The view as what a Linear reads: (n,), in an order of its own where ``index`` says so."""
        if len(value.shape) != 1:
            raise Unsupported(f"reads a tensor {value.shape}; wanted (N, n): flatten it before")
        if value.end in self._raw:
            self._bind_as_it_looks(value)
        end = self.draft.reshape(value, value.shape)
        return TensorView(end=end, layer_shape=value.shape, shape=value.shape, index=value.index)

    def anything(self, value: TensorView) -> TensorView:
        """The view as what a layer reads that takes each value alone."""
        if value.end in self._raw:
            self._bind_as_it_looks(value)
        return value

    def move(self, value: TensorView, move: Callable[[TensorView], TensorView]) -> TensorView:
        """The view after its axes were split, joined or exchanged."""
        output = move(value)
        self._moved += output.size if output.index is not None else 0
        if self._moved > MAX_MOVED:
            raise self.graph.error("its nodes move more values than a net of its size would")
        return output

    def output(self, tensor: str) -> TensorView:
        """An output of the graph as a layer's: images with the channels first. An output of a
        program is an image in the order (h, w, c): a quantized file may flatten it in that order.
        """
        value = self.view(tensor)
        axes = axes_of(value)
        if axes is not None:
            return self._output_plane(value, axes)
        if self.integers and (order := _order_of_flat_plane(value)):
            return value.whole if order == (0, 1, 2) else self._permute(value, order)
        if value.index is not None:
            raise Unsupported(
                f"is a tensor {value.shape} whose values lie in an order of its own: end before it "
                "is flattened or its axes are exchanged"
            )
        if len(value.shape) == 1:
            return self.vector(value)
        return self.image(value) if len(value.shape) < 4 else value

    def _output_plane(self, value: TensorView, axes: Axes) -> TensorView:
        """The value of an output: of an image with its channels last the image (C, H, W), else with
        the axes in the file's order.
        """
        order = [axis for axis in axes if value.layer_shape[axis] > 1]
        if order[-1:] == [0]:
            order = [0, *order[:-1]]
        if order == sorted(order):
            return value
        moved, at = iter(order), {*order}
        return self._permute(value, tuple(next(moved) if a in at else a for a in range(3)))

    def _permute(self, value: TensorView, axes: Axes) -> TensorView:
        return self.draft.add(nn.Permute(axes), (value.whole,))

    # The net's input

    def _bind(self, value: TensorView, shape: Shape) -> None:
        """The first layer that reads an input says what the net's input is: the image that it
        reads. A vector stays a vector.
        """
        if value.end not in self._raw:
            return
        name = self._raw[value.end]
        file = self.graph.inputs[name]
        if len(file) == 1:
            del self._raw[value.end]
            return
        last = {2: (1, 0), 3: (2, 0, 1)}.get(len(file))  # of channels that the file has last
        if value.index is not None and not (last and _is_moved(value, file, last)):
            self._bind_as_it_looks(value)
        view = TensorView(end=0, layer_shape=shape, shape=value.shape, index=value.index)
        raise InputLayout(name, view)

    def _bind_as_it_looks(self, value: TensorView) -> None:
        """The input of a net whose first layer takes any shape."""
        name = self._raw[value.end]
        shape = self.graph.inputs[name]
        if len(shape) == 1:
            del self._raw[value.end]
            return
        view = TensorView.of_layer(0, shape)
        # A convolution before any Transpose reads the file's axes, which are (C, H, W) then.
        first = next((node.op for node in self.graph.nodes if node.op in _AXES_KNOWN), "Transpose")
        looks = len(shape) == 3 and shape[0] > MAX_COLORS >= shape[2]
        if looks and first == "Transpose":
            view = view.transpose((2, 0, 1))
            layout = TensorView(end=0, layer_shape=view.shape, shape=view.shape, index=view.index)
            raise InputLayout(name, layout)
        layer_shape = {2: (1, *shape)}.get(len(shape), shape)
        if len(shape) == 2 and len(value.shape) == 2:
            layer_shape = (shape[0], 1, shape[1])
        raise InputLayout(name, TensorView(end=0, layer_shape=layer_shape, shape=shape))


def _is_moved(value: TensorView, shape: Shape, axes: Axes) -> bool:
    """Whether a view of a tensor of a shape has its axes in this order."""
    moved = TensorView(end=value.end, layer_shape=shape, shape=shape).transpose(axes)
    return moved.shape == value.shape and bool((moved.order == value.order).all())


def _order_of_flat_plane(value: TensorView) -> Axes | None:
    """The axes of a layer's image that make an image whose order (h, w, c) is the tensor's."""
    if len(value.layer_shape) != 3:
        return None
    for c, h, w in itertools.permutations(range(3)):
        if arrange(value.end, value.layer_shape, (h, w, c), value.shape).same_view(value):
            return c, h, w
    return None


def _moves_in_memory(axes: Axes, value: TensorView) -> bool:
    """Whether an image of these axes of a layer's image has another order (h, w, c) in memory."""
    order = [axes[i] for i in (1, 2, 0) if value.layer_shape[axes[i]] > 1]
    return order != [axis for axis in (1, 2, 0) if axis in order]


def input_of(shape: Shape, bound: TensorView | None) -> TensorView:
    """An input of the graph as a view of the net's input."""
    if bound is None:
        return TensorView.of_layer(0, shape)
    if bound.index is None:
        return TensorView(end=0, layer_shape=bound.layer_shape, shape=shape)
    places: Index = np.empty(bound.size, np.intp)
    places[bound.index.ravel()] = np.arange(bound.size)
    return TensorView(
        end=0, layer_shape=bound.layer_shape, shape=shape, index=places.reshape(shape)
    )


def view_in_order(output: TensorView, axes: Axes, shape: Shape) -> TensorView:
    """What a layer of images outputs, as a tensor of the file with axes in an order."""
    missing = tuple(axis for axis in range(3) if axis not in axes)
    whole = (*axes, *missing)  # a dropped axis has the size 1, so its place is any
    check_size(shape)
    return arrange(output.end, output.layer_shape, whole, shape)


def batch_is(graph: Graph, size: int) -> bool:
    """Whether a size of a file's tensor may be the batch axis."""
    return size in (graph.batch, -1, 0) or (graph.batch == ANY_BATCH and size == 1)
