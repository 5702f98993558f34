"""The page of features, from features.toml."""

import tomllib
from itertools import groupby
from pathlib import Path

_FILE = Path(__file__).parents[1] / "features.toml"
_PRIORITIES = {"M": "must", "S": "should", "L": "later", "N": "not"}
_SECTIONS = {
    "DAT": "Data",
    "ENC": "Encoders",
    "DEC": "Decoders",
    "LAY": "Layers",
    "CON": "Containers",
    "INI": "Starting values",
    "APP": "Application",
    "INS": "Inspection and editing",
    "GRA": "Gradients",
    "TRN": "Training",
    "RES": "The result of training",
    "MEA": "Measurements",
    "BAS": "Baselines",
    "PRE": "The trained model",
    "VIS": "Pictures",
    "PER": "Files",
    "NET": "Layers of the trainer",
    "ENG": "Layers of the engine",
    "OTH": "Names and nets of other frameworks",
    "PKG": "Packages",
}


def page() -> str:
    """The page: a table for each section."""
    rows = tomllib.loads(_FILE.read_text("utf-8"))
    lines = [
        "# Feature table",
        "",
        "What can be done, row by row, with the test that proves it. A row that is not done says "
        "why. *Must* and *should* are aims of the first release, *later* comes after it, *not* is "
        "left out on purpose.",
        "",
        _totals(rows),
        "",
    ]
    for section, ids in groupby(rows, key=lambda row: row.split("-")[0]):
        lines += [f"## {_SECTIONS[section]}", "", ":::{container} feature-rows"]
        lines += ["| row | what | aim | status | proof or reason |", "|---|---|---|---|---|"]
        lines += [_line(row, rows[row]) for row in ids]
        lines += [":::", ""]
    return "\n".join(lines)


def _totals(rows: dict[str, dict[str, str]]) -> str:
    counts = []
    for priority, word in _PRIORITIES.items():
        of = [row for row in rows.values() if row["priority"] == priority]
        done = sum(row["status"] == "done" for row in of)
        counts.append(f"{word}: {done} of {len(of)} done")
    return "; ".join(counts) + "."


def _line(row: str, facts: dict[str, str]) -> str:
    if facts["status"] == "done":
        file, _, test = facts["test"].rpartition("::")
        proof = f"`{file.rpartition('/')[2]}` {test.removeprefix('test_').replace('_', ' ')}"
    else:
        proof = facts["reason"]
    what = facts["what"].replace("|", "\\|")
    return f"| {row} | {what} | {_PRIORITIES[facts['priority']]} | {facts['status']} | {proof} |"
