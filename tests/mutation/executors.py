"""Runs the tests of the line that a mutant changes, the most special first."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

from changes import Mutant
from coverage import CoverageData
from pytest import ExitCode

Notices = Callable[[Mutant], bool]
PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "--timeout=300", "-p", "no:cacheprovider")
MOST_TESTS = 400  # of a line: the tests that run the fewest lines
OF_FOLDER = {"trainer": ("tests/trainer",), "engine_c": ("tests/engine_c", "tests/pybridge")}
OF_FOLDER |= {"pybridge": ("tests/pybridge",), "tools": ("tests/tools",)}


def of_python(root: Path, folder: str = "tests") -> Notices:
    """Runs the tests that ran the line of a mutant, which Python imports in the file's place."""
    build = root / "build/mutation"

    def notices(mutant: Mutant) -> bool:
        tests = _tests_of(root, folder, mutant)
        if not tests:
            return False
        (build / "mutant.py").write_text(mutant.text(), "utf-8")
        (build / "tests").write_text("\n".join(tests) + "\n", "utf-8")
        environment = os.environ | {
            "PYTHONPATH": str(Path(__file__).parent / "hook"),
            "DRYPOINT_MUTATED": str(mutant.path),
            "DRYPOINT_MUTANT": str(build / "mutant.py"),
        }
        command = [sys.executable, *PYTEST, "-n", "0", f"@{build / 'tests'}"]
        return _fails(command, root, environment)

    return notices


def of_c(root: Path, folder: str) -> Notices:
    """Compiles a mutant in a clone of the last commit, and runs the tests of its folder there."""
    clone = root / "build/mutation/clone"
    tests = OF_FOLDER[Path(folder).parts[0]]

    def notices(mutant: Mutant) -> bool:
        python = _clone(root, clone)
        path = clone / mutant.path.relative_to(root)
        before = path.read_text("utf-8")
        path.write_text(mutant.text(), "utf-8")
        try:
            if _install(clone, python).returncode:
                return True  # a compiler is a test too
            return _fails([str(python), *PYTEST, "-n", "2", *tests], clone, dict(os.environ))
        finally:
            path.write_text(before, "utf-8")

    return notices


def _fails(command: list[str], folder: Path, environment: dict[str, str]) -> bool:
    """Whether tests fail, cannot be imported or crash; an error if none of them ran."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if "ERROR collecting" in said or "while loading conftest" in said:
        return True  # for pytest a named test in a module without import is wrong usage
    if done.returncode in (ExitCode.USAGE_ERROR, ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest ran no test: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.returncode != ExitCode.OK


def _tests_of(root: Path, folder: str, mutant: Mutant) -> list[str]:
    """The tests that ran a line; the tests of its file, where an import alone runs the line."""
    data, sizes = _coverage(root, folder)
    lines = data.contexts_by_lineno(str(mutant.path))
    contexts = {*lines.get(mutant.line, ())} - {""}
    if not contexts:
        contexts = {context for found in lines.values() for context in found} - {""}
    tests = {test for test in map(_test_of, contexts) if _is_there(root, test)}
    return sorted(tests, key=lambda test: (sizes[test], test))[:MOST_TESTS]


def _test_of(context: str) -> str:
    """The test function of a context, whose parameters a mutant may change."""
    return context.partition("|")[0].partition("[")[0]


@cache
def _is_there(root: Path, test: str) -> bool:
    """Whether a test that was measured is in its file still."""
    path, _, name = test.rpartition("::")
    file = root / path.partition("::")[0]
    return file.exists() and f"def {name}(" in file.read_text("utf-8")


@cache
def _coverage(root: Path, folder: str) -> tuple[CoverageData, Counter[str]]:
    """Which everyday test below a folder ran which line, measured once; how many lines each ran."""
    file = root / f"build/mutation/coverage-{folder.replace('/', '-')}"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        print("running the everyday tests once, to know which runs which line", file=sys.stderr)
        subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-n", "2", "--cov", "--cov-context=test",
                "--cov-report=", folder,
            ],
            cwd=root,
            env=os.environ | {"COVERAGE_FILE": str(file)},
            stdout=sys.stderr,
            check=False,
        )  # fmt: skip
    data = CoverageData(str(file))
    data.read()
    sizes = Counter[str]()
    for path in data.measured_files():
        for contexts in data.contexts_by_lineno(path).values():
            sizes.update({_test_of(context) for context in contexts})
    return data, sizes


@cache
def _clone(root: Path, clone: Path) -> Path:
    """A clone of the last commit, with drypoint installed in it; its Python."""
    shutil.rmtree(clone, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(clone / ".venv")], check=True)
    packages = next((clone / ".venv/lib").glob("python*/site-packages"))
    others = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "others.pth").write_text(others + "\n", "utf-8")
    python = clone / ".venv/bin/python"
    _install(clone, python).check_returncode()
    return python


def _install(clone: Path, python: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--editable", "."],
        cwd=clone,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
