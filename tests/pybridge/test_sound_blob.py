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


def change(*changes, data=GOOD):
    """The blob with numbers (offset, format, value) written, and its CRC."""
    copy = bytearray(data)
    for at, form, value in changes:
        struct.pack_into(f"<{form}", copy, at, value)
    struct.pack_into("<I", copy, 12, zlib.crc32(memoryview(copy)[16:]))
    return bytes(copy)


def field(at, form, value):
    return change((RECORD + at, form, value))


# What the conformance set, whose records have all of the blob behind them, does not show.
REFUSED = {
    "offset of 2^32 - 1": (TABLE, change((60, "I", 2**32 - 1))),
    "minor 0": (FIELD, change((6, "H", 0))),
    "byte 59": (FIELD, change((59, "B", 1))),
    "FFT of 0": (FIELD, field(6, "H", 0)),
    "FFT of 500": (FIELD, field(6, "H", 500)),
    "tables beyond the blob": (TABLE, field(32, "I", len(GOOD))),
    "tables of 2^32 - 1": (TABLE, field(32, "I", 2**32 - 1)),
    "run of 257 bins": (TABLE, change((BINS + 4, "h", 257))),
}
RECORD_ENDS = [
    *({"step": n} for n in (1, 16)), {"window": 9}, {"fft": 4096, "window": 2049},
    *({"rate": n} for n in (1, 2**31 - 1)), {"even": 2**14}, {"odd": 2**14}, {"floor": 2**14},
    {"smoothing_bits": 31}, {"stages": 7, "gain_shift": 47}, {"log_shift": 11},
    *({"factor": n} for n in (0, 4096)), *({"weight": n} for n in (0, 4096)),
    {"detector": (1, 0, 0, 1)}, {"detector": (1000, 65535, 2**26 - 1, 7)},
    *({"shift": n} for n in (1, 62)), *({"mult": n} for n in (1, 2**31 - 1)),
]  # fmt: skip


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


@pytest.mark.parametrize("numbers", RECORD_ENDS, ids=str)
def test_a_record_with_a_field_at_an_end_of_its_range_is_taken_by_both(numbers):
    """Python also holds the scale of the input to the meta's."""
    data = replace(sound_faults.GOOD, **numbers).blob()
    assert listen_status(data) == OK
    if not numbers.keys() & {"shift", "mult"}:
        assert blob.loads(data).front is not None


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
