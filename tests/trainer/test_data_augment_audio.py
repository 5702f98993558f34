"""Augmentation of audio. Oracles: tones at a known speed and place; energies; zeros."""

import numpy as np
import pytest

from drypoint.data import AugmentError, augment

Audio = augment.Audio
N, LENGTH = 40, 800
NOISE = np.random.default_rng(1).integers(-9000, 9000, 5000).astype(np.int16)
CLIPS = np.random.default_rng(2).integers(-3000, 3000, (N, LENGTH, 1)).astype(np.int16)


def change(audio, clips=CLIPS, seed=3, epoch=1, indices=None):
    return audio(
        clips, seed=seed, epoch=epoch, indices=np.arange(N) if indices is None else indices
    )


def test_without_amounts_clips_stay():
    np.testing.assert_array_equal(change(Audio()), CLIPS)


def test_a_clip_depends_on_seed_epoch_and_index_alone():
    audio = Audio(speed=0.2, shift=50, mask=90, noise=0.5, recordings=NOISE, gain=0.3)
    found = change(audio)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(change(audio), found)
    one = audio(CLIPS[7:8], seed=3, epoch=1, indices=np.array([7]))
    np.testing.assert_array_equal(one[0], found[7])
    for other in (
        change(audio, seed=4),
        change(audio, epoch=2),
        change(audio, indices=np.arange(N) + 1),
    ):
        assert (other != found).any(axis=(1, 2)).all()


def test_shifts_fill_with_zeros():
    found = change(Audio(shift=30))[:, :, 0]
    offsets = set()
    for clip, moved in zip(CLIPS[:, :, 0], found, strict=True):
        padded = np.pad(clip, 30)
        matches = [k for k in range(61) if np.array_equal(moved, padded[60 - k : 860 - k])]
        assert len(matches) == 1
        offsets.add(matches[0] - 30)
    assert min(offsets) < -10
    assert max(offsets) > 10


def test_speed_changes_the_pitch_within_its_bounds():
    """A tone of 40 periods; zero crossings count the periods of what remains of it."""
    tone = np.rint(8000 * np.sin(2 * np.pi * 40 * (np.arange(LENGTH) + 0.3) / LENGTH))
    clips = np.repeat(tone.astype(np.int16)[None, :, None], N, axis=0)
    found = change(Audio(speed=0.25), clips)[:, 150:650, 0]
    rising = ((found[:, :-1] < 0) & (found[:, 1:] >= 0)).sum(axis=1)
    assert rising.min() < 23  # 25 periods stand in these 500 samples
    assert rising.max() > 27
    assert rising.min() >= 18
    assert rising.max() <= 32


def test_noise_is_a_stretch_of_the_recordings_at_a_level_below_the_largest():
    found = change(Audio(noise=0.5, recordings=NOISE))[:, :, 0]
    windows = np.lib.stride_tricks.sliding_window_view(NOISE, LENGTH).astype(np.float64)
    levels = []
    for clip, mixed in zip(CLIPS[:, :, 0].astype(np.float64), found, strict=True):
        added = mixed - clip
        level = np.sqrt(np.square(added).mean() / np.square(clip).mean())
        fit = windows @ added / np.linalg.norm(windows, axis=1) / np.linalg.norm(added)
        assert fit.max() > 0.999  # but for rounding
        levels.append(level)
    assert max(levels) <= 0.501
    assert min(levels) < 0.1
    assert max(levels) > 0.4


def test_a_mask_is_silence_before_the_noise():
    silent = (change(Audio(mask=200))[:, :, 0] == 0).sum(axis=1)
    assert silent.max() <= 203  # and the clip's own zeros
    assert silent.max() > 100
    noisy = change(Audio(mask=200, noise=1.0, recordings=NOISE))[:, :, 0]
    assert (noisy == 0).sum(axis=1).max() < 20


def test_gain_scales_within_its_bounds():
    found = change(Audio(gain=0.5))
    ratios = np.linalg.norm(found[:, :, 0], axis=1) / np.linalg.norm(CLIPS[:, :, 0], axis=1)
    assert 0.5 <= ratios.min() < 0.7
    assert 1.3 < ratios.max() <= 1.5


@pytest.mark.parametrize("axis", [1, 3])
def test_two_bands_of_features_become_the_mean_of_all(axis):
    """Oracle: plain loops over the channels of each encoded clip."""
    audio, shape = Audio(frequency_mask=5), (N, 12, 9) if axis == 1 else (N, 1, 9, 12)
    features = np.random.default_rng(4).integers(1, 900, shape).astype(np.float32)
    options = {"seed": 3, "epoch": 1, "indices": np.arange(N)}
    found, widths = audio.change_features(features, **options), set()
    for clip, hidden in zip(features, found, strict=True):
        mean = np.float32(clip.mean(dtype=np.float64))
        rows, changed = (np.moveaxis(x, axis - 1, 0) for x in (clip, hidden))
        band = [k for k in range(12) if not np.array_equal(rows[k], changed[k])]
        assert (changed[band] == mean).all()
        assert np.count_nonzero(np.diff(band) > 1) <= 1  # two bands have one gap
        widths.add(len(band))
    assert {*range(7)} <= widths <= {*range(11)}
    one = audio.change_features(features[7:8], **{**options, "indices": np.array([7])})
    np.testing.assert_array_equal(one[0], found[7])
    np.testing.assert_array_equal(Audio().change_features(features, **options), features)
    np.testing.assert_array_equal(change(audio), CLIPS)
    all_hidden = Audio(frequency_mask=255).change_features(features, **options)
    assert all_hidden.shape == features.shape
    with pytest.raises(AugmentError, match="wanted: an AudioEncoder's"):
        audio.change_features(features[0, 0], **options)


REFUSED = (
    (lambda: Audio(frequency_mask=256), "frequency_mask is 256, not a number from 0 to 255"),
    (lambda: Audio(speed=0.6), "speed is 0.6, not a number from 0 to 0.5"),
    (lambda: Audio(shift=-1), "shift is -1"),
    (lambda: Audio(noise=1), "noise has no recordings"),
    (lambda: Audio(recordings=[1, 2]), "recordings must be an int16 array"),
    (lambda: Audio(recordings=np.zeros(9)), "recordings must be an int16 array"),
    (
        lambda: change(Audio(noise=1, recordings=NOISE[:700])),
        "recordings have 700 samples, a clip 800",
    ),
    (lambda: change(Audio(), CLIPS.astype(np.float32)), "clips are float32"),
    (lambda: change(Audio(), CLIPS[:, :, 0]), "wanted: int16"),
    (lambda: change(Audio(), indices=np.arange(3)), "one for each of the 40 clips"),
)


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_no_audio_is_refused(call, message):
    with pytest.raises(AugmentError) as raised:
        call()
    assert message in str(raised.value)
