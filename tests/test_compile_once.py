"""Objects are shared if and only if the compiler would make equal objects."""

import subprocess

import compile_once
import pytest


@pytest.fixture
def once(toolbox, tmp_path, monkeypatch):
    """Runs gcc through a cache of its own in a folder with two files, and counts its objects."""
    toolbox.need("gcc")
    monkeypatch.setenv("PATH", compile_once.install(tmp_path / "cache"))
    (tmp_path / "value.h").write_text("#ifndef VALUE\n#define VALUE 3\n#endif\n")
    (tmp_path / "value.c").write_text('#include "value.h"\nint value(void) { return VALUE; }\n')
    (tmp_path / "main.c").write_text("int value(void);\nint main(void) { return value(); }\n")

    def run(*words):
        done = subprocess.run(
            [tmp_path / "cache/bin/gcc", *words],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done, len(list((tmp_path / "cache").glob("*.o")))

    return run


def test_programs_are_what_their_sources_flags_and_headers_say(once, tmp_path):
    """Oracle: their exit codes."""

    def ends_with(*words):
        done, objects = once("main.c", "value.c", *words, "-o", "program")
        assert (done.returncode, done.stderr) == (0, "")
        ended = subprocess.run([tmp_path / "program"], check=False)
        return ended.returncode, objects

    assert ends_with("-O1") == (3, 2)
    assert ends_with("-O1", "-DUNUSED", "-Wl,--gc-sections") == (3, 2)
    assert ends_with("-O2") == (3, 4)
    assert ends_with("-O1", "-DVALUE=5") == (5, 5)
    (tmp_path / "value.h").write_text("#define VALUE 7\n")
    assert ends_with("-O1") == (7, 6)


def test_objects_and_dependencies_are_written_where_they_were_asked_for(once, tmp_path):
    for _ in "ab":
        done, objects = once("-MMD", "-MT", "x.o", "-MF", "x.d", "-o", "x.o", "-c", "value.c")
        assert (done.returncode, objects) == (0, 1)
        assert (tmp_path / "x.o").read_bytes()[:4] == b"\x7fELF"
        assert (tmp_path / "x.d").read_text().split() == ["x.o:", "value.c", "value.h"]
        (tmp_path / "x.o").unlink()
        (tmp_path / "x.d").unlink()
    once("-c", "main.c", "value.c")
    assert (tmp_path / "main.o").is_file()
    assert (tmp_path / "value.o").is_file()


def test_what_the_compiler_says_is_heard_every_time(once, tmp_path):
    """A warning, an error, and a function that is nowhere."""
    (tmp_path / "doubtful.c").write_text("int f(void) { int unused; return 1; }\n")
    (tmp_path / "wrong.c").write_text("int f(void) { return missing; }\n")
    for _ in "ab":
        done, _ = once("-Wall", "-c", "doubtful.c")
        assert (done.returncode, "unused variable" in done.stderr) == (0, True)
        done, _ = once("-Wall", "-Werror", "-c", "doubtful.c")
        assert (done.returncode, "unused variable" in done.stderr) == (1, True)
        done, _ = once("-c", "wrong.c")
        assert (done.returncode, "missing" in done.stderr) == (1, True)
        done, _ = once("main.c", "-o", "program")
        assert (done.returncode, "undefined reference" in done.stderr) == (1, True)
    done, objects = once("-O1", "main.c", "value.c", "wrong.c")
    assert (done.returncode, "missing" in done.stderr, objects) == (1, True, 3)
    done, objects = once("-Wall", "main.c", "value.c", "doubtful.c", "-o", "program")
    assert (done.returncode, "unused variable" in done.stderr, objects) == (0, True, 5)
