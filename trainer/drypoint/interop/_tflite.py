"""`program_from_tflite` and `from_tflite`: TensorFlow Lite files."""

from pathlib import Path

from drypoint.common import check_kind, read_bytes
from drypoint.program import Program, ProgramError

from ._errors import TfliteError
from ._tflite_draft import Draft
from ._tflite_file import read_file
from ._tflite_integers import CONVERTERS
from ._tflite_walk import convert_all


def program_from_tflite(source: bytes | str | Path, *, name: str = "model") -> Program:
    content, what = _content(source)
    try:
        draft = Draft(read_file(content))
        convert_all(draft.line, CONVERTERS, draft, draft.stand_in)
        return draft.finished(name)
    except (TfliteError, ProgramError) as error:
        raise TfliteError(f"{what} no quantized net that can be read: {error}") from error


def _content(source: bytes | str | Path) -> tuple[bytes, str]:
    """The bytes of a file, and how a message begins."""
    wanted = "the bytes or the path of a TensorFlow Lite file"
    check_kind(source, (bytes, str, Path), name="source", wanted=wanted, error=TfliteError)
    if isinstance(source, bytes):
        return source, "the bytes are"
    return read_bytes(source), f"{source} is"
