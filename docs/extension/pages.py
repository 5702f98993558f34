"""Generated pages: the walkthrough, files of the repository, the reference of each part."""

import importlib
import inspect
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import Any

import charts
import gallery
import jupytext
import nbformat
import specification
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from drypoint import data, models, report, serve
from drypoint.common import write_atomic

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

FILES = {
    "engine": "engine_c/README.md",
    "numerics": "engine_c/NUMERICS.md",
    "examples": "engine_c/EXAMPLES.md",
    "quantizer": "engine_c/QUANTIZER.md",
    "border": "engine_c/BORDER.md",
    "streaming": "engine_c/STREAMING.md",
    "sound": "engine_c/SOUND.md",
    "boxes": "engine_c/BOXES.md",
    "blob": "engine_c/BLOB.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
}
"""Page -> the file of the repository that it shows."""

SECURITY = ROOT / "SECURITY.md"  # a section of the page "project"

SPLIT = ("nn", "program")
"""Parts whose reference has more than 1,000 lines: each class has a page of its own."""

LENET = "lenet-mnist"  # the model that the pages of the site are about

_LINK = re.compile(r"(!?)\[(!\[[^\]]+\]\([^)]+\)|[^\]]+)\]\((?!https?:)([^)#]+)(#[^)]*)?\)")


def notebook(text: str, arguments: list[str]) -> nbformat.NotebookNode:
    """A notebook of a Python file with ``# %%`` cells, which runs with these ``sys.argv``."""
    book = jupytext.reads(text, fmt="py:percent")
    first = nbformat.v4.new_code_cell(f"import sys\nsys.argv[1:] = {arguments!r}")
    first.metadata["tags"] = ["remove-cell"]
    book.cells.insert(0, first)
    book.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return book


def shown_file(path: Path) -> str:
    """The text of a file of the repository, with links to pages, and to pictures in docs/."""
    pages = {(ROOT / file).resolve(): name for name, file in FILES.items()}
    pages |= {SECURITY: "project", ROOT / "README.md": "index"}
    pages |= {file: str(file.relative_to(DOCS).with_suffix("")) for file in DOCS.glob("*.md")}

    def link_page(match: re.Match[str]) -> str:
        picture, text, target, anchor = match.groups()
        file = (path.parent / target).resolve()
        if picture:
            return f"![{text}]({file.relative_to(DOCS)})"
        text = _LINK.sub(link_page, text)  # a picture that is a link
        other = pages.get(file)
        return f"[{text}]({other}.md{anchor or ''})" if other else f"`{text.strip('`')}`"

    return _LINK.sub(link_page, path.read_text("utf-8"))


def _public(name: str) -> dict[str, object]:
    """The public names of a part, sorted."""
    part = importlib.import_module(name)
    listed = getattr(part, "__all__", None)
    return {
        key: thing
        for key, thing in sorted(vars(part).items(), key=lambda item: item[0].lower())
        if (key in listed if listed else not key.startswith("_") and not inspect.ismodule(thing))
    }


def class_page(name: str, key: str) -> str:
    """The reference of a class that has a page of its own."""
    part = name.removeprefix("drypoint.")
    lines = ["---", "orphan: true", "---", f"# {part}.{key}", f"[`{name}`](../{part}.md)", ""]
    lines += ["```{eval-rst}", f".. currentmodule:: {name}", *_entry(name, key, "autoclass"), "```"]
    return "\n".join(lines)


def write_class_pages(_app: Sphinx) -> None:
    """Write a file for each class that has a page of its own, before Sphinx looks for files."""
    for name in SPLIT:
        for key, thing in _public(f"drypoint.{name}").items():
            if _is_class(thing):
                write_atomic(DOCS / f"api/{name}/{key}.md", class_page(f"drypoint.{name}", key))


def part_page(name: str) -> str:
    """The reference of a part: its docstring, a list of its names, and each name's docstring, but
    of classes that have pages of their own."""
    things = _public(name)
    lines = [f"# {name}", "```{eval-rst}", f".. automodule:: {name}", "```"]
    for title, directive, belongs in _KINDS:
        keys = [key for key, thing in things.items() if belongs(thing)]
        if keys:
            lines += [f"## {title}", "```{eval-rst}", f".. currentmodule:: {name}"]
            if len(keys) > 1:
                lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {k}" for k in keys)]
            if title != "Classes" or name.removeprefix("drypoint.") not in SPLIT:
                lines += [line for key in keys for line in _entry(name, key, directive)]
            lines.append("```")
    return "\n".join(lines)


def _is_error(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Exception)


def _is_class(thing: object) -> bool:
    return inspect.isclass(thing) and not _is_error(thing)


_KINDS: tuple[tuple[str, str, Callable[[object], bool]], ...] = (
    ("Functions", "autofunction", inspect.isroutine),
    ("Classes", "autoclass", _is_class),
    ("Modules", "automodule", inspect.ismodule),
    ("Errors", "autoclass", _is_error),
)


def _entry(part: str, key: str, directive: str) -> list[str]:
    """The directive for one name."""
    things = vars(importlib.import_module(part))
    if directive == "automodule":
        listed = f"   :exclude-members: {', '.join(things)}"  # other directives show them
        return ["", f".. automodule:: {things[key].__name__}", "   :members:", listed, ""]
    options = ["   :members:", "   :show-inheritance:"] if directive == "autoclass" else []
    return ["", f".. {directive}:: {key}", *options, ""]


def fill(_app: Sphinx, page: str, source: list[str]) -> None:
    """Give a page its content when Sphinx reads it."""
    if page in FILES:
        source[0] = shown_file(ROOT / FILES[page])
    elif page == "index":
        source[0] = source[0].replace("<!-- speed.svg -->", charts.svg())
    elif page == "project":
        section = re.sub(r"^#", "##", shown_file(SECURITY), flags=re.MULTILINE)
        source[0] = source[0].replace("<!-- SECURITY.md -->", section)
    elif page == "specification":
        source[0] = specification.page()
    elif page == "gallery":
        source[0] = gallery.page()
    elif page.count("/") == 1 and page.startswith("api/") and page != "api/index":
        source[0] = part_page(page.replace("api/", "drypoint."))


def describe(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Give a page the meta description that search engines show: its first paragraph, of a class
    that of its docstring."""
    found = [*tree.findall(nodes.paragraph)] if tree is not None else []
    of_class = page.startswith("api/") and page.count("/") == 2
    parent = addnodes.desc_content if of_class else nodes.section
    texts = [text.astext() for text in found if isinstance(text.parent, parent)]
    texts = [text for text in texts if not text.startswith("Bases: ")]
    if not texts:  # a page that Sphinx makes: the index of names, the search
        return
    first = f"{context['title']}: {texts[0]}" if of_class else texts[0]
    content = escape(shorten(first, 160, placeholder=" ..."), quote=True)
    context["metatags"] = (
        context.get("metatags", "") + f'<meta name="description" content="{content}">\n'
    )


def write_page_to_draw_on(app: Sphinx, error: Exception | None) -> None:
    """Write the page to draw on, with the shipped LeNet, into the built site: docs/serve.md shows
    it.
    """
    if error is not None or app.builder.format != "html":
        return
    model, test = models.load(LENET), data.load("mnist", "test")
    page = serve.make_page(models.load_program(LENET), examples=test, model=model)
    write_atomic(Path(app.outdir) / "draw/index.html", page)


def write_report(app: Sphinx, error: Exception | None) -> None:
    """Write the report of the shipped LeNet beside the pages: docs/report.md leads to it."""
    if error is not None or app.builder.format != "html":
        return
    images = data.load("mnist", "train").x[: models.card(LENET).calibration["examples"]]
    found = report.make_report(
        models.load(LENET), data.load("mnist", "test"), calibration=images, name=LENET
    )
    found.save(Path(app.outdir) / "lenet-report.html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the functions of this file to Sphinx."""
    app.connect("builder-inited", write_class_pages)
    app.connect("source-read", fill)
    app.connect("html-page-context", describe)
    app.connect("build-finished", write_page_to_draw_on)
    app.connect("build-finished", write_report)
    return {"parallel_read_safe": True}
