"""The options of the test run itself, on a few tests of their own; the oracle is written down."""

import os
import re
import subprocess
import sys

from properties import EVERY_DAY, IN_CI

from tools import ROOT

TESTS = """
import pytest
from hypothesis import given, strategies

@pytest.fixture(scope="module")
def cases(toolbox):
    return toolbox.count(every_day=1, ci=2)

@pytest.fixture
def broken_at_its_end():
    yield
    raise OSError

def test_passes(toolbox):
    toolbox.need("python")

def test_fails():
    raise OSError

def test_is_skipped(toolbox):
    toolbox.need("no such tool")

def test_fails_at_its_end(broken_at_its_end):
    pass

def test_draws_more_in_ci(cases):
    pass

def test_has_a_fixture_that_drew_more(cases):
    pass

def test_runs_more_backends_in_ci(toolbox):
    toolbox.backends

@given(strategies.booleans())
def test_draws_more_examples_in_ci(value):
    pass
"""


def test_a_second_run_leaves_out_what_passed_and_looks_at_no_more_in_ci(tmp_path):
    """What looks at more runs again. Also: a package that is not installed skips a file of tests,
    and fails it with all tools."""
    (tmp_path / "test_own.py").write_text(TESTS)
    (tmp_path / "test_foreign.py").write_text("import no_such_package.part")
    places = os.pathsep.join(map(str, (ROOT / "tests", ROOT / "tests/support")))
    env = {**os.environ, "PYTHONPATH": places, "PYTEST_ADDOPTS": "-p no:cacheprovider -rs"}

    def output_of(*options):
        command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "conftest", *options]
        done = subprocess.run(
            [*command, f"--rootdir={tmp_path}", tmp_path],
            env=env, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert not done.stderr
        return done.stdout

    first = output_of("-n", "1", "--write-passed", tmp_path / "passed")
    assert "= 1 failed, 6 passed, 2 skipped, 1 error in " in first
    assert "1 since no such tool is not installed; 1 since tools are missing" in first
    assert "installs most: no_such_package 1" in first
    assert (tmp_path / "passed").read_text() == "test_own.py::test_passes\n"
    options = ("--all-tools", "--continue-on-collection-errors")
    second = output_of("--leave-out", tmp_path / "passed", *options)
    assert "collected 8 items / 1 error / 1 deselected" in second
    assert "= 2 failed, 5 passed, 1 deselected, 2 errors in " in second
    assert "No module named 'no_such_package'" in second
    seeds = [re.search(r"--hypothesis-seed=(\d+)\n", text)[1] for text in (first, second)]
    assert seeds[0] != seeds[1], "CI draws other examples in each part"
    assert "--hypothesis-seed=7\n" in output_of("--all-tools", "--hypothesis-seed=7")
    assert "--hypothesis-seed" not in output_of()


def test_every_property_draws_more_in_ci():
    """A number of examples is `properties.examples` of the number of every day."""
    fixed = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in ROOT.glob("tests/*/*.py")
        if path.name != "properties.py"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "max_examples" in line
    ]
    assert fixed == [], "write @examples(N), N of every day"
    assert IN_CI >= 2 * EVERY_DAY
