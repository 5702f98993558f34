"""The examples of pages are typed: ``mypy --strict`` finds no error in them."""

import doctest
import re
import sys

import pytest

from tools import ROOT, run

TYPED = ("README.md", "docs/command-line.md", "docs/forms.md", "docs/frameworks.md")
TYPED += ("docs/memory.md", "docs/report.md", "docs/serve.md", "docs/fit.md## Recipes")
TYPED += ("docs/wake-words.md",)


@pytest.fixture(scope="module")
def found(toolbox, tmp_path_factory):
    """What mypy prints of the examples of the pages, and of the type of a run in README."""
    toolbox.need_package("mypy")
    folder = tmp_path_factory.mktemp("typed")
    for page in TYPED:
        file, _, section = page.partition("#")  # a page, or a page from a section on
        text = (ROOT / file).read_text("utf-8")
        text = text[text.index(f"\n#{section}") :] if section else text
        lines = [example.source for example in doctest.DocTestParser().get_examples(text)]
        assert lines, page
        more = ["reveal_type(c.run(test.x))\n"] if page == "README.md" else []
        name = file.removesuffix(".md").replace("/", "_").replace("-", "_")
        (folder / f"{name}.py").write_text("".join([*lines, *more]), "utf-8")
    options = ["--strict", "--no-error-summary"]
    command = [sys.executable, "-m", "mypy", *options, *sorted(folder.glob("*.py"))]
    with toolbox.locked("mypy"):  # its cache has what it found of drypoint in test_lint.py
        return run(command, cwd=ROOT).decode()


def test_the_examples_of_pages_are_typed(found):
    assert "error" not in found


def test_a_run_gives_an_array(found):
    (line,) = found.splitlines()
    assert re.search(r'type is "\S*ndarray\[.*signedinteger\[\S*_32Bit\]\]\] \| Any"', line)
