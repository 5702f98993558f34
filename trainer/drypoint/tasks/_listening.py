"""A program that listens for keywords: their classes, a detector, the time of each decision, and
the errors of the detector in a stream of clips.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset, is_word
from drypoint.measure import Spoken, SpottingErrors, count_errors
from drypoint.program import Detector, Keyword, Program

from ._answer import Answer, Choice
from ._task import TaskError

THRESHOLDS = tuple(percent / 100 for percent in range(10, 96, 5))
USUAL_RATE = 10.0  # false accepts an hour, where the option names none
_LATE = 0.5  # of a clip's length: a keyword is also found so long after its clip
_SMOOTHING_SECONDS, _HOLD_SECONDS = 0.25, 1.0
_AFTER = 0.5  # of a window: the silence after a recording


@dataclass(frozen=True)
class Listening:
    """A program that reads samples, as a listener for keywords.

    Attributes:
        program: with a front end.
    """

    program: Program

    @property
    def keywords(self) -> tuple[int, ...]:
        """The values of the last output that are keywords, by `data.is_word`; empty without a front
        end, classes or a softmax."""
        if self.program.front is None or not self.program.softmax:
            return ()
        return tuple(i for i, label in enumerate(self.program.labels) if is_word(label))

    def detector(self, threshold: float) -> Detector:
        """The detector at a threshold, 0 to 1, of a streaming program: for the mean probability of
        a keyword over 0.25 s. In the second after a detection it detects nothing.

        Raises:
            ProgramError: the threshold is out of range, or the program has no `keywords`.
        """
        border, clock = self.program.sound_border, self.program.clocks[-1]
        seconds = border.rows * clock.period * border.front.step / border.front.rate
        return Detector.of_probability(
            threshold,
            self.program.outputs[-1],
            window=max(1, round(_SMOOTHING_SECONDS / seconds)),
            hold=round(_HOLD_SECONDS / seconds),
            keywords=self.keywords,
        )

    def heard_samples(self, decisions: NDArray[np.integer]) -> NDArray[np.int64]:
        """How many samples of a signal a streaming program has heard at decisions, by number."""
        border, clock = self.program.sound_border, self.program.clocks[-1]
        rows = (clock.first - 1 + clock.period * decisions.astype(np.int64)) * border.rows
        heard: NDArray[np.int64] = border.samples + rows * border.front.step
        return heard

    def answer(self, listener: Any, samples: NDArray[np.int16]) -> Answer:
        """The keywords that a streaming program detects in a recording, each with the time of its
        detection in seconds.

        Silence stands before the recording, as long as the first decision takes, and half as much
        after it: a word at an end is heard as any other.

        Args:
            listener: of the program's `Engine`, at the begin of a signal.
            samples: int16 (samples,) at the program's rate.
        """
        rate = self.program.sound_border.front.rate
        before = int(self.heard_samples(np.zeros(1, np.int64))[0])
        listener.listen(np.pad(samples, (before, round(_AFTER * before))))
        seconds, labels = len(samples) / rate, self.program.labels
        decisions = np.array([keyword.decision for keyword in listener.keywords], np.int64)
        ends = ((self.heard_samples(decisions) - before) / rate).clip(0, seconds).round(3).tolist()
        names = [
            labels[keyword.value] if labels else str(keyword.value) for keyword in listener.keywords
        ]
        pairs = [*zip(ends, names, strict=True)]
        text = ", ".join(f"{end:.2f} s {name}" for end, name in pairs)
        found = [{"seconds": end, "keyword": name} for end, name in pairs]
        facts = {"seconds": seconds, "keywords": found}
        return Answer(text or f"no keyword in {seconds:.2f} s", facts)


class ClipStream(NamedTuple):
    """Decisions of a program about clips one after another.

    Attributes:
        decisions: int32 (N, values) of the last output.
        spoken: the keywords that are spoken.
        hours: the signal's length.
    """

    decisions: NDArray[np.int32]
    spoken: list[Spoken]
    hours: float


def listen_to(program: Program, clips: Dataset) -> ClipStream:
    """What a streaming program decides about clips, in a random order, one after another."""
    from drypoint.engine import Engine  # noqa: PLC0415 - nets in floats load no engine

    order = np.random.default_rng(0).permutation(len(clips))
    length = clips.signal_size[0]
    values = Engine(program).listener().listen(clips.x[order].reshape(-1))
    decisions = list(values.values())[-1] if isinstance(values, dict) else values
    listening = Listening(program)
    heard, keywords = listening.heard_samples(np.arange(len(decisions))), listening.keywords
    spoken = []
    for place, index in enumerate(clips.y[order].tolist()):
        ends = (place * length, int((place + 1 + _LATE) * length))
        begin, end = np.searchsorted(heard, ends, side="right").tolist()
        if index in keywords:
            spoken.append(Spoken(begin, end, index))
    return ClipStream(decisions, spoken, hours_of(clips))


def errors_of(
    program: Program, stream: ClipStream, detector: Detector, threshold: float
) -> SpottingErrors:
    """The errors of a detector in a stream."""
    detected: list[Keyword] = detector.detect(stream.decisions, program.outputs[-1])
    return count_errors(detected, stream.spoken, threshold=threshold, hours=stream.hours)


def hours_of(clips: Dataset) -> float:
    """The hours of clips one after another."""
    return len(clips) * clips.signal_size[0] / (clips.sample_rate or 1) / 3600


def choose_detector(
    program: Program, validation: Dataset, false_accepts: float | None, *, name: str
) -> Choice:
    """The program with the detector of the lowest threshold whose false accepts an hour on
    validation clips are at most a rate; the errors at each threshold.

    A rate that the user gave is shown where it is at least `SpottingErrors.false_accepts_bound`:
    without a false accept by 3.0 / rate hours. Where no threshold shows `USUAL_RATE` (None), the
    false accepts that are counted are compared with it.
    """
    if not Listening(program).keywords:
        raise TaskError(
            f"the program {program.name!r} spots no keywords: drypoint train --task keyword makes "
            "one that does"
        )
    rate, hours = false_accepts or USUAL_RATE, hours_of(validation)
    none = count_errors([], [], threshold=1, hours=hours)
    least = none.false_accepts_bound
    if false_accepts is not None and least > rate:
        raise TaskError(
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
        row = shown[0]
        notes = [
            *(f"validation, {other}" for other in curve),
            f"{name}: threshold {row.threshold:.2f}",
        ]
        if false_accepts is None and row.false_accepts_bound > USUAL_RATE:
            notes.append(
                f"warning: {row.hours:.2g} hours of validation clips cannot show {USUAL_RATE:g} "
                f"false accepts an hour: there may be {row.false_accepts_bound:.0f}"
            )
        facts = {"threshold": row.threshold, "validation": [other.to_json() for other in curve]}
        return Choice(replace(program, detector=detectors[row.threshold]), notes, facts)
    best = min(curve, key=lambda row: row.false_accepts)
    raise TaskError(
        f"no threshold shows at most {rate:g} false accepts an hour: the best has "
        f"{best.false_accepts} in {hours:.2g} hours of validation clips: --false-accepts "
        f"{math.ceil(best.false_accepts_bound)}, more clips, or more examples without words"
    )
