"""A slope for each channel below real zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair, Shape
from ..lowering import Fields, Given, Lowered, Planned, Unsupported
from ._arithmetic import Plane
from ._interval import Interval, Mask
from ._op import RequantizedOp, TableShapes
from .add import MAX_FACTOR


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PReLU(RequantizedOp):
    """(q - zero) * factor + bias for each value q of a channel c, requantized.

    The factor is ``factors[0]`` where q is at least zero, else ``factors[1] * weight[c]``.
    ``factors`` are 1 to 32767. ``weight`` is int8[C], the slopes, never -128; ``bias`` and ``mult``
    are int32[1].
    """

    number = 16
    kind = "prelu"
    in_place = True
    largest_slope = 127

    factors: Pair
    weight: NDArray[np.int8]

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_shape(self.in_shape)
        ok = all(1 <= factor <= MAX_FACTOR for factor in self.factors)
        self.need(ok, f"factors {self.factors} are not within 1 to {MAX_FACTOR}")
        self.freeze("weight")
        self.need(bool((self.weight != -128).all()), "a slope is -128")
        self.check_requantization()

    @classmethod
    def plan(
        cls, before: Shape, *, slopes: NDArray[np.float64], step: float | None = None
    ) -> Planned:
        """A slope for each channel; ``step``: of which they are whole multiples, where a file has
        integers.
        """
        return Planned(cls, before, {"slopes": slopes, "step": step})

    @classmethod
    def choose_factors(cls, fields: Fields) -> tuple[Pair, NDArray[np.int8]]:
        """The factors and the integer slopes: NUMERICS.md section 5.

        Raises:
            Unsupported: a slope is above 32767.
        """
        slopes, step = fields["slopes"], fields["step"]
        steepest = cls.largest_slope * step if step else float(np.abs(slopes).max()) or 1.0
        if not steepest <= MAX_FACTOR:
            raise Unsupported(f"has a slope above {MAX_FACTOR}")
        below = min(max(1, int(MAX_FACTOR * steepest / cls.largest_slope)), MAX_FACTOR)
        above = round(min(below * cls.largest_slope / steepest, MAX_FACTOR))
        q = np.rint(slopes * above / below).clip(-cls.largest_slope, cls.largest_slope)
        return (above, below), q.astype(np.int8)

    @classmethod
    def lower(cls, of: Given) -> Lowered:
        """The op subtracts the zero point, so that the bias is 0."""
        (source,), (factors, slopes) = of.sources, cls.choose_factors(of.fields)
        above, below = factors
        return Lowered(
            unit=source.scale / above,
            bias=0,
            largest=source.largest * max(above, below * float(np.abs(slopes).max())),
            fields={"factors": factors, "weight": slopes},
        )

    @classmethod
    def error(cls, of: Given, errors: Sequence[float]) -> float:
        """The error times the largest slope, at least 1, and what rounding the slopes makes."""
        (source,), exact = of.sources, of.fields["slopes"]
        (above, below), slopes = cls.choose_factors(of.fields)
        off = float(np.abs(slopes * (below / above) - exact).max()) * source.largest * source.scale
        return max(1.0, float(np.abs(exact).max())) * errors[0] + off

    @classmethod
    def stored_fields(cls, of: Given, channels: int) -> Fields:  # noqa: ARG003
        """None: `lower` gives them."""
        return {}

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """The slopes, then the tables of requantization."""
        return {"weight": (np.dtype(np.int8), (of.output.shape.c,))} | super().table_shapes(of)

    def narrow_fields(self, source: Mask, output: Mask) -> dict[str, Any]:  # noqa: ARG002
        """The slopes."""
        return {"weight": self.weight[output]}

    def multiply(self, x: NDArray[np.integer]) -> NDArray[np.integer]:
        """The accumulators of stored values [..., C], the bias not added; int32 or int64."""
        above, below = self.factors[0], self.factors[1] * self.weight.astype(np.int32)
        values = x - self.inputs[0].zero
        return values * np.where(values >= 0, above, below).astype(x.dtype)

    def compute(self, *inputs: Plane) -> Plane:
        """Each value times the factor of its side and channel, requantized."""
        (x,) = inputs
        return self.requantize(self.multiply(x.astype(np.int32)))

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """On each side of real zero the function is a line: its ends lie at the interval's ends, or
        at real zero between them.
        """
        (low, high), zero = sources[0], self.inputs[0].zero
        ends = np.stack([self.multiply(x) for x in (low, high, np.clip(zero, low, high))])
        return Interval(ends.min(axis=0), ends.max(axis=0))

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """The largest magnitude of q - zero times the largest factor, int64[1]."""
        (tensor,) = self.inputs
        slope = int(np.abs(self.weight).max())
        factor = max(self.factors[0], self.factors[1] * slope)
        return np.array([(tensor.magnitude + abs(tensor.zero)) * factor], np.int64)
