"""Augmentation of signals; `_augment` says what an augmentation is."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._dataset.pixels import is_signals
from .._errors import AugmentError
from .counter_random import Keys, check_amount, draw_keys, numbers, uniform

_Sample = TypeVar("_Sample", np.float32, np.int16)
Places = NDArray[np.int64]

_LIMIT = 0xFFFF  # steps
_SHIFT, _GAIN, _LENGTH, _START, _NOISE = range(5)  # numbers of a signal's stream; noise is the rest


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Shifts signals in time, scales them, adds noise, and holds a stretch of time.

    The amount of a signal is uniform between -attribute and +attribute, the length of its stretch
    between 0 and ``mask``. Where a shift leaves steps without a sample, the first or last sample is
    repeated. All attributes default to 0.

    Attributes:
        shift: time steps, 0 to 65,535; whole numbers are drawn.
        gain: relative change of all samples, 0 to 1.
        noise: standard deviation of the noise on each sample, in the unit of the samples: a number
            or one a channel, from 0 on. A noise value is the sum of three uniform numbers, so it
            lies within 3 deviations.
        mask: most time steps during which all channels hold the sample before, 0 to 65,535.

    Raises:
        AugmentError: an amount is out of its range.
    """

    shift: int = 0
    gain: float = 0.0
    noise: float | tuple[float, ...] = 0.0
    mask: int = 0

    def __post_init__(self) -> None:
        for name, most in (("shift", _LIMIT), ("gain", 1), ("mask", _LIMIT)):
            check_amount(name, getattr(self, name), 0, most)
        for amount in self.noise if isinstance(self.noise, tuple) else (self.noise,):
            check_amount("noise", amount, 0, float(np.finfo(np.float32).max))

    def __call__(
        self, signals: NDArray[_Sample], /, *, seed: int, epoch: int, indices: ArrayLike
    ) -> NDArray[_Sample]:
        """Distorted copies of the signals; a pure function of the arguments."""
        if not is_signals(signals) or signals.ndim != 3 or 0 in signals.shape[1:]:
            raise AugmentError(
                "augmentation takes signals (N, steps, channels), float32 or int16, not "
                f"{signals.dtype} {signals.shape}"
            )
        n, steps, channels = signals.shape
        if isinstance(self.noise, tuple) and len(self.noise) != channels:
            raise AugmentError(f"noise has {len(self.noise)} numbers for {channels} channels")
        keys = draw_keys(n, seed, epoch, indices, what="signals")
        values = _at(signals.astype(np.float64), self._shift_places(keys, steps))
        values *= 1 + self.gain * uniform(keys, _GAIN)[:, None, None]
        if np.any(self.noise):
            values += np.asarray(self.noise) * _noise(keys, steps, channels)
        values = _at(values, self._hold_places(keys, steps))
        if signals.dtype == np.int16:
            values = np.rint(values).clip(-(2**15), 2**15 - 1)
        return values.astype(signals.dtype)

    def _shift_places(self, keys: Keys, steps: int) -> Places:
        """The step whose sample each step gets: (N, steps)."""
        offsets = _whole(keys, _SHIFT, 2 * self.shift + 1) - self.shift
        places: Places = np.arange(steps) - offsets[:, None]
        return places.clip(0, steps - 1)

    def _hold_places(self, keys: Keys, steps: int) -> Places:
        """As `_shift_places`: a stretch holds the sample before it, or the first sample."""
        length = _whole(keys, _LENGTH, self.mask + 1)[:, None]
        start = _whole(keys, _START, steps)[:, None]
        time = np.arange(steps)
        inside = (time >= start) & (time < start + length)
        return np.where(inside, np.maximum(start - 1, 0), time)


def _at(values: NDArray[np.float64], places: Places) -> NDArray[np.float64]:
    return np.take_along_axis(values, places[..., None], axis=1)


def _whole(keys: Keys, n: int, below: int) -> Places:
    """Whole numbers from 0 to below - 1, (N,): the n-th of each stream."""
    return (numbers(keys, n) % np.uint64(below)).astype(np.int64)


def _noise(keys: Keys, steps: int, channels: int) -> NDArray[np.float64]:
    """Sums of three uniform numbers in [-1, 1), whose variance is 1: (N, steps, channels)."""
    size = steps * channels
    a, b, c = (uniform(keys[:, None], _NOISE + k * size + np.arange(size)) for k in range(3))
    return ((a + b) + c).reshape(-1, steps, channels)
