"""The C of a program that reads samples: tables of its front end, NAME_listen, its self-test."""

from collections.abc import Iterable
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray

from drypoint.sound import NOISE

from ._detector import Detector
from ._program import Program
from ._reference import trace
from ._sound_record import detector_fields

_COUNTERS = 8  # bytes: samples held, rows held; of a detector decisions to wait, oldest row
_DETECTOR = ("window", "hold", "cutoff", "keywords")
_LIST_WIDTH = 100
NO_KEYWORD = 99  # in the self-test's checksum


def listen_size(program: Program) -> int:
    """NAME_LISTEN_SIZE: the bytes that `dpt_listen_size` computes."""
    border = program.sound_border
    front = border.front
    scratch = _round4(program.state_size) + 2 * front.fft + 2 * front.channels
    arena = _round4(max(scratch, program.arena_size))
    noise = 4 * front.channels * bool(front.stages & NOISE)
    held = _round4(arena + noise + _COUNTERS + border.rows * front.channels)
    return _round4(held + 2 * front.window.size) + _detector_size(program.detector)


def _detector_size(detector: Detector | None) -> int:
    """Counters, sums and scores."""
    if detector is None:
        return 0
    keywords = len(detector.keywords)
    return _COUNTERS + 4 * keywords + _round4(2 * keywords * detector.window)


def listen_defines(program: Program, name: str) -> str:
    """The macros of the header."""
    say = "bytes: state, front end and arena of NAME_listen".replace("NAME", name)
    return f"#define {name.upper()}_LISTEN_SIZE  {listen_size(program)} /* {say} */\n"


def listen_declarations(program: Program, name: str) -> str:
    """The functions of the header."""
    detect = program.detector is not None
    return _fill(
        "listen.h.in",
        **_names(program, name),
        detect=_fill("keywords.h.in", name=name) if detect else "",
    )


def listen_source(program: Program, name: str) -> str:
    """Tables and functions of the source; nothing for a program that reads no samples."""
    if program.front is None:
        return ""
    border, front = program.sound_border, program.front
    tables = (
        ("int16_t", "factors", front.window.tolist()),
        ("uint32_t", "twiddles", _words(front.twiddles)),
        ("uint32_t", "split", _words(front.split)),
        ("int16_t", "bins", front.bins.tolist()),
        ("uint32_t", "weights", _words(front.weights) or ["0"]),
        ("int16_t", "gain", front.gain.tolist()),
    )
    fields = {
        "window": front.window.size,
        "step": front.step,
        "fft": front.fft,
        "channels": front.channels,
        "smoothing": f"{{{front.smoothing[0]}, {front.smoothing[1]}}}",
        "floor": front.floor,
        "stages": front.stages,
        "smoothing_bits": front.smoothing_bits,
        "gain_shift": front.gain_shift,
        "log_shift": front.log_shift,
        **{what: f"sound_{what}" if values else "NULL" for _, what, values in tables},
    }
    return _fill(
        "listen.c.in",
        **_names(program, name),
        tables="".join(
            f"static const {kind} sound_{what}[] = {{\n{_wrap(values)}}};\n"
            for kind, what, values in tables
            if values
        ),
        fields=_wrap([f".{what} = {value}" for what, value in fields.items()]),
        rows=border.rows,
        mult=border.mult,
        shift=border.shift,
        detector=", ".join(map(".{} = {}".format, _DETECTOR, detector_fields(program.detector))),
        detect="" if program.detector is None else _fill("keywords.c.in", **_names(program, name)),
    )


def listen_selftest(program: Program, name: str) -> str:
    """The part of the self-test that listens to generated samples."""
    if program.front is None:
        return ""
    detector = program.detector
    decisions = 3 if detector is None else 3 + detector.window  # the detector waits for its window
    frames = program.clocks[-1].first + decisions * program.clocks[-1].period
    if not program.is_streaming:
        frames = (decisions - 1) * program.sound_border.rows
    samples = program.front.window.size + (frames - 1) * program.front.step
    decisions, checksum = listen_checksum(program, selftest_samples(samples))
    return _fill(
        "listen_selftest.c.in",
        **_names(program, name),
        detect="" if detector is None else _fill("keywords_selftest.c.in", name=name),
        samples=samples,
        decisions=decisions,
        checksum=f"0x{checksum:08X}",
    )


def selftest_samples(n: int) -> NDArray[np.int16]:
    """The n samples of self-tests: bits 16 to 31 of an LCG, ever louder in each 4,096 of them."""
    x, samples = 1, []
    for i in range(n):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        samples.append(((x >> 16) - 0x8000) >> (15 - (i >> 8) % 16))
    return np.array(samples, np.int16)


def listen_checksum(program: Program, samples: NDArray[np.int16]) -> tuple[int, int]:
    """The number of a signal's decisions; a checksum of values and keywords, by the reference."""
    border = program.sound_border
    rows = border.rows_of(samples)
    n = len(rows) // border.rows
    inputs = rows[: n * border.rows].reshape(n, *program.input_shape)
    planes = program.output_values(
        plane[program.output_steps(n).start :: program.output_steps(n).step]
        for plane in trace(program, inputs)
    )
    values = list(planes.values()) if isinstance(planes, dict) else [planes]
    outputs = np.concatenate([plane.reshape(len(plane), -1) for plane in values], axis=1)
    if program.detector is not None:
        last = values[-1].reshape(len(outputs), -1)
        found = dict(program.detector.detect(last, program.outputs[-1]))
        keywords = [[found.get(decision, NO_KEYWORD)] for decision in range(len(outputs))]
        outputs = np.concatenate([outputs, np.array(keywords, outputs.dtype)], axis=1)
    checksum = 0
    for value in outputs.ravel().tolist():
        checksum = ((checksum ^ (value & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return len(outputs), checksum


def _names(program: Program, name: str) -> dict[str, object]:
    rate = program.sample_rate
    return {"name": name, "upper": name.upper(), "rate": rate, "n_ops": len(program.ops)}


def _fill(template: str, **values: object) -> str:
    text = files(__package__).joinpath("templates", template).read_text("utf-8")
    return Template(text).substitute(values)


def _words(pairs: NDArray[np.int16]) -> list[str]:
    """Pairs as words, the first number in the lower half."""
    low, high = pairs.astype(np.uint16).astype(np.uint32).T
    return [f"0x{word:08X}u" for word in (low | high << 16).tolist()]


def _wrap(values: Iterable[object]) -> str:
    """Values with commas, in lines of at most 100 columns."""
    lines, line = [], "   "
    for value in values:
        if len(line) + len(str(value)) + 2 > _LIST_WIDTH:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return "\n".join([*lines, line]) + "\n"


def _round4(size: int) -> int:
    return (size + 3) // 4 * 4
