"""The reference of a front end in NumPy: NUMERICS.md section 12, written to be read.

Arrays are int64 and hold the integers of the specification; `_wrap` takes a value into 16 or 32
bits where the specification does. Frames lie along the first axis.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ._front_end import GAIN, LOG, NOISE, FrontEnd

Ints = NDArray[np.int64]

# What the logarithm to the base 2 of 1 + i / 128 has beyond i / 128, in units of 2^-16.
LOG_TABLE = np.array(
    [round(65536 * (math.log2(1 + i / 128) - i / 128)) for i in range(129)], np.int64
)


def features(
    front: FrontEnd, samples: NDArray[np.int16], estimates: NDArray[np.uint32] | None = None
) -> NDArray[np.uint16]:
    """The features of all whole frames of a signal."""
    frames = front.frames(len(samples))
    if frames == 0:
        return np.empty((0, front.channels), np.uint16)
    length = front.window.size
    windows = np.lib.stride_tricks.sliding_window_view(samples, length)[:: front.step]
    scaled, shift = _scale_frames(front, windows.astype(np.int64))
    signal = _roots(_bands(front, _energies(front, scaled))) >> shift[:, None]
    if front.stages & NOISE:
        noise = np.zeros(front.channels, np.uint32) if estimates is None else estimates
        for k in range(frames):
            signal[k] = _frame(front, signal[k], noise)
    if front.stages & LOG:
        signal = _logarithm(front, signal)
    found: NDArray[np.uint16] = np.minimum(signal, 0xFFFF).astype(np.uint16)
    return found


def _scale_frames(front: FrontEnd, windows: Ints) -> tuple[Ints, Ints]:
    """Windowed frames, as far to the left as int16 allows, with zeros behind; and the shifts."""
    values = (windows * front.window) >> 12
    magnitudes = np.abs(values) & 0x7FFF  # of -32768: 0, as in the anchor
    shift = 15 - _bits(np.bitwise_or.reduce(magnitudes, axis=1))
    scaled = np.zeros((len(values), front.fft), np.int64)
    scaled[:, : values.shape[1]] = _wrap(values << shift[:, None], 16)
    return scaled, shift


def _energies(front: FrontEnd, values: Ints) -> Ints:
    """The energies of the bins 0 .. fft / 2 - 1; that of bin 0 is not computed, and 0."""
    z = _complex_fft(front, values.reshape(len(values), -1, 2))
    size = front.fft // 2
    k = np.arange(1, size // 2 + 1)
    near = _scale(z[:, k], 16383)
    far = _scale(_wrap(z[:, size - k] * (1, -1), 16), 16383)
    even, odd = _wrap(near + far, 16), _wrap(near - far, 16)
    turned = _product(odd, front.split.astype(np.int64))
    bins = np.zeros_like(z)
    bins[:, k] = (even + turned) >> 1
    bins[:, size - k] = ((even - turned) * (1, -1)) >> 1  # also writes the bin in the middle
    energies: Ints = (bins * bins).sum(axis=2)
    return energies


def _complex_fft(front: FrontEnd, z: Ints) -> Ints:
    """The FFT of complex numbers (frames, n, 2), divided by about n; n = 2^k: a stage of radix 2
    if k is odd, then stages of radix 4."""
    n = z.shape[1]
    twiddles = front.twiddles.astype(np.int64)
    z = z[:, _order(n)]
    size = 1
    if n.bit_length() % 2 == 0:
        a, b = (_scale(z[:, i::2], 16383) for i in range(2))
        z = np.stack([_wrap(a + b, 16), _wrap(a - b, 16)], axis=2).reshape(z.shape)
        size = 2
    while size < n:
        parts = z.reshape(len(z), n // (4 * size), 4, size, 2)
        k = np.arange(size) * (n // (4 * size))
        a, b, c, d = (_scale(parts[:, :, i], 8191) for i in range(4))
        b, c, d = (_product(x, twiddles[i * k]) for i, x in enumerate((b, c, d), start=1))
        sums, differences = b + d, b - d
        turned = differences[..., ::-1] * (1, -1)  # times -i
        outputs = (a + c + sums, a - c + turned, a + c - sums, a - c - turned)
        z = _wrap(np.stack(outputs, axis=2), 16).reshape(z.shape)
        size *= 4
    return z


def _order(n: int) -> Ints:
    """Where the values of each FFT of one lie in the input: digits of radix 4 reversed."""
    if n == 1:
        return np.zeros(1, np.int64)
    radix = 4 if n % 4 == 0 else 2
    inner = _order(n // radix)
    return np.concatenate([i + radix * inner for i in range(radix)])


def _bands(front: FrontEnd, energies: Ints) -> Ints:
    """Sums of each channel, over two runs."""
    ends = np.cumsum(front.bins.astype(np.int64))
    weights = front.weights.astype(np.int64)
    used = energies[:, ends[0] : ends[-1]]
    rising, falling = (
        np.concatenate([np.zeros((len(used), 1), np.int64), (used * w).cumsum(axis=1)], axis=1)
        for w in weights.T
    )
    at = ends - ends[0]
    before, after = falling[:, at[1:]] - falling[:, at[:-1]], rising[:, at[1:]] - rising[:, at[:-1]]
    sums: Ints = before[:, :-1] + after[:, 1:]
    return sums


def _roots(numbers: Ints) -> Ints:
    """Square roots, rounded; 65535 stays where the number is below 2^32."""
    root = np.floor(np.sqrt(numbers.astype(np.float64))).astype(np.int64)  # within 1 below 2^56
    root -= root * root > numbers
    root += (root + 1) * (root + 1) <= numbers
    rounded: Ints = root + ((numbers - root * root > root) & (root != 0xFFFF))
    return rounded


def _frame(front: FrontEnd, signal: Ints, noise: NDArray[np.uint32]) -> Ints:
    """Noise reduction and gain of one frame; changes the estimates."""
    share = np.resize(np.array(front.smoothing, np.int64), len(signal))
    scaled = _wrap_unsigned(signal << front.smoothing_bits)
    estimate = _wrap_unsigned((scaled * share + noise.astype(np.int64) * ((1 << 14) - share)) >> 14)
    noise[:] = estimate
    rest = (scaled - np.minimum(estimate, scaled)) >> front.smoothing_bits
    reduced = np.maximum(rest, (signal * front.floor) >> 14)
    return _gain(front, reduced, estimate) if front.stages & GAIN else reduced


def _gain(front: FrontEnd, signal: Ints, estimate: Ints) -> Ints:
    """The signal times the gain of its noise, shrunk below twice the noise."""
    bits = _bits(estimate)
    value, slope, curve = front.gain.astype(np.int64).reshape(-1, 3)[bits].T
    fraction = np.where(bits < 11, estimate << (11 - bits).clip(0), estimate >> (bits - 11).clip(0))
    fraction &= 0x3FF
    step = _wrap((((curve * fraction) >> 5) + (slope << 5)) * fraction + (1 << 14), 32) >> 15
    gain = _wrap_unsigned(_wrap(step + value, 16))
    products = signal.astype(np.uint64) * gain.astype(np.uint64)
    ratio = ((products >> np.uint64(front.gain_shift)) & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return np.where(ratio < 1 << 13, (ratio * ratio) >> 20, (ratio >> 6) - 64)


def _logarithm(front: FrontEnd, signal: Ints) -> Ints:
    """The natural logarithm with `log_shift` fraction bits; of 0 and 1: 0."""
    bits = front.correction
    values = _wrap_unsigned(signal << bits if bits >= 0 else signal >> -bits)
    x = np.maximum(values, 1)
    whole = _bits(x) - 1
    fraction = ((x << 16) >> whole) & 0xFFFF
    segment = fraction >> 9
    low, high = (LOG_TABLE[segment + i] for i in range(2))
    log2 = (whole << 16) + fraction + low + (((high - low) * (fraction - (segment << 9))) >> 16)
    natural = (45426 * log2 + (1 << 15)) >> 16
    scaled = ((natural << front.log_shift) + (1 << 15)) >> 16
    return np.where(values > 1, scaled, 0)


def _product(z: Ints, factors: Ints) -> Ints:
    """Products of complex numbers with complex factors of 15 fraction bits, rounded."""
    real = z[..., 0] * factors[..., 0] - z[..., 1] * factors[..., 1]
    imaginary = z[..., 0] * factors[..., 1] + z[..., 1] * factors[..., 0]
    return _wrap((np.stack([real, imaginary], axis=-1) + (1 << 14)) >> 15, 16)


def _scale(z: Ints, factor: int) -> Ints:
    """Products with a real factor of 15 fraction bits, rounded."""
    return _wrap((z * factor + (1 << 14)) >> 15, 16)


def _bits(x: Ints) -> Ints:
    """The number of bits of integers from 0 below 2^53."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def _wrap(x: Ints, bits: int) -> Ints:
    """The number in -2^(bits-1) .. 2^(bits-1) - 1 with the same lowest bits."""
    half = 1 << (bits - 1)
    return ((x + half) & (2 * half - 1)) - half


def _wrap_unsigned(x: Ints) -> Ints:
    """The number in 0 .. 2^32 - 1 with the same lowest bits."""
    return x & 0xFFFFFFFF
