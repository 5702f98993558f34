"""The record of sound in a blob: BLOB.md section 10."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from drypoint.sound import (
    GAIN,
    LARGEST_FFT,
    LOG,
    NOISE,
    SMALLEST_FFT,
    FrontEnd,
    SoundError,
    table_shapes,
)

from ._detector import MOST_VALUES, Detector
from ._program import Program
from ._records import append

RECORD = struct.Struct("<BB5HI3H4BHIIHHII16s")
FORM = 1


def append_sound(body: bytearray, program: Program) -> int:
    """Append the tables and the record of a program's front end; returns where the record lies."""
    front = program.sound_border.front
    tables = b"".join(table.astype("<i2").tobytes() for table in front.tables)
    at = append(body, tables)
    return append(body, _record(program, at))


def detector_fields(detector: Detector | None) -> tuple[int, int, int, int]:
    """window, hold, cutoff and the bits of the keywords; zeros without a detector."""
    if detector is None:
        return 0, 0, 0, 0
    bits = sum(1 << value for value in detector.keywords)
    return detector.window, detector.hold, detector.cutoff, bits


def _record(program: Program, tables: int) -> bytes:
    border = program.sound_border
    front = border.front
    return RECORD.pack(
        FORM,
        front.stages,
        front.window.size,
        front.step,
        front.fft,
        front.channels,
        border.rows,
        front.rate,
        *front.smoothing,
        front.floor,
        front.smoothing_bits,
        front.gain_shift,
        front.log_shift,
        border.shift,
        0,
        border.mult,
        tables,
        *detector_fields(program.detector),
        bytes(16),
    )


def read_front(blob: memoryview, offset: int) -> FrontEnd:
    """The front end of the record at an offset."""
    if offset + RECORD.size > len(blob):
        raise ValueError(f"the record of sound at {offset} does not lie in {len(blob)} bytes")
    form, stages, window, step, fft, channels, _, rate, *rest = RECORD.unpack_from(blob, offset)
    if form != FORM or stages > NOISE | GAIN | LOG:
        raise ValueError(f"the record of sound has form {form} and stages {stages}")
    if not SMALLEST_FFT <= fft <= LARGEST_FFT or fft & (fft - 1) or channels == 0:
        raise ValueError(f"the record of sound has an FFT of {fft} and {channels} channels")
    values = np.frombuffer(blob, np.uint8)[rest[9] :]
    tables: list[NDArray[np.int16]] = []
    for known in table_shapes(window, fft, channels, stages):
        shape = known or (max(0, int(tables[3][1:].sum(dtype=np.int64))), 2)
        count = math.prod(shape)
        if 2 * count > values.size:
            raise ValueError("the tables of the record of sound do not lie in the blob")
        table = values[: 2 * count].view("<i2").astype(np.int16)
        tables.append(table.reshape(shape))
        values = values[2 * count :]
    names = ("window", "twiddles", "split", "bins", "weights", "gain")
    try:
        return FrontEnd(
            rate=rate,
            step=step,
            stages=stages,
            smoothing=(rest[0], rest[1]),
            floor=rest[2],
            smoothing_bits=rest[3],
            gain_shift=rest[4],
            log_shift=rest[5],
            **dict(zip(names, tables, strict=True)),
        )
    except SoundError as error:
        raise ValueError(str(error)) from error


def read_detector(blob: memoryview, offset: int) -> Detector | None:
    """The detector of the record at an offset, or None."""
    window, hold, cutoff, bits = RECORD.unpack_from(blob, offset)[-5:-1]
    if window == 0:
        return None
    keywords = tuple(k for k in range(MOST_VALUES) if bits >> k & 1)
    return Detector(window=window, hold=hold, cutoff=cutoff, keywords=keywords)


def check_record(blob: memoryview, offset: int, program: Program) -> None:
    """Check that the record is the one that the program's front end and scales give."""
    (tables,) = struct.unpack_from("<I", blob, offset + 32)
    if _record(program, tables) != blob[offset : offset + RECORD.size]:
        raise ValueError(
            "the record of sound is not the one that the program's input and its encoder's scale "
            "give"
        )
