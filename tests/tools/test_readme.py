"""The README's session prints its outputs."""

import doctest
import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_session_runs_as_shown():
    """Oracle: the outputs in the README; figures that depend on float rounding are elided there."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert tried >= 9
    assert failed == 0


def test_links_lead_to_files():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text("utf-8"))
    assert len(links) >= 6
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_readme_stays_short():
    assert len(README.read_text("utf-8").splitlines()) < 120
