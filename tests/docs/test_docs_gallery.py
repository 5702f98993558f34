"""The gallery has every picture, with its code below; the examples in cells become notebooks.

Oracles: the public functions of drypoint.plot; the calls in examples/gallery.py; a real kernel.
"""

import inspect
import re
import subprocess
import sys

import nbformat

from drypoint import plot
from tools import ONLY_CI, ROOT, run

EXAMPLE = (ROOT / "examples/gallery.py").read_text("utf-8")
SHOWN = re.findall(r"^display\(plot\.(\w+)\(", EXAMPLE, re.MULTILINE)
WRITE = [sys.executable, ROOT / "docs/extension/notebooks.py", "--out"]


def test_the_gallery_has_every_picture():
    functions = {name for name, _ in inspect.getmembers(plot, inspect.isfunction) if name[0] != "_"}
    assert functions - {"inline_svg"} == set(SHOWN)


def test_the_page_shows_each_picture_above_its_code(site):
    page = (site / "gallery.html").read_text("utf-8")
    parts = re.split(r'<div class="picture[^>]*>', page)[1:]
    assert len(parts) == len(SHOWN)
    for name, part in zip(SHOWN, parts, strict=True):
        picture, below = part.split("</svg>", 1)
        assert 'role="img" aria-label="' in picture
        code = re.sub(r"<[^>]+>", "", below.split("</pre>")[0])
        assert f"display(plot.{name}(" in code


def test_examples_in_cells_become_notebooks(tmp_path):
    """Two runs write equal files."""
    for folder in ("one", "two"):
        run([*WRITE, tmp_path / folder])
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["gallery.ipynb", "walkthrough.ipynb"]
    for name in names:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes()
        nbformat.validate(nbformat.reads(content.decode(), as_version=4))


@ONLY_CI
def test_the_gallery_runs_as_a_notebook(tmp_path):
    subprocess.run([*WRITE, tmp_path, "--run", "gallery"], check=True)
    book = nbformat.read(tmp_path / "gallery.ipynb", as_version=4)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == len(SHOWN)
    assert not [output for output in outputs if output.output_type == "error"]
