"""Ops on single values: of two inputs, tables of a function, and channels put side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._op import BaseOp, RequantizedOp
from ._tensors import NUMPY_TYPE, Pair, Shape

MAX_FACTOR = 2**15 - 1  # of an addition: int16 for the kernels


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinaryOp(RequantizedOp):
    """An op that computes each value from the two values at its place, and requantizes it.

    The first input has the output's shape. Types and zero points of the inputs may differ.
    ``bias`` and ``mult`` are int32[1]. The reference, the intervals and the rewrites of a program
    know an op by `accumulators` alone.
    """

    arity = 2
    in_place = True

    def accumulators(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """The accumulators of stored values, the bias not added.

        ``a`` and ``b`` are int32 or int64 and broadcast. In each of them the function is monotone,
        so that its smallest and largest results lie at the ends of intervals.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Add(BinaryOp):
    """factors[0] * a + factors[1] * b + bias for each value, requantized.

    Both inputs have the output's shape. ``factors`` are 1 to 32767.
    """

    number = 7
    kind = "add"

    factors: Pair

    def __post_init__(self) -> None:
        self.check_tensors()
        for tensor in self.inputs:
            self.check_shape(tensor.shape)
        ok = all(1 <= factor <= MAX_FACTOR for factor in self.factors)
        self.need(ok, f"factors {self.factors} are not within 1 to {MAX_FACTOR}")
        self.check_requantization(1)

    def accumulators(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """factors[0] * a + factors[1] * b."""
        return self.factors[0] * a + self.factors[1] * b

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """Each factor times the largest magnitude of its input, int64[1]."""
        pairs = zip(self.factors, self.inputs, strict=True)
        return np.array([sum(factor * tensor.magnitude for factor, tensor in pairs)], np.int64)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Mul(BinaryOp):
    """(a - zero of a) * (b - zero of b) + bias for each value, requantized.

    The second input has the output's shape too, or is 1x1xC: a factor for each channel, as of
    squeeze-and-excite.
    """

    number = 10
    kind = "mul"

    def __post_init__(self) -> None:
        self.check_tensors()
        a, b = self.inputs
        self.check_shape(a.shape)
        ok = b.shape in (a.shape, Shape(1, 1, a.shape.c))
        self.need(ok, f"multiplies {a} by {b}, which has neither its shape nor 1x1x{a.shape.c}")
        self.check_requantization(1)

    def accumulators(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """(a - zero of a) * (b - zero of b)."""
        return (a - self.inputs[0].zero) * (b - self.inputs[1].zero)

    def reads_pixel(self, side: int) -> bool:
        """Whether the second input is a factor for each channel."""
        return side == 1 and self.inputs[1].shape.h != self.in_shape.h

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """The product of the largest magnitudes less zero points, int64[1]."""
        a, b = (tensor.magnitude + abs(tensor.zero) for tensor in self.inputs)
        return np.array([a * b], np.int64)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Concat(BaseOp):
    """The channels of the first input, then the second's, at each place of the plane.

    Both inputs have the output's type and zero point; as the last op, both have the same type and
    zero point 0, and the values are widened to i32.
    """

    number = 8
    kind = "concat"

    arity = 2

    def __post_init__(self) -> None:
        self.check_tensors()
        a, b = self.inputs
        self.need(a.type == b.type, f"puts {a} and {b} side by side: their types differ")
        self.need(a.shape[:2] == b.shape[:2], f"puts {a} and {b} side by side: their planes differ")
        self.check_same_values(a, b)
        self.check_shape(Shape(a.shape.h, a.shape.w, a.shape.c + b.shape.c))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Lookup(BaseOp):
    """``table[byte]`` for each value, the stored byte read as unsigned: any function of one value.

    ``table`` has 256 entries of the output's type.
    """

    number = 9
    kind = "lookup"
    in_place = True

    table: NDArray[np.integer]

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_shape(self.in_shape)
        self.freeze("table", NUMPY_TYPE[self.out_type], (256,))


ElementwiseOp = Add | Concat | Lookup | Mul
"""The ops of this file, in the order of `Op`."""
