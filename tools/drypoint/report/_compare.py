"""Two reports side by side: figures, their change, and what changed in the programs."""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from drypoint.common import (
    check_kind,
    html_table,
    json_of,
    page_style,
    printable,
    table_lines,
    write_atomic,
)
from drypoint.measure import mcnemar_p

from ._page import template
from ._report import SCHEMA, Report, ReportError
from ._text import WIDTH
from ._verdict import output_texts

Facts = Mapping[str, Any]
_MOST_OPS = 200  # rows of what changed
HEAD = ("figure", "first", "second", "change")


@dataclass(frozen=True, kw_only=True)
class FigureChange:
    """A figure of both reports.

    Attributes:
        figure: its name.
        first, second: the two numbers; None where a report does not know it.
        share: whether the numbers are shares in [0, 1], else counts or errors.
    """

    figure: str
    first: float | None
    second: float | None
    share: bool = False

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row of a table, as `HEAD`."""
        return (self.figure, self._text(self.first), self._text(self.second), self._change)

    def _text(self, value: float | None) -> str:
        if value is None:
            return "-"
        if self.share:
            return f"{100 * value:.2f} %"
        return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"

    @property
    def _change(self) -> str:
        if self.first is None or self.second is None:
            return "-"
        change = self.second - self.first
        if not change:
            return "equal"
        if self.share:
            return f"{100 * change:+.2f} points"
        relative = f" ({100 * change / self.first:+.1f} %)" if self.first else ""
        return (
            f"{change:+,.4g}{relative}" if isinstance(change, float) else f"{change:+,}{relative}"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportComparison:
    """Two reports side by side; `str` gives a screen of text.

    Attributes:
        first, second: the reports.
    """

    first: Report
    second: Report

    @property
    def figures(self) -> list[FigureChange]:
        """Accuracy or the task's figures, RAM, flash, instructions, bytes; on each target that both
        were measured on."""
        a, b = self.first.facts, self.second.facts
        first, second = _task_figures(a), _task_figures(b)
        found = [
            FigureChange(figure=name, first=first.get(name), second=second.get(name))
            for name in {**first, **second}
        ]
        found += [
            FigureChange(figure=name, first=get(a), second=get(b), share=share)
            for name, share, get in _FIGURES
        ]
        for target, cost in a["costs"].items():
            other = b["costs"].get(target, {})
            if "not_measured" not in cost and "not_measured" not in other and other:
                found += [
                    FigureChange(figure=f"{name}, {target}", first=get(cost), second=get(other))
                    for name, get in _COSTS
                ]
        return [row for row in found if (row.first, row.second) != (None, None)]

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """(op, what it is in the first, in the second) of each op that is not equal in both."""
        a, b = (_ops(report.facts) for report in (self.first, self.second))
        names = [*a, *(name for name in b if name not in a)]
        return [
            (name, a.get(name, "-"), b.get(name, "-"))
            for name in names
            if a.get(name) != b.get(name)
        ]

    @property
    def accuracy_p(self) -> float | None:
        """The probability that two equally good programs decide as differently as these, by
        McNemar's exact test; None where they have not decided the same examples.
        """
        a, b = self.first.measured, self.second.measured
        if a is None or b is None or a.data_digest != b.data_digest or a.n != b.n:
            return None
        right, other = a.y == a.predicted, b.y == b.predicted
        return mcnemar_p(int(np.sum(right & ~other)), int(np.sum(~right & other)))

    def __str__(self) -> str:
        names = [printable(report.facts["name"]) for report in (self.first, self.second)]
        blocks = [f"first   {names[0]}\nsecond  {names[1]}"]
        blocks.append("\n".join(table_lines([HEAD, *(row.cells for row in self.figures)])))
        blocks.append("\n".join(textwrap.wrap(self.accuracy_text, WIDTH)))
        rows = [("op", "first", "second"), *self.changes[:_MOST_OPS]]
        equal = "every op is of one kind, type and size in both programs"
        blocks.append("\n".join(table_lines(rows, left=(0, 1, 2))) if self.changes else equal)
        for which, report in (("first", self.first), ("second", self.second)):
            text = f"{which}: {report.facts['verdict']['summary']}"
            blocks.append("\n".join(textwrap.wrap(text, WIDTH)))
        return "\n\n".join(block for block in blocks if block)

    def __repr__(self) -> str:
        return f"ReportComparison({self.first!r}, {self.second!r})"

    def _repr_html_(self) -> str:
        """For notebooks: the figures side by side."""
        caption = f"{self.first.facts['name']}, {self.second.facts['name']}"
        return html_table(HEAD, [row.cells for row in self.figures], left=(0,), caption=caption)

    @property
    def accuracy_text(self) -> str:
        """Whether the accuracies differ by more than chance, in words; "" if it is not known."""
        p = self.accuracy_p
        if p is None:
            return ""
        if p < 0.05:
            return f"the accuracies differ by more than chance (McNemar's test, p = {p:.2g})"
        return f"the accuracies differ by no more than chance (McNemar's test, p = {p:.2g})"

    def to_json(self) -> dict[str, Any]:
        """The figures, the ops that changed, and the facts of both reports."""
        return {
            "schema": SCHEMA,
            "figures": [json_of(row, "figure", "first", "second") for row in self.figures],
            "accuracy_p": self.accuracy_p,
            "changes": [
                {"op": op, "first": first, "second": second} for op, first, second in self.changes
            ],
            "first": self.first.to_json(),
            "second": self.second.to_json(),
        }

    def html(self) -> str:
        """The page: one HTML document that loads nothing and runs no script.

        Raises:
            DrypointError: Jinja2 is not installed; the message names the extra.
        """
        style = files(__package__).joinpath("templates/report.css").read_text("utf-8")
        return template("compare.html.j2").render(
            c=self,
            head=HEAD,
            first=self.first.facts,
            second=self.second.facts,
            changes=self.changes[:_MOST_OPS],
            style=page_style() + style,
        )

    def save(self, path: str | Path) -> None:
        """Write the page, whole or not at all.

        Raises:
            DrypointError: as `html`, or the file cannot be written.
        """
        write_atomic(path, self.html())


def compare_reports(first: Report, second: Report) -> ReportComparison:
    """Two reports side by side.

    Raises:
        ReportError: an argument is no report.
    """
    for name, report in (("first", first), ("second", second)):
        wanted = "a Report, as make_report gives it"
        check_kind(report, Report, name=name, wanted=wanted, error=ReportError)
    return ReportComparison(first=first, second=second)


def _ops(facts: Facts) -> dict[str, str]:
    """Op -> kind, type and plane of its output, weights."""
    return {
        op["op"]: f"{op['kind']} -> {op['writes']}, {op['weights']:,} weights"
        if op["weights"]
        else f"{op['kind']} -> {op['writes']}"
        for op in facts["program"]["ops"]
    }


def _task_figures(facts: Facts) -> dict[str, float]:
    """The integers' figures of a task whose outputs are no classes, by name."""
    words = output_texts(facts)
    return {} if words is None else {name: float(value) for name, value, _ in words.rows}


def _examples(facts: Facts) -> int | None:
    found = facts["outputs"] or facts["quality"]
    return None if found is None else int(found["examples"])


def _quality(*path: str) -> Callable[[Facts], Any]:
    """The figure at a path below ``quality``, or None."""

    def get(facts: Facts) -> Any:
        found = facts["quality"]
        for key in path:
            found = None if found is None else found[key]
        return found

    return get


def _loss_of(facts: Facts) -> float | None:
    quality = facts["quality"]
    if quality is None or quality["float"] is None:
        return None
    return float(quality["float"]["accuracy"] - quality["integers"]["accuracy"])


_FIGURES: tuple[tuple[str, bool, Callable[[Facts], Any]], ...] = (
    ("accuracy, integers", True, _quality("integers", "accuracy")),
    ("accuracy, float net", True, _quality("float", "accuracy")),
    ("lost by the integers", True, _loss_of),
    ("test examples", False, _examples),
    (
        "parameters",
        False,
        lambda facts: None if facts["net"] is None else facts["net"]["parameters"],
    ),
    ("bytes of the model", False, lambda facts: facts["program"]["file_bytes"]),
    ("bytes of weights", False, lambda facts: facts["program"]["weight_bytes"]),
    ("multiply-accumulates", False, lambda facts: facts["program"]["macs"]),
    ("ops", False, lambda facts: len(facts["program"]["ops"])),
    ("RAM without the stack", False, lambda facts: facts["memory"]["ram_bytes_without_stack"]),
    (
        "bytes that differ from the reference",
        False,
        lambda facts: facts["proof"]["verification"]["differing_bytes"],
    ),
)
_COSTS: tuple[tuple[str, Callable[[Facts], Any]], ...] = (
    ("RAM in all", lambda cost: cost["ram_bytes"]),
    ("flash", lambda cost: cost["flash_bytes"]),
    ("instructions", lambda cost: cost["instructions"]),
)
