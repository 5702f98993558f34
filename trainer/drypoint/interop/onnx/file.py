"""The gate of ONNX files: bytes become a checked graph of nodes and constants, or one error."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from drypoint.common import DrypointError, check_kind, file_kind, read_bytes
from drypoint.graph import Halves
from drypoint.program import output_names

from .._cut import Name, output_tensors
from .._errors import ImportFileError, OnnxError
from .._integer_layers import FileQuantParams
from .._packages import package
from .._tensor_view import MAX_SIZE, STAND_IN, Array, Shape, TensorView
from .external import load_weights, refuse_other_files

ANY_BATCH = 7919  # stands for an open batch axis: a prime that no other size of a net is


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """A node of the graph."""

    op: str  # ONNX's operator, such as "Conv"; prefixed with the domain if it is not ONNX's own
    name: str  # the node's name, or that of its output
    inputs: tuple[str, ...]  # names of tensors; "" for an input that is left out
    outputs: tuple[str, ...]  # names of tensors
    attributes: Mapping[str, Any]  # name -> int, float, str (decoded), tuple, or a tensor's array
    proto: Any  # the ``onnx.NodeProto``, or another format's operator
    format_title: str = ""  # the name that another format has for people
    layer: str = ""  # the name of its layer; "": as `nn.Sequential` names the layers of a list

    @property
    def title(self) -> str:
        """A name for people."""
        return self.format_title or f"{self.op} '{_short(self.name)}'"


@dataclass(frozen=True, eq=False, kw_only=True)
class Graph:
    """The main graph of a file: what its outputs depend on."""

    error: ClassVar[type[ImportFileError]] = OnnxError
    noun: ClassVar[str] = "nodes"
    halves: ClassVar[Halves] = "even"  # of two nearest integers of a table

    nodes: tuple[Node, ...]  # in order of computation
    constants: Mapping[str, Array]  # name -> array of the initializers
    # name -> shape of one example, of the inputs that the outputs depend on
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, str]  # name of the net's output -> of the tensor, the graph's or a cut's
    batch: int  # the size of the inputs' first axis; `ANY_BATCH` where it is open
    opset: int  # the version of ONNX's own operators
    size: int  # bytes of the file and of its data files
    proto: Any  # the ``onnx.ModelProto``
    # input -> view of the net's input, where the format says how an image lies
    views: Mapping[str, TensorView] = field(default_factory=dict)
    # input -> its quantization parameters, where the format says them
    steps: Mapping[str, FileQuantParams] = field(default_factory=dict)
    # operator -> what converts it, and what to say of one that is not read; none: ONNX's own
    handlers: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)

    def tensor_name(self, name: str) -> str:
        """The file's name of a tensor."""
        return name

    def stand_ins(self) -> dict[str, TensorView]:
        """Name -> what stands for an output of a refused node, by which later ones are checked."""
        shapes = self.inferred_shapes().items()
        return {
            name: TensorView.of_layer(STAND_IN, shape)
            for name, shape in shapes
            if math.prod(shape) <= MAX_SIZE
        }

    def inferred_shapes(self) -> dict[str, Shape]:
        """Name -> shape for an example, of tensors whose shape onnx infers; none where it fails."""
        onnx = package("onnx", extra="interop")
        try:
            values = onnx.shape_inference.infer_shapes(self.proto).graph.value_info
        except Exception:
            return {}
        sizes = {
            value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in values
        }
        return {name: tuple(dims[1:]) for name, dims in sizes.items() if min(dims[1:], default=0)}


def read_graph(
    source: bytes | str | Path,
    subject: str = "the bytes are",
    cut: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
) -> tuple[Graph, str]:
    """The graph of a file, and how a message about it begins."""
    expected = "the bytes or the path of an ONNX file"
    check_kind(source, (bytes, str, Path), name="source", wanted=expected, error=OnnxError)
    onnx = package("onnx", extra="interop")
    if isinstance(source, bytes):
        proto = _parse(source, None, subject)
    else:
        subject = f"{source} is"
        proto = _parse(read_bytes(source), Path(source).parent, subject)
    try:
        return _graph(proto, onnx, cut, input_shape), subject
    except OnnxError as error:
        raise OnnxError(f"{subject} no net that can be read: {error}") from error


def _parse(content: bytes, folder: Path | None, subject: str) -> Any:
    """The ``onnx.ModelProto`` of a file, checked, with all data in it."""
    onnx = package("onnx", extra="interop")
    try:
        proto = onnx.load_model_from_string(content)
        load_weights(proto.graph, folder, onnx)
        refuse_other_files(proto, onnx)  # first: the checker looks for the other files
        onnx.checker.check_model(proto)
    except OnnxError as error:
        raise OnnxError(f"{subject} without its weights: {error}") from error
    except (DrypointError, MemoryError):
        raise
    except Exception as error:  # protobuf and the checker raise types of their own C++ side
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = file_kind(content) or lines[0]
        raise OnnxError(f"{subject} no ONNX model that can be read: {reason}") from error
    return proto


def _graph(proto: Any, onnx: Any, cut: Sequence[str], input_shape: Sequence[int] | None) -> Graph:
    graph = proto.graph
    constants = {value.name: array_of(value, onnx) for value in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    computed = {name for value in graph.node for name in value.output if name}
    names = output_tensors(cut, _values(graph, onnx), computed, len(inputs), OnnxError)
    ends = [(value.input, value.output) for value in graph.node]
    positions = needed_positions(ends, names, {value.name for value in inputs}, "")
    read = {name for i in positions for name in ends[i][0]}
    inputs = [value for value in inputs if value.name in read] or inputs[:1]
    if input_shape is not None and len(inputs) > 1:
        raise OnnxError(f"input_shape is of files of one input; it has {len(inputs)}")
    if input_shape is not None:
        _set_sizes(inputs[0], input_shape)
    batches, shapes = zip(*(_input_shape(value, len(inputs)) for value in inputs), strict=True)
    if len({*batches}) > 1:
        raise OnnxError(f"its inputs have batches of {batches}; wanted: one size, or open ones")
    versions = {value.domain: value.version for value in proto.opset_import}
    return Graph(
        nodes=tuple(_node(graph.node[i], onnx) for i in positions),
        constants=constants,
        inputs=dict(zip((value.name for value in inputs), shapes, strict=True)),
        outputs=dict(zip(output_names(names), names, strict=True)),
        batch=batches[0],
        opset=versions.get("", versions.get("ai.onnx", 1)),
        size=proto.ByteSize(),
        proto=proto,
    )


def _input_shape(value: Any, n: int) -> tuple[int, Shape]:
    """The batch size and the shape of one example, of one of n inputs."""
    dims = [int(dim.dim_value) for dim in value.type.tensor_type.shape.dim]
    if len(dims) < 2 or min(dims[1:]) < 1:
        advice = "import with input_shape=(1, 28, 28) or --input-shape 1,28,28, or "
        raise OnnxError(
            f"the shape of '{_short(value.name)}' is open; wanted a batch axis and then fixed "
            f"sizes, such as (N, 1, 28, 28): {advice if n == 1 else ''}export with an example of "
            "that shape"
        )
    if len(dims) > 5 or np.prod(dims[1:], dtype=object) > MAX_SIZE:
        raise OnnxError(
            f"its input has the shape {tuple(dims)}; wanted at most {MAX_SIZE:,} values"
        )
    return dims[0] if dims[0] > 0 else ANY_BATCH, tuple(dims[1:])


def _set_sizes(value: Any, shape: Sequence[int]) -> None:
    """Set the open sizes of an input to the sizes of a shape of an example."""
    check_kind(shape, (tuple, list), name="input_shape", wanted="(3, 48, 192)", error=OnnxError)
    dims = value.type.tensor_type.shape.dim
    if not dims:
        dims.add().dim_param = "N"
        for _ in shape:
            dims.add()
    fits = len(dims) == len(shape) + 1 and all(
        isinstance(size, int) and 1 <= size <= MAX_SIZE and dim.dim_value in (-1, 0, size)
        for dim, size in zip(dims[1:], shape, strict=False)
    )
    if not fits:
        own = ", ".join(
            str(dim.dim_value if dim.dim_value > 0 else dim.dim_param or "?")[:60]
            for dim in dims[1:]
        )
        raise OnnxError(f"input_shape is {tuple(shape[:9])}; the file's examples are ({own})")
    for dim, size in zip(dims[1:], shape, strict=True):
        dim.dim_value = size


def _values(graph: Any, onnx: Any) -> list[str]:
    """The names of the outputs, without the outputs that skl2onnx adds to a classifier's
    probabilities: the label, a number or a text, and a dictionary (ZipMap) in place of the
    probabilities.
    """
    if len(graph.output) == 1:
        return [graph.output[0].name]
    maps = {
        name: value.input[0]
        for value in graph.node
        if value.op_type == "ZipMap"
        for name in value.output
    }
    other = onnx.TensorProto.INT64, onnx.TensorProto.STRING
    return [
        maps.get(value.name, value.name)
        for value in graph.output
        if value.name in maps or value.type.tensor_type.elem_type not in other
    ]


def needed_positions(
    ends: Sequence[tuple[Sequence[Name], Sequence[Name]]],
    outputs: Sequence[Name],
    start: Collection[Name],
    none: Name,
) -> list[int]:
    """The positions of the nodes that the outputs depend on, in order of computation; ``none`` is
    the name of an input that is left out.
    """
    names, positions = {*outputs}, list[int]()
    for position, (inputs, written) in reversed(list(enumerate(ends))):
        if names.intersection(written):
            positions.append(position)
            names.update(name for name in inputs if name != none and name not in start)
    return positions[::-1]


def _node(proto: Any, onnx: Any) -> Node:
    domain = proto.domain if proto.domain not in ("", "ai.onnx") else ""
    return Node(
        op=f"{domain}.{proto.op_type}" if domain else proto.op_type,
        name=proto.name or next(filter(None, proto.output), ""),
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={attribute.name: _plain(attribute, onnx) for attribute in proto.attribute},
        proto=proto,
    )


def _plain(attribute: Any, onnx: Any) -> Any:
    """Bytes as text, lists as tuples, tensors as arrays."""
    try:
        value = onnx.helper.get_attribute_value(attribute)
    except ValueError as error:
        raise OnnxError(
            f"the attribute '{_short(attribute.name)}' has no value: {error}"
        ) from error
    if isinstance(value, onnx.TensorProto):
        return array_of(value, onnx)
    if isinstance(value, list):
        return tuple(_text(part) for part in value)
    return _text(value)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def array_of(tensor: Any, onnx: Any) -> Array:
    """The array of a TensorProto with its data inside the file."""
    try:
        array: Array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # onnx raises errors of its own and NumPy's
        raise OnnxError(f"the tensor '{_short(tensor.name)}' cannot be read: {error}") from error
    return array


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:40]}...{name[-16:]}"
