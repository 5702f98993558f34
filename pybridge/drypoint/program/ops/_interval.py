"""Intervals: between which integers each channel of a tensor lies."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]  # of the channels of a tensor
Ranges = list[tuple[slice, slice]]  # rows and columns of a kernel


class Interval(NamedTuple):
    """The smallest and the largest integer of each channel, int64[c] both; low <= high."""

    low: Integers
    high: Integers

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which channels hold one integer, for every input and at every place."""
        equal: NDArray[np.bool_] = self.low == self.high
        return equal


def range_sums(values: Integers, ranges: Ranges) -> Integers:
    """The sums over parts of kernels."""
    n, height, width = values.shape
    table = np.zeros((n, height + 1, width + 1), np.int64)  # sums from the first row and column on
    table[:, 1:, 1:] = values.cumsum(axis=1).cumsum(axis=2)
    bounds = [(*rows.indices(height)[:2], *columns.indices(width)[:2]) for rows, columns in ranges]
    top, bottom, left, right = np.array(bounds).T
    corners = table[:, bottom, right] - table[:, bottom, left]
    sums: Integers = corners - table[:, top, right] + table[:, top, left]
    return sums
