"""The tables of front ends, from real parameters.

TensorFlow Lite Micro computes its tables in float32, so these functions do: each operation on
``np.float32`` rounds once. A function of libm is taken in float64 and rounded, which is the nearest
float32; the tables are constants from there on, equal on every machine.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from ._front_end import GAIN, LARGEST_FFT, LOG, NOISE, SMALLEST_FFT, FrontEnd, SoundError

F = np.float32
_UNIT = 1 << 14  # 1 of smoothing, floor
_SNR_BITS = 12
_NONE = np.empty(0, np.int16)


def micro(
    *,
    rate: int = 16000,
    window: int = 480,
    step: int = 160,
    channels: int = 40,
    low: float = 125.0,
    high: float = 7500.0,
    noise_reduction: bool = True,
    smoothing_bits: int = 10,
    even_smoothing: float = 0.025,
    odd_smoothing: float = 0.06,
    min_signal_remaining: float = 0.05,
    gain_control: bool = True,
    strength: float = 0.95,
    offset: float = 80.0,
    gain_bits: int = 21,
    log: bool = True,
    log_shift: int = 6,
) -> FrontEnd:
    """TensorFlow Lite Micro's audio front end; the defaults are microWakeWord's.

    Args:
        rate: samples a second.
        window, step: samples of a frame, and from the start of a frame to the start of the next.
        channels: features of a frame.
        low, high: the ends of the mel filter bank in hertz; 0 <= low < high < rate / 2.
        noise_reduction: whether a smoothed estimate of each channel's noise is subtracted.
        smoothing_bits: fraction bits of the estimates.
        even_smoothing, odd_smoothing: share of a frame in the estimate of even and odd channels.
        min_signal_remaining: the least share of a channel that is left.
        gain_control: whether per-channel gain control (PCAN) follows.
        strength, offset, gain_bits: of the gain, 2^gain_bits * (noise + offset)^-strength.
        log: whether the logarithm is the last stage.
        log_shift: fraction bits of the logarithm.

    Raises:
        SoundError: a parameter is out of its range.
    """
    fft = _fft_size(window)
    bits, stages = fft.bit_length() - 7, LOG * log
    values = {"low": low, "high": high, "even_smoothing": even_smoothing}
    values |= {"odd_smoothing": odd_smoothing, "min_signal_remaining": min_signal_remaining}
    values |= {"strength": strength, "offset": offset}
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise SoundError(f"{name} is {value}; wanted: a finite number, at least 0")
    noise: dict[str, object] = {}
    if noise_reduction:
        stages |= NOISE
        shares = ("even_smoothing", "odd_smoothing", "min_signal_remaining")
        for name in shares:
            if values[name] > 1:
                raise SoundError(f"{name} is {values[name]}; wanted: 0 to 1")
        even, odd, floor = (int(F(values[name]) * F(_UNIT)) for name in shares)
        noise = {"smoothing": (even, odd), "floor": floor, "smoothing_bits": smoothing_bits}
    gain = _NONE
    if gain_control:
        stages |= GAIN
        if not 0 <= smoothing_bits - bits <= 31 or not 0 <= gain_bits <= 31:
            raise SoundError(
                f"smoothing_bits {smoothing_bits} and gain_bits {gain_bits} must be {max(0, bits)} "
                f"to 31 and 0 to 31 for an FFT of {fft}"
            )
        noise["gain_shift"] = gain_bits - bits - _SNR_BITS
        gain = _gain_table(F(strength), F(offset), gain_bits, smoothing_bits - bits)
    bins, weights = _mel_bank(rate, fft, channels, F(low), F(high))
    return FrontEnd(
        rate=rate,
        step=step,
        stages=stages,
        **noise,  # type: ignore[arg-type]
        log_shift=log_shift if log else 0,
        window=_hann(window),
        twiddles=_twiddles(fft),
        split=_split(fft),
        bins=bins,
        weights=weights,
        gain=gain,
    )


def log_mel(
    *,
    rate: int = 16000,
    window: int = 480,
    step: int = 160,
    channels: int = 40,
    low: float = 125.0,
    high: float = 7500.0,
    log_shift: int = 6,
) -> FrontEnd:
    """The logarithm of mel bands: `micro` without noise reduction and gain control.

    Raises:
        SoundError: a parameter is out of its range.
    """
    sizes = {"rate": rate, "window": window, "step": step, "channels": channels}
    return micro(
        **sizes,  # type: ignore[arg-type]
        low=low,
        high=high,
        log_shift=log_shift,
        noise_reduction=False,
        gain_control=False,
    )


def spectrum(
    *,
    rate: int,
    window: int = 512,
    step: int = 512,
    channels: int | None = None,
    log: bool = False,
    log_shift: int = 6,
) -> FrontEnd:
    """Magnitudes of an FFT of windowed samples, for vibration or currents.

    Args:
        rate: samples a second.
        window, step: samples of a frame, and from the start of a frame to the start of the next.
        channels: bands of equal width, each the root of the sum of its bins' energies; None: each
            bin from 1 to fft / 2 - 1 by itself. The bins at 0 and at half the rate belong to none.
        log, log_shift: as for `micro`.

    Raises:
        SoundError: a parameter is out of its range.
    """
    fft = _fft_size(window)
    channels = fft // 2 - 1 if channels is None else channels
    if not 1 <= channels <= fft // 2 - 1:
        raise SoundError(f"an FFT of {fft} has 1 to {fft // 2 - 1} bands, not {channels}")
    width = (fft // 2 - 1) // channels
    weights = np.zeros((width * channels, 2), np.int16)
    weights[:, 1] = 1 << 12
    return FrontEnd(
        rate=rate,
        step=step,
        stages=LOG * log,
        log_shift=log_shift if log else 0,
        window=_hann(window),
        twiddles=_twiddles(fft),
        split=_split(fft),
        bins=np.array([1, *[width] * channels, 0], np.int16),
        weights=weights,
        gain=_NONE,
    )


def _fft_size(window: int) -> int:
    """The least power of two that a window fits in."""
    if type(window) is not int or not SMALLEST_FFT // 2 < window <= LARGEST_FFT:
        raise SoundError(
            f"a window has {window!r} samples; wanted: {SMALLEST_FFT // 2 + 1} to {LARGEST_FFT}"
        )
    return 1 << (window - 1).bit_length()


def _hann(size: int) -> NDArray[np.int16]:
    step = F(math.pi) * F(2) / F(size)
    angles = step * (np.arange(size, dtype=F) + F(0.5))
    cosines = np.array([F(math.cos(float(angle))) for angle in angles], F)
    factors: NDArray[np.int16] = np.floor((F(0.5) - F(0.5) * cosines) * F(4096) + F(0.5)).astype(
        np.int16
    )
    return factors


def _turns(phases: NDArray[np.float64]) -> NDArray[np.int16]:
    """Points of the unit circle, in units of 1 / 32767."""
    points = [(math.cos(phase), math.sin(phase)) for phase in phases]
    turns: NDArray[np.int16] = np.floor(0.5 + 32767 * np.array(points)).astype(np.int16)
    return turns


def _twiddles(fft: int) -> NDArray[np.int16]:
    size = fft // 2
    return _turns(-2 * math.pi * np.arange(3 * size // 4) / size)


def _split(fft: int) -> NDArray[np.int16]:
    size = fft // 2
    return _turns(-math.pi * (np.arange(1, size // 2 + 1) / size + 0.5))


def _mel(frequency: np.float32) -> np.float32:
    return F(1127) * F(math.log1p(float(frequency / F(700))))


def _mel_bank(
    rate: int, fft: int, channels: int, low: np.float32, high: np.float32
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """First bin and lengths of the runs; weights of the bins. Each run lies between the centers of
    two bands; a bin's weight falls from one center to the other."""
    if not low < high < rate / 2:
        raise SoundError(f"bands from {low} to {high} Hz do not lie below half of {rate} Hz")
    if type(channels) is not int or not 1 <= channels < fft // 2:
        raise SoundError(f"channels must be 1 to {fft // 2 - 1} for an FFT of {fft}: {channels!r}")
    ends = [_mel(low)]
    spacing = (_mel(high) - ends[0]) / F(channels + 1)
    ends += [ends[0] + spacing * F(i + 1) for i in range(channels + 1)]
    hertz = F(0.5) * F(rate) / F(fft // 2)
    at = first = int(F(1.5) + low / hertz)
    widths, weights = [], []
    for begin, end in itertools.pairwise(ends):
        run = at
        while (mel := _mel(F(at) * hertz)) <= end:
            share = (end - mel) / (end - begin)
            pair = (share * F(4096) + F(0.5), (F(1) - share) * F(4096) + F(0.5))
            weights.append([math.floor(part) for part in pair])
            at += 1
        widths.append(at - run)
    if at > fft // 2:
        raise SoundError(f"bands up to {high} Hz reach the last bin of an FFT of {fft}: take less")
    return np.array([first, *widths], np.int16), np.array(weights, np.int16).reshape(-1, 2)


def _gain_table(
    strength: np.float32, offset: np.float32, gain_bits: int, input_bits: int
) -> NDArray[np.int16]:
    """A parabola of the gain (value, slope, curvature) for estimates of each size, 0 to 32 bits."""

    def gain(estimate: int) -> int:
        x = F(estimate) / F(1 << input_bits) + offset
        power = math.inf if x == 0 else math.pow(float(x), -float(strength))
        value = F(1 << gain_bits) * F(power)
        return 0x7FFF if value > 0x7FFF else int(value + F(0.5))

    rows = [(gain(0), 0, 0), (gain(1), 0, 0)]
    for bits in range(2, 33):
        x0 = 1 << (bits - 1)
        x2 = x0 + (x0 - 1) if bits == 32 else 2 * x0
        y0, y1, y2 = gain(x0), gain(x0 + (x0 >> 1)), gain(x2)
        slope = 4 * (y1 - y0) - (y2 - y0)
        rows.append((y0, slope, y2 - y0 - slope))
    return np.array(rows).astype(np.int16).reshape(-1)  # wraps, as the anchor's table does
