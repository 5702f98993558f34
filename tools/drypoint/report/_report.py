"""`Report`: the facts of a model, as text, as JSON types and as an HTML page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drypoint import plot
from drypoint.common import DrypointError, check_writable, count_of, html_table, write_atomic
from drypoint.data import Dataset
from drypoint.measure import Measurement
from drypoint.nn import Model
from drypoint.program import Program
from drypoint.quant import Report as LayerReport
from drypoint.tasks import Reported

from ._page import check_packages, page
from ._text import text

SCHEMA = 1
"""The version of the layout of `Report.facts`: it rises when a fact's name or meaning changes."""


class ReportError(DrypointError, ValueError):
    """A report cannot be made of the arguments."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """The facts of a program, and of the model that it was made of; `str` gives a screen of text.

    Attributes:
        facts: of JSON types, by section; the page "The report" documents each.
        program: the integer program.
        exported: the simplified program that ``drypoint export`` writes.
        model: the float model; None for a report of a program alone.
        layers: the comparison with the float model; None without one.
        reported: what the outputs on the test examples are worth, by the net's task.
        states: what the cells of a recurrent net hold on the first test example; None of others.
        test: the test examples; None without any, and of a regression.
    """

    facts: Mapping[str, Any]
    program: Program
    exported: Program
    model: Model | None
    layers: LayerReport | None
    reported: Reported
    states: plot.StateMap | None = None
    test: Dataset | None = None

    @property
    def measured(self) -> Measurement | None:
        """The decisions of the C engine on the test examples; None without any."""
        return self.reported.integers

    def __str__(self) -> str:
        return text(self.facts)

    def __repr__(self) -> str:
        quality = self.facts["quality"] or self.facts["outputs"]
        inputs = "random inputs" if quality is None else count_of(quality["examples"], "example")
        return f"Report({self.facts['name']!r}, {inputs})"

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, then the tables of the measurement and of the layers."""
        verdict = self.facts["verdict"]
        rows = [(each["rule"], each["finding"], each["advice"]) for each in verdict["findings"]]
        caption = f"{self.facts['name']}: {verdict['summary']}"
        tables = [html_table((), rows, left=(0, 1, 2), caption=caption)]
        views = (self.measured, self.layers)
        return "\n".join(tables + [view._repr_html_() for view in views if view is not None])

    def to_json(self) -> dict[str, Any]:
        """The facts."""
        return dict(self.facts)

    def html(self) -> str:
        """The page: one HTML document that loads nothing and runs no script.

        Raises:
            DrypointError: Jinja2 or matplotlib is not installed; the message names the extra.
        """
        return page(
            self.facts,
            program=self.program,
            exported=self.exported,
            model=self.model,
            layers=self.layers,
            reported=self.reported,
            states=self.states,
            test=self.test,
        )

    def save(self, path: str | Path) -> None:
        """Write the page, whole or not at all.

        Raises:
            DrypointError: as `html`, or the file cannot be written.
        """
        write_atomic(path, self.html())

    @staticmethod
    def check_saving(path: str | Path) -> None:
        """Check that `save` can write a page; call it before long work.

        Raises:
            DrypointError: Jinja2 or matplotlib is not installed, or the file cannot be written.
        """
        check_packages()
        check_writable(path)
