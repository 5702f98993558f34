"""How well keywords are spotted in a stream of decisions: false accepts an hour, false rejects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drypoint.common import json_of

from ._errors import MeasureError
from ._scores import poisson_interval, poisson_mean, wilson_interval


class Spoken(NamedTuple):
    """A keyword that is spoken: the decisions in which it may be spotted, begin and end."""

    begin: int
    end: int
    keyword: int


@dataclass(frozen=True, kw_only=True)
class SpottingErrors:
    """What a threshold costs on a signal.

    Attributes:
        threshold: the least smoothed probability of a detection.
        spoken: how many keywords are spoken.
        missed: how many of them no detection finds.
        false_accepts: detections in which their keyword is not spoken.
        hours: the signal's length.
    """

    threshold: float
    spoken: int
    missed: int
    false_accepts: int
    hours: float

    @property
    def false_reject_rate(self) -> float:
        """The share of spoken keywords that are missed; 0 where none is spoken."""
        return self.missed / self.spoken if self.spoken else 0.0

    @property
    def false_accepts_per_hour(self) -> float:
        """False accepts in an hour of signal."""
        return self.false_accepts / self.hours

    @property
    def false_reject_interval(self) -> tuple[float, float]:
        """The 95 % interval of the share that is missed; 0 to 1 where none is spoken."""
        return wilson_interval(self.missed, self.spoken) if self.spoken else (0.0, 1.0)

    @property
    def false_accepts_interval(self) -> tuple[float, float]:
        """The 95 % interval of the false accepts in an hour."""
        low, high = poisson_interval(self.false_accepts)
        return low / self.hours, high / self.hours

    @property
    def false_accepts_bound(self) -> float:
        """The false accepts in an hour at which so few as were counted, or fewer, have a
        probability of 0.05: the rate is no higher, at 95 % confidence. Of none, 3.0 / hours."""
        return poisson_mean(self.false_accepts, 0.05) / self.hours

    @property
    def text(self) -> str:
        """Both errors in words, with their 95 % intervals."""
        share, (low, high) = 100 * self.false_reject_rate, self.false_reject_interval
        least, most = self.false_accepts_interval
        return (
            f"{self.missed} of {self.spoken} keywords missed ({share:.1f} %, "
            f"95 %: {100 * low:.1f} to {100 * high:.1f} %), {self.false_accepts} false accepts in "
            f"{self.hours:.3g} h ({self.false_accepts_per_hour:.1f} an hour, 95 %: {least:.1f} to "
            f"{most:.1f})"
        )

    def to_json(self) -> dict[str, object]:
        """Name -> number or interval, of JSON types."""
        names = ("missed", "spoken", "false_accepts", "hours")
        rates = ("false_reject_interval", "false_accepts_per_hour", "false_accepts_interval")
        return json_of(self, "threshold", *names, *rates)

    def __str__(self) -> str:
        return f"threshold {self.threshold:.2f}: {self.text}"


def count_errors(
    detections: Sequence[tuple[int, int]],
    spoken: Sequence[Spoken],
    *,
    threshold: float,
    hours: float,
) -> SpottingErrors:
    """The errors of detections, as `Program.detector` makes them.

    Args:
        detections: (number of the decision, class) of each.
        spoken: the keywords that are spoken. A detection of the keyword within begin .. end - 1
            finds one; a second one there is no false accept.
        threshold: of the detections, for the result.
        hours: the signal's length, above 0.

    Raises:
        MeasureError: an argument is out of its range.
    """
    _check_items(detections, "detections", "pairs of integers", _is_pair)
    _check_items(spoken, "spoken", "measure.Spoken", lambda item: isinstance(item, Spoken))
    _check_number(threshold, "threshold")
    _check_number(hours, "hours")
    if not hours > 0:
        raise MeasureError(f"the signal has {hours} hours; wanted: above 0")
    hits = [
        {
            i
            for i, word in enumerate(spoken)
            if word.begin <= decision < word.end and keyword == word.keyword
        }
        for decision, keyword in detections
    ]
    return SpottingErrors(
        threshold=threshold,
        spoken=len(spoken),
        missed=len(spoken) - len(set().union(*hits)),
        false_accepts=sum(not hit for hit in hits),
        hours=hours,
    )


def _is_pair(item: object) -> bool:
    if not isinstance(item, tuple) or len(item) != 2:
        return False
    return all(isinstance(number, int | np.integer) for number in item)


def _check_items(items: object, name: str, kind: str, is_item: Callable[[object], bool]) -> None:
    if not isinstance(items, list | tuple) or not all(map(is_item, items)):
        raise MeasureError(f"{name} is no list of {kind}")


def _check_number(value: float, name: str) -> None:
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise MeasureError(f"{name} is a {type(value).__name__}; wanted: a finite number")
