"""Any function of one value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import NUMPY_TYPE
from ._arithmetic import Plane
from ._interval import Interval
from ._op import BaseOp, TableShapes


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Lookup(BaseOp):
    """``table[byte]`` for each value, the stored byte read as unsigned: any function of one value.

    ``table`` has 256 entries of the output's type.
    """

    number = 9
    kind = "lookup"
    in_place = writes_i16 = True

    table: NDArray[np.integer]

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_shape(self.in_shape)
        self.freeze("table")

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """The table."""
        return {"table": (np.dtype(NUMPY_TYPE[of.output.type]), (256,))}

    def compute(self, *inputs: Plane) -> Plane:
        """An entry for each byte."""
        (x,) = inputs
        return self.table[x.view(np.uint8)]

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The smallest and the largest entry of the table between the ends of each channel."""
        pairs, index = np.unique(np.stack(sources[0], axis=1), axis=0, return_inverse=True)
        parts = [self.table[np.arange(low, high + 1) & 255].astype(np.int64) for low, high in pairs]
        ends = [
            np.array([pick(part) for part in parts])[index.ravel()] for pick in (np.min, np.max)
        ]
        return Interval(*ends)
