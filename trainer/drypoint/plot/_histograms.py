"""Histograms of weights and activations, with the values that a quantization range clips."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _look as look
from ._blocks import columns, fit_width, number, pool
from ._checks import PlotError, check, freeze, numbers
from ._picture import Layout, Panels, Picture, Placement, placement

Range = tuple[float, float]
_MOST_PANELS = 64


@dataclass(frozen=True, eq=False)
class Histogram:
    """The spread of one array of n values.

    Attributes:
        name: the name of the array.
        counts: int64 (bins,), read-only.
        edges: float64 (bins + 1,), read-only; the last bin holds its upper edge too. They span
            the values and the clip.
        n: the number of values.
        mean, deviation: mean and standard deviation of the values; the deviation divides by n.
        low, high: the lowest and highest value.
        clip: the quantization range (low, high), or None.
        clipped: the share of values outside of ``clip``, in [0, 1].
    """

    name: str
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    n: int
    mean: float
    deviation: float
    low: float
    high: float
    clip: Range | None
    clipped: float

    @property
    def caption(self) -> str:
        """The quantization range and the share of values outside, as text; "" without a range."""
        if self.clip is None:
            return ""
        low, high = self.clip
        return f"kept {number(low)} to {number(high)}, {self.clipped:.2%} outside"


@dataclass(frozen=True, eq=False, repr=False)
class Histograms(Picture):
    """Histograms beside each other, a panel for each array; counts on a logarithmic scale.

    Attributes:
        parts: one an array.
    """

    parts: tuple[Histogram, ...]

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """Upright bars (height: log of 1 + count) with range, mean, deviation and clip marks."""
        room = fit_width(width) - 2
        return "\n\n".join(self._block(part, room, plain) for part in self.parts)

    def _block(self, part: Histogram, room: int, plain: bool) -> str:
        bars = pool(np.log1p(part.counts.astype(np.float64)), room)
        marks = [" "] * len(bars)
        low, high = float(part.edges[0]), float(part.edges[-1])
        for place in part.clip or ():
            marks[min(len(bars) - 1, int((place - low) / (high - low) * len(bars)))] = "^"
        head = (
            f"{part.name}: {part.n:,} values, mean {number(part.mean)}, "
            f"deviation {number(part.deviation)}"
        )
        left, right = number(low), number(high)
        ruler = left + right.rjust(max(len(right) + 1, len(bars) - len(left)))
        lines = [head, *columns(bars, height=4, plain=plain), ruler]
        if part.clip is not None:
            lines += ["".join(marks).rstrip(), f"^ {part.caption}"]
        return "\n".join([lines[0], *(f"  {line}".rstrip() for line in lines[1:])])

    @property
    def layout(self) -> Layout:
        """Panels of 3.2 inches, up to four side by side."""
        n = len(self.parts)
        across = n if n <= 4 else min(4, math.ceil(math.sqrt(n)))
        rows = -(-n // across)
        return Layout(
            width=max(4.2, 3.2 * across), height=max(2.6, 2.3 * rows), panels=n, columns=across
        )

    def _draw(self, axes: Panels) -> None:
        for ax, part in zip(axes, self.parts, strict=True):
            # From a little below 1: a single value must be seen on the logarithmic scale.
            ax.stairs(part.counts, part.edges, baseline=0.5, fill=True, color=look.MUTED)
            ax.set_yscale("log")
            ax.set_ylim(0.5, 2 * max(1, int(part.counts.max())))
            look.log_labels(ax.yaxis)
            for place in part.clip or ():
                ax.axvline(place, color=look.ACCENT, linewidth=1.2)
            label = f"value\n{part.caption}" if part.caption else "value"
            look.dress(ax, title=part.name, x=label, y="count")


def histograms(
    values: Mapping[str, ArrayLike],
    *,
    clips: Mapping[str, Range] | None = None,
    bins: int = 60,
    axes: Placement = None,
) -> Histograms:
    """Histograms of weights or activations, with the ranges of their quantization.

    Args:
        values: name -> array of any shape, at most 64: ``net.parameters()``,
            ``net.activations(x)``.
        clips: name -> (lowest, highest) quantized value, as ``calibration.ranges``; names that are
            not in ``values`` are ignored.
        bins: of equal width in each histogram, 1 to 1,000.
        axes: one axes for each array.

    Raises:
        PlotError: no arrays or too many, an empty one, values or ranges that are no finite
            numbers, or bins out of range.
    """
    check(values, Mapping, name="values", wanted="a mapping from titles to arrays")
    if not 1 <= len(values) <= _MOST_PANELS:
        raise PlotError(f"from 1 to {_MOST_PANELS} arrays can be shown, not {len(values)}")
    if not 1 <= bins <= 1000:
        raise PlotError(f"bins must be from 1 to 1000, not {bins}")
    return Histograms(
        parts=tuple(
            _histogram(name, array, clip=(clips or {}).get(name), bins=bins)
            for name, array in values.items()
        ),
        placed=placement(axes),
    )


def _histogram(name: str, values: ArrayLike, *, clip: Range | None, bins: int) -> Histogram:
    array = numbers(values, name, axes=None)
    if array.size == 0:
        raise PlotError(f"{name} has no values to show")
    low, high = float(array.min()), float(array.max())
    ends, clipped = (low, high), 0.0
    if clip is not None:
        least, most = numbers(clip, f"the range of {name}").tolist()
        if least > most:
            raise PlotError(f"the range of {name} goes from {least:g} down to {most:g}")
        clip, ends = (least, most), (min(low, least), max(high, most))
        clipped = float(np.mean((array < least) | (array > most)))
    try:
        counts, edges = np.histogram(array, bins=bins, range=ends)
    except ValueError as error:  # values so close together that no float lies between them
        raise PlotError(f"{name} cannot be cut into {bins} bins: {error}; take fewer") from error
    counts = counts.astype(np.int64)
    counts.flags.writeable = False
    return Histogram(
        name=name,
        counts=counts,
        edges=freeze(edges.astype(np.float64)),
        n=array.size,
        mean=float(array.mean()),
        deviation=float(array.std()),
        low=low,
        high=high,
        clip=clip,
        clipped=clipped,
    )
