"""What ops of two inputs have in common that compute each value from the two at its place."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._tensors import Shape
from ._arithmetic import Plane
from ._interval import Interval
from ._op import RequantizedOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinaryOp(RequantizedOp):
    """An op that computes each value from the two values at its place, and requantizes it.

    The first input has the output's shape, and so has the second; where ``broadcasts``, the second
    may be 1x1xC, a value for each channel. Types and zero points of the inputs may differ.
    ``bias`` and ``mult`` are int32[1]. The rewrites of a program know an op by `combine` alone.
    """

    arity = 2
    in_place = reads_i16 = writes_i16 = True
    broadcasts = False

    def __post_init__(self) -> None:
        self.check_tensors()
        a, b = self.inputs
        self.check_shape(a.shape)
        if self.broadcasts:
            ok = b.shape in (a.shape, Shape(1, 1, a.shape.c))
            self.need(ok, f"combines {a} with {b}, which has neither its shape nor 1x1x{a.shape.c}")
        else:
            self.check_shape(b.shape)
        self.check_requantization()

    def combine(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """The accumulators of stored values, the bias not added.

        ``a`` and ``b`` are int32 or int64 and broadcast. In each of them the function is monotone,
        so that its smallest and largest results lie at the ends of intervals.
        """
        raise NotImplementedError

    def compute(self, *inputs: Plane) -> Plane:
        """What `combine` gives for each place, requantized."""
        a, b = (plane.astype(np.int32) for plane in inputs)
        return self.requantize(self.combine(a, b))

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """The smallest and the largest of the results at the ends of both intervals."""
        corners = np.stack([self.combine(x, y) for x, y in itertools.product(*sources)])
        return Interval(corners.min(axis=0), corners.max(axis=0))

    def reads_pixel(self, side: int) -> bool:
        """Whether the second input is a value for each channel."""
        return side == 1 and self.inputs[1].shape.h != self.in_shape.h
