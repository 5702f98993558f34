"""Learning-rate schedules: what share of the optimizer's rate a step gets."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ._errors import TrainError

Schedule = Callable[[int, int], float]
"""(step, total) -> factor; ``step`` counts from 0 to ``total`` - 1, the factor is 0 to 1."""


@dataclass(frozen=True)
class Constant:
    """The same rate throughout."""

    def __call__(self, step: int, total: int) -> float:
        """1 at every step."""
        del step, total
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Half a cosine from 1 down to 0 (Loshchilov & Hutter 2017, without restarts)."""

    def __call__(self, step: int, total: int) -> float:
        """The factor of one step."""
        return 0.5 * (1 + math.cos(math.pi * step / total))


@dataclass(frozen=True, kw_only=True)
class OneCycle:
    """A straight line up over the first ``warmup`` share of the steps, then one down to 0.

    After Smith & Topin (2018): a net settles within few epochs. With w = floor(warmup * total),
    step w has the factor 1; before it (step + 1) / (w + 1), after it (total - step) / (total - w):
    no step gets 0, and all together get (total + 1) / 2.
    """

    warmup: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise TrainError(f"warmup is {self.warmup}, not within 0 and 1 (1 excluded)")

    def __call__(self, step: int, total: int) -> float:
        """The factor of one step."""
        top = math.floor(self.warmup * total)
        return (step + 1) / (top + 1) if step < top else (total - step) / (total - top)
