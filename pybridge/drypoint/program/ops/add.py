"""The sum of two planes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair
from ._binary import BinaryOp

MAX_FACTOR = 2**15 - 1  # int16 for the kernels


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Add(BinaryOp):
    """factors[0] * a + factors[1] * b + bias for each value, requantized.

    Both inputs have the output's shape. ``factors`` are 1 to 32767.
    """

    number = 7
    kind = "add"

    factors: Pair

    def __post_init__(self) -> None:
        ok = all(1 <= factor <= MAX_FACTOR for factor in self.factors)
        self.need(ok, f"factors {self.factors} are not within 1 to {MAX_FACTOR}")
        super().__post_init__()

    def combine(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.integer]:
        """factors[0] * a + factors[1] * b."""
        return self.factors[0] * a + self.factors[1] * b

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """Each factor times the largest magnitude of its input, int64[1]."""
        pairs = zip(self.factors, self.inputs, strict=True)
        return np.array([sum(factor * tensor.magnitude for factor, tensor in pairs)], np.int64)
