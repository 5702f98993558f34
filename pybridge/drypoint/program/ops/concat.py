"""Channels put side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._tensors import Shape
from ._arithmetic import Plane
from ._interval import Integers, Interval
from ._op import BaseOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Concat(BaseOp):
    """The channels of the first input, then the second's, at each place of the plane.

    Both inputs have the output's type and zero point; as the last op, both have the same type and
    zero point 0, and the values are widened to i32.
    """

    number = 8
    kind = "concat"
    nature = "moves"
    arity = 2

    def __post_init__(self) -> None:
        self.check_tensors()
        a, b = self.inputs
        self.need(a.type == b.type, f"puts {a} and {b} side by side: their types differ")
        self.need(a.shape[:2] == b.shape[:2], f"puts {a} and {b} side by side: their planes differ")
        self.check_same_values(a, b)
        self.check_shape(Shape(a.shape.h, a.shape.w, a.shape.c + b.shape.c))

    def written_channels(self, side: int) -> Integers:
        """The first input's channels, then the second's."""
        return side * self.inputs[0].shape.c + np.arange(self.inputs[side].shape.c)

    def compute(self, *inputs: Plane) -> Plane:
        """Both planes."""
        return np.concatenate(inputs, axis=3)

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """Both intervals."""
        return Interval(*(np.concatenate(ends) for ends in zip(*sources, strict=True)))
