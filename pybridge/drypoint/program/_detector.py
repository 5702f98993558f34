"""The detector of a program that listens: keywords from decisions, NUMERICS.md section 12."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint import sound

from . import _softmax as softmax
from ._outputs import Output
from ._tensors import ProgramError, Shape

LARGEST_SCORE = 0xFFFF
MOST_VALUES, LONGEST_WINDOW, MOST_CUTOFF = 32, 1000, (1 << 26) - 1
SOFTMAX_SHIFT = 14  # from the softmax's 2^-30 to a score's 2^-16


class Keyword(NamedTuple):
    """A keyword that is detected: the number of the decision, from 0, and the output's value."""

    decision: int
    value: int


@dataclass(frozen=True, kw_only=True)
class Detector:
    """When a keyword was spoken: the sums of its last scores against a cutoff.

    Attributes:
        window: decisions of a sum, 1 to 1,000.
        hold: decisions after a detection in which nothing is detected, 0 to 65,535.
        cutoff: a sum above it is a detection, 0 to 2^26 - 1.
        keywords: the values of the last output that are keywords, in ascending order, below 32.

    Raises:
        ProgramError: a number is out of its range.
    """

    window: int
    hold: int
    cutoff: int
    keywords: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, least, most in (
            ("window", 1, LONGEST_WINDOW),
            ("hold", 0, 0xFFFF),
            ("cutoff", 0, MOST_CUTOFF),
        ):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ProgramError(
                    f"the detector's {name} is {value!r:.40}; wanted: {least} to {most}"
                )
        values = self.keywords
        if (
            not isinstance(values, tuple)
            or not values
            or not all(type(k) is int and 0 <= k < MOST_VALUES for k in values)
            or list(values) != sorted(set(values))
        ):
            raise ProgramError(
                f"the detector's keywords are {values!r:.60}; wanted: values of the last output "
                f"below {MOST_VALUES}, in ascending order"
            )

    @classmethod
    def of_probability(
        cls, cutoff: float, output: Output, *, window: int, hold: int, keywords: tuple[int, ...]
    ) -> "Detector":
        """The detector that detects where the mean probability is above a cutoff.

        Args:
            cutoff: 0 to 1.
            output: the program's last output: a softmax, or probabilities by its scale.
            window, hold, keywords: as the attributes.

        Raises:
            ProgramError: a number is out of its range.
        """
        unit = 1 / 65536 if output.softmax else output.scale
        if not 0 <= cutoff <= 1 or not 0 < unit <= 1:
            raise ProgramError(
                f"the cutoff is {cutoff!r:.40}, of a scale of {unit:g}; wanted: 0 to 1"
            )
        full = max(1, window) / unit
        largest = int(cutoff * full) + 1
        while largest / full > cutoff:  # as a mean of floats is compared
            largest -= 1
        return cls(window=window, hold=hold, cutoff=largest, keywords=keywords)

    def detect(self, decisions: NDArray[np.int32], output: Output) -> list[Keyword]:
        """The keywords that are detected from a signal's first decision on.

        Args:
            decisions: int32 (N, values) of the last output.
            output: the last output.
        """
        scores = self.scores(decisions, output)
        sums = scores.cumsum(axis=0)
        sums[self.window :] -= sums[: -self.window].copy()
        best = sums.argmax(axis=1)
        above = sums.max(axis=1, initial=0) > self.cutoff
        found, first = list[Keyword](), self.window - 1
        for decision in np.flatnonzero(above).tolist():
            if decision >= first:
                found.append(Keyword(decision, self.keywords[best[decision]]))
                first = decision + self.hold + 1
        return found

    def scores(self, decisions: NDArray[np.int32], output: Output) -> NDArray[np.int64]:
        """The scores of the keywords, int64 (N, keywords), each 0 to 65,535."""
        if output.softmax:
            values = softmax.run(decisions, softmax.scale(output.scale)) >> SOFTMAX_SHIFT
        else:
            values = decisions
        return values[:, list(self.keywords)].astype(np.int64).clip(0, LARGEST_SCORE)


def check_detector(
    detector: Detector | None, front: sound.FrontEnd | None, output: Output, plane: Shape
) -> None:
    """Refuse a detector of a program without front end, whose last output lacks a keyword, or ends
    in a softmax of several pixels: the detector's softmax is over all values.
    """
    if detector is None:
        return
    if front is None:
        raise ProgramError("a detector is for a program that reads samples")
    if plane.size > MOST_VALUES or detector.keywords[-1] >= plane.size:
        raise ProgramError(
            f"the detector's last keyword is value {detector.keywords[-1]}; the output has "
            f"{plane.size} values, of at most {MOST_VALUES}"
        )
    if output.softmax and plane.size != plane.c:
        raise ProgramError(
            f"the last output is a softmax of the pixels of {plane}, and a detector reads one "
            "distribution; wanted: an output of one pixel, or no softmax"
        )
