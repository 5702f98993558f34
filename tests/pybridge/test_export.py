"""Files of two exports in one folder, as a killed export leaves them, do not compile.

Oracle: the compiler, which takes the files of each export.
"""

import contextlib
import subprocess
from dataclasses import replace
from pathlib import Path

import nets
import pytest
import stream_nets

from drypoint.engine import ExportModel, export_c, export_models
from drypoint.forms import FORMS
from drypoint.program import codegen
from tools import INCLUDE, ONLY_CI

PROGRAM, OTHER = nets.random_program(62), nets.random_program(48)
STREAM, OTHER_STREAM = stream_nets.streams(range(2))


def inputs(program):
    return nets.random_inputs(program, 1, n=program.clocks[-1].first + 1)


def farther(program):
    """The same program with a plan that takes more RAM: the number of the program is equal."""
    plan = program.plan
    offsets = (*(offset + 64 for offset in plan.offsets[:-1]), 0)
    return replace(program, plan=plan._replace(offsets=offsets, arena_size=plan.arena_size + 64))


def refusal(toolbox, folder, source, *include):
    """The errors of the compiler for a C file."""
    command = [toolbox.need("gcc"), "-std=c99", "-fsyntax-only", f"-I{folder}"]
    command += [f"-I{path}" for path in include]
    done = subprocess.run([*command, folder / source], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


PAIRS = {
    "another program": (PROGRAM, OTHER, "scalar"),
    "another plan": (PROGRAM, farther(PROGRAM), "scalar"),
    "other kernels": (PROGRAM, PROGRAM, "dsp"),
    "another stream": (STREAM, OTHER_STREAM, "scalar"),
    "a stream": (PROGRAM, STREAM, "scalar"),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_a_file_beside_the_header_of_another_export_stops_the_compiler(toolbox, tmp_path, pair):
    first, second, kernels = PAIRS[pair]
    exports = (
        codegen.generate(first, "net", inputs(first)),
        codegen.generate(second, "net", inputs(second), kernels=kernels),
    )
    for i, texts in enumerate(exports):
        for source in ("net.c", "selftest.c"):
            for k, header in enumerate((texts["net.h"], exports[1 - i]["net.h"])):
                (tmp_path / "net.h").write_text(header)
                (tmp_path / source).write_text(texts[source])
                found = refusal(toolbox, tmp_path, source, INCLUDE)
                words = "are of two exports: export the model again"
                assert (words in found) if k else (found == ""), (source, found)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_has_the_check_in_source_and_self_test(tmp_path, form):
    models = {
        name: ExportModel(program=program, golden=inputs(program))
        for name, program in (("one", PROGRAM), ("two", STREAM))
    }
    files = export_models(models, tmp_path, form=form)
    texts = [path.read_text() for path in files if path.suffix == ".c"]
    for name in models:
        check = f"#if {name.upper()}_EXPORT_CRC != 0x"
        assert sum(check in text for text in texts) == 2
        assert sum(f'"{name}.h"\n' in text for text in texts) == 2


@pytest.mark.parametrize("form", ["amalgamation", pytest.param("plain", marks=ONLY_CI)])
def test_an_export_that_was_cut_off_does_not_compile(toolbox, tmp_path, monkeypatch, form):
    """A process that ends before rename k, for each k. The next export heals the folder."""
    settings = {"name": "net", "form": form, "kernels": "blocks"}
    n = len(export_c(PROGRAM, inputs(PROGRAM), tmp_path, **settings))
    for k in range(n + 1):
        export_c(OTHER, inputs(OTHER), tmp_path, **settings)
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr("pathlib.Path.replace", renames(k))
            export_c(PROGRAM, inputs(PROGRAM), tmp_path, **settings)
        found = refusal(toolbox, tmp_path, "net.c", tmp_path / "drypoint")
        assert bool(found) == (k < n), (k, found)


def renames(count):
    """A function that renames `count` files, and then ends the process."""
    rename, left = Path.replace, iter(range(count))

    def replacement(self, target):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rename(self, target)

    return replacement
