"""Encoder and decoder of truth values: True is 1, False is 0."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._errors import CoderError
from .options import Configured


@dataclass(frozen=True)
class BooleanEncoder(Configured, kind="boolean"):
    """Encodes True as 1 and False as 0, float32; a list of N gives (N,).

    Raises:
        CoderError: the input is no truth value or list of truth values.
    """

    shape = ()
    dtype = np.float32

    def __call__(self, flags: object, /) -> NDArray[np.float32]:
        """The encoded value, or the encoded values of a list."""
        array = np.asarray(flags)
        if array.dtype != np.bool_ or array.ndim > 1:
            raise CoderError(
                f"True, False or a list of them is wanted, not {array.dtype} of shape {array.shape}"
            )
        return array.astype(np.float32)


@dataclass(frozen=True)
class BooleanDecoder(Configured, kind="boolean"):
    """Decodes the probability of True, a number in [0, 1] or an array (N,) of them.

    Attributes:
        threshold: the decision is True for probabilities of at least ``threshold``; 0 to 1.

    Raises:
        CoderError: a threshold or a probability outside [0, 1], or NaN.
    """

    threshold: float = 0.5
    properties = ("decision", "probability", "entropy")

    def __post_init__(self) -> None:
        if not isinstance(self.threshold, float | int) or not 0 <= self.threshold <= 1:
            raise CoderError(f"threshold must lie in [0, 1], not {self.threshold!r}")
        object.__setattr__(self, "threshold", float(self.threshold))

    def __call__(self, p: object, /) -> bool | list[bool]:
        """The decision, as `decision` gives it."""
        return self.decision(p)

    def decision(self, p: object) -> bool | list[bool]:
        """False below the threshold, else True; a list for a batch."""
        decisions: bool | list[bool] = (_check(p) >= self.threshold).tolist()
        return decisions

    def probability(self, p: object) -> float | NDArray[np.float64]:
        """The probability of True: a float, or float64 (N,) for a batch."""
        values = _check(p)
        return float(values) if values.ndim == 0 else values

    def entropy(self, p: object, base: float = math.e) -> float | NDArray[np.float64]:
        """``-p log p - (1-p) log(1-p)`` in units of ``base``, 0 log 0 being 0.

        Raises:
            CoderError: also for a base not above 1.
        """
        if base <= 1:
            raise CoderError(f"the base of an entropy must be above 1, not {base}")
        values = _check(p)
        both = np.stack([values, 1 - values])
        logs = np.log(both, out=np.zeros_like(both), where=both > 0)
        entropies = np.abs((both * logs).sum(axis=0)) / math.log(base)
        return float(entropies) if values.ndim == 0 else entropies

    def encoder(self) -> BooleanEncoder:
        """The encoder for the target of a net with this decoder."""
        return BooleanEncoder()


def _check(p: object) -> NDArray[np.float64]:
    """``p`` as float64, () or (N,), each value in [0, 1]."""
    array = np.asarray(p, dtype=np.float64)
    if array.ndim > 1 or not np.all((array >= 0) & (array <= 1)):  # false for NaN as well
        raise CoderError(
            f"a probability, or a list of them, in [0, 1] is wanted; got shape {array.shape} "
            f"with values from {array.min(initial=np.inf):g} to {array.max(initial=-np.inf):g}"
        )
    return array
