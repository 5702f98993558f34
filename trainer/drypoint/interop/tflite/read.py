"""`from_tflite`, `program_from_tflite`: nets and integer programs from TensorFlow Lite files."""

from collections.abc import Sequence
from pathlib import Path

from drypoint import nn
from drypoint.common import check_kind, read_bytes
from drypoint.graph import QuantizedNode
from drypoint.program import Program

from .._cut import read_up_to
from .._errors import TfliteError
from ..onnx.file import Graph
from ..onnx.read import net_of, program_of_graph
from .file import read_file
from .nodes import graph_of
from .open_sizes import close_sizes
from .operators import HANDLERS
from .rewrites import join_operators
from .streams.window import whole_window
from .walk import operators


def program_from_tflite(
    source: bytes | str | Path, *, name: str = "model", cut: Sequence[str] = ()
) -> Program:
    """The integer program of a quantized TensorFlow Lite file: its own weights, scales and zero
    points.

    The page "Nets from other frameworks" lists the operators. Activations are int8 with one scale,
    weights int8 with one scale or a scale for each channel.

    A streaming file, which keeps the last rows of signals in variables, becomes a program over a
    whole window: the rows that one output depends on, in whole runs. Its `Program.streaming` gives
    the file's outputs run by run.

    The program reads the file's int8 input; of a file with a uint8 input it reads uint8 where the
    zero point is 0, else int8 that are 128 less; a float input becomes integers by
    `Program.integers`. Its outputs are the integers of the file's int8 output, less the zero point;
    of a file that ends in a softmax, the integers before that.

    Each value is the nearest integer (NUMERICS.md section 2). TensorFlow Lite's kernels round in
    other ways, some of them twice. From equal inputs, an operator's single values differ by at most
    1 from LiteRT's, functions of one value excepted.

    Args:
        source: a file, or its bytes. It is untrusted: nothing in it is executed, and no other
            file is opened. Reading takes memory in proportion to the file's size.
        name: the program's name.
        cut: the names of the tensors to import up to; none: the file's outputs. What comes after
            them in the file is left out.

    Raises:
        TfliteError: no TensorFlow Lite file, no quantized net, or operators without a counterpart
            (the message has a line for each reason).
        DrypointError: the file cannot be read, or the package ``tflite`` is not installed.
    """
    program, _ = program_of_tflite(source, name, cut)
    return program


def program_of_tflite(
    source: bytes | str | Path, name: str, cut: Sequence[str]
) -> tuple[Program, tuple[QuantizedNode, ...]]:
    """As `program_from_tflite`, with the node of each op."""
    content, subject = _content(source)
    return read_up_to(
        cut, lambda ends: program_of_graph(*_graph(content, subject, ends, integers=True), name)
    )


def from_tflite(source: bytes | str | Path, *, cut: Sequence[str] = ()) -> nn.Sequential | nn.Graph:
    """The float net of a TensorFlow Lite file: a `Sequential` where it is a chain of layers.

    Weights become float32; of a quantized file, the real values of its integers. A streaming file
    becomes a net over a whole window. The net takes images as (N, C, H, W); the file's images are
    (N, H, W, C).

    Args:
        source, cut: as for `program_from_tflite`.

    Raises:
        TfliteError: no TensorFlow Lite file, weights that are not finite in float32, or operators
            without a counterpart (the message has a line for each reason).
        DrypointError: the file cannot be read, or the package ``tflite`` is not installed.
    """
    content, subject = _content(source)
    return read_up_to(cut, lambda ends: net_of(*_graph(content, subject, ends, integers=False)))


def is_quantized_tflite(source: bytes | str | Path, *, cut: Sequence[str] = ()) -> bool:
    """Whether operators of a TensorFlow Lite file write integers of 8 or 16 bits, so that
    `program_from_tflite` is for it.

    Args:
        source, cut: as for `program_from_tflite`.

    Raises:
        TfliteError: no TensorFlow Lite file.
        DrypointError: the file cannot be read, or the package ``tflite`` is not installed.
    """
    content, subject = _content(source)
    try:
        file = read_file(content, cut)
        written = [
            file.tensors[n].type for operator in operators(file) for n in operator.outputs if n >= 0
        ]
        return bool({"INT8", "UINT8", "INT16"}.intersection(written))
    except TfliteError as error:
        raise TfliteError.about(f"{subject} no net that can be read", error) from error


def _graph(
    content: bytes, subject: str, cut: Sequence[str], *, integers: bool
) -> tuple[Graph, str]:
    """The operators of a file as a graph, and the subject."""
    try:
        file = whole_window(join_operators(close_sizes(read_file(content, cut))))
        return graph_of(file, HANDLERS, integers=integers), subject
    except TfliteError as error:
        kind = "quantized net" if integers else "net"
        raise TfliteError.about(f"{subject} no {kind} that can be read", error) from error


def _content(source: bytes | str | Path) -> tuple[bytes, str]:
    """The bytes of a file, and how a message begins."""
    expected = "the bytes or the path of a TensorFlow Lite file"
    check_kind(source, (bytes, str, Path), name="source", wanted=expected, error=TfliteError)
    if isinstance(source, bytes):
        return source, "the bytes are"
    return read_bytes(source), f"{source} is"
