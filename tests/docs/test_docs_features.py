"""The feature table is complete, and its tests exist."""

import ast
import tomllib
from functools import cache

from tools import ROOT

SECTIONS = tomllib.loads((ROOT / "docs/features.toml").read_text("utf-8"))
ROWS = {row: cells for section in SECTIONS.values() for row, cells in section.items()}
MOST_OPEN = 5  # rows


@cache
def names_of_tests(file):
    """The names of the test functions of a file, by its syntax tree."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_rows_of_a_section_are_numbered():
    for section in SECTIONS.values():
        key = next(iter(section)).partition("-")[0]
        assert list(section) == [f"{key}-{i:02d}" for i in range(1, len(section) + 1)]


def test_a_row_names_a_test_that_exists_or_a_reason():
    assert {row: cells for row, cells in ROWS.items() if not is_whole(*cells)} == {}
    assert sum(cells[1] == "open" for cells in ROWS.values()) <= MOST_OPEN


def is_whole(what, *more):
    """Whether a row says what can be done, and names a test of the file or has a reason."""
    if not 5 <= len(what) <= 100:
        return False
    if len(more) == 1:
        file, _, test = more[0].partition("::")
        return test in names_of_tests(file)
    status, reason = more
    return status in {"open", "no"} and len(reason) >= 10
