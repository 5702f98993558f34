"""A slope for each channel below real zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair
from ._arithmetic import Plane
from ._interval import Interval
from ._op import RequantizedOp, TableShapes
from .add import MAX_FACTOR


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PReLU(RequantizedOp):
    """(q - zero) * factor + bias for each value q of a channel c, requantized.

    The factor is ``factors[0]`` where q is at least zero, else ``factors[1] * weight[c]``.
    ``factors`` are 1 to 32767. ``weight`` is int8[C], the slopes, never -128; ``bias`` and ``mult``
    are int32[1].
    """

    number = 16
    kind = "prelu"
    in_place = True

    factors: Pair
    weight: NDArray[np.int8]

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_shape(self.in_shape)
        ok = all(1 <= factor <= MAX_FACTOR for factor in self.factors)
        self.need(ok, f"factors {self.factors} are not within 1 to {MAX_FACTOR}")
        self.freeze("weight")
        self.need(bool((self.weight != -128).all()), "a slope is -128")
        self.check_requantization()

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """The slopes, then the tables of requantization."""
        return {"weight": (np.dtype(np.int8), (of.output.shape.c,))} | super().table_shapes(of)

    def multiply(self, x: NDArray[np.integer]) -> NDArray[np.integer]:
        """The accumulators of stored values [..., C], the bias not added; int32 or int64."""
        above, below = self.factors[0], self.factors[1] * self.weight.astype(np.int32)
        values = x - self.inputs[0].zero
        return values * np.where(values >= 0, above, below).astype(x.dtype)

    def compute(self, *inputs: Plane) -> Plane:
        """Each value times the factor of its side and channel, requantized."""
        (x,) = inputs
        return self.requantize(self.multiply(x.astype(np.int32)))

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """On each side of real zero the function is a line: its ends lie at the interval's ends, or
        at real zero between them.
        """
        (low, high), zero = sources[0], self.inputs[0].zero
        ends = np.stack([self.multiply(x) for x in (low, high, np.clip(zero, low, high))])
        return Interval(ends.min(axis=0), ends.max(axis=0))

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """The largest magnitude of q - zero times the largest factor, int64[1]."""
        (tensor,) = self.inputs
        slope = int(np.abs(self.weight).max())
        factor = max(self.factors[0], self.factors[1] * slope)
        return np.array([(tensor.magnitude + abs(tensor.zero)) * factor], np.int64)
