"""`from_onnx`, `program_from_onnx`: nets and integer programs from ONNX files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drypoint import nn
from drypoint.graph import QuantizedNode
from drypoint.program import Program, ProgramError

from .._cut import read_up_to
from .._draft import Draft
from .._errors import ImportFileError, OnnxError
from .._program import program_of
from .._tensor_view import TensorView
from .file import Graph, read_graph
from .operators import functions, recurrent, shapes, upsampling, weighted, windows
from .operators.functions import materialize
from .operators.quantized import integer_handlers
from .reader import Handler, InputLayout, Reader

MAX_WALKS = 2  # and one for each input, which finds what the net's input is

_FLOATS = (functions, shapes, upsampling, weighted, windows)
HANDLERS: dict[str, Handler] = {op: f for module in _FLOATS for op, f in module.HANDLERS.items()}
HANDLERS |= integer_handlers(HANDLERS)
HANDLERS |= recurrent.handlers(HANDLERS)
_PLAIN = "is a plain recurrent unit, which forgets; wanted: GRU or LSTM of one direction"
_DYNAMIC = (
    "quantizes while it runs: use onnxruntime.quantization.quantize_static, or export the float net"
)
_OTHER_NORM = "normalizes by statistics of the example; the engine has no such op: use BatchNorm"
_CONTROL = "chooses what is computed while it runs: export one branch"
HINTS = {
    "RNN": _PLAIN,
    **dict.fromkeys(("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"), _DYNAMIC),
    **dict.fromkeys(
        ("InstanceNormalization", "LayerNormalization", "GroupNormalization", "LRN"), _OTHER_NORM
    ),
    **dict.fromkeys(("If", "Loop", "Scan"), _CONTROL),
    "ArgMax": "gives the number of the largest value: end before it; a program's decision is it",
    "TopK": "sorts values: end before it",
    "Einsum": "is a general product of tensors: use a Linear or a convolution",
}


def from_onnx(
    source: bytes | str | Path,
    *,
    cut: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
) -> nn.Sequential | nn.Graph:
    """The float net of an ONNX file: a `Sequential` where it is a chain of layers.

    The page "Nets from other frameworks" lists the operators. Nodes that compute nothing of the
    input become constants; nodes that move no value become no layer. Weights become float32. Layers
    get the default names of `nn.Sequential`.

    The net takes an example as the file does, with two exceptions: an image that the file has as
    (H, W, C) is (C, H, W), and a signal (C, L) or (L, C) is an image (C, 1, L).

    Args:
        source: a file, or its bytes. It is untrusted: nothing in it is executed. Data in other
            files are read if these lie beside the file. Reading takes memory in proportion to the
            size of the files.
        cut: the names of the tensors to import up to; none: the file's outputs. What comes after
            them in the file is left out.
        input_shape: the shape of an example, such as (3, 48, 192), where the file leaves it open.

    Raises:
        OnnxError: no ONNX, data in files that lie elsewhere, weights that are not
            finite in float32, or nodes that no layer computes (the message has a line
            for each reason).
        DrypointError: the file cannot be read, or the package ``onnx`` is not installed.
    """
    return read_up_to(
        cut, lambda ends: net_of(*read_graph(source, cut=ends, input_shape=input_shape))
    )


def net_of(graph: Graph, subject: str) -> nn.Sequential | nn.Graph:
    """The float net of a graph."""
    try:
        with np.errstate(all="ignore"):  # numbers that are not finite are refused where they matter
            draft, outputs = draft_graph(graph, integers=False)
            return draft.net(outputs)
    except (ImportFileError, nn.ConfigError, nn.ShapeError, nn.GraphError) as error:
        raise graph.error.about(f"{subject} no net that can be read", error) from error


def program_from_onnx(
    source: bytes | str | Path,
    *,
    name: str = "model",
    cut: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
) -> Program:
    """The integer program of a quantized ONNX file: its own weights, scales and zero points.

    Both forms are read: float operators between QuantizeLinear and DequantizeLinear (QDQ), and
    operators on integers (QLinearConv, ...), as ``onnxruntime.quantization.quantize_static`` writes
    them. Activations are int8 or uint8 with one scale, weights symmetric int8 with a scale a
    channel or one.

    The program reads what the file's first QuantizeLinear gives, or the integers that a file of an
    integer input reads, as `to_onnx` writes it: uint8 with zero point 0 as u8, other integers as
    i8, uint8 less 128; images as (N, H, W, C). `Program.integers` makes them of
    real values. Its outputs are the integers of the file's output, less the zero point; of a file
    that ends in a softmax, the integers before that.

    Args:
        source: as for `from_onnx`.
        name: the program's name.
        cut, input_shape: as for `from_onnx`.

    Raises:
        OnnxError: as `from_onnx`; or tensors that are not quantized.
        DrypointError: as `from_onnx`.
    """
    program, _ = program_of_onnx(source, name, cut, input_shape)
    return program


def program_of_onnx(
    source: bytes | str | Path,
    name: str,
    cut: Sequence[str],
    input_shape: Sequence[int] | None,
) -> tuple[Program, tuple[QuantizedNode, ...]]:
    """As `program_from_onnx`, with the node of each op."""
    return read_up_to(
        cut,
        lambda ends: program_of_graph(*read_graph(source, cut=ends, input_shape=input_shape), name),
    )


def program_of_graph(
    graph: Graph, subject: str, name: str
) -> tuple[Program, tuple[QuantizedNode, ...]]:
    """The integer program of a graph, with the node of each op."""
    try:
        with np.errstate(all="ignore"):  # numbers that are not finite are refused where they matter
            draft, outputs = draft_graph(graph, integers=True)
            return program_of(draft, outputs, name=name, halves=graph.halves)
    except (ImportFileError, ProgramError, nn.ConfigError) as error:
        raise graph.error.about(f"{subject} no quantized net that can be read", error) from error


def is_quantized_onnx(
    source: bytes | str | Path,
    *,
    cut: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
) -> bool:
    """Whether an ONNX file computes with integers, so that `program_from_onnx` is for it: it
    quantizes an activation.

    Args:
        source: as for `from_onnx`.
        cut, input_shape: as for `from_onnx`.

    Raises:
        OnnxError, DrypointError: as `from_onnx`.
    """
    graph, _ = read_graph(source, cut=cut, input_shape=input_shape)
    return any(
        node.op.rpartition(".")[2].startswith(("QLinear", "QGemm"))
        or (node.op == "QuantizeLinear" and node.inputs[0] not in graph.constants)
        for node in graph.nodes
    )


def draft_graph(graph: Graph, *, integers: bool) -> tuple[Draft, dict[str, int]]:
    """The layers of a graph, and the number of the layer that computes each output."""
    bound = dict[str, TensorView]()
    for _ in range(MAX_WALKS + len(graph.inputs)):
        reader = Reader(graph, bound, integers=integers, materialize=materialize)
        try:
            return reader.draft, reader.walk(graph.handlers or HANDLERS, graph.hints or HINTS)
        except InputLayout as found:
            bound[found.name] = found.view
    raise OnnxError(
        "the layers that read the graph's input take it in different shapes or axis orders: export "
        "the net with images as (N, C, H, W)"
    )
