"""The record of sound: written, read back, and refused where it breaks a rule, by Python and C.

Oracle: BLOB.md section 10, by statuses written here.
"""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import sound_faults
import sound_nets
from blobs import listen_status

from drypoint.engine._native import ffi, lib
from drypoint.program import BlobError, Detector, blob
from tools import COMPILERS, run

FIELD, SHAPE, TABLE, STATE, OK = -9, -10, -11, -14, 0
PROGRAM = sound_nets.window_program("micro")
GOOD = blob.dumps(PROGRAM)
(RECORD,) = struct.unpack_from("<I", GOOD, 60)
(TABLES,) = struct.unpack_from("<I", GOOD, RECORD + 32)
BINS = TABLES + 2 * (480 + 2 * 192 + 2 * 128)
WEIGHTS = BINS + 2 * 12


def change(*changes, data=GOOD):
    """The blob with numbers (offset, format, value) written, and its CRC."""
    copy = bytearray(data)
    for at, form, value in changes:
        struct.pack_into(f"<{form}", copy, at, value)
    struct.pack_into("<I", copy, 12, zlib.crc32(memoryview(copy)[16:]))
    return bytes(copy)


def field(at, form, value):
    return change((RECORD + at, form, value))


DETECTOR = ((RECORD + 36, "H", 1), (RECORD + 44, "I", 4))
REFUSED = {
    "offset beyond the blob": (TABLE, change((60, "I", len(GOOD) - 63))),
    "offset of 2^32 - 1": (TABLE, change((60, "I", 2**32 - 1))),
    "minor 0": (FIELD, change((6, "H", 0))),
    "byte 59": (FIELD, change((59, "B", 1))),
    "rows": (SHAPE, field(10, "H", 21)),
    "channels": (SHAPE, field(8, "H", 11)),
    "form 0": (FIELD, field(0, "B", 0)),
    "form 2": (FIELD, field(0, "B", 2)),
    "stage 8": (FIELD, field(1, "B", 15)),
    "gain without noise": (FIELD, field(1, "B", 6)),
    "window of half the FFT": (FIELD, field(2, "H", 256)),
    "window beyond the FFT": (FIELD, field(2, "H", 513)),
    "step 0": (FIELD, field(4, "H", 0)),
    "step beyond the window": (FIELD, field(4, "H", 481)),
    "FFT of 0": (FIELD, field(6, "H", 0)),
    "FFT of 500": (FIELD, field(6, "H", 500)),
    "FFT of 8192": (FIELD, field(6, "H", 8192)),
    "rate 0": (FIELD, field(12, "I", 0)),
    "rate 2^31": (FIELD, field(12, "I", 2**31)),
    "even smoothing": (FIELD, field(16, "H", 16385)),
    "odd smoothing": (FIELD, field(18, "H", 16385)),
    "floor": (FIELD, field(20, "H", 16385)),
    "smoothing bits": (FIELD, field(22, "B", 32)),
    "gain shift": (FIELD, field(23, "B", 48)),
    "log shift": (FIELD, field(24, "B", 12)),
    "input shift 0": (FIELD, field(25, "B", 0)),
    "input shift 63": (FIELD, field(25, "B", 63)),
    "mult 0": (FIELD, field(28, "I", 0)),
    "mult 2^31": (FIELD, field(28, "I", 2**31)),
    "log shift without log": (FIELD, field(1, "B", 3)),
    **{f"byte {at}": (FIELD, field(at, "B", 1)) for at in (26, 36, 47, 63)},
    "a window beyond 1000": (FIELD, change(*DETECTOR, (RECORD + 36, "H", 1001))),
    "no window, but a hold": (FIELD, field(38, "H", 1)),
    "no window, but a cutoff": (FIELD, field(40, "I", 1)),
    "cutoff 2^26": (FIELD, change(*DETECTOR, (RECORD + 40, "I", 1 << 26))),
    "no keyword": (FIELD, change(*DETECTOR, (RECORD + 44, "I", 0))),
    "a keyword beyond the output": (FIELD, change(*DETECTOR, (RECORD + 44, "I", 8))),
    "tables beyond the blob": (TABLE, field(32, "I", len(GOOD))),
    "tables of 2^32 - 1": (TABLE, field(32, "I", 2**32 - 1)),
    "tables two bytes too long": (TABLE, field(32, "I", len(GOOD) - PROGRAM.front.table_bytes + 2)),
    "window factor 4097": (TABLE, change((TABLES, "h", 4097))),
    "window factor -1": (TABLE, change((TABLES + 958, "h", -1))),
    "first bin 0": (TABLE, change((BINS, "h", 0))),
    "run of -1 bins": (TABLE, change((BINS + 4, "h", -1))),
    "run of 257 bins": (TABLE, change((BINS + 4, "h", 257))),
    "runs beyond the last bin": (TABLE, change((BINS, "h", 200))),
    "weight 4097": (TABLE, change((WEIGHTS, "h", 4097))),
    "weight -1": (TABLE, change((WEIGHTS + 2, "h", -1))),
}  # fmt: skip
ACCEPTED = {
    "as it is": GOOD,
    "weight 4096": change((WEIGHTS, "h", 4096)),
    "twiddles at their ends": change((TABLES + 964, "h", -32768), (TABLES + 966, "h", -32768)),
    "gain at its ends": change((RECORD - 32, "h", -32768)),
    "gain shift 47": field(23, "B", 47),
    "a detector": change(*DETECTOR),
    "a detector at its ends": change(
        (RECORD + 36, "H", 1000),
        (RECORD + 38, "H", 65535),
        (RECORD + 40, "I", (1 << 26) - 1),
        (RECORD + 44, "I", 7),
    ),
}


@pytest.mark.parametrize("program", sound_nets.programs(), ids=lambda p: p.name)
def test_a_program_comes_back_from_its_blob_with_its_front_end(program):
    data = blob.dumps(program)
    assert struct.unpack_from("<HH", data, 4) == (2, 1)
    found = blob.loads(data)
    assert blob.dumps(found) == data
    for mine, other in zip(program.front.tables, found.front.tables, strict=True):
        np.testing.assert_array_equal(mine, other)
    samples = sound_nets.SIGNAL[: program.sound_border.samples]
    np.testing.assert_array_equal(found.integers(samples), program.integers(samples))
    assert listen_status(data) == OK


@pytest.mark.parametrize("what", REFUSED)
def test_a_broken_record_is_refused_by_python_and_c(what):
    status, data = REFUSED[what]
    assert listen_status(data) == status
    with pytest.raises(BlobError):
        blob.loads(data)


@pytest.mark.parametrize("what", ACCEPTED)
def test_a_record_within_the_rules_is_taken_by_both(what):
    assert listen_status(ACCEPTED[what]) == OK
    assert blob.loads(ACCEPTED[what]).front is not None


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("a detector of 33 values", "the output has 33 values, of at most 32"),
        (
            "a detector of a softmax of two pixels",
            "a softmax of the pixels of 1x2x3, and a detector reads one distribution; wanted: an "
            "output of one pixel, or no softmax",
        ),
        (
            "a stream of two rows a step",
            "the streaming program reads 2 rows of 2 features in a step; wanted: one",
        ),
    ],
)
def test_what_a_detector_and_a_stream_may_not_read_is_said(what, words):
    """C's statuses of these records are in the conformance set."""
    _, data = sound_faults.REFUSED[what]
    with pytest.raises(BlobError, match=words):
        blob.loads(data)


def test_python_refuses_a_record_that_the_meta_does_not_fit():
    """Rules of the tools' part, which the engine does not look at."""
    plain = PROGRAM.streaming()
    no_record = change((60, "I", 0))
    assert listen_status(no_record) == STATE
    other_mult = field(28, "I", 20000)
    assert listen_status(other_mult) == OK
    for data, words in (
        (no_record, "a front end and an encoder of type 'audio' belong together"),
        (other_mult, "is not the one that the program's input and its encoder's scale give"),
    ):
        with pytest.raises(BlobError, match=words):
            blob.loads(data)
    assert plain.front is PROGRAM.front


def test_too_little_memory_for_the_tables_is_an_answer():
    model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", 50)
    assert lib.dpt_model_load(model, ops, 50, ffi.from_buffer(GOOD), len(GOOD)) == OK
    tables = np.empty(4096, np.uint32)
    listener, sound = ffi.new("dpt_listener *"), ffi.new("dpt_sound *")
    for shift, size, status in (
        (0, PROGRAM.front.table_bytes, OK),
        (0, PROGRAM.front.table_bytes - 1, -8),
        (2, 8192, -1),
    ):
        to = ffi.cast("void *", tables.ctypes.data + shift)
        data = ffi.from_buffer(GOOD)
        answer = lib.dpt_sound_load(listener, sound, to, size, model, data, len(GOOD))
        assert answer == status


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("preset", ["micro", "spectrum"])
def test_no_record_reaches_outside_its_buffers(toolbox, tmp_path, compiler, preset):
    """Each flipped bit of the record, and random bytes of record and tables, under sanitizers."""
    path = tmp_path / "good.dpt"
    detector = Detector(window=2, hold=1, cutoff=0, keywords=(0, 2))
    program = replace(sound_nets.window_program(preset).streaming(), detector=detector)
    path.write_bytes(blob.dumps(program))
    count = toolbox.count(every_day=500, ci=5000)
    text = run([toolbox.sanitized(compiler, "hostile_sound.c"), path, count, 1]).decode()
    answers = dict(line.split(": ") for line in text.splitlines())
    assert int(answers["decisions"]) > int(answers["detections"]) > 0
    for status in (OK, FIELD, SHAPE, TABLE):
        assert int(answers[str(status)]) > 20, (status, text)
