"""Augmentation of audio; `_augment` says what an augmentation is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import AugmentError
from .counter_random import Keys, check_amount, draw_keys, numbers, uniform

_LIMIT = 0xFFFF  # samples
_CHANNELS = 0xFF  # of a front end
_BANDS = 2  # that are hidden
_SHIFT, _SPEED, _GAIN, _LENGTH, _START, _LEVEL, _PLACE, _BAND = range(8)
"""Numbers of a clip's stream."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Audio:
    """Changes the speed of clips of sound, shifts them, silences a stretch, mixes noise in, scales
    them; and hides two bands of their features.

    An amount of a clip is uniform between -attribute and +attribute, the length of its silent
    stretch between 0 and ``mask``, the noise's level between 0 and ``noise``, the width of each
    hidden band between 0 and ``frequency_mask``. All amounts default to 0. No step of the samples
    rounds but the last, to int16.

    Attributes:
        speed: relative change of speed and pitch about the clip's middle, 0 to 0.5.
        shift: samples, 0 to 65,535; zeros follow from the border.
        mask: the longest silent stretch in samples, 0 to 65,535.
        noise: the noise's largest effective value (root mean square) relative to the clip's, 0 to
            100: 1 is a signal-to-noise ratio of 0 dB.
        recordings: int16 (samples,), at least a clip long: noise is a stretch of it.
        gain: relative change of all samples, 0 to 1.
        frequency_mask: features of the widest band that is hidden, 0 to 255: in every row they
            become the mean of the clip's features (SpecAugment, Park et al. 2019). `fit` hides two
            bands after the encoder; a call of the augmentation changes samples alone.

    Raises:
        AugmentError: an amount is out of its range, or noise has no recordings.
    """

    speed: float = 0.0
    shift: int = 0
    mask: int = 0
    noise: float = 0.0
    recordings: NDArray[np.int16] | None = None
    gain: float = 0.0
    frequency_mask: int = 0

    def __post_init__(self) -> None:
        limits = {"speed": 0.5, "shift": _LIMIT, "mask": _LIMIT, "noise": 100, "gain": 1}
        limits |= {"frequency_mask": _CHANNELS}
        for name, most in limits.items():
            check_amount(name, getattr(self, name), 0, most)
        sound = self.recordings
        if sound is None and self.noise > 0:
            raise AugmentError("noise has no recordings to mix in")
        if sound is not None:
            if not isinstance(sound, np.ndarray) or sound.dtype != np.int16 or sound.ndim != 1:
                raise AugmentError("recordings must be an int16 array (samples,)")
            object.__setattr__(self, "recordings", sound.copy())

    def __call__(
        self, clips: NDArray[np.int16], /, *, seed: int, epoch: int, indices: ArrayLike
    ) -> NDArray[np.int16]:
        """Changed copies of the clips; a pure function of the arguments."""
        x = np.asarray(clips)
        if x.dtype != np.int16 or x.ndim != 3 or x.shape[2] != 1 or 0 in x.shape:
            raise AugmentError(f"clips are {x.dtype} {x.shape}; wanted: int16 (N, samples, 1)")
        n, length, _ = x.shape
        keys = draw_keys(n, seed, epoch, indices, what="clips")
        values = self._move(x[:, :, 0], keys)
        if self.mask:
            end = _whole(keys, _LENGTH, self.mask + 1)
            start = _whole(keys, _START, length)
            time = np.arange(length)
            inside = (time >= start[:, None]) & (time < (start + end)[:, None])
            values[inside] = 0
        if self.noise and self.recordings is not None:
            noise = _stretches(self.recordings, keys, length)
            # integer sums of squares, so that no order of additions matters
            ratio = np.sqrt(_energy(x[:, :, 0]) / np.maximum(_energy(noise), 1))
            level = self.noise * (1 + uniform(keys, _LEVEL)) / 2
            values += (level * ratio)[:, None] * noise
        values *= 1 + self.gain * uniform(keys, _GAIN)[:, None]
        return np.rint(values).clip(-(2**15), 2**15 - 1).astype(np.int16)[:, :, None]

    def change_features(
        self, features: NDArray[np.float32], /, *, seed: int, epoch: int, indices: ArrayLike
    ) -> NDArray[np.float32]:
        """Copies of encoded clips with hidden bands; a pure function of the arguments.

        Args:
            features: float32, of an `AudioEncoder`: (N, channels, rows) or (N, 1, rows, channels).
            seed, epoch, indices: as for samples.

        Raises:
            AugmentError: features of another shape, not an index for each, or a negative number.
        """
        if not self.frequency_mask:
            return features
        if features.ndim not in (3, 4) or 0 in features.shape:
            raise AugmentError(f"features are {features.shape}; wanted: an AudioEncoder's")
        n, axis = len(features), 1 if features.ndim == 3 else 3
        keys, channels = draw_keys(n, seed, epoch, indices, what="clips"), features.shape[axis]
        hidden, places = np.zeros((n, channels), bool), np.arange(channels)
        for k in range(_BAND, _BAND + 2 * _BANDS, 2):
            width = _whole(keys, k, min(self.frequency_mask, channels) + 1)
            lowest = _whole(keys, k + 1, channels - width + 1)
            hidden |= (places >= lowest[:, None]) & (places < (lowest + width)[:, None])
        shape = (n, *(channels if k == axis else 1 for k in range(1, features.ndim)))
        # the features are integers times a scale: in float64 their sum has no rounding
        axes = tuple(range(1, features.ndim))
        mean = features.mean(axis=axes, dtype=np.float64, keepdims=True).astype(np.float32)
        return np.where(hidden.reshape(shape), mean, features)

    def _move(self, clips: NDArray[np.int16], keys: Keys) -> NDArray[np.float64]:
        """Each clip at its speed and place, by linear interpolation: (N, samples)."""
        length = clips.shape[1]
        factors = 1 + self.speed * uniform(keys, _SPEED)
        offsets = _whole(keys, _SHIFT, 2 * self.shift + 1) - self.shift
        middle, time = (length - 1) / 2, np.arange(length)
        moved, padded = np.empty(clips.shape), np.pad(clips, ((0, 0), (1, 2)))
        for row, clip, factor, offset in zip(moved, padded, factors, offsets, strict=True):
            # clip by clip, since the arrays of one fit into the processor's cache
            places = ((time - offset - middle) * factor + middle).clip(-1, length)
            left = np.floor(places)
            samples, at = clip.astype(np.float64), left.astype(np.int64) + 1
            a, b = samples[at], samples[at + 1]
            row[:] = a + (b - a) * (places - left)
        return moved


def _stretches(sound: NDArray[np.int16], keys: Keys, length: int) -> NDArray[np.int16]:
    """A random stretch for each clip: (N, length)."""
    if len(sound) < length:
        raise AugmentError(
            f"recordings have {len(sound):,} samples, a clip {length:,}: noise is a stretch of them"
        )
    places = _whole(keys, _PLACE, len(sound) - length + 1)
    return np.lib.stride_tricks.sliding_window_view(sound, length)[places]


def _energy(clips: NDArray[np.int16]) -> NDArray[np.float64]:
    energy: NDArray[np.float64] = np.square(clips.astype(np.int64)).sum(axis=1).astype(np.float64)
    return energy


def _whole(keys: Keys, n: int, below: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers from 0 to below - 1, (N,): the n-th of each stream."""
    return (numbers(keys, n) % np.asarray(below, np.uint64)).astype(np.int64)
