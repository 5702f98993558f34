"""The page of figures, and the picture of a terminal: both are written by commands."""

import sys

import pytest

from tools import ROOT

PAGE = (ROOT / "docs/figures.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def _extension(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs/extension"))
    yield
    for name in ("figures", "terminal"):
        sys.modules.pop(name, None)


def test_every_section_names_its_command_its_machine_and_its_day():
    import figures

    for name, command in figures.COMMANDS.items():
        head = figures.section(PAGE, name).strip().splitlines()[0]
        assert head.startswith("Measured on 20"), name
        assert head.endswith(f": `{command}`"), name
        assert "EPYC" in head, name
    assert PAGE.count("<!-- begin ") == len(figures.COMMANDS)


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


def test_the_terminal_shows_what_the_commands_print(toolbox):
    """Oracle: the commands, run now; `make pictures` writes the file."""
    toolbox.need("cc")
    import terminal

    assert terminal.PICTURE.read_text("utf-8") == terminal.svg(terminal.session())
