"""The built site on a phone, for search engines and for readers with a keyboard or a screen reader.

A page is too wide for 400 pixels where something neither wraps nor scrolls: the theme scrolls
listings and tables, so what remains is our own style sheet. That links of the first page are in
sight without scrolling, and pictures are not too small, was looked at in Chromium.
"""

import re
from html.parser import HTMLParser

import pytest
from browser import axe_source, chromium, look, violations

from tools import ROOT

JS = (ROOT / "docs/static/reach.js").read_text("utf-8")
CSS = (ROOT / "docs/static/site.css").read_text("utf-8")
SENTENCE = re.compile(r"[A-Z0-9][^\n]{10,400}\.")


class Page(HTMLParser):
    """A page's metas, icons and alternative texts; how many tables it has, and how many scroll."""

    def __init__(self, text):
        super().__init__()
        self.metas, self.icons, self.alts = {}, [], []
        self.tables, self.open, self.wrapped = 0, [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        classes = (facts.get("class") or "").split()
        if tag == "meta" and "name" in facts:
            self.metas[facts["name"]] = facts["content"]
        elif tag == "link" and "icon" in (facts.get("rel") or "").split():
            self.icons.append(facts["href"])
        elif tag == "img":
            self.alts.append(facts.get("alt") or "")
        elif tag == "div":
            self.open.append("table-wrapper" in classes)
        elif tag == "table" and "docutils" in classes:
            self.tables += 1
            self.wrapped += any(self.open)

    def handle_endtag(self, tag):
        if tag == "div" and self.open:
            self.open.pop()


@pytest.fixture(scope="module")
def pages(site):
    return {
        str(path.relative_to(site)): path.read_text("utf-8")
        for path in sorted(site.rglob("*.html"))
        if path.parent.name != "draw"  # tests/tools/test_serve.py
        and path.name != "lenet-report.html"  # tests/tools/test_report.py
    }


def test_every_page_fits_a_phone_and_describes_itself(pages):
    descriptions = {}
    for name, text in pages.items():
        page = Page(text)
        assert page.metas["viewport"].replace(" ", "") == "width=device-width,initial-scale=1", name
        assert page.wrapped == page.tables, f"{name}: a table that does not scroll"
        (icon,) = page.icons
        assert icon.split("?")[0].endswith("_static/favicon.svg"), name
        if name not in ("genindex.html", "search.html"):
            assert 20 <= len(page.metas["description"]) <= 160, name
            descriptions[name] = page.metas["description"]
    assert len(set(descriptions.values())) == len(descriptions) > 30


def test_alternative_texts_are_sentences(pages):
    alts = {(name, alt) for name, text in pages.items() for alt in Page(text).alts}
    assert len(alts) > 10
    wrong = [(name, alt) for name, alt in alts if not SENTENCE.fullmatch(alt)]
    assert wrong == []


def test_next_names_another_page(pages):
    """Only the first page is titled as the project."""
    titles = {}
    for name, text in pages.items():
        (title,) = re.findall(r"<title>(.*?)</title>", text.partition("</head>")[0])
        titles[name] = title.removesuffix(" - drypoint")
    assert [name for name, title in titles.items() if title == "drypoint"] == ["index.html"]
    assert len(set(titles.values())) == len(titles)
    found = re.search(
        r'class="next-page".*?<div class="title">(.*?)</div>', pages["index.html"], re.S
    )
    assert found[1] == titles["walkthrough.html"]


def test_the_style_sheet_makes_nothing_wider_than_a_page():
    """Only the first page's figures keep their line; a width is bounded."""
    css = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    rules = [(name.strip(), body) for name, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css)]
    nowrap = [selector for selector, body in rules if "nowrap" in body]
    assert nowrap == [".facts b"]
    wide = [selector for selector, body in rules if re.search(r"(?<!-)width: (?!100%)\d", body)]
    assert wide == [".content"]
    assert "max-width: 100%" in dict(rules)[".content"]


# Oracle: the browser's own sizes. Elements that scroll sideways, and whether each has the focus in
# the order of the page; axe-core's rule scrollable-region-focusable.
UNREACHABLE = """[...document.querySelectorAll("article *")].filter((one) =>
  one.scrollWidth > one.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(one).overflowX)
  && one.tabIndex < 0 && !one.querySelector("a, [tabindex='0'], summary, input, button"))
  .map((one) => one.outerHTML.slice(0, 200))"""


AXE_PAGES = ("index", "report", "api/report")
"""A page of our own HTML, a guide, a reference: the theme makes the others alike."""


def test_a_listing_takes_the_focus_while_it_scrolls(toolbox, tmp_path):
    pre = '<pre style="overflow: auto">'
    body = f"<article>{pre}{'wide ' * 50}</pre>{pre}short</pre></article>"
    (tmp_path / "page.html").write_text(f"<!doctype html><script>{JS}</script>{body}", "utf-8")
    with chromium(toolbox.need("chromium")) as tab:
        for width, wanted in ((400, [0, -1]), (4000, [-1, -1]), (400, [0, -1])):
            look(tab, width)
            if not tab.run("document.querySelector('pre')"):
                tab.open((tmp_path / "page.html").as_uri(), ready="document.readyState=='complete'")
            found = "[...document.querySelectorAll('pre')].map((one) => one.tabIndex)"
            tab.wait(f"String({found}) === {','.join(map(str, wanted))!r}")
            assert tab.run(UNREACHABLE) == []


def test_what_scrolls_on_a_phone_is_reached_by_keyboard(toolbox, site):
    with chromium(toolbox.need("chromium")) as tab:
        look(tab, 400)
        for page in sorted(site.glob("*.html")):
            tab.open(page.as_uri(), ready="document.readyState == 'complete'")
            assert tab.run(UNREACHABLE) == [], page.name
            assert tab.run("document.documentElement.scrollWidth") <= 400, page.name


def test_axe_finds_nothing_on_the_site(toolbox, site):
    axe = axe_source(toolbox)
    with chromium(toolbox.need("chromium")) as tab:
        for name in AXE_PAGES:
            for width, scheme in ((400, "dark"), (800, "light"), (1100, "dark"), (1280, "light")):
                look(tab, width, scheme)
                tab.open((site / f"{name}.html").as_uri(), ready="document.readyState=='complete'")
                assert violations(tab, axe) == [], (name, width, scheme)
                assert tab.run("document.documentElement.scrollWidth") <= width, (name, width)
