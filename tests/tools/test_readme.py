"""The README's session and its C print what it shows; its links lead somewhere."""

import doctest
import re
import tomllib

from drypoint import data, engine, models
from tools import ROOT, run

README = ROOT / "README.md"
TEXT = README.read_text("utf-8")


def test_the_session_runs_as_shown():
    """Oracle: the outputs in the README; figures that depend on float rounding are elided there."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert tried >= 9
    assert failed == 0


def test_the_first_lines_of_c_print_the_class(toolbox, tmp_path):
    """Oracle: the label of MNIST's first test digit; the comment below the lines has it too."""
    test = data.load("mnist", "test")[:1]
    engine.export_c(models.load_program("lenet-mnist"), test.x, tmp_path, name="lenet")
    include, *lines, comment = re.search(r"```c\n(.*?)```", TEXT, re.DOTALL)[1].splitlines()
    pixels = ", ".join(map(str, test.x[0].flatten()))
    body = "\n".join(lines[1:])
    code = f"#include <stdio.h>\n{include}\nstatic const uint8_t x[] = {{{pixels}}};\n{lines[0]}\n"
    (tmp_path / "main.c").write_text(f"{code}int main(void) {{\n{body}\nreturn 0;\n}}\n", "utf-8")
    sources = " ".join(["main.c", "lenet.c", "drypoint/*.c"])
    flags = "-std=c99 -Wall -Werror -I. -Idrypoint"
    run(["sh", "-c", f"{toolbox.need('cc')} {flags} {sources} -o lenet"], cwd=tmp_path)
    printed = run([tmp_path / "lenet"]).decode().strip()
    assert printed == str(test.y[0]) == re.match(r"/\* (\d),", comment)[1]


def test_links_lead_to_files():
    """Also to their headings, spelled as GitHub and the site spell them."""
    links = re.findall(r"\]\(([^):]+)\)", TEXT)
    assert len(links) >= 6
    for link in links:
        file, _, anchor = link.partition("#")
        assert (ROOT / file).exists(), link
        heads = re.findall(r"^#+ (.*)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        assert not anchor or anchor in {h.lower().replace(" ", "-") for h in heads}, link


def test_the_readme_stays_short():
    assert len(TEXT.splitlines()) <= 110


def test_the_readme_names_the_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f" version {project['version']}, not released yet" in TEXT
