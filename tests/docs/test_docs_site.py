"""The site builds without a warning, its table of contents is complete, its examples run."""

import doctest
import re
from importlib import import_module

import pytest

from drypoint import models
from tools import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WITH_EXAMPLES = [page for page in PAGES if ">>> " in page.read_text("utf-8")]
ELSEWHERE = {  # beginnings of blocks that tests run as scripts, by page
    "find-things.md": ("from pathlib import Path\n",),  # test_docs_commands.py
    "index.md": ("from pathlib ", "from PIL ", "import "),  # test_docs_first_hour.py
    "frameworks.md": ("import torch\n", "import keras\n"),  # test_interop_torch.py and _keras.py
    "graphs.md": ("import torch\n",),
    "own-layer.md": ("from math import erf",),  # test_docs_layers.py
    # test_docs_commands.py, test_train_body.py (whose bodies have no weights of the internet)
    "pictures.md": ("from pathlib import Path\n", "import keras\n"),
    "recordings.md": ("import numpy as np\n",),
}
FENCED = re.DOTALL | re.MULTILINE


def test_every_page_is_built(site):
    for page in PAGES:
        assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file()
    assert (site / "walkthrough.html").is_file()


def test_pages_made_from_files_show_them(site):
    """Oracle: a sentence of each file."""
    for page, words in {
        "numerics": "the one rounding rule",
        "blob": "The blob",
        "contributing": "How to add an op",
        "changelog": "Unreleased",
        "project": "What holds after a load",
    }.items():
        assert words in (site / f"{page}.html").read_text("utf-8"), page


def test_the_site_has_the_page_to_draw_on(site):
    """test_serve.py draws on such a page in a browser."""
    assert '<iframe class="draw" src="draw/index.html"' in (site / "serve.html").read_text("utf-8")
    assert '<script type="text/plain" id="engine">' in (site / "draw/index.html").read_text("utf-8")


def test_the_site_has_the_report_of_the_shipped_model(site):
    """Oracle: the accuracy on the model's card."""
    assert 'href="lenet-report.html"' in (site / "report.html").read_text("utf-8")
    page = (site / "lenet-report.html").read_text("utf-8")
    score = models.card("lenet-mnist").integer_score
    assert f"<dd>{100 * score.correct / score.n:.2f} %" in page


def test_the_first_page_leads_to_every_page():
    """Its table does, and so do its four groups: at most 39 pages."""
    text = (DOCS / "index.md").read_text("utf-8")
    table = text[text.index("## Where to find what") : text.index("## Install")]
    linked = {a or b for a, b in re.findall(r"\]\(([\w/-]+)\.md\)|\{doc\}`([\w/-]+)`", table)}
    groups = re.findall(r"^```\{toctree\}\n:caption: (\w+)\n:hidden:\n\n(.*?)```", text, FENCED)
    listed = [page for _, pages in groups for page in pages.split()]
    pages = {str(p.relative_to(DOCS).with_suffix("")) for p in PAGES if p.parent == DOCS}
    assert (pages - {"index"}) | {"walkthrough", "api/index"} == linked == {*listed}
    assert [title for title, _ in groups] == ["Do", "Engine", "Specification", "Project"]
    assert len(listed) <= 39


def test_links_to_the_repository_wait_for_its_address(monkeypatch):
    """Oracle: the addresses, by hand; the placeholder of pyproject.toml gives no link."""
    monkeypatch.syspath_prepend(DOCS / "extension")
    links = import_module("links")
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert links.footer() == links.footer(text)
    found = links.footer(text.replace("example.org", "forge.test/us"))
    assert [(link["name"], link["url"]) for link in found] == [
        ("Repository", "https://forge.test/us/drypoint"),
        ("Issues", "https://forge.test/us/drypoint/issues"),
        ("Licence", "https://forge.test/us/drypoint/blob/main/LICENSE"),
    ]
    assert links.footer(text.replace("https://forge.test/us", "https://example.org")) == []


def test_the_reference_has_every_public_name(site):
    """Oracle: the public names of the packages."""
    import drypoint.nn
    import drypoint.program

    for name, thing in vars(drypoint.nn).items():
        if isinstance(thing, type) and not name.startswith("_"):
            own = f"api/nn{'' if issubclass(thing, Exception) else f'/{name}'}.html"
            assert f'id="drypoint.nn.{name}"' in (site / own).read_text("utf-8"), name
    for name in ("_reference.run", "_blob.loads", "_codegen.generate"):
        page = (site / "api/program.html").read_text("utf-8")
        assert f'id="drypoint.program.{name}"' in page, name
    for name in ("Program", "Conv"):
        page = (site / f"api/program/{name}.html").read_text("utf-8")
        assert f'id="drypoint.program.{name}"' in page, name


def test_no_page_of_the_reference_has_more_than_1000_lines_of_text(site):
    for path in (site / "api").rglob("*.html"):
        (text,) = re.findall(r"<article.*?</article>", path.read_text("utf-8"), re.DOTALL)
        lines = [line for line in re.sub(r"<[^>]+>", "", text).splitlines() if line.strip()]
        assert len(lines) <= 1000, path.name


def test_a_property_has_its_description_and_no_type_of_it(monkeypatch):
    """The description "1: (I,)." is no type 1 with a description."""
    napoleon = pytest.importorskip("sphinx.ext.napoleon", reason="Sphinx is not installed")
    monkeypatch.syspath_prepend(DOCS / "extension")
    lines = ["1: (I,)."]
    import_module("docstrings").convert(None, "property", "x", None, None, lines)
    config = napoleon.Config(napoleon_use_ivar=True)
    read = napoleon.GoogleDocstring(lines, config, what="property", name="x", obj=property())
    assert str(read).split() == ["..", "1:", "(I,)."]
    lines = ["A figure.", "", "Attributes:", "    first, second: the numbers, or None."]
    import_module("docstrings").convert(None, "class", "x", None, None, lines)
    read = napoleon.GoogleDocstring(lines, config, what="class", name="x", obj=int)
    assert ":ivar first,second: the numbers, or None." in str(read)


def test_all_python_on_the_pages_is_examples_with_their_outputs():
    """So doctest tries it; the blocks in ELSEWHERE have tests of their own."""
    others = [
        f"{page.relative_to(DOCS)}: {block[:40]!r}"
        for page in PAGES
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), FENCED)
        if not block.startswith((">>> ", *ELSEWHERE.get(page.name, ())))
    ]
    assert others == []


PACKAGES = {  # that examples of a page need beside drypoint's own
    "frameworks.md": ["sklearn"],
    "import.md": ["onnx"],
    "report.md": ["jinja2", "matplotlib"],
}


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_give_what_they_show(page, toolbox):
    """Oracle: the expected output below each example; as many as there are prompts."""
    for package in PACKAGES.get(page.name, ()):
        toolbox.need_package(package)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert failed == 0
    assert tried == page.read_text("utf-8").count(">>> ") > 0
