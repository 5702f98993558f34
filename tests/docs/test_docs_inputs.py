"""The page of nets with several inputs: its C prints what its Python computes."""

import doctest
import re
import subprocess
from pathlib import Path

from tools import ROOT

PAGE = ROOT / "docs/inputs.md"


def test_the_c_of_the_page_prints_what_its_python_computes(toolbox):
    """Oracle: the engine in Python, on the page's own scenes."""
    text = PAGE.read_text("utf-8")
    parsed = doctest.DocTestParser().get_doctest(text, {}, "inputs", str(PAGE), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    assert runner.run(parsed, clear_globs=False).failed == 0
    page, folder = parsed.globs, Path(parsed.globs["folder"])
    (source,) = re.findall(r"^```c\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (command,) = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    (folder / "main.c").write_text(source, "utf-8")
    scenes = zip(page["test"]["image"], page["test"]["weather"], strict=True)
    (folder / "scenes.bin").write_bytes(b"".join(a.tobytes() + b.tobytes() for a, b in scenes))
    command = command.replace("cc ", f"{toolbox.need('cc')} ", 1)
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True
    )
    assert [*map(int, done.stdout.split())] == page["c"](page["test"])
