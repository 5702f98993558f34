"""Trained nets as points: accuracy against bytes, and the front that no other net passes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drypoint.common import percent, table_lines
from drypoint.devices import Estimate
from drypoint.plot import Layout, Picture

from ._trial import name_of

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class Point:
    """A trained net: accuracy of its program on the validation examples, bytes, instructions.

    Attributes:
        number: of the trial.
        net: text of the net, which trains it again with ``epochs`` and ``seed``.
        accuracy: share of the validation examples that the integers classify rightly.
        flash, ram, arena: bytes; ``ram`` with the bound of the stack.
        instructions: of a run, predicted; None: not known.
        macs: multiply-accumulates of a run.
    """

    number: int
    net: str
    epochs: int
    seed: int
    accuracy: float
    flash: int
    ram: int
    arena: int
    instructions: int | None
    macs: int

    @classmethod
    def of(cls, number: int, facts: Mapping[str, Any], accuracy: float, cost: Estimate) -> "Point":
        """The point of a trial with these facts."""
        counted = cost.instructions
        return cls(
            number=number,
            net=facts["net"],
            epochs=facts["epochs"],
            seed=facts["seed"],
            accuracy=accuracy,
            flash=cost.account.flash_bytes or 0,
            ram=cost.account.ram_bytes,
            arena=cost.account.size("arena"),
            instructions=None if counted is None else counted.total,
            macs=cost.program.macs,
        )

    def to_json(self) -> dict[str, Any]:
        """The fields, as JSON has them."""
        return dict(vars(self))

    def __str__(self) -> str:
        return f"{percent(self.accuracy)}, flash {self.flash:,}, RAM {self.ram:,} bytes"


def points_of(study: "optuna.Study") -> list[Point]:
    """The finished trials of a study."""
    from optuna.trial import TrialState  # noqa: PLC0415 ; an extra

    names = Point.__dataclass_fields__
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [
        Point(**{name: trial.user_attrs[name] for name in names})
        for trial in done
        if "flash" in trial.user_attrs
    ]


def front(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no other one equals or passes in accuracy, flash and RAM together, by flash;
    of each net its most accurate training."""
    best: dict[str, Point] = {}
    for point in points:
        if point.net not in best or point.accuracy > best[point.net].accuracy:
            best[point.net] = point
    found: list[Point] = []
    for point in sorted(best.values(), key=lambda p: (-p.accuracy, p.flash, p.ram, p.number)):
        if all(point.flash < other.flash or point.ram < other.ram for other in found):
            found.append(point)
    return tuple(sorted(found, key=lambda point: point.flash))


@dataclass(frozen=True, eq=False, repr=False)
class FrontPicture(Picture):
    """Accuracy of trained nets against their flash and their RAM.

    Attributes:
        points: all trained nets; the nets of the front are joined.
    """

    points: tuple[Point, ...]
    layout = Layout(width=8.4, height=3.6, panels=2, columns=2)

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A line for each net of the front, by flash."""
        del plain
        rows = [("accuracy", "flash", "RAM", "net")]
        for point in front(self.points):
            name = name_of(point.net)[: max(20, width - 32)]
            rows.append((percent(point.accuracy), f"{point.flash:,}", f"{point.ram:,}", name))
        return "\n".join(table_lines(rows, left=(3,)))

    def _draw(self, axes: "tuple[Axes, ...]") -> None:
        best = front(self.points)
        for ax, name in zip(axes, ("flash", "ram"), strict=True):
            x = [getattr(point, name) for point in self.points]
            ax.plot(x, [100 * point.accuracy for point in self.points], "o", color="#bbbbbb")
            line = sorted((getattr(point, name), 100 * point.accuracy) for point in best)
            ax.plot(*zip(*line, strict=True), "o-", color="#1f5fbf")
            ax.set_xlabel(f"bytes of {name if name == 'flash' else 'RAM'}")
            ax.set_ylabel("% of the validation examples")
