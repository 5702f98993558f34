"""The mean of each window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair, Shape, Sides
from ..lowering import Fields, Given, Lowered, Planned, QuantParams, lower_mean
from ._arithmetic import Plane, windows
from ._interval import Interval
from ._op import RequantizedOp
from ._windows import PaddedOp, is_less


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AvgPool(PaddedOp, RequantizedOp):
    """The mean of each window, as a sum that is requantized; a padded place counts as ``pad``.

    ``bias`` and ``mult`` are int32[1].
    """

    number = 4
    kind = "avgpool"
    keeps_pixels = reads_i16 = True

    def __post_init__(self) -> None:
        self.check_pool()
        alone = self.kernel == self.stride == (1, 1) and not any(self.padding)
        self.need(alone or self.in_type != "i16", "reads i16 in windows of more than 1x1")
        self.check_pad()
        self.check_requantization()

    @classmethod
    def plan(
        cls,
        before: Shape,
        *,
        kernel: Pair,
        stride: Pair,
        padding: Sides = (0, 0, 0, 0),
        halves_away: bool = False,
    ) -> Planned:
        """A mean of windows, real zero around the plane; ``halves_away``: a file's framework rounds
        halves of integers away from 0.
        """
        planned = super().plan(before, kernel=kernel, stride=stride, padding=padding)
        more = {"fill": 0.0, "halves_away": halves_away}
        return planned._replace(fields={**planned.fields, **more})

    @classmethod
    def absorb_padding(
        cls,
        fields: Fields,
        sides: Sides,
        fill: float,
        source: QuantParams | None,  # noqa: ARG003
    ) -> Fields | None:
        """Where one value is around the plane, and less of it than the kernel."""
        top, left, bottom, right = (a + b for a, b in zip(fields["padding"], sides, strict=True))
        padding = (top, left, bottom, right)
        if (fill and any(fields["padding"])) or not is_less(padding, fields["kernel"]):
            return None
        return {**fields, "padding": padding, "fill": fill}

    @classmethod
    def lower(cls, of: Given) -> Lowered:
        """A mean."""
        away = of.target if of.fields["halves_away"] else None
        return lower_mean(of.sources[0], math.prod(of.fields["kernel"]), away)

    @classmethod
    def stored_fields(cls, of: Given, channels: int) -> Fields:
        """The integers of the real value around the plane."""
        fields = {name: of.fields[name] for name in ("kernel", "stride", "padding")}
        return fields | {"pad": of.sources[0].pad(of.fields["fill"], channels, fields["padding"])}

    def compute(self, *inputs: Plane) -> Plane:
        """The sum, requantized."""
        (x,) = inputs
        taps = windows(self.pad_plane(x).astype(np.int32), self.kernel, self.stride)
        return self.requantize(taps.sum(axis=(3, 4), dtype=np.int32))

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """A sum is linear in the number of values inside of the plane, so that the smallest and the
        largest number have the ends.
        """
        sides = [[part.stop - part.start for part in self.inside(axis)] for axis in (0, 1)]
        counts = [pick(sides[0]) * pick(sides[1]) for pick in (min, max)]
        size, pad = self.kernel[0] * self.kernel[1], self.padding_values
        sums = [[n * end + (size - n) * pad for n in counts] for end in sources[0]]
        return Interval(np.minimum(*sums[0]), np.maximum(*sums[1]))

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """A * values of a window, int64[1]."""
        return np.array([self.inputs[0].magnitude * self.kernel[0] * self.kernel[1]], np.int64)

    def describe(self) -> str:
        """The windows and the clamp."""
        return f"mean {self.describe_windows()}{self.describe_clamp()}"
