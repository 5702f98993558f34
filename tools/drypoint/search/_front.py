"""Trained nets as points: score against bytes, and the front that no other net passes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drypoint.common import html_table, html_text, page_style, table_lines
from drypoint.devices import Estimate
from drypoint.plot import Layout, Picture
from drypoint.tasks import Criterion

from ._trainer import name_of

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class Point:
    """A trained net: score of its program on the validation examples, bytes, instructions.

    Attributes:
        criterion: the figure that the score is.
        number: of the trial.
        net: text of the net, which trains it again with ``epochs`` and ``seed``.
        score: of the integers on the validation examples.
        flash, ram, arena: bytes; ``ram`` with the bound of the stack.
        instructions: of a run, predicted; None: not known.
        macs: multiply-accumulates of a run.
    """

    criterion: Criterion
    number: int
    net: str
    epochs: int
    seed: int
    score: float
    flash: int
    ram: int
    arena: int
    instructions: int | None
    macs: int

    @classmethod
    def of(
        cls,
        criterion: Criterion,
        number: int,
        facts: Mapping[str, Any],
        score: float,
        cost: Estimate,
    ) -> "Point":
        """The point of a trial with these facts."""
        counted = cost.instructions
        return cls(
            criterion=criterion,
            number=number,
            net=facts["net"],
            epochs=facts["epochs"],
            seed=facts["seed"],
            score=score,
            flash=cost.account.flash_bytes or 0,
            ram=cost.account.ram_bytes,
            arena=cost.account.size("arena"),
            instructions=None if counted is None else counted.total,
            macs=cost.program.macs,
        )

    def to_json(self) -> dict[str, Any]:
        """The fields, as JSON has them."""
        return {**vars(self), "criterion": self.criterion.name}

    @property
    def merit(self) -> float:
        """Higher of a better score."""
        return self.criterion.merit(self.score)

    @property
    def score_text(self) -> str:
        """The score for people."""
        return self.criterion.show(self.score)

    def __str__(self) -> str:
        text = f"{self.criterion.name} {self.score_text}"
        return f"{text}, flash {self.flash:,}, RAM {self.ram:,} bytes"


def points_of(study: "optuna.Study", criterion: Criterion) -> list[Point]:
    """The finished trials of a study."""
    from optuna.trial import TrialState  # noqa: PLC0415 ; an extra

    names = Point.__dataclass_fields__
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [
        Point(**{name: trial.user_attrs[name] for name in names} | {"criterion": criterion})
        for trial in done
        if "flash" in trial.user_attrs
    ]


def front(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no other one equals or passes in score, flash and RAM together, by flash; of
    each net its best training."""
    best: dict[str, Point] = {}
    for point in points:
        if point.net not in best or point.merit > best[point.net].merit:
            best[point.net] = point
    found: list[Point] = []
    for point in sorted(best.values(), key=lambda p: (-p.merit, p.flash, p.ram, p.number)):
        if all(point.flash < other.flash or point.ram < other.ram for other in found):
            found.append(point)
    return tuple(sorted(found, key=lambda point: point.flash))


@dataclass(frozen=True, eq=False, repr=False)
class FrontPicture(Picture):
    """Scores of trained nets against their flash and their RAM.

    Attributes:
        points: all trained nets; the nets of the front are joined.
    """

    points: tuple[Point, ...]
    layout = Layout(width=8.4, height=3.6, panels=2, columns=2)

    def render(self, width: int = 80, *, plain: bool = False) -> str:
        """A line for each net of the front, by flash."""
        del plain
        rows = [(self.points[0].criterion.name, "flash", "RAM", "net")]
        for point in front(self.points):
            name = name_of(point.net)[: max(20, width - 32)]
            rows.append((point.score_text, f"{point.flash:,}", f"{point.ram:,}", name))
        return "\n".join(table_lines(rows, left=(3,)))

    def html(self, title: str) -> str:
        """The front as an HTML page, beside ``front.png``."""
        rows = [
            (
                name_of(p.net),
                p.score_text,
                f"{p.flash:,}",
                f"{p.ram:,}",
                "" if p.instructions is None else f"{p.instructions:,}",
                f"{p.epochs}",
            )
            for p in front(self.points)
        ]
        name = self.points[0].criterion.name
        head = ("net", name, "flash", "RAM", "instructions", "epochs")
        caption = f"{len(self.points)} trainings; {name} of the integers on validation examples"
        table = html_table(head, rows, left=(0,), caption=caption)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html_text(title)}'
            f"</title><style>{page_style()}</style><h1>{html_text(title)}</h1>"
            f'<img src="front.png" alt="{name} against flash" width="640">{table}</html>\n'
        )

    def _draw(self, axes: "tuple[Axes, ...]") -> None:
        best, criterion = front(self.points), self.points[0].criterion
        unit = 1 if criterion.is_error else 100
        for ax, name in zip(axes, ("flash", "ram"), strict=True):
            x = [getattr(point, name) for point in self.points]
            ax.plot(x, [unit * point.score for point in self.points], "o", color="#bbbbbb")
            line = sorted((getattr(point, name), unit * point.score) for point in best)
            ax.plot(*zip(*line, strict=True), "o-", color="#1f5fbf")
            ax.set_xlabel(f"bytes of {name if name == 'flash' else 'RAM'}")
            ax.set_ylabel(f"{criterion.name}{' (%)' * (unit > 1)}, validation")
