"""Quantized files of either framework: which are, their programs, and how these round."""

from collections.abc import Sequence
from pathlib import Path

from drypoint.common import check_kind, read_start
from drypoint.program import Program

from ._errors import ImportFileError, TfliteError
from ._rounding import RoundingReport, compare, requantizations
from .onnx.read import program_of_onnx
from .tflite.file import IDENTIFIER
from .tflite.read import program_of_tflite


def is_tflite(source: bytes | str | Path) -> bool:
    """Whether a file is TensorFlow Lite's by its bytes 4 to 7 or its name; else ONNX.

    Args:
        source: a file, or its bytes.

    Raises:
        ImportFileError: neither bytes nor a path.
        DrypointError: the file cannot be read.
    """
    expected = "the bytes or the path of an ONNX or TensorFlow Lite file"
    check_kind(source, (bytes, str, Path), name="source", wanted=expected, error=ImportFileError)
    if isinstance(source, bytes):
        return source[4:8] == IDENTIFIER
    return read_start(source, 8)[4:] == IDENTIFIER or Path(source).suffix == ".tflite"


def program_and_rounding(
    source: bytes | str | Path,
    *,
    name: str = "model",
    cut: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
) -> tuple[Program, RoundingReport]:
    """The program of a quantized file, and on how many accumulators its framework gives another
    byte.

    Args:
        source: an ONNX or TensorFlow Lite file, or its bytes; untrusted, as for
            `program_from_onnx` and `program_from_tflite`.
        name: the program's name.
        cut: the names of the tensors to import up to; none: the file's outputs.
        input_shape: of an example, where an ONNX file leaves it open.

    Raises:
        OnnxError, TfliteError, DrypointError: as `program_from_onnx` and `program_from_tflite`.
    """
    if is_tflite(source):
        if input_shape is not None:
            raise TfliteError("input_shape is of ONNX files; a TensorFlow Lite file states its own")
        program, nodes = program_of_tflite(source, name, cut)
        return program, compare(program.ops, requantizations(nodes), "TensorFlow Lite")
    program, nodes = program_of_onnx(source, name, cut, input_shape)
    return program, compare(program.ops, requantizations(nodes), "ONNX Runtime")


def rounding_report(source: bytes | str | Path, *, cut: Sequence[str] = ()) -> RoundingReport:
    """On how many of the accumulators that an op's weights allow the file's framework gives another
    byte than the imported program, and by how much at most.

    A program rounds once, TensorFlow Lite's reference kernels twice, ONNX Runtime in float32.

    Args:
        source, cut: as for `program_and_rounding`.

    Raises:
        OnnxError, TfliteError, DrypointError: as `program_and_rounding`.
    """
    return program_and_rounding(source, cut=cut)[1]
