"""`Figure`: one quantity measured in several rounds, with its median and spread."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from drypoint.common import json_of


@dataclass(frozen=True)
class Figure:
    """A quantity, one value a round.

    Each round measures every contestant once, so the values of a round are measured under about
    equal load of the machine: ratios are taken within rounds.

    Attributes:
        values: one for each round, at least one.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to report."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The smallest value of any round."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value of any round."""
        return max(self.values)

    @property
    def spread(self) -> float:
        """The distance between the quartiles of the rounds, as a share of the median.

        The quartiles rather than the ends: one round in which another process had the core says
        nothing about the quantity.
        """
        if len(self.values) < 2 or self.median == 0:
            return 0.0
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return (high - low) / abs(self.median)

    def over(self, other: "Figure") -> "Figure":
        """The ratio to another quantity, round by round."""
        return Figure(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def scale(self, factor: float) -> "Figure":
        """The quantity times a factor, for another unit."""
        return Figure(tuple(factor * value for value in self.values))

    def to_json(self) -> dict[str, float] | None:
        """Median, ends and spread; None for a figure that is not known."""
        names = ("median", "low", "high", "spread")
        return None if math.isnan(self.median) else json_of(self, *names)


def best(figures: Sequence[tuple[str, Figure]]) -> tuple[str, Figure]:
    """The name and the figure with the smallest median."""
    return min(figures, key=lambda pair: pair[1].median)
