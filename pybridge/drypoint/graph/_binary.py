"""An op on two planes, value by value: its op of a program says which numbers it has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drypoint.program import BinaryOp

from ._integers import Integers, checked_multipliers
from ._nodes import Node
from ._qparams import QuantParams


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Node):
    """A node of two inputs, the first of which has the output's shape.

    Attributes:
        op: the class of its integer op.
    """

    op: type[BinaryOp]

    def integers(self, pair: Sequence[QuantParams], *, out_scale: float) -> Integers:
        """The integers; the output's scale is at least the accumulator's unit."""
        q = self.op.lower(*pair)
        bias, unit = np.array([q.bias], np.int32), np.array([q.unit])
        mult, shift = checked_multipliers(unit / out_scale, bias.astype(np.float64))
        return Integers(bias, mult, shift, unit, fields=q.fields)
