"""The walkthrough: fifty-four steps, each of which shows something and asserts something."""

import builtins
import json
import re

import pytest

from tools import ROOT

FILE = ROOT / "examples/walkthrough.py"
STEPS = 54


def cells():
    """(is it prose, text) of each cell, in order."""
    parts = re.split(r"^# %%(.*)\n", FILE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [("markdown" in kind, text) for kind, text in zip(parts[::2], parts[1::2], strict=True)]


def steps():
    """Number -> (title, code) of each step."""
    found, number = {}, 0
    for prose, text in cells():
        if prose:
            for n, title in re.findall(r"^# ### (\d+)\. (.+)$", text, re.MULTILINE):
                number = int(n)
                assert number not in found
                found[number] = (title, "")
        elif number:
            title, code = found[number]
            found[number] = (title, code + text)
    return found


def test_all_steps_are_there_in_order():
    assert list(steps()) == list(range(1, STEPS + 1))


def test_each_step_shows_and_asserts_something():
    lacking = [
        number
        for number, (title, code) in steps().items()
        if len(title) > 60
        or not re.search(r"^\s*(print|display)\(", code, re.MULTILINE)
        or not re.search(r"^assert ", code, re.MULTILINE)
    ]
    assert lacking == []


@pytest.fixture(scope="module")
def executed(site):
    """(source, outputs) of each code cell of the notebook that was run for the site."""
    path = site.parent / "jupyter_execute/walkthrough.ipynb"
    book = json.loads(path.read_text("utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    return [("".join(cell["source"]).strip(), cell["outputs"]) for cell in code][1:]


def test_the_site_shows_what_each_cell_prints_and_draws(executed):
    """Oracle: the cells of the file, one by one; imports alone print nothing."""
    sources = [text.strip() for prose, text in cells() if not prose]
    assert [source for source, _ in executed] == sources
    assert [source for source, outputs in executed if not outputs] == sources[:1]
    for source, outputs in executed:
        drawn = [o for o in outputs if "image/png" in o.get("data", {})]
        assert len(drawn) >= len(re.findall(r"^display\(", source, re.MULTILINE)), source


def test_without_a_notebook_pictures_are_printed_as_text(monkeypatch):
    """Only the first cell has code for notebooks."""
    real = builtins.__import__

    def without_ipython(name, *args, **kwargs):
        if name.startswith("IPython"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_ipython)
    names = {}
    exec(next(text for prose, text in cells() if not prose), names)
    assert names["display"] is print
    names["workdir"].rmdir()
