"""WAV files of any format as int16 samples: `data.read_audio`, `data.read_samples`.

Oracles: samples whose value is known in every format; a tone at another rate.
"""

import struct

import numpy as np
import pytest

from drypoint import data
from drypoint.common import DrypointError

COUNTS = np.array([[0, 1], [-32768, 32767], [-300, 12_345]], np.int16)
TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of the format's GUID


def wav(
    samples, kind=1, bits=16, *, channels=2, rate=16_000, extensible=False, before=b"", size=None,
    step=None,
):  # fmt: skip
    width = bits // 8 * channels if step is None else step
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)
    if extensible:
        head = struct.pack("<H", 0xFFFE) + head[2:] + struct.pack("<HHIH", 22, bits, 0, kind) + TAIL
    size = len(samples) if size is None else size
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + before
    chunks += b"data" + struct.pack("<I", size) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def wide(counts, bits):
    """Integers of more bits, each a quarter of a 16-bit step above the count."""
    values = (counts.astype(np.int64) << (bits - 16)) + (1 << (bits - 18))
    words = values.astype("<i4").ravel().view(np.uint8).reshape(-1, 4)
    return words[:, : bits // 8].tobytes()


FLOATS = COUNTS / 32768
FORMATS = {
    "16 bits": wav(COUNTS.astype("<i2").tobytes()),
    "24 bits": wav(wide(COUNTS, 24), bits=24),
    "32 bits": wav(wide(COUNTS, 32), bits=32),
    "24 bits, extensible": wav(wide(COUNTS, 24), bits=24, extensible=True),
    "float32": wav(FLOATS.astype("<f4").tobytes(), kind=3, bits=32),
    "float64": wav(FLOATS.astype("<f8").tobytes(), kind=3, bits=64),
    "float32, extensible": wav(FLOATS.astype("<f4").tobytes(), 3, 32, extensible=True),
    "a chunk before": wav(COUNTS.astype("<i2").tobytes(), before=b"LIST\3\0\0\0abc\0"),
    "of a pipe": wav(COUNTS.astype("<i2").tobytes(), size=0xFFFFFFFF),
    "of a recorder that was not ended": wav(COUNTS.astype("<i2").tobytes(), size=0),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_its_samples(tmp_path, name):
    path = tmp_path / "a.wav"
    path.write_bytes(FORMATS[name])
    found = data.read_samples(path)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, COUNTS)
    np.testing.assert_array_equal(data.read_audio(path), [0, 0, 6022])  # ties to even: 0.5, -0.5


def test_other_bits_are_scaled_and_rounded_and_floats_beyond_1_clipped(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(bytes([0, 128, 255]), bits=8, channels=1))  # unsigned
    assert data.read_samples(path).ravel().tolist() == [-32768, 0, 127 * 256]
    path.write_bytes(
        wav(struct.pack("<4i", 0x7FFFFFFF, 0x18000, 0x17FFF, -0x8000), bits=32, channels=1)
    )
    assert data.read_samples(path).ravel().tolist() == [32767, 2, 1, 0]
    path.write_bytes(wav(struct.pack("<3f", 1.5, -2.0, 0.5), kind=3, bits=32, channels=1))
    assert data.read_samples(path).ravel().tolist() == [32767, -32768, 16384]


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_audio_has_the_rate_that_is_asked_for(tmp_path, rate):
    path = tmp_path / "a.wav"
    tone = np.rint(9000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype("<i2")
    path.write_bytes(wav(tone.tobytes(), channels=1, rate=rate))
    wanted = 9000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(data.read_audio(path) - wanted).max() <= 1.1  # two roundings
    assert len(data.read_audio(path, rate=4000)) == 4000


NAN = wav(struct.pack("<2f", 0.5, float("nan")), kind=3, bits=32, channels=1)
REFUSED = {
    "empty": (b"", "is no WAV file of samples (it does not begin with RIFF and WAVE)"),
    "a picture": (b"\x89PNG\r\n\x1a\n" * 9, "does not begin with RIFF"),
    "no data": (wav(b"")[:36], "(it has no data)"),
    "data first": (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "its data come before its format"),
    "no samples": (wav(b""), "has 0 bytes of samples of 2 channels"),
    "no samples, a chunk behind": (wav(b"LIST\3\0\0\0abc", size=0), "has 0 bytes of samples of 2"),
    "a wrong step": (
        wav(b"abcd", step=2),
        "says that a step has 2 bytes; 2 channels of 16",
    ),
    "a step of 0": (
        wav(b"abcd", step=0),
        "says that a step has 0 bytes; 2 channels of 16",
    ),
    "half a sample": (wav(b"abc"), "has 3 bytes of samples of 2 channels"),
    "no channels": (wav(b"abcd", channels=0), "has 4 bytes of samples of 0 channels"),
    "cut off": (wav(b"abcd", size=8), "is cut off: 4 of 8 bytes of samples"),
    "12 bits": (wav(b"abcd", bits=12), "has samples of format 1 and 12 bits; integers of 8, 16"),
    "mu-law": (wav(b"abcd", kind=7, bits=8), "has samples of format 7 and 8 bits"),
    "no rate": (wav(b"abcd", rate=0), "has no sample rate: 0 steps a second"),
    "NaN": (NAN, "a.wav: samples hold NaN or infinity"),
    "1 step a second": (wav(bytes(400_000), rate=1), "bytes of memory to decode, the limit is"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_without_samples_is_refused_in_one_line(tmp_path, name):
    content, message = REFUSED[name]
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(DrypointError) as raised:
        data.read_audio(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_rate_is_a_number_of_samples(tmp_path):
    for rate in (0, -1, 16e3, True):
        with pytest.raises(data.DatasetError, match="wanted: samples a second"):
            data.read_audio(tmp_path / "a.wav", rate=rate)
