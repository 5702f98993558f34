"""`from_tflite`, `program_from_tflite`: nets and integer programs from TensorFlow Lite files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drypoint import nn
from drypoint.common import check_kind, read_bytes
from drypoint.graph import QuantizedNode
from drypoint.program import Program, ProgramError

from .._cut import read_up_to
from .._errors import TfliteError
from .._program import program_of
from .file import read_file
from .open_sizes import close_sizes
from .operators import CONVERTERS
from .reader import Reader
from .rewrites import join_operators
from .streams.window import whole_window
from .walk import operators


def program_from_tflite(
    source: bytes | str | Path, *, name: str = "model", cut: Sequence[str] = ()
) -> Program:
    """The integer program of a quantized TensorFlow Lite file: its own weights, scales and zero
    points.

    The operators are CONV_2D (also in groups), DEPTHWISE_CONV_2D, FULLY_CONNECTED,
    AVERAGE_POOL_2D without padding, MAX_POOL_2D, MEAN and REDUCE_MAX over rows and columns, ADD,
    MUL and SUB (the last with a constant), MAXIMUM and MINIMUM (with one number), GATHER of a table
    by the integers of a tensor, CONCATENATION, SPLIT, SPLIT_V, STRIDED_SLICE and SLICE of channels,
    rows and columns, TRANSPOSE_CONV, RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR, DEPTH_TO_SPACE,
    RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE of an input (N, C, H, W), which the program reads as
    images all the same, PAD (also of channels), PADV2, SOFTMAX at the end, QUANTIZE, and DEQUANTIZE
    at the end. Functions become tables: RELU, RELU6, RELU_N1_TO_1, LEAKY_RELU, ELU, GELU, LOGISTIC,
    TANH, HARD_SWISH, ABS, NEG, EXP, LOG, SQRT, SQUARE, SIN and COS. Activations are int8 with one
    scale, weights int8 with one scale or a scale for each channel.

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

    def read(ends: Sequence[str]) -> tuple[Program, tuple[QuantizedNode, ...]]:
        try:
            with np.errstate(all="ignore"):  # not finite numbers are refused where they matter
                reader = _read(content, ends, integers=True)
                outputs, betas = reader.outputs(), reader.betas
                return program_of(reader.draft, outputs, name=name, halves="up", betas=betas)
        except (TfliteError, ProgramError, nn.ConfigError) as error:
            about = f"{subject} no quantized net that can be read"
            raise TfliteError.about(about, error) from error

    return read_up_to(cut, read)


def from_tflite(source: bytes | str | Path, *, cut: Sequence[str] = ()) -> nn.Sequential | nn.Graph:
    """The float net of a TensorFlow Lite file: a `Sequential` where it is a chain of layers.

    Weights become float32; of a quantized file, the real values of its integers. The operators of
    `program_from_tflite` are read, but NEG, and streaming files as nets over a whole window. The
    net takes images as (N, C, H, W); the file's images are (N, H, W, C).

    Args:
        source, cut: as for `program_from_tflite`.

    Raises:
        TfliteError: no TensorFlow Lite file, weights that are not finite in float32, or operators
            without a counterpart (the message has a line for each reason).
        DrypointError: the file cannot be read, or the package ``tflite`` is not installed.
    """
    content, subject = _content(source)

    def read(ends: Sequence[str]) -> nn.Sequential | nn.Graph:
        try:
            with np.errstate(all="ignore"):
                reader = _read(content, ends, integers=False)
                return reader.draft.net(reader.outputs())
        except (TfliteError, nn.ConfigError, nn.ShapeError, nn.GraphError) as error:
            raise TfliteError.about(f"{subject} no net that can be read", error) from error

    return read_up_to(cut, read)


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


def _read(content: bytes, cut: Sequence[str], *, integers: bool) -> Reader:
    """The layers of a file."""
    reader = Reader(
        whole_window(join_operators(close_sizes(read_file(content, cut)))), integers=integers
    )
    reader.walk(CONVERTERS)
    return reader


def _content(source: bytes | str | Path) -> tuple[bytes, str]:
    """The bytes of a file, and how a message begins."""
    expected = "the bytes or the path of a TensorFlow Lite file"
    check_kind(source, (bytes, str, Path), name="source", wanted=expected, error=TfliteError)
    if isinstance(source, bytes):
        return source, "the bytes are"
    return read_bytes(source), f"{source} is"
