"""Wake words of microWakeWord: a JSON manifest beside a TensorFlow Lite file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drypoint.common import DrypointError, check_kind, parse_json, printable, read_bytes
from drypoint.data import AudioEncoder
from drypoint.program import Detector, Program, simplify

from ._errors import ImportFileError
from .tflite.read import program_from_tflite

_LARGEST = 1 << 20  # bytes of a manifest
STEP_MS = 10  # of the front end that all manifests of version 2 have
HOLD_MS = 1000  # after a detection, in which nothing is detected


@dataclass(frozen=True, eq=False, kw_only=True)
class WakeWord:
    """A wake word, ready to be exported: `program.streaming()` listens to samples.

    Attributes:
        program: the net with the front end "micro". Its output is a probability in 256ths. Its
            detector says when the wake word was there, and nothing in the second after it.
        wake_word: the words, as the manifest shows them.
        cutoff: the wake word is detected where the mean of the last probabilities is above it.
        sliding_window: of so many probabilities.
    """

    program: Program
    wake_word: str
    cutoff: float
    sliding_window: int


def read_wake_word(path: str | Path, *, name: str = "model") -> WakeWord:
    """The wake word of a manifest, which may be untrusted.

    Args:
        path: of the manifest; the TensorFlow Lite file that it names lies beside it.
        name: the program's name.

    Raises:
        ImportFileError: a field is missing or of another kind, or the net does not read rows of 40
            features.
        DrypointError: a file cannot be read.
    """
    wanted = "the path of a manifest"
    check_kind(path, (str, Path), name="path", wanted=wanted, error=ImportFileError)
    check_kind(name, str, name="name", wanted="the program's name", error=ImportFileError)
    path = Path(path)
    content = read_bytes(path, limit=_LARGEST)
    try:
        manifest: Any = parse_json(content, largest=_LARGEST)
    except DrypointError as error:
        raise ImportFileError(f"{path} is no manifest: {error}") from error
    micro = _field(path, manifest, "micro", dict)
    model = _field(path, manifest, "model", str)
    if Path(model).name != model or not model.endswith(".tflite"):
        raise ImportFileError(
            f"{path}: model is {printable(model)!r:.60}; wanted: the name of a .tflite file beside "
            "the manifest"
        )
    if manifest.get("version") != 2 or micro.get("feature_step_size") != STEP_MS:
        raise ImportFileError(
            f"{path} has version {manifest.get('version')!r:.20} and feature_step_size "
            f"{micro.get('feature_step_size')!r:.20}; wanted: 2, and {STEP_MS} ms"
        )
    cutoff = _field(path, micro, "probability_cutoff", float)
    window = _field(path, micro, "sliding_window_size", int)
    if not 0 <= cutoff <= 1 or not 1 <= window <= 1000:
        raise ImportFileError(
            f"{path} has a cutoff of {cutoff:g} and a sliding window of {window}; wanted: 0 to 1, "
            "and 1 to 1000"
        )
    program = program_from_tflite(path.parent / model, name=name)
    h, w, c = program.input_shape
    if w * c != AudioEncoder(rows=1).front.channels or math.isnan(program.input_scale):
        raise ImportFileError(f"{path.parent / model} reads {h} x {w} x {c}; wanted: rows of 40")
    encoder = AudioEncoder(rows=h, layout="signal")
    facts: dict[str, Any] = {"wake_word": str(manifest.get("wake_word", ""))[:100]}
    facts |= {"probability_cutoff": cutoff, "sliding_window_size": window}
    program = simplify(
        replace(program, encoder=encoder.config(), front=encoder.front, provenance=facts)
    ).program
    period = program.streaming().clocks[-1].period * STEP_MS
    detector = Detector.of_probability(
        cutoff, program.outputs[-1], window=window, hold=HOLD_MS // period, keywords=(0,)
    )
    return WakeWord(
        program=replace(program, detector=detector),
        wake_word=printable(facts["wake_word"]),
        cutoff=cutoff,
        sliding_window=window,
    )


def _field(path: Path, fields: Any, name: str, kind: type) -> Any:
    value = fields.get(name) if isinstance(fields, Mapping) else None
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ImportFileError(
            f"{path}: {name} is {value!r:.40}; wanted: {kind.__name__}, as a manifest has it"
        )
    return value
