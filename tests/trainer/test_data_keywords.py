"""Folders of words as clips of one length and rate: `data.read(folder, task="keyword")`.

Oracles: tones, whose resampled samples are known; places of zeros.
"""

import numpy as np
import pytest
from wav_files import write_wav

from drypoint import data
from drypoint.common import DrypointError
from drypoint.data._readers.wav import loudest, resample


def tone(n, hertz, rate, level=10_000):
    return np.rint(level * np.sin(2 * np.pi * hertz * np.arange(n) / rate)).astype("<i2")


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_a_tone_is_the_same_tone_at_another_rate(rate):
    """A whole number of periods, so that the spectrum is one line; within the two roundings."""
    found = resample(tone(rate, 440, rate), rate, 16_000)
    assert found.dtype == np.int16
    assert np.abs(found.astype(int) - tone(16_000, 440, 16_000)).max() <= 1


def test_frequencies_beyond_the_new_rate_are_left_out():
    found = resample(tone(48_000, 10_000, 48_000), 48_000, 16_000)
    assert np.abs(found).max() <= 1
    assert resample(np.array([7], np.int16), 48_000, 16_000).shape == (1,)


def test_the_loudest_stretch_is_kept_and_short_recordings_stand_in_the_middle():
    samples = np.zeros(100, np.int16)
    samples[60:70] = 5
    assert loudest(samples, 10).tolist() == [5] * 10
    assert loudest(np.array([1, 2, 3], np.int16), 6).tolist() == [0, 1, 2, 3, 0, 0]


def test_a_folder_of_words_becomes_clips_and_silence(tmp_path):
    write_wav(tmp_path / "yes/a.wav", tone(8000, 500, 8000), rate=8000)
    stereo = np.repeat(tone(24_000, 500, 16_000)[:, None], 2, axis=1)
    write_wav(tmp_path / "yes/b.wav", stereo, 16_000, channels=2)
    write_wav(tmp_path / "no/c.wav", np.full(4000, 200, np.uint8), 16_000)
    write_wav(tmp_path / "_background_noise_/rain.wav", tone(50_000, 77, 16_000), 16_000)
    splits = data.read(tmp_path, task="keyword")
    pool = splits[data.ALL]
    assert pool.classes == ("no", "silence", "yes")
    assert pool.sample_rate == 16_000
    assert pool.x.shape == (6, 16_000, 1)
    assert pool.x.dtype == np.int16
    assert np.bincount(pool.y).tolist() == [1, 3, 2]
    (no,) = pool.x[pool.y == 0]
    assert np.flatnonzero(no[:, 0])[[0, -1]].tolist() == [6000, 9999]
    short = data.read(tmp_path, task="keyword", window=4000)[data.ALL]
    assert short.x.shape == (15, 4000, 1)


def test_folders_of_noise_and_other_words_are_classes_that_are_no_words(tmp_path):
    folders = {
        **dict.fromkeys(
            ("noise", "_Noise_", "background", "Background-Noise", "silence"), "silence"
        ),
        **dict.fromkeys(("other", "_other_", "OTHER", "unknown", "_unknown_"), "unknown"),
        **dict.fromkeys(("yes", "noisy", "another"), None),
    }
    for folder in folders:
        write_wav(tmp_path / folder / "a.wav", tone(20_000, 500, 16_000), 16_000)
    splits = data.read(tmp_path, task="keyword", window=8000)
    pool = splits[data.ALL]
    assert pool.classes == ("another", "noisy", "silence", "unknown", "yes")
    assert np.bincount(pool.y).tolist() == [1, 1, 10, 5, 1]  # noise is cut into clips that touch
    (note,) = splits.notes
    assert note.startswith("no words, outputs of the net that are never detections: Background-Noi")
    assert {name for name in folders if not data.is_word(name)} == {
        name for name, of in folders.items() if of
    }
    for name, of in folders.items():
        shown = f"{name} (class {of})" if of != name else name
        assert (f" {shown}," in f"{note},") == (of is not None)


def test_parts_of_a_folder_of_words_are_parts(tmp_path):
    for part in ("train", "test"):
        for word in ("yes", "no"):
            write_wav(tmp_path / part / word / "a.wav", tone(9000, 300, 16_000), 16_000)
    splits = data.read(tmp_path, task="keyword")
    assert {name: len(part) for name, part in splits.parts.items()} == {"train": 2, "test": 2}


def test_what_is_no_folder_of_words_is_refused_in_one_line(tmp_path):
    (tmp_path / "table.csv").write_text("a,label\n1,x\n2,y\n")
    write_wav(tmp_path / "deep/yes/a.wav", np.zeros(0, "<i2"), 16_000)
    write_wav(tmp_path / "slow/yes/a.wav", np.zeros(300_000, "<i2"), rate=1)
    write_wav(tmp_path / "rows/yes/a.wav", tone(100, 9, 16_000), 16_000)
    (tmp_path / "rows/yes/b.csv").write_text("x\n1.0\n2.0\n")
    for source, task, message in (
        (tmp_path / "table.csv", "keyword", "is no folder with a subfolder of WAV files"),
        (tmp_path / "deep", "keyword", "has 0 bytes of samples of 1 channels"),
        (tmp_path / "slow", "keyword", "bytes of memory to decode, the limit is"),
        (tmp_path / "rows", "keyword", "b.csv: keywords are recordings in WAV files"),
        (
            tmp_path / "rows",
            "words",
            "task must be 'keyword', 'regression', 'detect' or None, not 'words'",
        ),
    ):
        with pytest.raises(DrypointError) as raised:
            data.read(source, task=task)
        assert message in str(raised.value)
