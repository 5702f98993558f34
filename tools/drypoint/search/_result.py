"""What a search found: the net, its cost, the front; written as a folder."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drypoint import measure, nn
from drypoint.common import html_table, html_text, page_style, percent, write_atomic
from drypoint.devices import Estimate
from drypoint.engine import export_c, make_runner
from drypoint.program import Program, random_inputs
from drypoint.report import make_report

from ._front import FrontPicture, Point, front
from ._trial import CALIBRATED, Task, Trained, name_of

if TYPE_CHECKING:
    from ._rule import Limits


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What `best` found.

    Attributes:
        point: the chosen trial.
        model: its trained float model.
        program: its integers, as they are exported.
        estimate: what the program costs on the target.
        test_accuracy: of the integers on the test examples; None without a test part.
        points: all trained nets.
        task: the data and the task.
    """

    point: Point
    model: nn.Model
    program: Program
    estimate: Estimate
    test_accuracy: float | None
    points: tuple[Point, ...]
    task: Task

    @classmethod
    def of(
        cls, point: Point, found: Trained, points: Iterable[Point], task: Task, limits: "Limits"
    ) -> "Result":
        """The result of a chosen trial, whose net was trained; the test examples are read here."""
        cost = limits.cost(found.program)
        test = task.data.test
        tested = None if test is None else measure.measure(make_runner(cost.program), test)
        return cls(
            point=point,
            model=found.model,
            program=cost.program,
            estimate=cost,
            test_accuracy=None if tested is None else float(tested.accuracy),
            points=tuple(points),
            task=task,
        )

    @property
    def front(self) -> tuple[Point, ...]:
        """The nets that no other one passes in accuracy, flash and RAM together, by flash."""
        return front(self.points)

    @property
    def picture(self) -> FrontPicture:
        """All trained nets and their front."""
        return FrontPicture(self.points)

    def __str__(self) -> str:
        account = self.estimate.account
        lines = [
            f"{name_of(self.point.net)}: {percent(self.point.accuracy)} of the validation examples",
            f"RAM: {account.ram_text}",
            f"flash: {account.flash_text}",
        ]
        if self.test_accuracy is not None:
            lines.insert(1, f"test: {percent(self.test_accuracy)}, measured once")
        if self.estimate.instructions is not None:
            lines.append(f"run: {self.estimate.instructions}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The chosen net, its cost and the front, of JSON types."""
        return {
            "net": self.point.to_json(),
            "test_accuracy": self.test_accuracy,
            "account": self.estimate.account.to_json(),
            "front": [point.to_json() for point in self.front],
            "trials": len(self.points),
        }

    def save(self, folder: str | Path, *, command: str = "") -> list[Path]:
        """Write model, program, C, report and front into a folder; gives the files.

        Args:
            folder: made if it is missing.
            command: what repeats the search, for ``command.txt``.

        Raises:
            DrypointError: a file cannot be written.
        """
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        self.model.save(out / "model.npz")
        self.program.save(out / "model.dpt")
        kernels = self.estimate.target.kernels
        golden = random_inputs(self.program, 4)
        export_c(self.program, golden, out / "firmware", name="model", kernels=kernels)
        write_atomic(out / "search.json", json.dumps(self.to_json(), indent=1) + "\n")
        files = [out / name for name in ("model.npz", "model.dpt", "firmware", "search.json")]
        if command:
            write_atomic(out / "command.txt", command + "\n")
            files.append(out / "command.txt")
        self.picture.save(out / "front.png")
        write_atomic(out / "front.html", self.html())
        test, calibration = self.task.data.test, self.task.data.train[:CALIBRATED].x
        make_report(self.model, test, calibration=calibration).save(out / "report.html")
        return [*files, *(out / name for name in ("front.png", "front.html", "report.html"))]

    def html(self) -> str:
        """The front as an HTML page, beside ``front.png``."""
        rows = [
            (
                name_of(p.net),
                percent(p.accuracy),
                f"{p.flash:,}",
                f"{p.ram:,}",
                "" if p.instructions is None else f"{p.instructions:,}",
                f"{p.epochs}",
            )
            for p in self.front
        ]
        head = ("net", "accuracy", "flash", "RAM", "instructions", "epochs")
        title = f"Nets for {self.estimate.target.name}"
        caption = f"{len(self.points)} trainings; accuracy of the integers on validation examples"
        table = html_table(head, rows, left=(0,), caption=caption)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html_text(title)}'
            f"</title><style>{page_style()}</style><h1>{html_text(title)}</h1>"
            f'<img src="front.png" alt="accuracy against flash" width="640">{table}</html>\n'
        )
