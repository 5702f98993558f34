"""The feature table is complete, and its tests exist."""

import ast
import html
import re
import tomllib
from functools import cache

from tools import ROOT

ROWS = tomllib.loads((ROOT / "docs/features.toml").read_text("utf-8"))
SECTIONS = {
    "DAT": 17,
    "ENC": 21,
    "DEC": 18,
    "LAY": 26,
    "CON": 15,
    "INI": 8,
    "APP": 13,
    "INS": 14,
    "GRA": 9,
    "TRN": 28,
    "RES": 35,
    "MEA": 27,
    "BAS": 6,
    "PRE": 6,
    "VIS": 26,
    "PER": 12,
    "NET": 34,
    "ENG": 20,
    "OTH": 10,
    "PKG": 7,
}


@cache
def names_of_tests(file):
    """The names of the test functions of a file, by its syntax tree."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_no_row_is_missing_or_doubled():
    wanted = [f"{key}-{i:02d}" for key, count in SECTIONS.items() for i in range(1, count + 1)]
    assert list(ROWS) == wanted


def test_a_row_names_a_test_that_exists_or_a_reason():
    assert {row: facts for row, facts in ROWS.items() if not is_whole(facts)} == {}


def is_whole(facts):
    """Whether a row has its fields; its test is in the file that it names."""
    done = facts["status"] == "done"
    if set(facts) != {"what", "priority", "status", "test" if done else "reason"}:
        return False
    if facts["priority"] not in {"M", "S", "L", "N"} or not 5 <= len(facts["what"]) <= 100:
        return False
    if done:
        file, _, test = facts["test"].partition("::")
        return test in names_of_tests(file)
    allowed = {"no"} if facts["priority"] == "N" else {"open", "no"}
    return facts["status"] in allowed and len(facts["reason"]) >= 10


def test_all_that_must_be_is_done_and_little_that_should_be_is_open():
    left = {
        p: [r for r, f in ROWS.items() if (f["priority"], f["status"]) == (p, "open")] for p in "MS"
    }
    assert left["M"] == []
    assert len(left["S"]) <= 5
    refused = [row for row, f in ROWS.items() if f["status"] == "no" and f["priority"] in "MS"]
    assert refused == []


def test_the_page_shows_every_row(site):
    page = html.unescape((site / "features.html").read_text("utf-8"))
    for row, facts in ROWS.items():
        assert re.search(rf"<td><p>{row}</p></td>", page)
        words = re.split(r"[,'\"]", facts["what"])[0]  # quotes become typographic
        assert words in page
