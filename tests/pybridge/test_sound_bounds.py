"""Features stay as near to real numbers as NUMERICS.md section 12 derives.

Oracle: the formulas of the page in float64, with `numpy.fft`.
"""

import math

import numpy as np
import pytest
import sound_signals

from drypoint import sound

WINDOWS = (16, 60, 128, 480, 1000, 2048, 4096)


def real_bands(front, samples):
    """The real number of each band and its bound, before the square root is shifted, and the
    shifts."""
    length, size = front.window.size, front.fft // 2
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), length)[:: front.step]
    i = np.arange(length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (i + 0.5) / length)
    largest = np.abs((frames.astype(int) * front.window) >> 12).max(axis=1)
    shift = 15 - np.array([int(value).bit_length() for value in largest])
    odd = int(math.log2(size)) % 2
    stages = (int(math.log2(size)) - odd) // 2
    gain = (8191 / 8192) ** stages * (16383 / 16384) ** (1 + odd)
    bins = (
        np.abs(np.fft.rfft(frames * window, front.fft)) * gain * 2.0 ** shift[:, None] / front.fft
    )
    error = 2.0**shift * (1 + np.abs(frames).max(axis=1) / 2**13) + 3 + 6.3 * stages + 1.5 * odd
    first, *runs = front.bins.tolist()
    at, values, bounds = first, [], []
    weights = front.weights.astype(float)
    for channel in range(front.channels):
        end = at + runs[channel]
        last = end + runs[channel + 1]
        w = np.concatenate(
            [weights[at - first : end - first, 1], weights[end - first : last - first, 0]]
        )
        values.append(64 * np.sqrt((w / 4096 * bins[:, at:last] ** 2).sum(axis=1)))
        bounds.append(64 * error * math.sqrt(w.sum() / 4096) + 1)
        at = end
    return np.array(values).T, np.array(bounds).T, shift


def signals_within_bounds(n=9000):
    """Signals without -32768, which the shift leaves out."""
    return [np.maximum(samples, -32767) for _, samples in sound_signals.signals(4, n)]


@pytest.mark.parametrize("window", WINDOWS)
def test_magnitudes_are_within_the_bound(window):
    front = sound.spectrum(rate=16000, window=window, step=window)
    for samples in signals_within_bounds():
        value, bound, shift = real_bands(front, samples)
        unit = 2.0 ** shift[:, None]
        wanted, most = value / unit, bound / unit + 1
        far = np.abs(sound.features(front, samples) - wanted) / most
        far = far[wanted < 0xFFFF - most]
        assert far.max() <= 1
    assert far.max() > 0.001  # the comparison is of numbers that differ


@pytest.mark.parametrize("window", WINDOWS[1:])
def test_logarithms_of_mel_bands_are_within_the_bound(window):
    front = sound.log_mel(window=window, step=window, channels=8, low=400, high=7000, log_shift=7)
    for samples in signals_within_bounds():
        value, bound, shift = real_bands(front, samples)
        unit = 2.0 ** shift[:, None]
        real, error = value / unit * front.fft / 64, (bound / unit + 1) * front.fft / 64 + 1
        clear = real - error > 2  # of other values the bound says nothing
        wanted = np.log(np.where(clear, real, 3)) * 128
        most = 1.5 + 128 * (error / np.where(clear, real - error, 1) + 2**-8)
        found = sound.features(front, samples)
        assert (np.abs(found - wanted)[clear] <= most[clear]).all()
    assert clear.any()
