"""``--task keyword``: noise to train with, and the errors of a detector in a stream of clips."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint import measure
from drypoint.common import DrypointError
from drypoint.data import Dataset, augment, read_audio
from drypoint.engine import Engine
from drypoint.program import Detector, Keyword, Program

KEYWORD = "keyword"
SILENCE, UNKNOWN = "silence", "unknown"
"""Classes that are no keywords."""
THRESHOLDS = tuple(percent / 100 for percent in range(10, 96, 5))
STEPS = 6000  # of a run whose epochs are left out
SMOOTHING_SECONDS, HOLD_SECONDS = 0.25, 1.0
LATE = 0.5  # of a clip's length: a keyword is also found so long after its clip
_NOISE_SECONDS = 60
_OCTAVES = 8
_WHOLE, _PART = 0.98, 0.5  # shares of a clip's energy that are a word, and none


def audio_augmentation(strength: str, train: Dataset, folder: Path | None) -> augment.Audio | None:
    """The augmentation of clips of words.

    Args:
        strength: "none", "light" or "strong".
        train: the training part, whose class "silence" is mixed in.
        folder: of WAV files that are mixed in instead, or None.

    Raises:
        DrypointError: the folder has no WAV file, or files that cannot be read.
    """
    if strength == "none":
        return None
    length, rate = train.signal_size[0], train.sample_rate or 0
    if folder is not None:
        files = sorted(path for path in folder.glob("*") if path.suffix.lower() == ".wav")
        if not files:
            raise DrypointError(f"--noise {folder}: wanted a folder with WAV files")
        noise = np.concatenate([read_audio(path, rate=rate) for path in files])
        noise = np.resize(noise, max(len(noise), length))
    elif SILENCE in train.classes and np.any(train.y == train.classes.index(SILENCE)):
        noise = train.x[train.y == train.classes.index(SILENCE)].reshape(-1)
    else:
        noise = generated_noise(_NOISE_SECONDS * rate)
    light = strength == "light"
    return augment.Audio(
        speed=0.1 if light else 0.2,
        shift=length // (20 if light else 10),
        mask=length // (20 if light else 10),
        noise=0.25 if light else 0.5,
        gain=0.25 if light else 0.5,
        recordings=noise,
        frequency_mask=6 if light else 12,  # of 40 features
    )


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
            if name not in (SILENCE, UNKNOWN)
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


class ClipStream(NamedTuple):
    """Decisions of a program about clips one after another.

    Attributes:
        decisions: int32 (N, values) of the last output.
        spoken: the keywords that are spoken.
        hours: the signal's length.
    """

    decisions: NDArray[np.int32]
    spoken: list[measure.Spoken]
    hours: float


def keyword_classes(program: Program) -> tuple[int, ...]:
    """The values of a program's last output that are keywords; empty if it spots none."""
    if program.front is None or not program.softmax or not program.labels:
        return ()
    return tuple(i for i, label in enumerate(program.labels) if label not in (SILENCE, UNKNOWN))


def listen_to(program: Program, clips: Dataset) -> ClipStream:
    """What a streaming program decides about clips, in a random order, one after another."""
    order = np.random.default_rng(0).permutation(len(clips))
    length, rate = clips.signal_size[0], program.front.rate if program.front else 1
    values = Engine(program).listener().listen(clips.x[order].reshape(-1))
    decisions = list(values.values())[-1] if isinstance(values, dict) else values
    border, clock = program.sound_border, program.clocks[-1]
    step = border.rows * border.front.step
    # the sample after the last one that a decision has heard
    heard = border.samples + (clock.first - 1 + clock.period * np.arange(len(decisions))) * step
    spoken = []
    for place, index in enumerate(clips.y[order].tolist()):
        ends = (place * length, int((place + 1 + LATE) * length))
        begin, end = np.searchsorted(heard, ends, side="right").tolist()
        if index in keyword_classes(program):
            spoken.append(measure.Spoken(begin, end, index))
    return ClipStream(decisions, spoken, len(clips) * length / rate / 3600)


def make_detector(program: Program, threshold: float) -> Detector:
    """The detector of a streaming program of words at a threshold of the smoothed probability."""
    front, clock = program.sound_border.front, program.clocks[-1]
    seconds = program.sound_border.rows * clock.period * front.step / front.rate
    return Detector.of_probability(
        threshold,
        program.outputs[-1],
        window=max(1, round(SMOOTHING_SECONDS / seconds)),
        hold=round(HOLD_SECONDS / seconds),
        keywords=keyword_classes(program),
    )


def errors_of(
    program: Program, stream: ClipStream, detector: Detector, threshold: float
) -> measure.SpottingErrors:
    """The errors of a detector in a stream."""
    detected: list[Keyword] = detector.detect(stream.decisions, program.outputs[-1])
    return measure.count_errors(detected, stream.spoken, threshold=threshold, hours=stream.hours)


def choose_detector(
    program: Program, validation: Dataset, false_accepts: float
) -> tuple[Program, list[measure.SpottingErrors], measure.SpottingErrors]:
    """The program with the detector of the lowest threshold that has at most so many false accepts
    an hour on validation clips; the errors at each threshold, and at the chosen threshold.

    Raises:
        DrypointError: the program spots no keywords, or no threshold has so few false accepts.
    """
    if not keyword_classes(program):
        raise DrypointError(
            f"the program {program.name!r} spots no keywords: drypoint train --task keyword makes "
            "one that does"
        )
    stream_program = program if program.is_streaming else program.streaming()
    stream = listen_to(stream_program, validation)
    detectors = {value: make_detector(stream_program, value) for value in THRESHOLDS}
    curve = [
        errors_of(stream_program, stream, detector, value) for value, detector in detectors.items()
    ]
    for row in curve:
        if row.false_accepts_per_hour <= false_accepts:
            return replace(program, detector=detectors[row.threshold]), curve, row
    fewest = min(row.false_accepts_per_hour for row in curve)
    raise DrypointError(
        f"every threshold has more than {false_accepts:g} false accepts an hour on validation "
        f"clips, the best {fewest:.1f}: --false-accepts {fewest:.0f} or more examples without words"
    )
