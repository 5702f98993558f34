"""A dense op."""

from dataclasses import dataclass
from typing import Any

from .._tensors import Pair, Shape
from ._arithmetic import Plane, products
from ._weighted import WeightedOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Dense(WeightedOp):
    """Every output from every input: ``weight`` is int8 [out.c, in.h * in.w * in.c]."""

    number = 2
    kind = "dense"

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_shape(Shape(1, 1, self.out_shape.c))
        self.check_weights()

    @classmethod
    def weight_shape(cls, of: Any) -> tuple[int, ...]:
        """[out.c, in.h * in.w * in.c]."""
        return of.output.shape.c, of.inputs[0].shape.size

    def compute(self, *inputs: Plane) -> Plane:
        """A product of matrices, requantized."""
        (x,) = inputs
        sums = products(x.reshape(len(x), self.in_shape.size), self.weight)
        return self.requantize(sums).reshape(len(x), *self.out_shape)

    @property
    def window(self) -> Pair:
        """The whole plane."""
        return self.in_shape[:2]

    @property
    def runs_by_rows(self) -> bool:
        """The one row of the output reads the whole plane."""
        return False

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return int(self.weight.size)

    @property
    def work(self) -> int:
        """Multiply-accumulates."""
        return self.macs
