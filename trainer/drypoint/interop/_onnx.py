"""`from_onnx`, `program_from_onnx`: nets and integer programs from ONNX files."""

from pathlib import Path

from drypoint import nn

from ._errors import OnnxError
from ._onnx_draft import Draft
from ._onnx_file import Graph, read_graph
from ._onnx_functions import handlers as functions
from ._onnx_functions import materialize
from ._onnx_reader import Bound, Handler, Reader, input_of
from ._onnx_shapes import (
    concat,
    expand,
    flatten,
    gather,
    reshape,
    slice_of,
    softmax,
    split,
    squeeze,
    transpose,
    unsqueeze,
)
from ._onnx_value import Value
from ._onnx_weighted import batch_norm, conv, gemm, matmul
from ._onnx_windows import global_pool, pad, pool, reduce

MAX_WALKS = 3  # the first finds what the net's input is

HANDLERS: dict[str, Handler] = {
    **functions(),
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": global_pool,
    "GlobalMaxPool": global_pool,
    "ReduceMean": reduce,
    "ReduceMax": reduce,
    "Pad": pad,
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Concat": concat,
    "Split": split,
    "Slice": slice_of,
    "Gather": gather,
    "Expand": expand,
    "Softmax": softmax,
    "LogSoftmax": softmax,
}
_STATE = "keeps a state from step to step: a net has none; use convolutions over time"
_QUANTIZED = "belongs to a quantized net: interop.program_from_onnx reads it"
_DYNAMIC = (
    "quantizes while it runs: use onnxruntime.quantization.quantize_static, or export the float net"
)
_SIZES = "makes images larger; the engine has no such op: use fewer strides before it"
_OTHER_NORM = "normalizes by statistics of the example; the engine has no such op: use BatchNorm"
_CONTROL = "chooses what is computed while it runs: export one branch"
HINTS = {
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _STATE),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _QUANTIZED),
    **dict.fromkeys(("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"), _DYNAMIC),
    **dict.fromkeys(("Resize", "Upsample", "ConvTranspose", "DepthToSpace"), _SIZES),
    **dict.fromkeys(
        ("InstanceNormalization", "LayerNormalization", "GroupNormalization", "LRN"), _OTHER_NORM
    ),
    **dict.fromkeys(("If", "Loop", "Scan", "Where"), _CONTROL),
    "ArgMax": "gives the number of the largest value: end before it; a program's decision is it",
    "TopK": "sorts values: end before it",
    "Einsum": "is a general product of tensors: use a Linear or a convolution",
    "ReduceSum": "sums over axes: use a mean (ReduceMean), and a factor",
    "InstanceNormalization": _OTHER_NORM,
}


def from_onnx(source: bytes | str | Path) -> nn.Sequential | nn.Graph:
    """The float net of an ONNX file: a `Sequential` where it is a chain of layers.

    `docs/import.md` lists the operators. Nodes that compute nothing of the input become constants;
    nodes that move no value become no layer. Weights become float32. Layers get the default names
    of `nn.Sequential`.

    The net takes an example as the file does, with two exceptions: an image that the file has as
    (H, W, C) is (C, H, W), and a signal (C, L) or (L, C) is an image (C, 1, L).

    Args:
        source: a file, or its bytes. It is untrusted: nothing in it is executed. Data in other
            files are read if these lie beside the file. Reading takes memory in proportion to the
            size of the files.

    Raises:
        OnnxError: no ONNX, data in files that lie elsewhere, several inputs or outputs, weights
            that are not finite in float32, or nodes that no layer computes (the message has a line
            for each reason).
        DrypointError: the file cannot be read, or the package ``onnx`` is not installed.
    """
    graph, what = read_graph(source)
    try:
        draft, output = drafted(graph, integers=False)
        return draft.net(output.end)
    except (OnnxError, nn.ConfigError, nn.ShapeError, nn.GraphError) as error:
        raise OnnxError.about(f"{what} no net that can be read", error) from error


def drafted(graph: Graph, *, integers: bool) -> tuple[Draft, Value]:
    """The layers of a graph, and its output.

    Args:
        graph: the graph.
        integers: whether tensors may be quantized.

    Raises:
        OnnxError: nodes cannot be converted.
    """
    bound: Value | None = None
    for _ in range(MAX_WALKS):
        reader = Reader(
            graph,
            input_of(graph, bound),
            is_raw=bound is None,
            integers=integers,
            materialize=materialize,
        )
        try:
            return reader.draft, reader.walk(HANDLERS, HINTS)
        except Bound as found:
            bound = found.view
    raise OnnxError("its input is read in too many ways")
