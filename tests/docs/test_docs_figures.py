"""The page of figures, and the chart of the first pages: both are written by commands."""

import re
import sys
from itertools import pairwise

import pytest
import stream_nets

import drypoint
from drypoint import models
from drypoint.devices import TARGETS
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


def test_no_table_is_older_than_the_kernels():
    """Oracle: the days of the tables, and the headings above them."""
    (day,) = re.findall(r"No table is older than the kernels of (\S+)\.", PAGE)
    days = re.findall(r"<!-- begin .*\nMeasured on (\S+),", PAGE)
    assert len(days) == len(list(re.finditer("<!-- begin ", PAGE)))
    assert min(days) >= day


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


@pytest.fixture(scope="module")
def shown():
    """What the first pages say of each figure, made of the tables and of programs."""
    sys.path.insert(0, str(ROOT / "docs/extension"))
    try:
        import charts
        import figures
    finally:
        sys.path.pop(0)
    sections = {name: figures.section(PAGE, name) for name in figures.COMMANDS}
    heads = {name: text.strip().splitlines()[0] for name, text in sections.items()}
    on = {name: "AMD EPYC" if "EPYC" in head else "Intel Xeon" for name, head in heads.items()}
    lenet, engine = sections["lenet"], (ROOT / "engine_c/README.md").read_text("utf-8")
    (accuracy,) = {
        *re.findall(r"(\S+) %  (?:float net|integers, )", lenet)
    }  # in floats, NumPy and C
    seconds, arena = (number(re.search(rf"\n +{x} +(\S+)", lenet)[1]) for x in ("time", "RAM"))
    compared, runners = re.search(
        r"of ([\d,]+): the output .* from\n((?: {40}.*\n)+)", lenet
    ).groups()
    each = number(compared) // runners.count("\n")  # CPUs have 1 to 5 backends
    program = models.load_program("lenet-mnist")
    assert arena == program.arena_size
    (m4,) = (row for row in rows(engine) if row.get("target") == "cortex-m4")
    millions = f"{number(m4['instructions']) / 1e6:.1f}"
    share = re.search(r"CMSIS-NN .*: (\d+ %) of it", m4["the best peer"])[1]
    (bits,) = (
        row["test accuracy"]
        for row in rows(sections["bits-on-devices"])
        if (row["target"], row["bits"]) == ("cortex-m4", "8")
    )
    nets = {row["net"]: row for row in rows(sections["nets"]) if "net" in row}
    steps = {row["net"]: row for row in rows(engine) if "net" in row}
    ours = [100 / number(row["over PyTorch"]) for row in rows(sections["training"])]
    others = [
        100 / number(row["over PyTorch"])
        for name in ("training-deployed", "training-joined")
        for row in rows(sections[name])
        if next(iter(row)).partition(",")[0] in {*charts.NETS} - {"lenet"}
    ]
    memory = (ROOT / "docs/memory.md").read_text("utf-8")
    whole, by_rows = re.findall(r"([\d,]+)  in use$", memory, re.MULTILINE)[:2]
    (stroke,) = (
        row["median"]
        for row in rows(sections["page"])
        if row["LeNet, milliseconds"] == "pointer event to answer shown"
    )
    word = stream_nets.wake_word().streaming()
    assert word.arena_size == number(steps["sww-step"]["arena"])
    return {
        "accuracy": f"{accuracy} %",
        "shipped accuracy": f"{bits} with the shipped LeNet",
        "seconds": f"{seconds:.0f} seconds on an {on['lenet']}",
        "RAM": f"{program.ram_size:,} bytes",
        "stack": f"{m4['stack']} of stack run LeNet on a Cortex-M4: {arena:,.0f} are working",
        "instructions": f"{millions} million",
        "CMSIS-NN": f"{share} of CMSIS-NN's",
        "compared bytes": f"of {each:,.0f} differ",
        "targets": f"{len(TARGETS)} emulated targets",
        "microseconds": f"{on['nets']} of the bars LeNet takes "
        f"{number(nets['lenet']['one image']):.0f} microseconds",
        "training": f"at most {max(ours):.0f} % of PyTorch's time for LeNet, {min(others):.0f} to "
        f"{max(others):.0f} % for the nets of MLPerf Tiny",
        "rows": f"{by_rows} bytes, not {whole}.",
        "streaming": f"{steps['sww-step']['arena']} bytes and computes {word.macs:,} MACs for each "
        f"row of a signal, not {nets['sww']['MACs']} for each window",
        "stroke": f"about {stroke} milliseconds after each stroke",
        "differing bytes": f"{re.search(r'bytes that differ +(0) ', lenet)[1]} bytes",
    }


def rows(text):
    """Each row of the tables of a text: head of its column -> cell."""
    head, lines = [], text.splitlines()
    for line, following in pairwise([*lines, ""]):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if re.fullmatch(r"\|[-:|]+\|", following):
            head = cells
        elif line.startswith("| ") and len(cells) == len(head):
            yield dict(zip(head, cells, strict=True))


def number(text):
    """The number of a cell."""
    return float(text.replace(",", ""))


NOT_MEASURED = ("a 3 is drawn; LeNet answers 3,", "Python 3.11", "x86-64", "8, 4 or 2 bits")
NOT_MEASURED += ("16-bit", "in 54 steps", "Apache-2.0", f"version {drypoint.__version__}")
ONLY_README = ("microseconds", "training", "rows", "streaming")


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_numbers_of_the_first_pages_are_those_of_the_tables(page, shown):
    """Oracle: docs/figures.md, the tables of targets, and programs. No other number is there."""
    text = (ROOT / page).read_text("utf-8").partition("## Where to find what")[0]
    text = re.sub(
        r"^(```(python|c|sh)\n.*?^```$|    .*?$)", " ", text, flags=re.DOTALL | re.MULTILINE
    )
    text = re.sub(r"\]\([^)]*\)|<[^>]*>|`[^`\n]*\d[^`\n]*`", " ", text)
    text = " ".join(re.sub(r"[`*\[\]]", "", text).split())
    other = ("stroke",) if page == "README.md" else ONLY_README
    for name, words in shown.items():
        assert (words in text) is (name not in other), (name, words)
    for words in (*sorted(shown.values(), key=len, reverse=True), *NOT_MEASURED):
        text = text.replace(words, " ")
    assert re.findall(r".{,40}(?<![\w.-])\d.{,20}", text) == []


def test_the_first_screen_has_few_links():
    text = (ROOT / "docs/index.md").read_text("utf-8").partition("## Where to find what")[0]
    assert len(re.findall(r"\]\(|\{doc\}", text)) <= 8
