"""The reliability diagram: accuracy against confidence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import table_lines
from drypoint.measure import CalibrationCurve, Measurement, wilson_interval

from . import _look as look
from ._blocks import bar, fit_width
from ._checks import check, freeze
from ._picture import Layout, Panels, Picture, Placement, placement


@dataclass(frozen=True, eq=False, repr=False)
class Reliability(Picture):
    """Accuracy by confidence, with the number of examples in each bin of confidence.

    Attributes:
        curve: mean confidence, accuracy and count of each bin that has examples.
        intervals: float64 (B, 2), read-only: the Wilson 95 % interval of each accuracy.
    """

    curve: CalibrationCurve
    intervals: NDArray[np.float64]
    layout = Layout(width=7.4, height=3.4, panels=2, columns=2)

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A line for each range: mean confidence, examples, accuracy less confidence, a bar."""
        curve = self.curve
        rows = [("confidence", "examples", "accuracy", "difference", "")]
        room = max(8, fit_width(width) - 46)
        for n, sure, right in zip(
            curve.count.tolist(), curve.confidence.tolist(), curve.accuracy.tolist(), strict=True
        ):
            drawn = bar(n / int(curve.count.max()), width=room, plain=plain)
            rows.append((f"{sure:.4f}", f"{n:,}", f"{right:.4f}", f"{right - sure:+.4f}", drawn))
        return "\n".join([self._title, *table_lines(rows, left=(4,))])

    @property
    def _title(self) -> str:
        n = int(self.curve.count.sum())
        return f"{n:,} examples, expected calibration error {self.curve.ece:.4f}"

    def _draw(self, axes: Panels) -> None:
        ax, beside = axes
        curve = self.curve
        ax.plot([0, 1], [0, 1], color=look.MUTED, linewidth=1, linestyle="--", label="ideal")
        ax.vlines(curve.confidence, *self.intervals.T, color=look.MUTED, linewidth=1.6)
        ax.plot(
            curve.confidence,
            curve.accuracy,
            "o-",
            color=look.ACCENT,
            markersize=5,
            linewidth=1,
            label="measured, 95 % interval",
        )
        look.legend(ax)
        ax.set_ylim(-0.03, 1.03)
        look.dress(ax, title=f"calibration error {curve.ece:.4f}", x="confidence", y="accuracy")
        look.grid(ax, along="y")
        beside.bar(curve.confidence, curve.count, width=0.6 / curve.bins, color=look.MUTED)
        beside.set_yscale("log")
        beside.set_ylim(0.5, 2 * int(curve.count.max()))
        look.log_labels(beside.yaxis)
        total = f"{int(curve.count.sum()):,} examples"
        look.dress(beside, title=total, x="mean confidence of the range", y="examples in the range")
        for panel in axes:
            panel.set_xlim(-0.03, 1.03)


def reliability(m: Measurement, *, bins: int = 10, axes: Placement = None) -> Reliability:
    """The reliability diagram: accuracy and number of examples by confidence.

    Args:
        m: a measurement with probabilities.
        bins: the number of equal bins of [0, 1], at least 1; bins without examples are left out.
        axes: two axes: one for the accuracy, one for the counts.

    Raises:
        MeasureError: bins below 1, or a measurement made from predictions alone.
    """
    check(m, Measurement, name="m", wanted="a Measurement: measure.measure(model, dataset)")
    curve = m.calibration_curve(bins)
    hits = np.rint(curve.accuracy * curve.count).astype(int)
    intervals = [
        wilson_interval(hit, n) for hit, n in zip(hits.tolist(), curve.count.tolist(), strict=True)
    ]
    return Reliability(curve=curve, intervals=freeze(np.array(intervals)), placed=placement(axes))
