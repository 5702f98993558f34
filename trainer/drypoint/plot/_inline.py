"""A picture as an SVG element of an HTML page, whose style sheet gives the colours."""

import re
from dataclasses import replace
from typing import Any

from drypoint.common import html_text

from . import _look as look
from ._checks import check
from ._picture import Picture, figure_type

_VARIABLES = {
    look.INK: "ink",
    look.MUTED: "muted",
    look.PALE: "pale",
    look.FAINT: "faint",
    look.ACCENT: "accent",
    "#000000": "ink",
    "#ffffff": "paper",
}
"""Colour -> the CSS variable that the page may set."""


def inline_svg(picture: Picture, *, name: str, label: str, columns: int | None = None) -> str:
    """A picture as one ``<svg>`` element for the body of an HTML page.

    Text stays text, in the page's font. The page sets the colours, for light and dark, by the CSS
    variables ``--ink``, ``--muted``, ``--pale``, ``--faint``, ``--accent`` and ``--paper``; without
    these the picture has the colours of `Picture.svg`. Equal pictures give equal text.

    Args:
        picture: what to draw; it is drawn on a figure of its own.
        name: letters, digits and hyphens; begins every ``id`` in the element, so that several
            pictures may stand on one page.
        label: what the picture shows, for readers who do not see it.
        columns: panels side by side; None: as many as the picture's layout has.

    Raises:
        MatplotlibMissingError: there is no matplotlib.
        PlotError: an argument is of another kind.
    """
    check(picture, Picture, name="picture", wanted="a picture, as the functions of plot give it")
    check(name, str, name="name", wanted="letters, digits and hyphens")
    check(label, str, name="label", wanted="a text")
    check(columns, (int, type(None)), name="columns", wanted="a number of panels, or None")
    figure_class = figure_type()
    import matplotlib as mpl  # noqa: PLC0415 - an optional dependency

    layout = picture.layout
    across = columns or layout.columns
    rows, rows_before = (-(-layout.panels // c) for c in (across, layout.columns))
    size = (layout.width * across / layout.columns, layout.height * rows / rows_before)
    settings: dict[Any, str] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "drypoint",
        "font.family": "sans-serif",
    }
    with mpl.rc_context(settings):
        figure = figure_class(figsize=size, layout="compressed", facecolor="none")
        axes = tuple(figure.add_subplot(rows, across, i + 1) for i in range(layout.panels))
        for ax in axes:
            ax.patch.set_visible(False)
        drawn = replace(picture, placed=axes)
        content = drawn.svg().decode("utf-8")
    return _element(content, name=name, label=label)


def _element(content: str, *, name: str, label: str) -> str:
    """The element in an SVG file, with identifiers and colours for a page."""
    body = content[content.index(">", content.index("<svg")) + 1 :]
    (box,) = re.findall(r'viewBox="([^"]+)"', content)
    (width,) = re.findall(r'<svg[^>]* width="([\d.]+)pt"', content)
    body = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"font: ([^;\"]*?)'[^;\"]*", r"font: \1inherit", body)
    body = re.sub(r'<text style="(?![^"]*fill: )', '<text style="fill: #000000; ', body)  # black
    for color, variable in _VARIABLES.items():
        body = body.replace(f": {color}", f": var(--{variable}, {color})")
    body = re.sub(r"\n\s*", "\n", body)
    pixels = round(float(width) * 96 / 72)
    return (
        f'<svg class="plot" role="img" aria-label="{html_text(label)}" viewBox="{box}" '
        f'width="{pixels}" xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
    )
