"""An ONNX graph as a chain of nodes with their constants.

ONNX allows any graph; here a net is one path from the only input to the only output. Everything off
the path must be a constant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import OnnxError

Array = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation on the path.

    Attributes:
        op: ONNX's operator type, such as "Conv", prefixed with the domain if it is not ONNX's own.
        name: the name of the node, or of its output, for messages.
        shape: the shape of its input on the path for one example, without the batch axis.
        constants: the inputs off the path, by position; None for an omitted input.
        position: the position of the input on the path.
        attributes: name -> int, float, str (decoded) or tuple of ints.
    """

    op: str
    name: str
    shape: tuple[int, ...]
    constants: Mapping[int, Array | None]
    position: int
    attributes: Mapping[str, Any]

    def constant(self, position: int) -> Array | None:
        """The constant at an input; None if the input is omitted."""
        return self.constants.get(position)


@dataclass(frozen=True, eq=False)
class Chain:
    """The path: the input shape of one example (no batch axis), and the nodes in order."""

    input_shape: tuple[int, ...]
    nodes: tuple[Node, ...]


def chain(graph: Any, onnx: Any) -> Chain:
    """The nodes between the only input and the only output of an ``onnx.GraphProto``.

    Args:
        graph: the graph, after shape inference.
        onnx: the package ``onnx``.

    Raises:
        OnnxError: there are several inputs, outputs or branches, or a shape is open.
    """
    constants = {one.name: _array(one, onnx) for one in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for proto in graph.node:
        if proto.op_type == "Constant":
            constants[proto.output[0]] = _value_of_constant(proto, onnx)
        else:
            for name in filter(None, dict.fromkeys(proto.input)):  # "" is an input left out
                readers.setdefault(name, []).append(proto)
    start, end = _ends(graph, constants)
    shapes = {one.name: _shape_of_one(one) for one in [start, *graph.value_info]}
    nodes, at = [], start.name
    while at != end.name:
        found = readers.get(at, [])
        if len(found) != 1:
            names = ", ".join(_name(one) for one in found) or "nothing"
            raise OnnxError(f"'{at}' is read by {names}: only a chain of layers can be read")
        shape = shapes.get(at)
        if shape is None:
            raise OnnxError(
                f"the shape of '{at}' is open; wanted a batch axis and then fixed sizes, such as "
                "(N, 1, 28, 28): export with an example of that shape"
            )
        nodes.append(_node(found[0], at, shape, constants, onnx))
        at = found[0].output[0]
    if not nodes:
        raise OnnxError("the graph has no layers: its output is its input")
    return Chain(nodes[0].shape, tuple(nodes))


def _ends(graph: Any, constants: Mapping[str, Array]) -> tuple[Any, Any]:
    """The only input and the only output of a graph.

    Raises:
        OnnxError: the graph has several inputs or outputs, or none.
    """
    inputs = [one for one in graph.input if one.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        names = ", ".join(one.name for one in [*inputs, *graph.output])
        raise OnnxError(
            f"the graph has {len(inputs)} inputs and {len(graph.output)} outputs ({names}); a net "
            "has one of each: export the part in between"
        )
    return inputs[0], graph.output[0]


def _node(
    proto: Any, at: str, shape: tuple[int, ...], constants: Mapping[str, Array], onnx: Any
) -> Node:
    position = list(proto.input).index(at)
    others = {}
    for i, name in enumerate(proto.input):
        if i == position:
            continue
        if name and name not in constants:
            raise OnnxError(
                f"{_name(proto)} joins '{at}' and '{name}': only a chain of layers can be read"
            )
        others[i] = constants[name] if name else None
    attributes = {one.name: _plain(onnx.helper.get_attribute_value(one)) for one in proto.attribute}
    op = f"{proto.domain}.{proto.op_type}" if proto.domain not in ("", "ai.onnx") else proto.op_type
    return Node(op, _name(proto), shape, others, position, attributes)


def _name(proto: Any) -> str:
    return f"{proto.op_type} '{proto.name or proto.output[0]}'"


def _plain(value: Any) -> Any:
    """Bytes as text, lists as tuples; tensors unchanged."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return tuple(value) if isinstance(value, list) else value


def _value_of_constant(proto: Any, onnx: Any) -> Array:
    """The array of a Constant node, from any of its attributes.

    Raises:
        OnnxError: the attribute is no dense tensor of numbers.
    """
    attribute = proto.attribute[0]
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return _array(value, onnx)
    if attribute.name not in ("value_float", "value_floats", "value_int", "value_ints"):
        raise OnnxError(f"{_name(proto)} has {attribute.name}: only dense tensors of numbers")
    return np.asarray(value)


def _array(tensor: Any, onnx: Any) -> Array:
    """The array of a TensorProto with its data inside the file (after `refuse_other_files`).

    Raises:
        OnnxError: the data do not fit the tensor's type and sizes.
    """
    try:
        array: Array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # onnx raises errors of its own and NumPy's
        raise OnnxError(f"the tensor '{tensor.name}' cannot be read: {error}") from error
    return array


def _shape_of_one(value: Any) -> tuple[int, ...] | None:
    """A shape without the batch axis, whose size may be open; None if another size is open."""
    dims = [one.dim_value for one in value.type.tensor_type.shape.dim]
    return tuple(dims[1:]) if len(dims) > 1 and min(dims[1:]) > 0 else None
