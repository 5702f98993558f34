"""Recordings as clips of one length and sample rate, for keywords."""

import numpy as np
from numpy.typing import NDArray

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
