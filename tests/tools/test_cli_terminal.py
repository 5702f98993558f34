"""What a terminal shows: progress of waits, colours, and completion by a real shell.

Oracles: the escape sequences that a pseudo terminal receives; the words that bash itself offers.
"""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import time

import numpy as np
import pytest
from shtab import FILE

from drypoint.cli import _completion, _output
from drypoint.cli.__main__ import COMMANDS, build_parser
from drypoint.cli._output import command_text
from drypoint.common import fold_lines, progress, show_progress
from tools import ROOT, run

COMPARE = ["diff", "lenet-mnist", "lenet-mnist", "--limit", "1"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def on_a_terminal(*words, **env):
    """What `drypoint` writes to standard output, a pseudo terminal, and to standard error."""
    own, theirs = os.openpty()
    settings = {"TERM": "xterm", "PATH": os.environ["PATH"], **env}
    command = [sys.executable, "-m", "drypoint", *words]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=settings) as process:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(own, 1 << 16):
                said += part
        except OSError:  # Linux: the other end is closed
            pass
        notes = process.stderr.read()
    os.close(own)
    return said.decode(), notes.decode()


def test_a_part_shows_no_progress_by_itself(capsys):
    with progress("calibration", total=3, unit="images") as done:
        done(3)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_that_goes():
    stream = Terminal()
    with show_progress(stream), progress("calibration", total=10, unit="images") as done:
        done(4)
        deadline = time.monotonic() + 300
        while "40%" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    said = stream.getvalue()
    assert "calibration:  40%" in said
    assert "4.00/10.0" in said
    assert said.split("\r")[-1].strip() == ""


def test_a_computation_that_cannot_count_shows_its_time():
    stream = Terminal()
    with show_progress(stream), progress("simplification"):
        deadline = time.monotonic() + 300
        while "simplification" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert re.search(r"simplification: 00:\d\d", stream.getvalue())  # 00:00, if no other works


def test_a_stream_that_is_no_terminal_gets_lines_after_two_seconds(monkeypatch):
    """So does a terminal that cannot move its cursor."""
    clock = iter([0.0, *[1.9] * 3, *[4.0] * 10_000])
    monkeypatch.setattr("drypoint.common._progress.time.perf_counter", lambda: next(clock))
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with show_progress(stream), progress("calibration", total=10, unit="images") as done:
        done(4)
        deadline = time.monotonic() + 300
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert stream.getvalue() == "  calibration   40%  1 images/s  eta 00:06\n"


def test_colours_are_for_terminals_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colors = {"equal": _output.GREEN}
    assert _output.paint("a equal", colors, Terminal()) == "a \x1b[32mequal\x1b[0m"
    assert _output.paint("a equal", colors, io.StringIO()) == "a equal"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert _output.paint("a equal", colors, Terminal()) == "a equal"


def test_a_real_terminal_sees_them(toolbox):
    toolbox.need_terminal()
    said, notes = on_a_terminal(*COMPARE)
    assert said.startswith("\x1b[32mNothing differs\x1b[0m: ")
    assert "\x1b" not in notes  # a pipe
    said, _ = on_a_terminal(*COMPARE, NO_COLOR="1")
    assert said.startswith("Nothing differs: ")
    assert "\x1b" not in said
    said, _ = on_a_terminal(*COMPARE, "--json")
    assert json.loads(said)["cause"] == "none"


NARROW = ["lenet-mnist", "docs/static/residual_int8.onnx", "docs/static/blocks.tflite"]


@pytest.mark.parametrize("file", NARROW)
def test_info_has_a_line_for_each_op_on_80_columns(file, monkeypatch, cli):
    """Oracle: the ops of the facts."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    _, facts, _ = cli("info", file, "--json")
    ops = json.loads(facts)["ops"]
    _, out, _ = cli("info", file)
    assert [line for line in out.splitlines() if len(line) > 80] == []
    table = out[: out.index("drypoint export")].splitlines()[-len(ops) :]
    assert all(
        re.search(rf"(^|\s){re.escape(op)} ", line) for op, line in zip(ops, table, strict=True)
    )


def test_an_epoch_is_a_line_of_80_columns_and_an_interval_is_not_broken(monkeypatch, cli, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    words = ("--data", "digits", "--net", "mlp:4", "--epochs", "100", "--out", tmp_path / "n.npz")
    _, out, err = cli("train", *words)
    epochs = [line for line in err.splitlines() if line.startswith("epoch ")]
    assert len(epochs) == 21
    assert all(re.fullmatch(r"epoch .* val_acc \S+%  (<\d\d:\d\d|\S+/s)", line) for line in epochs)
    shown = (out + err).splitlines()
    assert max(map(len, shown)) <= 80
    assert any(re.search(r"\(95 % interval \S+ % to \S+ %\)", line) for line in shown)


def test_the_page_of_the_command_line_names_every_command():
    page = (ROOT / "docs/command-line.md").read_text("utf-8")
    table = page[page.index("| command |") : page.index("A shipped model")]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(COMMANDS)


# completion


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """What bash offers for the last of some words."""
    script = tmp_path_factory.mktemp("completion") / "drypoint.bash"
    script.write_bytes(run([sys.executable, "-m", "drypoint", "completion", "bash"]))

    def offer(*words, cwd):
        code = (
            f"source {shlex.quote(str(script))}\n"
            f"COMP_WORDS=({shlex.join(words)})\nCOMP_CWORD={len(words) - 1}\n"
            "$(complete -p drypoint | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", code], capture_output=True, text=True, check=True, cwd=cwd
        )
        assert done.stderr == ""
        return done.stdout.split("\n")[:-1]

    return offer


def test_bash_completes_commands_options_and_models(toolbox, complete, tmp_path):
    toolbox.need("bash")
    (tmp_path / "le pain.dpt").touch()
    assert complete("drypoint", "", cwd=tmp_path) == [*COMMANDS]
    assert complete("drypoint", "--", cwd=tmp_path) == ["--help", "--version"]
    assert complete("drypoint", "exp", cwd=tmp_path) == ["export"]
    assert complete("drypoint", "export", "--bud", cwd=tmp_path) == ["--budget"]
    assert complete("drypoint", "info", "le", cwd=tmp_path) == ["lenet-mnist", "le pain.dpt"]
    assert complete("drypoint", "run", "--model", "len", cwd=tmp_path) == ["lenet-mnist"]
    assert complete("drypoint", "serve", "len", cwd=tmp_path) == ["lenet-mnist"]
    assert complete("drypoint", "export", "x.dpt", "--target", "cortex-m5", cwd=tmp_path) == [
        "cortex-m55"
    ]
    assert complete("drypoint", "train", "--data", "dig", cwd=tmp_path) == ["digits"]
    assert complete("drypoint", "export", "--form", "zep", cwd=tmp_path) == ["zephyr"]
    assert complete("drypoint", "train", "--epochs", "", cwd=tmp_path) == [""]


def test_every_option_of_every_command_is_offered(toolbox, complete, tmp_path):
    toolbox.need("bash")
    for name in COMMANDS:
        shown = complete("drypoint", name, "--", cwd=tmp_path)
        help_text = build_parser(name)._actions[-1].choices[name].format_help()
        assert shown, name
        assert all(option in help_text for option in shown)
        assert {"--help", "--json"} <= set(shown)


def test_zsh_reads_its_script_and_fish_completes(toolbox, tmp_path):
    for shell in ("zsh", "fish"):
        toolbox.need(shell)
        script = run([sys.executable, "-m", "drypoint", "completion", shell])
        (tmp_path / shell).write_bytes(script)
    run(["zsh", "-n", tmp_path / "zsh"])
    for words, offered in (
        ("exp", b"export"),
        ("info len", b"lenet-mnist"),
        ("run --inv", b"--invert"),
    ):
        code = f"source {tmp_path}/fish; complete -C 'drypoint {words}'"
        assert run(["fish", "--no-config", "-c", code]).split(b"\t")[0] == offered


def test_arguments_complete_files_names_or_nothing():
    """Oracle: by hand; None completes nothing, or an option's own choices."""
    models, sets, nets = (f"_drypoint_{name}_or_files" for name in ("models", "data", "nets"))
    wanted = {
        "export": {
            "program": models,
            "out": FILE["bash"],
            "data": sets,
            "form": None,
            "clock": None,
        },
        "train": {"net": nets, "epochs": None, "json": None, "checkpoint": FILE["bash"]},
        "import": {"file": FILE["bash"], "cut": None},
    }
    for command, arguments in wanted.items():
        for action in build_parser(command)._actions[-1].choices[command]._actions:
            if action.dest in arguments:
                found = _completion.values_of(action)
                assert (found and found["bash"]) == arguments.pop(action.dest), action.dest
        assert not arguments


def test_lines_fit_80_columns(cli, lenet, tmp_path, monkeypatch, toolbox):
    """Of the commands that print tables, notes and commands for a shell; test_docs_commands.py
    measures the commands of two pages."""
    toolbox.need_package("jinja2")
    monkeypatch.setenv("COLUMNS", "80")
    model, program = lenet / "lenet.npz", lenet / "lenet.dpt"
    quick = ["--limit", 60]
    commands = [
        ["info", model],
        ["info", program],
        ["measure", program, *quick],
        ["verify", program, *quick],
        ["quantize", model, "--examples", 50, "--out", tmp_path / "net.dpt"],
        ["export", program, "--out", tmp_path / "c"],
        ["report", model, *quick, "--examples", 50, "--out", tmp_path / "page.html"],
        ["report", model, program, *quick, "--examples", 50, "--out", tmp_path / "page.html"],
        ["train", *quick, "--epochs", 2, "--net", "cnn:4", "--out", tmp_path / "net.npz"],
        ["models"],
        *([name, "--help"] for name in COMMANDS),
    ]
    for command in commands:
        code, out, err = cli(*command)
        assert code == 0, (command, err)
        words = str(tmp_path), str(lenet)  # no word is broken, and the folders of a test are long
        lines = [line for line in [*out.splitlines(), *err.splitlines()] if len(line) > 80]
        assert [line for line in lines if not any(word in line for word in words)] == [], command


@pytest.mark.parametrize("width", [20, 40, 80])
def test_folded_lines_keep_their_words_and_begin_below_a_column(width):
    rng = np.random.default_rng(width)
    for _ in range(200):
        words = ["x" * int(n) for n in rng.integers(1, 9, rng.integers(1, 40))]
        gaps = [" " * int(n) for n in rng.choice([1, 1, 1, 2, 4], len(words))]
        line = "".join(f"{gap}{word}" for gap, word in zip(gaps, words, strict=True))
        folded = fold_lines(line, width).split("\n")
        assert " ".join(folded).split() == words
        assert all(len(part) <= width or len(part.split()) == 1 for part in folded)
        assert fold_lines(line, None) == line
        if len(line) <= width:
            assert folded == [line]
    assert fold_lines("name  a text of words", 34) == "name  a text of words"
    assert fold_lines("name  a text of more words than fit", 30).split("\n") == [
        "name  a text of more words",
        "      than fit",
    ]


def test_a_command_for_a_shell_goes_on_after_a_backslash(monkeypatch):
    command = "cc -O2 " + " ".join(f"file{i}.c" for i in range(30))
    assert command_text(command) == f"  {command}"
    monkeypatch.setenv("COLUMNS", "60")
    lines = command_text(command).split("\n")
    assert max(map(len, lines)) <= 60
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert "".join(line.removesuffix("\\") for line in lines).split() == command.split()
