"""The page of nets with several outputs: its C prints what its Python computes."""

import doctest
import re
import subprocess
from pathlib import Path

import numpy as np

from tools import ROOT

PAGE = ROOT / "docs/outputs.md"


def test_the_c_of_the_page_prints_what_its_python_computes(toolbox):
    """Oracle: the engine in Python, on the page's own pictures."""
    text = PAGE.read_text("utf-8")
    parsed = doctest.DocTestParser().get_doctest(text, {}, "outputs", str(PAGE), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    assert runner.run(parsed, clear_globs=False).failed == 0
    page, folder = parsed.globs, Path(parsed.globs["folder"])
    (source,) = re.findall(r"^```c\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (command,) = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    (folder / "main.c").write_text(source, "utf-8")
    page["pictures"].tofile(folder / "pictures.bin")
    command = command.replace("cc ", f"{toolbox.need('cc')} ", 1)
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True
    )
    found = re.findall(r"row (\d), column (\d), side (-?[\d.]+)", done.stdout)
    real = page["real"]
    places = real["heat"].argmax(axis=1)
    assert [(int(row), int(column)) for row, column, _ in found] == [
        divmod(place, 8) for place in places.tolist()
    ]
    sides = np.array([float(side) for _, _, side in found])
    np.testing.assert_allclose(sides, 4 * real["size"][:, 0], atol=0.0501)  # printed to 0.1
