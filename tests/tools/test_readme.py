"""The README's session and its C print what it shows; its links lead somewhere."""

import doctest
import re
import shlex
import shutil
import tomllib

import numpy as np
from PIL import Image

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


BOARD = """
#include "net.h"
#include <stdio.h>

static void send(void *user, const char *text, size_t size) { fwrite(text, 1, size, user); }

int main(void) {
    static uint8_t arena[NET_ARENA_SIZE];
    static const uint8_t x[NET_INPUT_SIZE] = {3, 1, 4};
    int32_t y[NET_OUTPUT_COUNT];
    return dpt_run_logged(&net, NULL, arena, sizeof arena, x, y, NET_ID, send, stdout) != DPT_OK;
}
"""


def door_commands():
    """The commands of each door, by its comment; each has at most three."""
    block = re.search(r"```sh\n(.*?)```", TEXT, re.DOTALL)[1]
    _, *doors = re.split(r"^# (.*)\n", block, flags=re.MULTILINE)
    found = {name: text.splitlines() for name, text in zip(doors[::2], doors[1::2], strict=True)}
    assert [*map(len, found.values())] == [2, 1, 3]
    return found.values()


def write_photos(folder):
    """Two classes of twelve pictures."""
    rng = np.random.default_rng(0)
    for level, name in ((80, "cat"), (160, "dog")):
        (folder / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.normal(level, 30, (12, 12, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


def test_the_doors_open_as_typed(toolbox, cli, tmp_path, monkeypatch):
    """In an empty folder with photos; a float file and one of integers; a board that is this
    computer. Oracles: exit codes, the exports' self-tests, and the board's log."""
    toolbox.need_package("tflite")
    from tflite_files import TfliteFile, windows

    cc = toolbox.need("cc")
    data_door, net_door, board_door = door_commands()

    def type_in(folder, *lines):
        monkeypatch.chdir(folder)
        for line in lines:
            program, *words = shlex.split(line)
            code, out, err = cli(*words)
            assert (program, code) == ("drypoint", 0), (line, err)
        return out

    write_photos(tmp_path / "mine/photos")
    type_in(tmp_path / "mine", *data_door)
    board = tmp_path / "board"
    board.mkdir()
    shutil.copy(tmp_path / "mine/net.npz", board)
    shutil.copytree(tmp_path / "mine/photos", board / "photos")
    type_in(board, *board_door[:2])
    (board / "main.c").write_text(BOARD, "utf-8")
    run(["sh", "-c", f"{cc} -std=c99 -Ilib/src main.c lib/src/*.c -o board"], cwd=board)
    (board / "uart.txt").write_bytes(run([board / "board"]))
    assert type_in(board, board_door[2]).startswith("Nothing differs: ")
    folders = ["mine"]
    for kind in ("FLOAT32", "INT8"):
        net, plane = TfliteFile((1, 8, 6, 3), kind=kind, scale=1 / 255, zero=-128), (1, 8, 6, 4)
        reads = [net.at, net.drawn(4, 3, 3, 3), net.bias(4)]
        net.then("CONV_2D", reads, plane, scale=0.05, zero=-128, **windows())
        net.then("RESHAPE", [net.at, net.constant([1, 192])], (1, 192), scale=0.05, zero=-128)
        net.then("FULLY_CONNECTED", [net.at, net.drawn(2, 192), net.bias(2)], (1, 2), scale=0.2)
        write_photos(tmp_path / kind / "photos")
        (tmp_path / kind / "net.tflite").write_bytes(net.bytes())
        type_in(tmp_path / kind, *net_door)
        folders.append(kind)
    for folder in folders:
        build = f"{cc} -std=c99 -Ifirmware/drypoint firmware/*.c firmware/drypoint/*.c -o selftest"
        run(["sh", "-c", f"{build} && ./selftest"], cwd=tmp_path / folder)


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
