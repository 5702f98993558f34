"""The page of figures, and the chart of the first pages: both are written by commands."""

import re
import sys

import pytest

from tools import ROOT

PAGE = (ROOT / "docs/figures.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def _extension(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs/extension"))
    yield
    for name in ("figures", "charts"):
        sys.modules.pop(name, None)


def test_every_section_names_its_command_its_machine_and_its_day():
    import figures

    for name, command in figures.COMMANDS.items():
        head = figures.section(PAGE, name).strip().splitlines()[0]
        assert head.startswith("Measured on 20"), name
        assert head.endswith(f": `{command}`"), name
        assert re.search(r"EPYC|Xeon", head), name
    assert PAGE.count("<!-- begin ") == len(figures.COMMANDS)


def test_tables_older_than_the_kernels_are_listed():
    """Oracle: the days of the tables, and the headings above them."""
    day, titles = re.search(r"older than the kernels of (\S+), .*: (\*[^.]*)\.", PAGE).groups()
    older = {
        PAGE[: found.start()].rpartition("\n## ")[2].partition("\n")[0]
        for found in re.finditer(r"<!-- begin .*\nMeasured on (\S+),", PAGE)
        if found[1] < day
    }
    assert older == {*re.findall(r"\*(.*?)\*", titles.replace("\n", " "))}


def test_a_section_is_replaced_and_nothing_else():
    import figures

    page = "a\n<!-- begin nets -->\nold\n<!-- end nets -->\nb | c\n"
    facts = {"machine": "Abacus", "day": "2026-01-02"}
    command = figures.COMMANDS["nets"]
    table = figures.with_section(page, "nets", output="| x |\n|---|\n", **facts)
    assert table == (
        "a\n<!-- begin nets -->\n"
        f"Measured on 2026-01-02, Abacus: `{command}`\n\n| x |\n|---|\n\n"
        "<!-- end nets -->\nb | c\n"
    )
    plain = figures.with_section(page, "nets", output="x  1\n\ny  2\n", **facts)
    assert "\n\n    x  1\n\n    y  2\n\n<!--" in plain
    with pytest.raises(ValueError, match="no section 'direct'"):
        figures.section(page, "direct")


def test_the_chart_shows_the_tables():
    """Oracle: the tables, now; `make pictures` writes the file."""
    import charts

    assert charts.PICTURE.read_text("utf-8") == charts.svg()
    host, m4, _ = charts.panels()
    assert f"| {host.shares['LeNet']:.2f} (LiteRT) |" in PAGE
    engine = (ROOT / "engine_c/README.md").read_text("utf-8")
    assert f"({m4.shares['keywords'] * 100:.0f} %)" in engine


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_figures_are_those_of_the_tables(page):
    """Oracle: docs/figures.md and the table of targets."""
    from drypoint.devices import TARGETS

    text = re.sub(r"\s+|<[^>]*>", " ", (ROOT / page).read_text("utf-8"))
    engine = (ROOT / "engine_c/README.md").read_text("utf-8")
    for figure, shown in {
        "accuracy                 99.49 %": "99.49 %",
        "RAM                        3,680 ": "3,680 bytes",
    }.items():
        assert figure in PAGE
        assert shown in text
    lines = re.search(r"0  of ([\d,]+): the output .* from\n((?: {40}.*\n)+)", PAGE)
    each = int(lines[1].replace(",", "")) // lines[2].count("\n")  # CPUs have 1 to 5 backends
    assert f" of {each:,} differ" in text
    assert re.search(r"\| cortex-m4 \|.* 2,4\d\d,\d{3} \|.*: 44 % of it", engine)
    assert re.search(r"2\.4 million .*44 % of CMSIS-NN's", text)
    assert f"{len(TARGETS)} emulated targets" in text


def test_the_first_screen_has_few_links():
    text = (ROOT / "docs/index.md").read_text("utf-8").partition("```{toctree}")[0]
    assert len(re.findall(r"\]\(|\{doc\}", text)) <= 8
