"""Generated C as a runner: compiled and run, or refused in one line."""

import nets
import pytest
from equal_bytes import check_planes

from drypoint.engine import Compiled, CompilerError, find_compiler
from drypoint.program import codegen, reference

PROGRAM = nets.random_program(62)
X = nets.random_inputs(PROGRAM, 8)


@pytest.fixture
def place(toolbox, tmp_path):
    """The folder with a program's C, and the arguments of `Compiled`."""
    for file, text in codegen.generate(PROGRAM, "net", X[:1]).items():
        (tmp_path / file).write_text(text, "utf-8")
    return {"folder": tmp_path, "name": "net", "workdir": tmp_path, "compiler": toolbox.need("cc")}


def test_a_compiled_model_gives_the_reference_traces(place):
    compiled = Compiled(PROGRAM, **place)
    for x in (X, X[:0]):
        check_planes(PROGRAM, compiled.trace(x), reference.trace(PROGRAM, x))


def test_a_compile_error_quotes_the_compiler(place, tmp_path):
    with (tmp_path / "net.c").open("a") as source:
        source.write("\nint broken(void) { return missing; }\n")
    with pytest.raises(CompilerError, match=r"refuses the generated C: .*error.*missing"):
        Compiled(PROGRAM, **place)


def test_a_compiler_that_cannot_be_run_is_an_error(place, tmp_path):
    (tmp_path / "cc").write_text("no program")
    with pytest.raises(CompilerError, match=r"^cannot run the compiler .*: Permission denied$"):
        Compiled(PROGRAM, **(place | {"compiler": str(tmp_path / "cc")}))


def test_a_command_that_is_no_compiler_is_an_error(place, tmp_path):
    (tmp_path / "cc").write_text("#!/bin/sh\n")
    (tmp_path / "cc").chmod(0o755)
    with pytest.raises(CompilerError, match=r"cc made no program of the generated C"):
        Compiled(PROGRAM, **(place | {"compiler": str(tmp_path / "cc")}))


def test_a_compiled_model_that_fails_is_an_error(place, tmp_path):
    compiled = Compiled(PROGRAM, **place)
    compiled.program = nets.random_program(48)  # its outputs have other sizes
    x = nets.random_inputs(compiled.program, 1)
    with pytest.raises(CompilerError, match="it is of another program"):
        compiled.trace(x)
    (tmp_path / "net_driver").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(CompilerError, match="failed with exit code 3"):
        compiled.trace(x)


def test_compilers_are_found_in_order_and_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerError, match="no C compiler: cc, gcc, clang not found; install"):
        find_compiler()
    with pytest.raises(CompilerError, match="no C compiler: tcc not found"):
        find_compiler("tcc")
    for name in ("clang", "gcc"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert find_compiler() == str(tmp_path / "gcc")
    assert find_compiler("clang") == str(tmp_path / "clang")
