"""WAV files: integers of 8 to 32 bits and floats, as int16 samples; clips of one length."""

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import READ_LIMIT, as_path, check_limit, read_bytes
from drypoint.sound import SoundError, int16_samples

from .._errors import DatasetError, FormatError

RATE, LENGTH = 16_000, 16_000  # samples a second, and of a clip


def resample(samples: NDArray[np.int16], rate: int, wanted: int) -> NDArray[np.int16]:
    """One channel at another sample rate: the spectrum is cut off, or continued by zeros."""
    if rate == wanted:
        return samples
    n = max(1, round(len(samples) * wanted / rate))
    spectrum = np.fft.rfft(samples.astype(np.float64))
    values = np.fft.irfft(spectrum[: n // 2 + 1], n) * (n / len(samples))
    resampled: NDArray[np.int16] = np.rint(values).clip(-32768, 32767).astype(np.int16)
    return resampled


def loudest(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """The stretch of `length` samples with the most energy; a shorter recording stands in the
    middle, between zeros."""
    missing = length - len(samples)
    if missing >= 0:
        return np.pad(samples, (missing // 2, missing - missing // 2))
    energy = np.concatenate([[0.0], np.square(samples.astype(np.float64)).cumsum()])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[start : start + length]


def clips_of(samples: NDArray[np.int16], length: int, *, noise: bool) -> list[NDArray[np.int16]]:
    """The clips (length, 1) of a recording: one, of noise several, which touch."""
    if not noise or len(samples) < length:
        return [loudest(samples, length)[:, None]]
    return [samples[i : i + length, None] for i in range(0, len(samples) - length + 1, length)]


_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FORMAT = struct.Struct("<HHIIHH")  # kind, channels, rate, bytes a second, bytes a step, bits
_SUBFORMAT = 24  # where an extensible format has its kind
_RESAMPLING = 32  # bytes of memory for each sample before and after
_OPEN_END = 0x7FFFF000  # from this size on a data chunk ends with the file: a pipe's writer
_READ = "integers of 8, 16, 24 or 32 bits and floats of 32 or 64 bits are read"


def read_wav(path: Path, *, limit: int) -> tuple[NDArray[np.int16], int]:
    """The samples of a WAV file, int16 (steps, channels), and its sample rate.

    Integers of more bits are rounded to 16, floats from -1 to 1 times 32768. Where a writer did not
    know the size of its samples (0 or more than 2 GB), they end with the file.
    """
    content = memoryview(read_bytes(path, limit=limit, memory=6))
    try:
        form, stated, data = _chunks_of(content)
    except ValueError as error:
        raise FormatError(f"{path} is no WAV file of samples ({error})") from error
    kind, channels, rate, _, step, bits = _FORMAT.unpack_from(form)
    if kind == _EXTENSIBLE and len(form) >= _SUBFORMAT + 2:
        (kind,) = struct.unpack_from("<H", form, _SUBFORMAT)
    if len(data) < stated:
        raise FormatError(f"{path} is cut off: {len(data):,} of {stated:,} bytes of samples")
    if (kind, bits) not in _DECODERS:
        raise FormatError(f"{path} has samples of format {kind} and {bits} bits; {_READ}")
    width = bits // 8 * channels
    if not width or not data or len(data) % width:
        raise FormatError(f"{path} has {len(data):,} bytes of samples of {channels} channels")
    if step != width:
        raise FormatError(
            f"{path} says that a step has {step} bytes; {channels} channels of {bits} bits have "
            f"{width}: write the file again, as ffmpeg -i IN.wav OUT.wav does"
        )
    if rate < 1:
        raise FormatError(f"{path} has no sample rate: {rate} steps a second")
    try:
        samples = _DECODERS[kind, bits](data)
    except SoundError as error:
        raise FormatError(f"{path}: {error}") from error
    return samples.reshape(-1, channels), rate


def read_audio(
    source: str | Path, *, rate: int = RATE, limit: int = READ_LIMIT
) -> NDArray[np.int16]:
    """The samples of a WAV file as one channel at a sample rate, int16 (samples,).

    Args:
        source: a WAV file of any rate and number of channels, of which the mean is taken; it may be
            untrusted.
        rate: samples a second of the result, from 1 on.
        limit: bytes of memory that the file may take while it is decoded.

    Raises:
        FormatError: it is no WAV file; the message says what is wrong.
        DatasetError: no rate.
        DrypointError: the file cannot be read, or takes more memory than ``limit``.
    """
    if type(rate) is not int or rate < 1:
        raise DatasetError(f"rate is {rate!r:.40}; wanted: samples a second")
    samples, own_rate = read_wav(as_path(source), limit=limit)
    return to_mono(samples, own_rate, rate, limit=limit, name=str(source))


def to_mono(
    samples: NDArray[np.int16], own_rate: int, rate: int, *, limit: int, name: str
) -> NDArray[np.int16]:
    """The mean of the channels (steps, channels) at another sample rate, int16 (samples,)."""
    check_limit(_RESAMPLING * (len(samples) * rate // own_rate + len(samples)), limit, what=name)
    mono: NDArray[np.int16] = np.rint(samples.mean(axis=1)).astype(np.int16)
    return resample(mono, own_rate, rate)


def _chunks_of(content: memoryview) -> tuple[memoryview, int, memoryview]:
    """The chunk "fmt ", the stated size of the chunk "data", and its bytes."""
    if (bytes(content[:4]), bytes(content[8:12])) != (b"RIFF", b"WAVE"):
        raise ValueError("it does not begin with RIFF and WAVE")
    form: memoryview | None = None
    for name, size, begin in _chunks(content, 12):
        if name == b"fmt ":
            form = content[begin : begin + size]
        if name == b"data":
            if form is None or len(form) < _FORMAT.size:
                raise ValueError("its data come before its format")
            is_open = size >= _OPEN_END or (size == 0 and not _are_chunks(content, begin))
            stated = len(content) - begin if is_open else size
            return form, stated, content[begin : begin + stated]
    raise ValueError("it has no data")


def _chunks(content: memoryview, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, stated size and begin of each chunk; the last one may be cut off."""
    while at + 8 <= len(content):
        name, (size,) = bytes(content[at : at + 4]), struct.unpack_from("<I", content, at + 4)
        yield name, size, at + 8
        at += 8 + size + size % 2


def _are_chunks(content: memoryview, at: int) -> bool:
    """Whether chunks with names of letters follow up to the end, or nothing: no samples."""
    end = at
    for name, size, begin in _chunks(content, at):
        if not all(0x20 <= letter < 0x7F for letter in name):
            return False
        end = begin + size + size % 2
    return 0 <= end - len(content) <= 1


def _from_24(data: memoryview) -> NDArray[np.int16]:
    padded = np.zeros((len(data) // 3, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return _round(padded.view("<i4")[:, 0])


def _round(values: NDArray[np.int32]) -> NDArray[np.int16]:
    """The upper 16 bits of 32, a half rounded up."""
    upper = (values >> 16) + (values >> 15 & 1)
    return upper.clip(-32768, 32767).astype(np.int16)


_DECODERS: Mapping[tuple[int, int], Callable[[memoryview], NDArray[np.int16]]] = {
    (_PCM, 8): lambda data: (np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8,
    (_PCM, 16): lambda data: np.frombuffer(data, "<i2").astype(np.int16),
    (_PCM, 24): _from_24,
    (_PCM, 32): lambda data: _round(np.frombuffer(data, "<i4")),
    (_FLOAT, 32): lambda data: int16_samples(np.frombuffer(data, "<f4")),
    (_FLOAT, 64): lambda data: int16_samples(np.frombuffer(data, "<f8")),
}
