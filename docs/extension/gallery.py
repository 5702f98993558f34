"""Runs the cells of ``examples/gallery.py``: a page of the pictures, each with its code below."""

from pathlib import Path
from typing import Any

import jupytext

from drypoint.plot import ConfusionMap, KernelMosaic, Picture, inline_svg

FILE = Path(__file__).parents[2] / "examples/gallery.py"


def page() -> str:
    """The page in Markdown; its pictures are ``<svg>`` elements in the page's colours."""
    book = jupytext.reads(FILE.read_text("utf-8"), fmt="py:percent")
    shown: list[Picture] = []
    names: dict[str, Any] = {}
    parts = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        exec(compile(cell.source, str(FILE), "exec"), names)
        names["display"] = shown.append
        parts += [_figure(picture, f"picture{len(parts)}") for picture in shown]
        parts.append(f"```python\n{cell.source}\n```")
        shown.clear()
    return "\n\n".join(parts)


def _figure(picture: Picture, name: str) -> str:
    svg = inline_svg(picture, name=name, label=picture.alt)
    scale = " scale" if isinstance(picture, ConfusionMap | KernelMosaic) else ""
    return f'```{{raw}} html\n<div class="picture{scale}" tabindex="0">{svg}</div>\n```'
