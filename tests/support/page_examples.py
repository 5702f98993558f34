"""Examples of pages that a test runs: in Python, and in C beside an export."""

import doctest
import re

from tools import ROOT, run


def examples(page, first):
    """The code block of a page that begins with a line."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(first))
    return found


def run_examples(page):
    """The names that the Python examples of a page leave; they must print what the page says."""
    text = (ROOT / page).read_text("utf-8")
    parsed = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    assert runner.run(parsed, clear_globs=False).failed == 0
    return parsed.globs


def run_c(page, folder, data, toolbox):
    """The lines that the C of a page prints for the bytes ``data`` in the file that the page names,
    compiled by the page's command in the folder of an export.
    """
    text = (ROOT / page).read_text("utf-8")
    (source,) = re.findall(r"^```c\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (command,) = re.findall(r"^\$ cc (.*)$", text, re.MULTILINE)
    (folder / "main.c").write_text(source, "utf-8")
    (folder / command.rpartition(" < ")[2]).write_bytes(data)
    done = run(["sh", "-c", f"{toolbox.need('cc')} {command}"], cwd=folder)
    return done.decode().splitlines()
