"""The integers of a front end: sizes, constants and tables. NUMERICS.md section 12."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError

NOISE, GAIN, LOG = 1, 2, 4  # bits of `stages`
Ints = NDArray[np.int16]

SMALLEST_FFT, LARGEST_FFT = 16, 4096
MOST_CHANNELS = 0xFFFF
MOST_RATE = 0x7FFFFFFF  # samples a second: an int of C
MOST_WEIGHT = 1 << 12  # weights have 12 fraction bits
GAIN_VALUES = 99  # value, slope and curvature for 0 to 32 bits


class SoundError(DrypointError, ValueError):
    """A front end's setting is out of its range, or samples are no samples."""


def table_shapes(
    window: int, fft: int, channels: int, stages: int
) -> tuple[tuple[int, ...] | None, ...]:
    """The shapes of a front end's tables, in the order of a blob; None: (bins of all runs, 2)."""
    gain = (GAIN_VALUES if stages & GAIN else 0,)
    return (window,), (3 * fft // 8, 2), (fft // 4, 2), (channels + 2,), None, gain


@dataclass(frozen=True, eq=False, kw_only=True)
class FrontEnd:
    """The front end of a sound model: int16 samples become frames of uint16 features.

    Attributes:
        rate: samples a second, 1 to 2^31 - 1.
        step: samples from the start of a frame to the start of the next, 1 to the window's length.
        stages: the sum of ``NOISE``, ``GAIN`` and ``LOG``: the stages after the square root. GAIN
            needs NOISE.
        smoothing: what an even and an odd channel add to their noise estimate, 0 to 16384.
        floor: the least share of a signal that noise reduction leaves, 0 to 16384.
        smoothing_bits: fraction bits of a noise estimate, 0 to 31.
        gain_shift: 0 to 47.
        log_shift: fraction bits of a logarithm, 0 to 11.
        window: int16 (L,), 0 to 4096: factors of a frame's samples.
        twiddles: int16 (3 * fft / 8, 2): real and imaginary parts of the FFT's factors; the first
            one is 32767, 0.
        split: int16 (fft / 4, 2): the factors that make a real spectrum of a complex one.
        bins: int16 (channels + 2,): the first bin, at least 1, and the number of bins of each run.
        weights: int16 (sum of the runs, 2), 0 to 4096: how much of a bin's energy goes to the
            channel that ends in its run and to the one that begins there.
        gain: int16 (99,), or (0,) without GAIN.

    Raises:
        SoundError: a number is out of its range, or a table has another size.
    """

    rate: int
    step: int
    stages: int
    smoothing: tuple[int, int] = (0, 0)
    floor: int = 0
    smoothing_bits: int = 0
    gain_shift: int = 0
    log_shift: int = 0
    window: Ints
    twiddles: Ints
    split: Ints
    bins: Ints
    weights: Ints
    gain: Ints

    def __post_init__(self) -> None:
        fft, length, channels = self.fft, self.window.size, self.channels
        limits = {
            "rate": (self.rate, 1, MOST_RATE),
            "window": (length, fft // 2 + 1, fft),
            "fft": (fft, SMALLEST_FFT, LARGEST_FFT),
            "step": (self.step, 1, length),
            "channels": (channels, 1, MOST_CHANNELS),
            "stages": (self.stages, 0, NOISE | GAIN | LOG),
            "even smoothing": (self.smoothing[0], 0, 1 << 14),
            "odd smoothing": (self.smoothing[1], 0, 1 << 14),
            "floor": (self.floor, 0, 1 << 14),
            "smoothing_bits": (self.smoothing_bits, 0, 31),
            "gain_shift": (self.gain_shift, 0, 47),
            "log_shift": (self.log_shift, 0, 11),
            "first bin": (int(self.bins[0]), 1, fft // 2),
            "shortest run": (int(self.bins[1:].min()), 0, fft // 2),
            "end of the last run": (int(self.bins.sum(dtype=np.int64)), 1, fft // 2),
            "smallest window factor": (int(self.window.min()), 0, 4096),
            "largest window factor": (int(self.window.max()), 0, 4096),
        }
        for name, (value, least, most) in limits.items():
            if not least <= value <= most:
                raise SoundError(f"the front end's {name} is {value}; wanted: {least} to {most}")
        if fft & (fft - 1):
            raise SoundError(f"the front end's FFT has {fft} values; wanted: a power of two")
        if self.stages & GAIN and not self.stages & NOISE:
            raise SoundError("the front end's gain reads noise estimates: it needs noise reduction")
        noise = (*self.smoothing, self.floor, self.smoothing_bits)
        for stage, name, values in (
            (NOISE, "noise reduction", noise),
            (GAIN, "gain", (self.gain_shift,)),
            (LOG, "logarithm", (self.log_shift,)),
        ):
            if any(values) and not self.stages & stage:
                raise SoundError(f"a front end without {name} has numbers for it: {values}")
        if self.weights.size and not 0 <= self.weights.min() <= self.weights.max() <= MOST_WEIGHT:
            raise SoundError(f"the front end's weights must be 0 to {MOST_WEIGHT}")
        shapes = table_shapes(length, fft, channels, self.stages)
        for table, known in zip(self.tables, shapes, strict=True):
            shape = known or (int(self.bins[1:].sum(dtype=np.int64)), 2)
            if table.dtype != np.int16 or table.shape != shape:
                raise SoundError(f"a table is {table.dtype} {table.shape}; wanted: int16 {shape}")
        first = self.twiddles[0].tolist()
        if first != [0x7FFF, 0]:
            raise SoundError(f"the front end's first twiddle is {first}; wanted: [32767, 0]")

    @property
    def fft(self) -> int:
        """Values of the real FFT: twice as many as of the complex one."""
        return 4 * len(self.split)

    @property
    def channels(self) -> int:
        """Features of a frame."""
        return len(self.bins) - 2

    @property
    def correction(self) -> int:
        """log2(fft) - 6: what the logarithm shifts a value left by; may be negative."""
        return self.fft.bit_length() - 7

    @property
    def tables(self) -> tuple[Ints, ...]:
        """All tables, in the order of the blob."""
        return self.window, self.twiddles, self.split, self.bins, self.weights, self.gain

    @cached_property
    def table_bytes(self) -> int:
        """Bytes of all tables, in a blob and in flash."""
        return sum(table.nbytes for table in self.tables)

    def frames(self, samples: int) -> int:
        """How many frames a signal of so many samples has."""
        return max(0, (samples - self.window.size) // self.step + 1)


def int16_samples(samples: NDArray[Any]) -> NDArray[np.int16]:
    """Samples as int16: int16 as they are; floats from -1 to 1 times 32768, rounded to the nearest
    integer, a tie to the even one, and clipped.

    Raises:
        SoundError: another type, NaN or infinity.
    """
    if samples.dtype == np.int16:
        return samples
    if samples.dtype.kind != "f":
        raise SoundError(
            f"samples are {samples.dtype}; wanted: int16, or floats from -1 to 1: a WAV file of "
            "data.read_samples has int16"
        )
    if not np.isfinite(samples).all():
        raise SoundError("samples hold NaN or infinity")
    scaled = np.rint(samples.astype(np.float64) * 32768)
    found: NDArray[np.int16] = scaled.clip(-32768, 32767).astype(np.int16)
    return found
