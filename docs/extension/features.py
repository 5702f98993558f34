"""The page of features, from features.toml: what works, by group, and the proofs behind a fold."""

import tomllib
from html import escape
from pathlib import Path

_FILE = Path(__file__).parents[1] / "features.toml"


def page() -> str:
    """The page: for each group the features that work, what does not, and the table of tests."""
    groups = tomllib.loads(_FILE.read_text("utf-8"))
    rows = [cells for group in groups.values() for cells in group.values()]
    done = sum(len(cells) == 2 for cells in rows)
    lines = [
        "# What works",
        "",
        f"{done} features, by group, each with a test that proves it; {len(rows) - done} are open "
        "or left out, with the reason. The tests stand behind the fold of each group.",
        "",
    ]
    for title, group in groups.items():
        lines += [f"## {title}", ""]
        lines += [f"* {what}" for what, *more in group.values() if len(more) == 1]
        lines += [
            f"* *{'not yet' if more[0] == 'open' else 'left out'}:* {what}: {more[1]}"
            for what, *more in group.values()
            if len(more) == 2
        ]
        lines += ["", "```{raw} html", *_table(group), "```", ""]
    return "\n".join(lines)


def _table(group: dict[str, list[str]]) -> list[str]:
    """The rows of a group with their tests, folded."""
    rows = [
        f"<tr><td>{row}</td><td>{escape(what)}</td><td>{_proof(*more)}</td></tr>"
        for row, (what, *more) in group.items()
    ]
    head = "<tr><th>row</th><th>what</th><th>test, or reason</th></tr>"
    table = ['<div class="table-wrapper"><table class="docutils">', head, *rows, "</table></div>"]
    return [f"<details><summary>The {len(rows)} proofs</summary>", *table, "</details>"]


def _proof(*more: str) -> str:
    if len(more) == 2:
        return f"{more[0]}: {escape(more[1])}"
    file, _, test = more[0].rpartition("::")
    name = test.removeprefix("test_").replace("_", " ")
    return f"<code>{escape(file.rpartition('/')[2])}</code> {escape(name)}"
