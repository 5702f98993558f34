"""Rules of every picture: text without matplotlib, one drawing, valid files."""

import dataclasses
import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import _pylab_helpers
from matplotlib.figure import Figure
from pictures import dataset, pictures
from PIL import Image

from drypoint import plot
from drypoint.common import DrypointError

PICTURES = pictures()
AS_WIDE_AS_ITS_COUNTS = {"confusion"}


@pytest.fixture(params=PICTURES)
def name(request):
    return request.param


@pytest.fixture
def no_matplotlib(monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.usefixtures("no_matplotlib")
def test_texts_and_data_need_no_matplotlib(name):
    picture = PICTURES[name](None)
    assert picture.text == str(picture) == repr(picture) == picture.render(80)
    assert len(picture.text.splitlines()) > 1
    assert picture._repr_png_() is None
    assert picture._repr_html_().startswith("<pre")


@pytest.mark.usefixtures("no_matplotlib")
def test_only_a_drawing_asks_for_matplotlib(tmp_path):
    picture = PICTURES["scores"](None)
    for want in (
        picture.png,
        picture.svg,
        lambda: picture.save(tmp_path / "a.png"),
        lambda: picture.figure,
        lambda: PICTURES["scores"](object()),
    ):
        with pytest.raises(plot.MatplotlibMissingError, match=r"drypoint\[plot\]"):
            want()
    assert not list(tmp_path.iterdir())


def test_importing_and_printing_does_not_import_matplotlib():
    code = (
        "import sys; from drypoint import plot; print(plot.scores([('a', 0.5)]))\n"
        "print([m for m in sys.modules if m.startswith('matplotlib')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("width", [30, 80, 133])
def test_lines_fit_and_are_ascii_where_asked(name, width):
    picture = PICTURES[name](None)
    plain, drawn = picture.render(width, plain=True), picture.render(width)
    assert plain.isascii()
    assert not any(line != line.rstrip() for line in drawn.splitlines())
    if name not in AS_WIDE_AS_ITS_COUNTS and width >= 80:
        assert max(map(len, drawn.splitlines())) <= width
    assert len(plain.splitlines()) == len(drawn.splitlines())


def test_a_width_that_nothing_fits_into_counts_as_twenty(name):
    assert PICTURES[name](None).render(1) == PICTURES[name](None).render(20)


def test_a_picture_is_drawn_once_and_its_files_are_of_their_kind_and_size(
    name, tmp_path, monkeypatch
):
    """The same data give the same PNG."""
    picture = PICTURES[name](None)
    drawn = []
    draw = type(picture)._draw
    monkeypatch.setattr(type(picture), "_draw", lambda p, axes: drawn.append(draw(p, axes)))
    assert picture.text
    assert not drawn
    first = picture.figure
    picture.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        # 144 pixels an inch; the renderer rounds down.
        assert image.size == (int(picture.layout.width * 144), int(picture.layout.height * 144))
        assert len(set(image.convert("L").tobytes())) > 10  # there is something to be seen
    picture.save(tmp_path / "a.svg")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a.svg"]
    assert picture.figure is first
    assert picture.ax is picture.axes[0]
    assert len(picture.axes) == picture.layout.panels
    assert len(drawn) == 1
    assert not _pylab_helpers.Gcf.figs  # nothing that pyplot would keep alive
    assert PICTURES[name](None).png() == (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("inches", [(2.0, 1.5), (20.0, 15.0)])
def test_given_axes_are_drawn_on_at_once_at_any_size(name, inches):
    n = PICTURES[name](None).layout.panels
    figure = Figure(figsize=inches)
    axes = [figure.add_subplot(1, n, i + 1) for i in range(n)]
    picture = PICTURES[name](axes if n > 1 else axes[0])
    assert picture.axes == tuple(axes)
    assert picture.figure is figure
    assert all(ax.get_children() for ax in axes)
    figure.savefig(io.BytesIO(), format="png", dpi=20)  # warnings are errors here


def test_values_cannot_be_changed(name):
    picture = PICTURES[name](None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        picture.placed = ()
    values = (getattr(picture, field.name) for field in dataclasses.fields(picture))
    for value in values:
        for array in value if isinstance(value, tuple) else (value,):
            if isinstance(array, np.ndarray):
                assert not array.flags.writeable


def test_a_notebook_gets_the_picture_with_a_sentence_for_who_cannot_see_it():
    for make in PICTURES.values():
        alt = make(None).alt
        assert re.fullmatch(r"[A-Z][^\n]*\.", alt) and len(alt) < 400
    picture = plot.scores([("a", 0.7), ("b", 0.3)], title='a "title"')
    assert picture.alt == 'Probabilities of classes as bars. Titles: a "title".'
    html = picture._repr_html_()
    assert html.startswith("<img ")
    assert 'alt="Probabilities of classes as bars. Titles: a &quot;title&quot;."' in html
    assert picture._repr_png_() == picture.png()


def test_names_cannot_break_the_page_or_the_drawing():
    picture = plot.scores([('<b>$\\broken{$"', 0.5)], title="$x_{$")
    assert "<b>" not in picture._repr_html_()
    assert b"broken" in picture.svg()


@pytest.mark.parametrize("path", ["a.pdf", "a", "png"])
def test_other_suffixes_are_refused(path):
    with pytest.raises(plot.PlotError, match=r"\.png or \.svg"):
        PICTURES["scores"](None).save(path)


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DrypointError, match="cannot write"):
        PICTURES["scores"](None).save(tmp_path / "file" / "a.png")


def test_axes_of_another_number_or_kind_are_refused():
    figure = Figure()
    two = [figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)]
    with pytest.raises(plot.PlotError, match="1 axes are wanted, one a panel, and 2 came"):
        plot.examples(dataset(), ax=two)
    with pytest.raises(plot.PlotError, match="not int"):
        plot.examples(dataset(), ax=[3])
    with pytest.raises(plot.PlotError, match="no axes"):
        plot.examples(dataset(), ax=[])


def test_a_picture_for_a_page_is_well_formed_and_its_names_and_colours_are_the_pages(name):
    """Oracle: the XML parser; `svg`, which has each text as outlines."""
    picture = PICTURES[name](None)
    found = plot.inline_svg(picture, name="p7", label='"a" & b', columns=1)
    assert plot.inline_svg(PICTURES[name](None), name="p7", label='"a" & b', columns=1) == found
    root = ElementTree.fromstring(found)
    assert root.attrib["aria-label"] == '"a" & b'
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    assert all(one.startswith("p7-") for one in ids)
    for part in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', found):
        assert {*part} - {""} <= set(ids)
    assert not re.search(r'href="(?!#|data:)', found)
    styles = " ".join(one.attrib.get("style", "") for one in root.iter())
    assert not re.search(r": (#333333|#000000|#ffffff)", styles)
    assert picture.placed == ()
