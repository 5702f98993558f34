"""The front end "micro" gives the features of TensorFlow Lite Micro's, to the byte.

Oracles: the package pymicro-features for microWakeWord's settings; for 20 other settings the CRCs
of the features that the C++ of its source distribution gave (`sound_signals.py` wrote them).
"""

import json
import zlib

import numpy as np
import sound_signals

from drypoint import sound
from drypoint.sound import _reference as reference

SCALE = 0.0390625  # of the floats that pymicro-features makes of its integers
STEP = 160


def test_a_million_features_equal_those_of_the_package(toolbox):
    """Portions of one step, as the package takes them; noise estimates run through all signals."""
    toolbox.need_package("pymicro_features")
    from pymicro_features import MicroFrontend

    n = toolbox.count(every_day=8_000, ci=450_000)
    samples = sound_signals.whole_signal(1, n)
    theirs, front = MicroFrontend(), sound.micro()
    rows = []
    for at in range(0, len(samples) - STEP + 1, STEP):
        row = theirs.process_samples(samples[at : at + STEP].tobytes()).features
        rows += [row] if row else []
    expected = np.array(rows) / SCALE
    assert expected.size >= toolbox.count(every_day=15_000, ci=1_000_000)
    np.testing.assert_array_equal(sound.features(front, samples)[: len(rows)], expected)


def test_features_of_20_other_settings_equal_those_of_the_source():
    samples = sound_signals.whole_signal(0)
    rows = json.loads(sound_signals.FILE.read_text("utf-8"))
    assert len(rows) == sound_signals.SETTINGS
    assert sum(row["values"] for row in rows) > 100_000
    kinds = set()
    for seed, row in enumerate(rows):
        settings = row["settings"]
        assert settings == sound_signals.random_settings(seed)
        front = sound.micro(**settings)
        kinds.add((front.fft, front.stages, front.window.size % 2))
        found = sound.features(front, samples)
        assert (found.size, zlib.crc32(found.astype("<u2").tobytes())) == (
            row["values"],
            row["crc"],
        ), seed
    assert len(kinds) > 8  # FFTs of several sizes, odd windows, with and without gain and log


def test_the_compiled_front_end_gives_the_bytes_of_the_reference():
    samples = sound_signals.whole_signal(2, 3000)
    for window in (9, 16, 17, 31, 33, 64, 100, 250, 512, 700, 1025, 4096):
        fronts = [
            sound.micro(window=window, step=1 + window // 3, channels=3, low=0, high=7000),
            sound.log_mel(window=window, step=window, channels=2, low=1000),
            sound.spectrum(rate=1000, window=window, step=window),
            sound.spectrum(rate=1000, window=window, step=window, channels=3, log=True),
        ]
        for front in fronts:
            found = sound.features(front, samples)
            np.testing.assert_array_equal(found, reference.features(front, samples))
            assert found.shape == (front.frames(len(samples)), front.channels)


def test_noise_estimates_go_on_from_call_to_call():
    front, samples = sound.micro(), sound_signals.whole_signal(3, 2000)
    whole = sound.features(front, samples)
    for call in (sound.features, reference.features):
        estimates = np.zeros(front.channels, np.uint32)
        cut = 20 * front.step
        head = call(front, samples[: cut + front.window.size - front.step], estimates)
        rest = call(front, samples[cut:], estimates)
        np.testing.assert_array_equal(np.concatenate([head, rest]), whole)


def test_the_frame_of_the_page_has_the_numbers_of_the_page():
    """NUMERICS.md section 12, "One frame, walked through"."""
    front = sound.micro(rate=800, window=16, step=8, channels=2, low=20, high=380)
    samples = np.round(1000 * np.cos(2 * np.pi * 2 * np.arange(16) / 16)).astype(np.int16)
    scaled, shift = reference._scale_frames(front, samples[None].astype(np.int64))
    energies = reference._energies(front, scaled)
    bands = reference._bands(front, energies)
    assert front.window[:4].tolist() == [39, 345, 910, 1648]
    assert front.bins.tolist() == [1, 2, 2, 3]
    assert front.weights[:4].tolist() == [[2859, 1237], [903, 3193], [3162, 934], [1429, 2667]]
    assert shift.tolist() == [5]
    assert scaled[0, :4].tolist() == [288, 1888, 0, -9120]
    assert energies[0, 1:].tolist() == [15995213, 63952009, 15982641, 16, 2, 0, 4]
    assert bands.tolist() == [[274521976924, 14927840556]]
    assert reference._roots(bands).tolist() == [[523948, 122180]]
    noise = np.zeros(2, np.uint32)
    gained = reference._frame(front, np.array([16373, 3818]), noise)
    assert noise.tolist() == [418534, 234568]
    assert gained.tolist() == [1753, 470]
    assert sound.features(front, samples).tolist() == [[389, 305]]
