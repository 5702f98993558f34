"""The page of features, from features.toml."""

import tomllib
from pathlib import Path

_FILE = Path(__file__).parents[1] / "features.toml"


def page() -> str:
    """The page: a table for each section."""
    sections = tomllib.loads(_FILE.read_text("utf-8"))
    rows = [cells for section in sections.values() for cells in section.values()]
    done = sum(len(cells) == 2 for cells in rows)
    lines = [
        "# Feature table",
        "",
        "What can be done, row by row, with the test that proves it. A row that is not done says "
        f"why. {done} of {len(rows)} rows are done.",
        "",
    ]
    for title, section in sections.items():
        lines += [f"## {title}", "", ":::{container} feature-rows"]
        lines += ["| row | what | status | proof or reason |", "|---|---|---|---|"]
        lines += [_line(row, *cells) for row, cells in section.items()]
        lines += [":::", ""]
    return "\n".join(lines)


def _line(row: str, what: str, *more: str) -> str:
    status, proof = more if len(more) == 2 else ("done", more[0])
    if status == "done":
        file, _, test = proof.rpartition("::")
        proof = f"`{file.rpartition('/')[2]}` {test.removeprefix('test_').replace('_', ' ')}"
    return f"| {row} | {what.replace('|', chr(92) + '|')} | {status} | {proof} |"
