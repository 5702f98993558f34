"""ROC curves: found examples of a class over false alarms, for every threshold."""

from collections.abc import Mapping
from dataclasses import dataclass

from drypoint.common import table_lines
from drypoint.data import Class
from drypoint.measure import AnomalyMeasurement, Measurement, RocCurve

from . import _look as look
from ._blocks import bar, fit_width
from ._checks import check
from ._picture import Layout, Panels, Picture, Placement, placement


@dataclass(frozen=True, eq=False, repr=False)
class RocCurves(Picture):
    """The curve of each class against all others; the class of the least area is highlighted.

    Attributes:
        curves: class -> its curve; of anomalies the only key is "anomalies".
    """

    curves: Mapping[Class, RocCurve]
    layout = Layout(width=3.9, height=3.9)

    @property
    def worst(self) -> Class:
        """The class of the least area."""
        return min(self.curves, key=lambda key: self.curves[key].auc)

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A line for each class: the area under its curve, and a bar."""
        room = max(8, fit_width(width) - 30)
        rows = [
            (str(key), f"{curve.auc:.4f}", bar(curve.auc, width=room, plain=plain))
            for key, curve in self.curves.items()
        ]
        return "\n".join(table_lines([("class", "area", ""), *rows], left=(0, 2)))

    def _draw(self, axes: Panels) -> None:
        (ax,) = axes
        ax.plot([0, 1], [0, 1], color=look.MUTED, linewidth=1, linestyle="--", label="chance")
        others = [key for key in self.curves if key != self.worst]
        for i, key in enumerate(others):
            curve, label = self.curves[key], None if i else "other classes"
            ax.plot(curve.fpr, curve.tpr, color=look.PALE, linewidth=1, label=label)
        curve = self.curves[self.worst]
        label = look.shown(f"{self.worst}, area {curve.auc:.4f}")
        ax.plot(curve.fpr, curve.tpr, color=look.ACCENT, linewidth=1.6, label=label)
        look.dress(ax, title="ROC", x="false alarms", y="found")
        look.grid(ax, along="y")
        look.legend(ax)
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)


def roc(m: Measurement | AnomalyMeasurement, *, ax: Placement = None) -> RocCurves:
    """The ROC curve of each class against all others, or of anomalies.

    Args:
        m: a measurement with probabilities, or of anomalies.
        ax: one axes to draw on.

    Raises:
        MeasureError: a measurement made from predictions alone, or a class without examples.
    """
    wanted = "a Measurement: measure.measure(model, dataset); or an AnomalyMeasurement"
    check(m, (Measurement, AnomalyMeasurement), name="m", wanted=wanted)
    if isinstance(m, AnomalyMeasurement):
        return RocCurves(curves={"anomalies": m.roc}, placed=placement(ax))
    curves = {key: m.roc_curve(key) for key in m.classes}
    return RocCurves(curves=curves, placed=placement(ax))
