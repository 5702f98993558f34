"""The mean of each window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._arithmetic import Plane, windows
from ._interval import Interval
from ._op import PaddedOp, RequantizedOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AvgPool(PaddedOp, RequantizedOp):
    """The mean of each window, as a sum that is requantized; a padded place counts as ``pad``.

    ``bias`` and ``mult`` are int32[1].
    """

    number = 4
    kind = "avgpool"

    def __post_init__(self) -> None:
        self.check_pool()
        self.check_pad()
        self.check_requantization()

    def compute(self, *inputs: Plane) -> Plane:
        """The sum, requantized."""
        (x,) = inputs
        taps = windows(self.pad_plane(x).astype(np.int32), self.kernel, self.stride)
        return self.requantize(taps.sum(axis=(3, 4), dtype=np.int32))

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """A sum is linear in the number of values inside of the plane, so that the smallest and the
        largest number have the ends.
        """
        sides = [[part.stop - part.start for part in self.inside(axis)] for axis in (0, 1)]
        counts = [pick(sides[0]) * pick(sides[1]) for pick in (min, max)]
        size, pad = self.kernel[0] * self.kernel[1], self.padding_values
        sums = [[n * end + (size - n) * pad for n in counts] for end in sources[0]]
        return Interval(np.minimum(*sums[0]), np.maximum(*sums[1]))

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """A * values of a window, int64[1]."""
        return np.array([self.inputs[0].magnitude * self.kernel[0] * self.kernel[1]], np.int64)

    def describe(self) -> str:
        """The windows and the clamp."""
        return f"mean {self.describe_windows()}{self.describe_clamp()}"
