"""What a search found: the net, its cost, the front; written as a folder."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drypoint import nn
from drypoint.common import write_atomic
from drypoint.devices import Estimate
from drypoint.engine import export_c
from drypoint.program import Program, random_inputs
from drypoint.report import make_report

from ._front import FrontPicture, Point, front
from ._trainer import CALIBRATED, Trained, Trainer, name_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What `best` found.

    Attributes:
        point: the chosen trial.
        model: its trained float model.
        program: its integers, as they are exported.
        estimate: what the program costs on the target.
        test_score: of the integers on the test examples; None without a test part.
        points: all trained nets.
        trainer: the data and the task.
    """

    point: Point
    model: nn.Model
    program: Program
    estimate: Estimate
    test_score: float | None
    points: tuple[Point, ...]
    trainer: Trainer

    @classmethod
    def of(
        cls,
        point: Point,
        found: Trained,
        cost: Estimate,
        points: Iterable[Point],
        trainer: Trainer,
    ) -> "Result":
        """The result of a chosen trial, whose net was trained; the test examples are read here."""
        test = trainer.view(point.net).data.test
        return cls(
            point=point,
            model=found.model,
            program=cost.program,
            estimate=cost,
            test_score=None if test is None else trainer.score(cost.program, test),
            points=tuple(points),
            trainer=trainer,
        )

    @property
    def front(self) -> tuple[Point, ...]:
        """The nets that no other one passes in score, flash and RAM together, by flash."""
        return front(self.points)

    @property
    def picture(self) -> FrontPicture:
        """All trained nets and their front."""
        return FrontPicture(self.points)

    def __str__(self) -> str:
        account, criterion = self.estimate.account, self.point.criterion
        lines = [
            name_of(self.point.net),
            f"{criterion.name}: {self.point.score_text} on validation examples",
            f"RAM: {account.ram_text}",
            f"flash: {account.flash_text}",
        ]
        if self.test_score is not None:
            lines.insert(2, f"test: {criterion.show(self.test_score)}, measured once")
        if self.estimate.instructions is not None:
            lines.append(f"run: {self.estimate.instructions}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The chosen net, its cost and the front, of JSON types."""
        return {
            "net": self.point.to_json(),
            "test_score": self.test_score,
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
        title = f"Nets for {self.estimate.target.name}"
        write_atomic(out / "front.html", self.picture.html(title))
        data = self.trainer.view(self.point.net).data
        calibration = None if self.model.is_integer else data.train[:CALIBRATED].inputs
        make_report(self.model, data.test, calibration=calibration).save(out / "report.html")
        return [*files, *(out / name for name in ("front.png", "front.html", "report.html"))]
