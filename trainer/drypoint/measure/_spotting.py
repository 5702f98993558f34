"""How well keywords are spotted in a stream of decisions: false accepts an hour, false rejects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import json_of

from ._errors import MeasureError
from ._scores import poisson_interval, poisson_mean, wilson_interval


class Detection(NamedTuple):
    """A keyword that is spotted: the decision's number, the class, its smoothed probability."""

    decision: int
    keyword: int
    score: float


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


def spot_keywords(
    probabilities: ArrayLike,
    keywords: Sequence[int],
    *,
    threshold: float,
    smoothing: int = 1,
    hold: int = 100,
) -> list[Detection]:
    """The keywords that a stream of decisions spots.

    Args:
        probabilities: (decisions, classes), in the order of time.
        keywords: the classes that are keywords.
        threshold: the least smoothed probability, 0 to 1.
        smoothing: the mean of so many decisions, the last one included, is compared.
        hold: after a detection so many decisions spot nothing.

    Raises:
        MeasureError: an argument is out of its range.
    """
    _check_number(threshold, "threshold")
    scores = _smooth(_check(probabilities, keywords, smoothing, hold), smoothing)
    found, next_index = list[Detection](), 0
    columns = list(keywords)
    best = scores[:, columns].argmax(axis=1)
    highest = scores[np.arange(len(scores)), np.array(columns)[best]]
    for index in np.flatnonzero(highest >= threshold).tolist():
        if index >= next_index:
            found.append(Detection(index, columns[best[index]], float(highest[index])))
            next_index = index + hold + 1
    return found


def spotting_errors(
    probabilities: ArrayLike,
    spoken: Sequence[Spoken],
    keywords: Sequence[int],
    *,
    thresholds: Sequence[float],
    seconds: float,
    smoothing: int = 1,
    hold: int = 100,
) -> list[SpottingErrors]:
    """The errors at each threshold: the curve from which one is chosen, on validation data.

    Args:
        probabilities, keywords, smoothing, hold: as for `spot_keywords`.
        spoken: the keywords that are spoken. A detection of the keyword within begin .. end - 1
            finds one; a second one there is no false accept.
        thresholds: the thresholds.
        seconds: from a decision to the next.

    Raises:
        MeasureError: an argument is out of its range.
    """
    values = _check(probabilities, keywords, smoothing, hold)
    _check_number(seconds, "seconds")
    _check_items(spoken, "spoken", "measure.Spoken", lambda item: isinstance(item, Spoken))
    _check_items(thresholds, "thresholds", "numbers", lambda item: isinstance(item, int | float))
    if not seconds > 0:
        raise MeasureError(f"seconds from decision to decision are {seconds}, not above 0")
    hours = len(values) * seconds / 3600
    rows = []
    for threshold in thresholds:
        detections = spot_keywords(
            values, keywords, threshold=threshold, smoothing=smoothing, hold=hold
        )
        pairs = [(detection.decision, detection.keyword) for detection in detections]
        rows.append(count_errors(pairs, spoken, threshold=threshold, hours=hours))
    return rows


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
        spoken: as for `spotting_errors`.
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


def _smooth(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Means of n decisions; before the n-th one, of as many as there are."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - n, 0)
    means: NDArray[np.float64] = (sums[ends] - sums[begins]) / (ends - begins)[:, None]
    return means


def _check(
    probabilities: ArrayLike, keywords: Sequence[int], smoothing: int, hold: int
) -> NDArray[np.float64]:
    try:
        values = np.asarray(probabilities, np.float64)
    except (TypeError, ValueError) as error:
        kind = type(probabilities).__name__
        raise MeasureError(f"probabilities are a {kind}; wanted: numbers by class") from error
    if values.ndim != 2 or len(values) == 0 or not np.isfinite(values).all():
        raise MeasureError(
            f"probabilities are {values.shape}; wanted: (decisions, classes), finite, at least one"
        )
    n, is_list = values.shape[1], isinstance(keywords, list | tuple | range)
    if not is_list or not keywords or not all(type(k) is int and 0 <= k < n for k in keywords):
        shown = list(keywords) if is_list else f"a {type(keywords).__name__}"
        raise MeasureError(f"keywords are {shown!s:.60}; wanted: classes of {n}")
    if type(smoothing) is not int or type(hold) is not int or smoothing < 1 or hold < 0:
        raise MeasureError(
            f"smoothing is {smoothing!r:.20}, hold {hold!r:.20}; wanted: at least 1 and at least 0"
        )
    return values


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
