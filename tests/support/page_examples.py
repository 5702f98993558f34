"""Examples of pages that a test runs: in Python, and in C beside an export."""

import doctest
import re

from tools import ROOT, run


def examples(page, words):
    """The code block of a page that has these words, and is no session with prompts."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if words in block and not block.startswith(">>> "))
    return found


def run_examples(page):
    """The names that the Python examples of a page leave; they must print what the page says."""
    text = (ROOT / page).read_text("utf-8")
    parsed = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    assert runner.run(parsed, clear_globs=False).failed == 0
    return parsed.globs


def run_c(page, name, folder, data, toolbox):
    """The lines that the C of a model on a page prints for the bytes ``data`` in the file that
    the page names, compiled by the page's command in the folder of an export.
    """
    text = (ROOT / page).read_text("utf-8")
    (source,) = re.findall(
        rf'^```c\n(#include "{name}.h"\n.*?)^```', text, re.DOTALL | re.MULTILINE
    )
    (command,) = re.findall(rf"^\$ cc (.* -o {name} .*)$", text, re.MULTILINE)
    (folder / "main.c").write_text(source, "utf-8")
    (folder / command.rpartition(" < ")[2]).write_bytes(data)
    done = run(["sh", "-c", f"{toolbox.need('cc')} {command}"], cwd=folder)
    return done.decode().splitlines()
