"""A program that listens for keywords: their classes, a detector, the time of each decision."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import is_word
from drypoint.program import Detector, Program

from ._answers import Answer

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
