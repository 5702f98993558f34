"""Clips of words: windows across two of them, and noise to mix in."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drypoint.data import SILENCE, UNKNOWN, Dataset, is_word

_OCTAVES = 8
_NOISE_SECONDS = 60
_WHOLE, _PART = 0.98, 0.5  # shares of a clip's energy that are a word, and none


def add_passages(train: Dataset) -> Dataset:
    """The training part with windows across the border of two clips, at most half as many as clips.

    In a stream a net also hears the end of one word and the begin of the next. A window has the
    class of a keyword whose clip's energy lies nearly all inside, beside less than half of another
    keyword's; it is "silence" across two clips of silence; it is "unknown" where less than half of
    any keyword's energy is inside. Others are left out. Without a class "unknown" there is none.
    """
    if UNKNOWN not in train.classes:
        return train
    rng, length, n = np.random.default_rng(0), train.signal_size[0], len(train) // 2
    windows, classes = list[NDArray[np.int16]](), list[str]()
    for pair in rng.integers(0, len(train), (n, 2)).tolist():
        cut = int(rng.integers(1, length))
        parts = train.x[pair[0], cut:], train.x[pair[1], :cut]
        names = [str(train.classes[train.y[clip]]) for clip in pair]
        words = [
            (_energy(part) / max(_energy(train.x[clip]), 1), name)
            for clip, part, name in zip(pair, parts, names, strict=True)
            if is_word(name)
        ]
        inside = [name for share, name in words if share >= _PART]
        whole = [name for share, name in words if share >= _WHOLE]
        if len(inside) == len(whole) < 2:
            windows.append(np.concatenate(parts))
            other = SILENCE if names == [SILENCE, SILENCE] else UNKNOWN
            classes.append(inside[0] if inside else other)
    y = np.array([train.classes.index(name) for name in classes], np.int64)
    x = np.array(windows, np.int16).reshape(-1, *train.x.shape[1:])
    return replace(train, x=np.concatenate([train.x, x]), y=np.concatenate([train.y, y]))


def _energy(samples: NDArray[np.int16]) -> int:
    return int(np.square(samples.astype(np.int64)).sum())


def generated_noise(n: int) -> NDArray[np.int16]:
    """n samples whose power falls with the frequency, from second to second in another way."""
    rng = np.random.default_rng(0)
    noise = np.zeros(n)
    for octave in range(_OCTAVES):  # numbers that each last for 2^octave samples
        values = np.repeat(rng.standard_normal(-(-n >> octave) + 1), 1 << octave)[:n]
        levels = np.repeat(rng.uniform(0, 1, n // 16_000 + 1), 16_000)[:n]
        noise += levels * values
    noise *= 6000 / noise.std()
    found: NDArray[np.int16] = np.rint(noise).clip(-32768, 32767).astype(np.int16)
    return found


def noise_for(clips: Dataset) -> NDArray[np.int16]:
    """The noise that clips are mixed with: their own of the class "silence", else generated."""
    if SILENCE in clips.classes and np.any(clips.y == clips.classes.index(SILENCE)):
        noise: NDArray[np.int16] = clips.x[clips.y == clips.classes.index(SILENCE)].reshape(-1)
        return noise
    return generated_noise(_NOISE_SECONDS * (clips.sample_rate or 0))
