"""Records of sound that each break one clause of BLOB.md section 10 (`REFUSED`), or a check of its
section 5 (`REFUSED_BY_ALL`); signals that each show one fault of a front end (`HEARD`); decisions
that each show one fault of a detector (`DETECTED`).

The records are packed field by field, as the page says; drypoint writes only sound ones.
"""

import json
import struct
from dataclasses import dataclass, replace

import numpy as np
from blobs import FIELD, SHAPE, TABLE, Cases, convolution, dense, mean, program, resized, tensor
from last_output import only_output, with_last
from stream_faults import history

from drypoint import sound
from drypoint.program import Detector, Program, blob

NOISE, GAIN, LOG = 1, 2, 4
LAST = tensor(1, 1, 3, "i32")
PLAIN = program(dense(tensor(1, 1, 2), LAST), input_scale=4.0)
WIDE = program(dense(tensor(1, 1, 2), tensor(1, 1, 33, "i32")), input_scale=4.0)
CELLS = program(
    convolution(tensor(1, 2, 1), tensor(1, 2, 3, "i32")),
    input_scale=4.0,
    outputs=only_output(softmax="channels"),
)
ONE_CELL = program(
    convolution(tensor(1, 1, 2), LAST), input_scale=4.0, outputs=only_output(softmax="channels")
)
STREAM = program(history(tensor(1, 1, 4), 2), dense(tensor(2, 1, 4), LAST), input_scale=4.0)


@dataclass(frozen=True)
class Record:
    """The numbers of a record of sound, of features / 4 of 2 channels, and its tables."""

    form: int = 1
    stages: int = NOISE + LOG
    window: int = 16
    step: int = 8
    fft: int = 16
    channels: int = 2
    rows: int = 1
    rate: int = 800
    even: int = 409
    odd: int = 983
    floor: int = 819
    smoothing_bits: int = 10
    gain_shift: int = 0
    log_shift: int = 6
    shift: int = 32
    zero: int = 0  # bytes 26 and 27
    mult: int = 2**30
    detector: tuple[int, int, int, int] = (0, 0, 0, 0)
    reserved: bytes = bytes(16)
    bins: tuple[int, ...] = (1, 2, 2, 3)
    factor: int = 4096  # of every sample
    first_twiddle: tuple[int, int] = (32767, 0)
    weight: int = 2048  # of every bin
    short: int = 0  # bytes of the tables that do not lie in the blob
    offset: int = 0  # what is added to sound_offset

    def tables(self) -> bytes:
        """window, twiddles, split, bins, weights, gain."""
        rng = np.random.default_rng(0)
        turned = rng.integers(-(2**15), 2**15, 2 * (3 * self.fft // 8 + self.fft // 4))
        turned[:2] = self.first_twiddle
        weights = [self.weight] * (2 * max(0, sum(self.bins[1:])))
        gain = [1500, 30, -20] * (33 if self.stages & GAIN else 0)
        values = [*[self.factor] * self.window, *turned, *self.bins, *weights, *gain]
        return np.array(values, "<i2").tobytes()

    def pack(self, tables: int) -> bytes:
        """The 64 bytes of the record."""
        head = (self.form, self.stages, self.window, self.step, self.fft, self.channels, self.rows)
        noise = (self.even, self.odd, self.floor, self.smoothing_bits)
        shifts = (self.gain_shift, self.log_shift, self.shift)
        return struct.pack(
            "<2B5HI3H4BHIIHHII16s", *head, self.rate, *noise, *shifts, self.zero, self.mult, tables,
            *self.detector, self.reserved,
        )  # fmt: skip

    def blob(self, net: Program = PLAIN) -> bytes:
        """The program with this record and an encoder whose scale gives mult and shift; the tables
        come last."""
        data = blob.dumps(net)
        at, size = struct.unpack_from("<II", data, 40)
        meta = json.loads(data[at : at + size])
        meta["input"]["encoder"] = {"type": "audio", "scale": 1.0}
        text = json.dumps(meta, separators=(",", ":")).encode()
        text += b" " * (-(at + len(text)) % 4)
        where, tables = at + len(text), self.tables()
        body = bytearray(data[:at] + text + self.pack(where + 64))
        body += tables[: len(tables) - self.short]
        struct.pack_into("<H", body, 6, 1)
        struct.pack_into("<I", body, 44, len(text))
        struct.pack_into("<I", body, 60, where + self.offset)
        return resized(body)


GOOD = Record()
LOUD = replace(GOOD, stages=NOISE + GAIN + LOG, gain_shift=11)
QUIET = Record(stages=0, even=0, odd=0, floor=0, smoothing_bits=0, log_shift=0)
DETECTOR = (3, 5, 900, 0b110)
HEARING = replace(GOOD, detector=DETECTOR)


def _detector(**numbers):
    fields = dict(zip(("window", "hold", "cutoff", "keywords"), DETECTOR, strict=True)) | numbers
    return replace(GOOD, detector=tuple(fields.values()))


_FIELDS = {
    "form 0": replace(GOOD, form=0),
    "form 2": replace(GOOD, form=2),
    "stages of 8": replace(LOUD, stages=15),
    "gain without noise": replace(
        LOUD, stages=GAIN + LOG, even=0, odd=0, floor=0, smoothing_bits=0
    ),
    "a window of half the FFT": replace(GOOD, window=8),
    "a window longer than the FFT": replace(GOOD, window=17),
    "step 0": replace(GOOD, step=0),
    "a step longer than the window": replace(GOOD, step=17),
    "an FFT of 8": replace(GOOD, fft=8, window=8, bins=(1, 1, 1, 1)),
    "an FFT of 24": replace(GOOD, fft=24, window=16),
    "an FFT of 8192": replace(GOOD, fft=8192, window=4097),
    "rate 0": replace(GOOD, rate=0),
    "rate 2^31": replace(GOOD, rate=2**31),
    "even smoothing above 2^14": replace(GOOD, even=2**14 + 1),
    "odd smoothing above 2^14": replace(GOOD, odd=2**14 + 1),
    "a floor above 2^14": replace(GOOD, floor=2**14 + 1),
    "32 smoothing bits": replace(GOOD, smoothing_bits=32),
    "gain shift 48": replace(LOUD, gain_shift=48),
    "log shift 12": replace(GOOD, log_shift=12),
    "input shift 0": replace(GOOD, shift=0),
    "input shift 63": replace(GOOD, shift=63),
    "input mult 0": replace(GOOD, mult=0),
    "input mult 2^31": replace(GOOD, mult=2**31),
    "byte 26": replace(GOOD, zero=1),
    "byte 27": replace(GOOD, zero=256),
    "byte 48": replace(GOOD, reserved=b"\1" + bytes(15)),
    "byte 63": replace(GOOD, reserved=bytes(15) + b"\1"),
    "even smoothing without noise": replace(QUIET, even=1),
    "odd smoothing without noise": replace(QUIET, odd=1),
    "a floor without noise": replace(QUIET, floor=1),
    "smoothing bits without noise": replace(QUIET, smoothing_bits=1),
    "gain shift without gain": replace(GOOD, gain_shift=1),
    "log shift without log": replace(QUIET, log_shift=1),
    "a detector of 1001 decisions": _detector(window=1001),
    "a cutoff of 2^26": _detector(cutoff=2**26),
    "a detector of no keyword": _detector(keywords=0),
    "a keyword beyond the output": _detector(keywords=8),
    "hold without detector": replace(GOOD, detector=(0, 1, 0, 0)),
    "cutoff without detector": replace(GOOD, detector=(0, 0, 1, 0)),
    "keywords without detector": replace(GOOD, detector=(0, 0, 0, 1)),
}
_TABLES = {
    "tables that end with the blob but one byte": replace(GOOD, short=1),
    "bins that end with the blob but one byte": replace(GOOD, short=28 + 1),
    "gain that ends with the blob but one byte": replace(LOUD, short=1),
    "a window factor of -1": replace(GOOD, factor=-1),
    "a window factor of 4097": replace(GOOD, factor=4097),
    "a first twiddle of another real part": replace(GOOD, first_twiddle=(32766, 0)),
    "a first twiddle with an imaginary part": replace(GOOD, first_twiddle=(32767, 1)),
    "first bin 0": replace(GOOD, bins=(0, 2, 2, 3)),
    "a run of -1 bins": replace(GOOD, bins=(1, 2, -1, 3)),
    "runs beyond the last bin": replace(GOOD, bins=(2, 2, 2, 3)),
    "a weight of -1": replace(GOOD, weight=-1),
    "a weight of 4097": replace(GOOD, weight=4097),
}
REFUSED: Cases = {
    **{name: (FIELD, made.blob()) for name, made in _FIELDS.items()},
    "a detector of 33 values": (FIELD, HEARING.blob(WIDE)),
    "a detector of a softmax of two pixels": (FIELD, HEARING.blob(CELLS)),
    "a stream of two rows a step": (FIELD, replace(GOOD, rows=2).blob(STREAM)),
    **{name: (TABLE, made.blob()) for name, made in _TABLES.items()},
}
_END = len(GOOD.blob()) - len(GOOD.tables()) - 64
REFUSED_BY_ALL: Cases = {
    "a record of sound that ends behind the blob": (
        TABLE, replace(GOOD, offset=len(GOOD.blob()) - 63 - _END).blob(),
    ),
    "a record of sound of other rows than the input": (SHAPE, replace(GOOD, rows=2).blob()),
    "a record of sound of other channels than the input": (
        SHAPE, replace(GOOD, channels=1, bins=(1, 2, 2)).blob(),
    ),
}  # fmt: skip
ACCEPTED = {
    "noise and log": GOOD.blob(),
    "noise, gain and log": LOUD.blob(),
    "no stage": QUIET.blob(),
    "a detector": HEARING.blob(),
    "a detector of two pixels without a softmax": HEARING.blob(with_last(CELLS, softmax=False)),
    "a detector of the softmax of one pixel": HEARING.blob(ONE_CELL),
}


# Signals


def _front(weights, *, bins, stages=0, gain=(), split=None, **numbers):
    """A front end of 16 samples, step 16; the factors of `sound.micro`, or `split`."""
    like = sound.micro(rate=800, window=16, step=8, channels=2, low=20, high=380)
    tables = {"bins": bins, "weights": weights, "gain": gain, "window": [4096] * 16}
    return sound.FrontEnd(
        rate=800, step=16, stages=stages, twiddles=like.twiddles,
        split=like.split if split is None else split,
        **{name: np.array(values, np.int16) for name, values in tables.items()}, **numbers,
    )  # fmt: skip


def _copying(front, *, dtype="u8", zero=0, scale=512.0):
    """A program that copies the integers that features become, less their zero point."""
    source = tensor(1, 1, front.channels, dtype, zero)
    rule = {"bias": np.array([-zero], np.int32), "shift": 2, "lo": -(2**31), "hi": 2**31 - 1}
    op = mean(source, tensor(1, 1, front.channels, "i32"), (1, 1), **rule)
    encoder = {"type": "audio", "scale": 1.0}
    return program(op, front=front, encoder=encoder, input_scale=scale)


def _random(frames, loudness, seed=0):
    """Samples of so many frames; `loudness` is the largest magnitude."""
    rng = np.random.default_rng(seed)
    return rng.integers(-loudness, loudness + 1, 16 * frames).astype(np.int16)


_ALL = {"bins": (1, 2, 2, 3), "weights": [(2859, 1237), (903, 3193)] * 3 + [(3162, 934)]}
_SPLIT = np.random.default_rng(2).integers(-(2**15), 2**15, (4, 2)).astype(np.int16)
_GAIN = np.random.default_rng(1).integers(-(2**15), 2**15, 99)
_NOISE = {"stages": NOISE, "smoothing": (5000, 9000), "floor": 0}
# Bin 2 has the energy 11,213,861; times 383 that has the root 65,535 and a rest above the root.
_ROOT = _front([(0, 383), (0, 0)], bins=(2, 1, 1))


def _loudest(samples):
    """The samples with one of -32768 in each frame."""
    changed = samples.copy()
    changed[5::16] = -(2**15)
    return changed


HEARD = {
    **{name: (blob.loads(data), _random(5, 3000)) for name, data in ACCEPTED.items()},
    "samples of -32768": (_copying(_front(**_ALL), scale=16.0), _loudest(_random(4, 100))),
    "the bin in the middle": (
        _copying(_front([(0, 0), (4096, 0)], bins=(3, 1, 1), split=_SPLIT)), _random(6, 3000),
    ),
    "a root of 65535": (_copying(_ROOT, scale=16.0), _random(1, 600, seed=20)),
    "noise of more than 32 bits": (
        _copying(_front(**_ALL, **_NOISE, smoothing_bits=20)), _random(6, 30000),
    ),
    "products of noise of more than 32 bits": (
        _copying(_front(**_ALL, **_NOISE, smoothing_bits=10)), _random(6, 3000),
    ),
    "the floor of noise": (
        _copying(_front(**_ALL, **_NOISE | {"smoothing": (2**14, 2**14), "floor": 12000})),
        _random(6, 3000),
    ),
    "negative gain": (
        _copying(
            _front(**_ALL, **_NOISE | {"stages": NOISE + GAIN}, gain=_GAIN, gain_shift=15),
        ),
        _random(8, 3000),
    ),
    "the line of the logarithm": (
        _copying(_front(**_ALL, stages=LOG, log_shift=11)), _random(8, 30000, seed=6),
    ),
    "the zero point of an input": (
        _copying(_front(**_ALL), dtype="i8", zero=-37), _random(6, 3000),
    ),
}  # fmt: skip


# Decisions


def _detecting(window, hold, cutoff, keywords, *, softmax=False):
    """A program with a detector, of three values."""
    net = program(
        dense(tensor(1, 1, 2), LAST), input_scale=4.0, outputs=only_output(1 / 64, softmax=softmax)
    )
    detector = Detector(window=window, hold=hold, cutoff=cutoff, keywords=keywords)
    data = replace(GOOD, detector=(window, hold, cutoff, sum(1 << k for k in keywords))).blob(net)
    assert blob.loads(data).detector == detector
    return data


_SURE = [(0, 9000, 0)] * 5
_HIGH = [(0, 70_000, 3)] * 5
DETECTED = {
    "a probability of 1 is 65535": (_detecting(2, 0, 131_070, (0, 1), softmax=True), _SURE),
    "two of them are above 131069": (_detecting(2, 0, 131_069, (0, 1), softmax=True), _SURE),
    "a value above 65535": (_detecting(2, 0, 131_070, (0, 1)), _HIGH),
    "values above 65535": (_detecting(2, 0, 131_069, (0, 1)), _HIGH),
    "a value below 0": (_detecting(2, 0, 800, (0, 1)), [(0, 0, 0), (0, -500, 0), (0, 900, 0)]),
    "two equal sums": (
        _detecting(2, 1, 100, (0, 1, 2)),
        [(0, 90, 10), (0, 20, 100), (0, 0, 0), (60, 0, 60), (60, 0, 60)],
    ),
    "a sum equal to the cutoff": (
        _detecting(2, 0, 100, (1, 2)), [(0, 50, 0), (0, 50, 0), (0, 51, 50), (0, 0, 49)],
    ),
    "sums after a detection": (
        _detecting(3, 2, 250, (1,)),
        [(0, 100, 0)] * 3 + [(0, 300, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 251, 0)],
    ),
    "decisions before a window is full": (
        _detecting(4, 0, 10, (1,)), [(0, 999, 0)] * 2 + [(0, 0, 0)] * 5,
    ),
    "a hold longer than the window": (
        _detecting(2, 4, 50, (0, 2)), [(60, 0, 0), *[(0, 0, 60)] * 9],
    ),
}  # fmt: skip
