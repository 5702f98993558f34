"""``--task keyword``: noise to train with, and the errors of a detector in a stream of clips."""

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint import measure
from drypoint.common import DrypointError
from drypoint.data import SILENCE, UNKNOWN, Dataset, augment, is_word, read_audio
from drypoint.engine import Engine
from drypoint.measure import Listening
from drypoint.program import Detector, Keyword, Program

KEYWORD = "keyword"
THRESHOLDS = tuple(percent / 100 for percent in range(10, 96, 5))
STEPS = 6000  # of a run whose epochs are left out
LATE = 0.5  # of a clip's length: a keyword is also found so long after its clip
USUAL_RATE = 10.0  # false accepts an hour, where the option names none
_NOISE_SECONDS = 60
_OCTAVES = 8
_WHOLE, _PART = 0.98, 0.5  # shares of a clip's energy that are a word, and none


def audio_augmentation(strength: str, train: Dataset, folder: Path | None) -> augment.Audio | None:
    """The augmentation of clips of words."""
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


def listen_to(program: Program, clips: Dataset) -> ClipStream:
    """What a streaming program decides about clips, in a random order, one after another."""
    order = np.random.default_rng(0).permutation(len(clips))
    length = clips.signal_size[0]
    values = Engine(program).listener().listen(clips.x[order].reshape(-1))
    decisions = list(values.values())[-1] if isinstance(values, dict) else values
    listening = Listening(program)
    heard, keywords = listening.heard_samples(np.arange(len(decisions))), listening.keywords
    spoken = []
    for place, index in enumerate(clips.y[order].tolist()):
        ends = (place * length, int((place + 1 + LATE) * length))
        begin, end = np.searchsorted(heard, ends, side="right").tolist()
        if index in keywords:
            spoken.append(measure.Spoken(begin, end, index))
    return ClipStream(decisions, spoken, hours_of(clips))


def errors_of(
    program: Program, stream: ClipStream, detector: Detector, threshold: float
) -> measure.SpottingErrors:
    """The errors of a detector in a stream."""
    detected: list[Keyword] = detector.detect(stream.decisions, program.outputs[-1])
    return measure.count_errors(detected, stream.spoken, threshold=threshold, hours=stream.hours)


def hours_of(clips: Dataset) -> float:
    """The hours of clips one after another."""
    return len(clips) * clips.signal_size[0] / (clips.sample_rate or 1) / 3600


def choose_detector(
    program: Program, validation: Dataset, false_accepts: float | None
) -> tuple[Program, list[measure.SpottingErrors], measure.SpottingErrors]:
    """The program with the detector of the lowest threshold whose false accepts an hour on
    validation clips are at most a rate; the errors at each threshold, and at the chosen one.

    A rate that the user gave is shown where it is at least `SpottingErrors.false_accepts_bound`:
    without a false accept by 3.0 / rate hours. Where no threshold shows `USUAL_RATE` (None), the
    false accepts that are counted are compared with it.
    """
    if not Listening(program).keywords:
        raise DrypointError(
            f"the program {program.name!r} spots no keywords: drypoint train --task keyword makes "
            "one that does"
        )
    rate, hours = false_accepts or USUAL_RATE, hours_of(validation)
    none = measure.count_errors([], [], threshold=1, hours=hours)
    least = none.false_accepts_bound
    if false_accepts is not None and least > rate:
        raise DrypointError(
            f"--false-accepts {rate:g} is shown by {least * hours / rate:.2g} hours without any, "
            f"and the validation clips are {hours:.2g}: add clips, or write --false-accepts "
            f"{math.ceil(least)}, or no number, which only warns"
        )
    stream_program = program if program.is_streaming else program.streaming()
    stream = listen_to(stream_program, validation)
    detectors = {value: Listening(stream_program).detector(value) for value in THRESHOLDS}
    curve = [
        errors_of(stream_program, stream, detector, value) for value, detector in detectors.items()
    ]
    shown = [row for row in curve if row.false_accepts_bound <= rate]
    if not shown and false_accepts is None:
        shown = [row for row in curve if row.false_accepts_per_hour <= rate]
    if shown:
        return replace(program, detector=detectors[shown[0].threshold]), curve, shown[0]
    best = min(curve, key=lambda row: row.false_accepts)
    raise DrypointError(
        f"no threshold shows at most {rate:g} false accepts an hour: the best has "
        f"{best.false_accepts} in {hours:.2g} hours of validation clips: --false-accepts "
        f"{math.ceil(best.false_accepts_bound)}, more clips, or more examples without words"
    )
