"""One tiny run of the main job, which all tests of the command line read and none changes."""

import io
import json
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout

import pytest
from threadpoolctl import threadpool_limits

from drypoint.cli.__main__ import main
from tools import write_script

TINY = ["--epochs", "1", "--limit", "300"]


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    """Test workers share the cores: more threads of each would only wait for one another."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def lenet(toolbox):
    """The folder that ``drypoint lenet`` wrote; what it said is in said.json beside it."""
    toolbox.need("cc")
    folder, said = toolbox.folder / "lenet", toolbox.folder / "said.json"
    with toolbox.locked("lenet"):
        if not said.exists():
            with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
                assert main(["lenet", *TINY, "--out", str(folder)]) == 0
            said.write_text(json.dumps([out.getvalue(), err.getvalue()]), "utf-8")
    return folder


@pytest.fixture
def plain_compiler(toolbox, tmp_path, monkeypatch):
    """A C compiler, and musl's, that leave SIMD backends, the most work, out."""
    folder = tmp_path / "plain"
    folder.mkdir()
    plain = 'exec {} -DDPT_PLAIN_C "$@"'
    if musl := shutil.which("musl-gcc"):
        write_script(folder / "musl-gcc", plain.format(musl))
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return write_script(folder / "cc", plain.format(toolbox.need("cc")))


@pytest.fixture
def opened(browser, page):
    """The browser with the page; at the end the page has requested nothing and thrown nothing."""
    browser.open(page.as_uri())
    yield browser
    assert browser.requests() == [page.as_uri()]
    assert browser.errors() == []


@pytest.fixture
def cli(capsys, monkeypatch):
    """Runs a command in this process: (exit code, standard output, standard error). However slow
    the machine, it prints no lines of progress."""
    monkeypatch.setattr("drypoint.common._progress.LINES_AFTER", 1e9)

    def run(*arguments):
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as ended:  # as argparse ends
            code = ended.code
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(cli):
    """Runs a command that must fail as bad input does, and gives its one line of an error."""

    def run(*arguments):
        code, out, err = cli(*arguments)
        assert (code, out) == (2, "")
        *notes, line = err.splitlines(keepends=True)  # of the examples that the command reads
        assert all(
            " example" in note or note.startswith(("no --data: ", "MNIST: ")) for note in notes
        ), err
        assert line.startswith("drypoint")
        return line

    return run
