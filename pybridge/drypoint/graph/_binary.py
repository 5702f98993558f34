"""Addition and product of two planes: each class has its integers, its op and its error bound."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from drypoint import program
from drypoint.program import Op, sum_factors

from ._integers import Integers, checked_multipliers
from ._nodes import Node
from ._qparams import QuantParams

Sources = Sequence[QuantParams]  # of the two inputs


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Node, ABC):
    """A node of two inputs, the first of which has the output's shape.

    Attributes:
        broadcasts: whether the second input may be one pixel, a value for each channel.
    """

    broadcasts: ClassVar[bool] = False

    @abstractmethod
    def unit(self, sources: Sources) -> float:
        """The real value of the accumulator 1."""

    @abstractmethod
    def integers(self, sources: Sources, *, out_scale: float) -> Integers:
        """The integers; the output's scale is at least `unit`."""

    @abstractmethod
    def op(self, q: Integers, fields: Mapping[str, Any]) -> Op:
        """The op; ``fields`` has the fields of every requantized op."""

    @abstractmethod
    def error(self, sources: Sources, q: Integers, errors: Sequence[float]) -> float:
        """The largest difference of the real accumulator from the float layer's, in real units.

        ``errors`` are the error bounds of the two inputs.
        """

    @abstractmethod
    def largest(self, sources: Sources, q: Integers) -> float:
        """The largest magnitude of the integer accumulator."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Binary):
    """The sum of two planes of one shape."""

    def unit(self, sources: Sources) -> float:
        """The unit in which both scales are whole numbers, about."""
        return sum_factors(sources[0].scale, sources[1].scale)[1]

    def integers(self, sources: Sources, *, out_scale: float) -> Integers:
        """The scales as factors; the bias takes in what they make of the zero points."""
        a, b = sources
        factors, unit = sum_factors(a.scale, b.scale)
        bias = np.array([-factors[0] * a.zero - factors[1] * b.zero], np.int32)
        mult, shift = checked_multipliers(np.array([unit / out_scale]), bias.astype(np.float64))
        return Integers(bias, mult, shift, np.array([unit]), factors=factors)

    def op(self, q: Integers, fields: Mapping[str, Any]) -> Op:
        """An addition."""
        return program.Add(**fields, factors=q.factors)

    def error(self, sources: Sources, q: Integers, errors: Sequence[float]) -> float:
        """The sum of both errors, and what rounding the factors makes."""
        return sum(errors) + sum(
            abs(factor * float(q.unit[0]) - source.scale) * (source.magnitude + abs(source.zero))
            for factor, source in zip(q.factors, sources, strict=True)
        )

    def largest(self, sources: Sources, q: Integers) -> float:
        """The bias, and each factor times its input's largest integer."""
        products = (f * source.magnitude for f, source in zip(q.factors, sources, strict=True))
        return float(abs(int(q.bias[0])) + sum(products))


@dataclass(frozen=True, eq=False, kw_only=True)
class Mul(Binary):
    """The product of two planes; the second may be one pixel, a factor for each channel."""

    broadcasts = True

    def unit(self, sources: Sources) -> float:
        """The product of both scales."""
        return sources[0].scale * sources[1].scale

    def integers(self, sources: Sources, *, out_scale: float) -> Integers:
        """The op subtracts the zero points, so that the bias is 0."""
        unit = self.unit(sources)
        bias = np.zeros(1, np.int32)
        mult, shift = checked_multipliers(np.array([unit / out_scale]), bias.astype(np.float64))
        return Integers(bias, mult, shift, np.array([unit]))

    def op(self, q: Integers, fields: Mapping[str, Any]) -> Op:  # noqa: ARG002 - has no factors
        """A product."""
        return program.Mul(**fields)

    def error(self, sources: Sources, q: Integers, errors: Sequence[float]) -> float:  # noqa: ARG002
        """Each error times the largest factor of the other input, and the errors' product."""
        reach_a, reach_b = (s.scale * (s.magnitude + abs(s.zero)) for s in sources)
        return errors[0] * reach_b + errors[1] * reach_a + errors[0] * errors[1]

    def largest(self, sources: Sources, q: Integers) -> float:  # noqa: ARG002 - the bias is 0
        """The product of the largest factors."""
        a, b = (source.magnitude + abs(source.zero) for source in sources)
        return float(a * b)
