"""Converts recurrent nodes, and what moves the batch axis around them.

ONNX's LSTM and GRU read (T, N, C), so files have tensors whose batch axis is not the first. Other
handlers see such a tensor as one with its batch axis first.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported

from ..._tensor_view import Array, TensorView
from ..file import Node
from ..reader import Handler, Reader, batch_is

# ONNX's operator -> the layer, and the places of the layer's gates among ONNX's, iofc and zrh
CELLS: dict[str, tuple[type[nn.Recurrent], tuple[int, ...]]] = {
    "LSTM": (nn.LSTM, (0, 2, 3, 1)),
    "GRU": (nn.GRU, (1, 0, 2)),
}
FUNCTIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"]}
KEEPS_BATCH = ("Cast", "Dropout", "Identity", "Relu", "Sigmoid", "Tanh")


def cell(reader: Reader, node: Node) -> None:
    """LSTM and GRU of one direction, from states of zero."""
    layout, units = node.attributes.get("layout", 0), int(node.attributes.get("hidden_size", 0))
    with reader.batch_first(node.inputs[0]) as at:
        value = reader.read(node)
    if at != 1 - layout or len(value.shape) != 2:
        raise Unsupported(
            f"reads the steps of a sequence along the batch axis, in (N, {value.shape}): wanted "
            "(N, T, C), batch_first=True, or a transposition in the net"
        )
    _check(node)
    steps, channels = value.shape
    arrays = _arrays(reader, node, units, channels)
    _check_states(reader, node, steps)
    kind, _ = CELLS[node.op]
    image = reader.image(reader.move(value, lambda v: v.transpose((1, 0))))
    signal = TensorView.of_layer(reader.draft.reshape(image, (channels, steps)), (channels, steps))
    layer = kind(units, return_sequences=True, input_size=channels)
    output = reader.draft.add(layer, (signal,), arrays)
    outputs = [*node.outputs, "", ""]
    if outputs[2] and reader.users[outputs[2]]:
        raise Unsupported("has an output of its cell's state that is read; only h is")
    if outputs[0] and reader.users[outputs[0]]:
        plane = units, 1, steps
        view = TensorView.of_layer(reader.draft.reshape(output, plane), plane)
        view = reader.move(view, lambda v: v.transpose((2, 1, 0)))  # (T, 1, H)
        _set(reader, outputs[0], view, 2 * at)
    if outputs[1] and reader.users[outputs[1]]:
        last = reader.draft.last_step(output.end)
        assert last is not None
        _set(reader, outputs[1], last.reshape((1, units)), at)


def _set(reader: Reader, name: str, value: TensorView, batch: int) -> None:
    """Set a tensor with its batch axis."""
    reader.values[name] = value
    if batch:
        reader.batch_axes[name] = batch


def _check(node: Node) -> None:
    """Refuse cells that are not the layer's."""
    attributes = node.attributes
    direction = attributes.get("direction", "forward")
    if direction != "forward":
        raise Unsupported(f"is {direction}: a program has no later steps; wanted: forward alone")
    functions = [name.lower() for name in attributes.get("activations", FUNCTIONS[node.op])]
    if functions != FUNCTIONS[node.op]:
        wanted = ", ".join(FUNCTIONS[node.op])
        raise Unsupported(f"has the activations {', '.join(functions[:6])}; wanted: {wanted}")
    if attributes.get("clip", 0.0):
        raise Unsupported("clips its sums (clip); wanted: none")
    if attributes.get("input_forget", 0):
        raise Unsupported("couples its input and forget gates (input_forget); wanted: 0")
    if node.op == "GRU" and not attributes.get("linear_before_reset", 0):
        raise Unsupported(
            "resets the state before its matrix; wanted: linear_before_reset=1, Keras's "
            "reset_after=True, as PyTorch does"
        )


def _arrays(reader: Reader, node: Node, units: int, channels: int) -> dict[str, Array]:
    """The layer's weights and biases, its gates in the layer's order."""
    kind, order = CELLS[node.op]
    rows = kind.gates * units
    shapes = (1, rows, channels), (1, rows, units), (1, 2 * rows)
    given = [reader.constant(node, i) if i < 3 or reader.has(node, i) else None for i in (1, 2)]
    given.append(reader.constant(node, 3) if reader.has(node, 3) else np.zeros(shapes[2]))
    for array, shape in zip(given, shapes, strict=True):
        if array is None or array.shape != shape or not units:
            found = None if array is None else array.shape
            raise Unsupported(f"has an array {found}; wanted {shape} of {units} units")
    weight, recurrent, bias = (array[0] for array in given if array is not None)
    parts = (weight, recurrent, bias[:rows], bias[rows:])
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    ordered = (a.reshape(kind.gates, units, *a.shape[1:])[list(order)] for a in parts)
    return {n: a.reshape(rows, *a.shape[2:]) for n, a in zip(names, ordered, strict=True)}


def onnx_arrays(layer: nn.Recurrent, number: int) -> dict[str, Array]:
    """W, R and B of one of a layer's nodes."""
    order = next(order for kind, order in CELLS.values() if isinstance(layer, kind))
    places = np.argsort(order)
    weight, recurrent, *biases = (
        a.reshape(layer.gates, layer.hidden_size, *a.shape[1:])[places].reshape(1, *a.shape)
        for a in (layer.params[n] for n in layer.param_names[4 * number : 4 * number + 4])
    )
    return {"W": weight, "R": recurrent, "B": np.concatenate(biases, axis=1)}


def _check_states(reader: Reader, node: Node, steps: int) -> None:
    """Refuse lengths of sequences, states that are not 0, and peepholes."""
    if reader.has(node, 4) and (
        not reader.is_constant(node, 4) or (reader.constant(node, 4) != steps).any()
    ):
        raise Unsupported("has a length for each sequence (sequence_lens): leave them out")
    for position, noun in (5, "state"), (6, "cell"):
        if not reader.has(node, position):
            continue
        state = reader.constants.get(node.inputs[position])
        if state is None or state.any():
            raise Unsupported(f"begins with a {noun} that is not 0: leave it out")
    if reader.has(node, 7) and reader.constant(node, 7).any():
        raise Unsupported("has peepholes (P): leave them out")


def transpose(reader: Reader, node: Node) -> None:
    """Transpose, also of the batch axis."""
    with reader.batch_first(node.inputs[0]) as at:
        value = reader.read(node)
    rank = len(value.shape) + 1
    axes = node.attributes.get("perm", tuple(reversed(range(rank))))
    if sorted(axes) != list(range(rank)):
        raise Unsupported(f"has perm {axes} for {rank} axes")
    places = [axis for axis in range(rank) if axis != at]
    order = tuple(places.index(axis) for axis in axes if axis != at)
    _set(reader, node.outputs[0], reader.move(value, lambda v: v.transpose(order)), axes.index(at))


def handlers(others: Mapping[str, Handler]) -> dict[str, Handler]:
    """The operators of this module, by the operators of tensors with their batch axis first."""

    def of(op: str) -> Handler:
        handler = others[op]
        return lambda reader, node: _move(reader, node, handler)

    return {
        **dict.fromkeys(CELLS, cell),
        "Transpose": transpose,
        **{op: of(op) for op in (*KEEPS_BATCH, *_CHANGES, "Concat")},
    }


def _move(reader: Reader, node: Node, handler: Handler) -> None:
    """Convert a node as one that reads its batch axis first."""
    name = node.inputs[0]
    if name in reader.stacks:
        _take_of_stack(reader, node)
    elif name not in reader.batch_axes:
        handler(reader, node)
    elif node.op == "Concat":
        _stack(reader, node)
    else:
        with reader.batch_first(name) as at:
            changes, after = dict[str, Any](), at
            if node.op in _CHANGES:
                changes, after = _CHANGES[node.op](reader, node, at)
            handler(reader, replace(node, attributes={**node.attributes, **changes}))
            reader.view(node.outputs[0])  # a function would else wait for the nodes after it
        if after:
            reader.batch_axes[node.outputs[0]] = after


def _stack(reader: Reader, node: Node) -> None:
    """Concat of the last outputs of layers, of which `_take_of_stack` takes one."""
    shapes = {reader.values[n].shape for n in node.inputs if reader.batch_axes.get(n) == 1}
    if node.attributes.get("axis") != 0 or {shape[0] for shape in shapes} != {1}:
        raise Unsupported("joins tensors whose batch axis is not the first: transpose them before")
    reader.stacks[node.outputs[0]] = node.inputs


def _take_of_stack(reader: Reader, node: Node) -> None:
    """Gather of one of the outputs that a `_stack` joins."""
    parts = reader.stacks[node.inputs[0]]
    number = reader.constant(node, 1) if node.op == "Gather" else np.zeros(2)
    if number.size != 1 or node.attributes.get("axis", 0):
        raise Unsupported("reads the last outputs of several layers; wanted one's, as h[-1]")
    place = int(number.item())
    if not -len(parts) <= place < len(parts):
        raise Unsupported(f"takes layer {place} of {len(parts)}")
    value, keeps = reader.values[parts[place]], number.ndim
    value = value if keeps else value.reshape(value.shape[1:])
    _set(reader, node.outputs[0], value, keeps)


def _axis(axis: int, at: int, rank: int) -> int:
    """The number of an axis with the batch axis, which is axis ``at``, put first."""
    axis %= rank
    return 0 if axis == at else axis + 1 if axis < at else axis


def _rank(reader: Reader, node: Node) -> int:
    return len(reader.read(node).shape) + 1


def _squeeze(reader: Reader, node: Node, at: int) -> tuple[dict[str, Any], int]:
    axes, rank = reader.ints(node, "axes", 1), _rank(reader, node)
    if axes is None:
        raise Unsupported("names no axes to leave out")
    return {"axes": tuple(_axis(a, at, rank) for a in axes)}, at - sum(a % rank < at for a in axes)


def _gather(reader: Reader, node: Node, at: int) -> tuple[dict[str, Any], int]:
    axis, rank = node.attributes.get("axis", 0), _rank(reader, node)
    gone = reader.constant(node, 1).ndim == 0 and axis % rank < at
    return {"axis": _axis(axis, at, rank)}, at - gone


def _slice(reader: Reader, node: Node, at: int) -> tuple[dict[str, Any], int]:
    starts, rank = reader.ints(node, "starts", 1) or (), _rank(reader, node)
    axes = reader.ints(node, "axes", 3) or tuple(range(len(starts)))
    return {"axes": tuple(_axis(a, at, rank) for a in axes)}, at


def _reshape(reader: Reader, node: Node, at: int) -> tuple[dict[str, Any], int]:
    target, shape = reader.ints(node, "shape", 1) or (), reader.read(node).shape
    sizes = [n or have for n, have in zip(target[:at], shape, strict=False)]
    keeps = len(target) > at and batch_is(reader.graph, target[at])
    if not keeps or prod(sizes) != prod(shape[:at]) or min(sizes) < 1:
        raise Unsupported(f"to {target[:8]} does not keep the batch axis, axis {at}")
    return {"shape": (0, *target[:at], *target[at + 1 :])}, at


_CHANGES = {"Squeeze": _squeeze, "Gather": _gather, "Slice": _slice, "Reshape": _reshape}
"""Operator -> its attributes for a tensor with the batch axis first, and that axis after it."""
