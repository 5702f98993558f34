"""Ops on single values: additions, tables of a function, and channels put side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._op import BaseOp, RequantizedOp
from ._tensors import NUMPY_TYPE, Pair, Shape

MAX_FACTOR = 2**15 - 1  # of an addition: int16 for the kernels


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Add(RequantizedOp):
    """factors[0] * a + factors[1] * b + bias for each value, requantized.

    Both inputs have the output's shape; their types and zero points may differ. ``factors`` are
    1 to 32767, ``bias`` and ``mult`` int32[1].
    """

    number = 7
    kind = "add"
    in_place = True

    factors: Pair
    arity = 2

    def __post_init__(self) -> None:
        self.check_tensors()
        for tensor in self.inputs:
            self.check_shape(tensor.shape)
        ok = all(1 <= factor <= MAX_FACTOR for factor in self.factors)
        self.need(ok, f"factors {self.factors} are not within 1 to {MAX_FACTOR}")
        self.check_requantization(1)

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """Each factor times the largest magnitude of its input, int64[1]."""
        pairs = zip(self.factors, self.inputs, strict=True)
        return np.array([sum(factor * tensor.magnitude for factor, tensor in pairs)], np.int64)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Mul(RequantizedOp):
    """(a - zero of a) * (b - zero of b) + bias for each value, requantized.

    The first input has the output's shape; the second has it too, or is 1x1xC: a factor for each
    channel, as of squeeze-and-excite. Types and zero points may differ. ``bias`` and ``mult`` are
    int32[1].
    """

    number = 10
    kind = "mul"
    in_place = True
    arity = 2

    def __post_init__(self) -> None:
        self.check_tensors()
        a, b = self.inputs
        self.check_shape(a.shape)
        ok = b.shape in (a.shape, Shape(1, 1, a.shape.c))
        self.need(ok, f"multiplies {a} by {b}, which has neither its shape nor 1x1x{a.shape.c}")
        self.check_requantization(1)

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """The product of the largest magnitudes less zero points, int64[1]."""
        a, b = (tensor.magnitude + abs(tensor.zero) for tensor in self.inputs)
        return np.array([a * b], np.int64)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Concat(BaseOp):
    """The channels of the first input, then those of the second, at each place of the plane.

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
