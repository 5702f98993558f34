"""Augmentation of signals: against loops over Python's numbers, and a fixed digest."""

import hashlib

import numpy as np
import pytest

from drypoint import data, nn, train
from drypoint.data import AugmentError, augment
from drypoint.data._augmentation.counter_random import image_keys, numbers, uniform

X = np.random.default_rng(0).normal(0, 1, (6, 9, 2)).astype(np.float32)
EVERY = augment.Signals(shift=3, gain=0.25, noise=(0.5, 2.0), mask=4)


def naive(x, *, shift, gain, noise, mask, seed, epoch, index):
    """One signal, sample by sample."""
    steps, channels = x.shape
    key = image_keys(seed, epoch, [index])
    draw = [int(numbers(key, n)[0]) for n in range(5)]
    offset = draw[0] % (2 * shift + 1) - shift
    factor = 1 + gain * float(uniform(key, 1)[0])
    length, start = draw[2] % (mask + 1), draw[3] % steps
    y = np.zeros((steps, channels))
    for t in range(steps):
        for c in range(channels):
            value = float(x[min(max(t - offset, 0), steps - 1), c]) * factor
            three = [
                float(uniform(key, 4 + k * steps * channels + t * channels + c)[0])
                for k in range(3)
            ]
            y[t, c] = value + noise[c] * ((three[0] + three[1]) + three[2])
    for t in range(start, min(start + length, steps)):
        y[t] = y[max(start - 1, 0)]
    return y


def test_every_signal_is_the_naive_loops():
    found = EVERY(X, seed=5, epoch=2, indices=np.arange(10, 16))
    for i, x in enumerate(X):
        expected = naive(x, shift=3, gain=0.25, noise=(0.5, 2.0), mask=4,
                         seed=5, epoch=2, index=10 + i)  # fmt: skip
        assert np.array_equal(found[i], expected.astype(np.float32))


def test_counts_are_rounded_and_stay_in_their_type():
    counts = (X * 20000).clip(-(2**15), 2**15 - 1).astype(np.int16)
    found = augment.Signals(gain=1.0)(counts, seed=0, epoch=1, indices=range(6))
    assert found.dtype == np.int16
    keys = image_keys(0, 1, range(6))
    expected = np.rint(counts * (1 + uniform(keys, 1))[:, None, None])
    assert np.array_equal(found, expected.clip(-(2**15), 2**15 - 1))


def test_nothing_asked_for_changes_nothing():
    assert np.array_equal(augment.Signals()(X, seed=1, epoch=1, indices=range(6)), X)


def test_a_signal_depends_on_seed_epoch_and_index_alone():
    whole = EVERY(X, seed=1, epoch=3, indices=range(6))
    for i in range(6):
        assert np.array_equal(EVERY(X[i : i + 1], seed=1, epoch=3, indices=[i])[0], whole[i])
    assert not np.array_equal(EVERY(X, seed=1, epoch=4, indices=range(6)), whole)
    assert not np.array_equal(EVERY(X, seed=2, epoch=3, indices=range(6)), whole)


def test_the_bytes_are_the_same_on_every_machine():
    """x is exact in float32, every operation of float64 is rounded the IEEE way."""
    x = (np.arange(108, dtype=np.float32) / 8).reshape(6, 9, 2)
    found = EVERY(x, seed=7, epoch=1, indices=range(6))
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == "4d4ed260a1440bb9"


def test_noise_has_the_deviation_that_was_asked_for():
    """60,000 numbers of deviation 0.5: their own is within 5 standard errors of it."""
    zeros = np.zeros((200, 100, 3), np.float32)
    found = augment.Signals(noise=0.5)(zeros, seed=0, epoch=1, indices=range(200))
    assert abs(found.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * found.size)
    assert abs(found.mean()) < 5 * 0.5 / np.sqrt(found.size)
    assert np.abs(found).max() <= 1.5


@pytest.mark.parametrize(
    ("settings", "x", "indices", "message"),
    [
        ({}, X[0], range(9), r"takes signals \(N, steps, channels\)"),
        ({}, np.zeros((6, 9, 2), np.uint8), range(6), "not uint8"),
        ({"noise": (1.0, 1.0, 1.0)}, X, range(6), "3 numbers for 2 channels"),
        ({}, X, range(5), "wanted: 6 integers, one for each of the 6 signals"),
        ({}, X, [-1] * 6, "an index must be 0"),
        ({"shift": -1}, X, range(6), "shift is -1"),
        ({"gain": 1.5}, X, range(6), "gain is 1.5"),
        ({"noise": (0.1, -0.1)}, X, range(6), "noise is -0.1"),
        ({"mask": np.nan}, X, range(6), "mask is nan"),
    ],
)
def test_wrong_arguments_are_named(settings, x, indices, message):
    with pytest.raises(AugmentError, match=message):
        augment.Signals(**settings)(x, seed=0, epoch=1, indices=indices)


def test_fit_augments_the_training_signals():
    """`fit` augments before the encoder: the losses differ from the losses without augmentation."""
    ds = data.Dataset(X, [0, 1] * 3)
    net = nn.Sequential([nn.Flatten(), nn.Linear(2), nn.Softmax()])
    plain, changed = (
        train.fit(net, ds, epochs=2, validation_split=0, progress="none", augment=given)
        for given in (None, EVERY)
    )
    assert plain.history["loss"] != changed.history["loss"]
    again = train.fit(net, ds, epochs=2, validation_split=0, progress="none", augment=EVERY)
    assert again.history["loss"] == changed.history["loss"]
