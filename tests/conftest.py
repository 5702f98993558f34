"""Fixtures of all tests: the machine's tools, hypothesis settings."""

import contextlib
import os
import re
import secrets
from collections import Counter
from pathlib import Path

import compile_once
import pytest
from hypothesis import HealthCheck, settings
from passed import PassedTests
from properties import EVERY_DAY, IN_CI

from tools import Toolbox

# A shared machine may stop a test for a second: slowness is no failure of the code.
for profile, max_examples in (("every day", EVERY_DAY), ("ci", IN_CI)):
    settings.register_profile(
        profile,
        deadline=None,
        max_examples=max_examples,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )


# Where the minutes are: what one worker begins with, and what the other does. The documentation's
# site is built for several tests, which would only wait for one another.
LONG = (
    ("docs", "devices"),
    ("engine_c", "tools", "trainer/test_kernels_c.py", "pybridge/test_forms.py", "test_lint.py"),
)
HERE = Path(__file__).parent
MISSING = re.compile(r"could not import '(\w+)|(?:the package )?(\S+) is not installed")
OURS = {"drypoint", *(path.stem for path in (HERE / "support").iterdir())}


# Commands fold their lines to COLUMNS. Workers of pytest set it, and so does readline, which pytest
# imports: for processes that tests start, unseen by os.environ.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")


def pytest_addoption(parser):
    parser.addoption(
        "--all-tools",
        action="store_true",
        help="run the tests of CI, too; fail, not skip, where a compiler or checker is missing",
    )
    parser.addoption(
        "--device-images",
        type=int,
        default=4,
        help="test images that LeNet classifies on every emulated device",
    )
    parser.addoption(
        "--device-nets", type=int, default=20, help="random nets on every emulated device"
    )
    parser.addoption(
        "--random-nets",
        type=int,
        help="random nets that the engine runs under gcc's sanitizers: 300, with --all-tools 1000; "
        "clang's run a third of them",
    )
    parser.addoption(
        "--write-passed",
        type=Path,
        help="a file for the ids of the tests that pass and look at no more with --all-tools",
    )
    parser.addoption(
        "--leave-out",
        type=Path,
        help="a file of --write-passed: not these tests",
    )


@pytest.hookimpl(tryfirst=True)  # before hypothesis reads its seed
def pytest_configure(config):
    """Both parts of CI draw other examples in each run: the seed, which the first lines print,
    draws them again.
    """
    all_tools, passed = config.getoption("--all-tools"), config.getoption("--write-passed")
    settings.load_profile("ci" if all_tools else "every day")
    if passed:
        config.pluginmanager.register(PassedTests(passed))
    if (all_tools or passed) and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(secrets.randbits(32))


def pytest_report_header(config):
    seed = config.option.hypothesis_seed
    return [] if seed is None else f"random examples: --hypothesis-seed={seed}"


def pytest_pycollect_makemodule(module_path, parent):
    return Module.from_parent(parent, path=module_path)


class Module(pytest.Module):
    """A file of tests, skipped by name where a package that it imports is not installed."""

    def collect(self):
        with skips(self.config):
            return super().collect()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with skips(item.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with skips(item.config):
        return (yield)


@contextlib.contextmanager
def skips(config):
    """Without --all-tools, skip by name what fails because a package of others is missing."""
    try:
        yield
    except Exception as error:
        cause = error
        while cause and not isinstance(cause, ModuleNotFoundError):
            cause = cause.__cause__
        name = cause and cause.name
        if not name or config.getoption("--all-tools") or name.split(".")[0] in OURS:
            raise
        pytest.skip(f"the package {name} is not installed")


@pytest.fixture(scope="session", autouse=True)
def _compile_once(toolbox):
    """A PATH with compilers that compile each C file once for all workers."""
    with toolbox.locked("compilers"):
        path = compile_once.install(toolbox.folder / "compilers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        yield


@pytest.fixture(scope="session")
def toolbox(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    worker = hasattr(request.config, "workerinput")  # xdist: the parent folder is shared by all
    folder = (base.parent if worker else base) / "tools"
    folder.mkdir(exist_ok=True)
    return Toolbox(folder, request.config.getoption("--all-tools"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Without --all-tools, skip what only CI runs. Long tests first, so that two workers end
    together: each begins with one half of the list, and takes from the end of the other's."""

    if not config.getoption("--all-tools"):
        for item in items:
            if item.get_closest_marker("only_ci"):
                item.add_marker(pytest.mark.skip(reason="only CI runs them (--all-tools)"))

    if path := config.getoption("--leave-out"):
        passed = set(path.read_text("utf-8").splitlines())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]

    def in_folders(names):
        return [item for item in items if any(item.path.is_relative_to(HERE / n) for n in names)]

    first, second = map(in_folders, LONG)
    long = {*first, *second}
    short = [item for item in items if item not in long]
    half = max(0, len(items) // 2 - len(first))
    items[:] = first + short[:half] + second + short[half:]


def pytest_terminal_summary(terminalreporter):
    """Print the number of skipped tests by reason as the last line of the run; the commonest of the
    tools and packages that are missing."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons, missing = Counter(), Counter()
    for report in skipped:
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if found := MISSING.match(reason):
            missing[(found[1] or found[2]).casefold()] += 1
        else:
            reasons[reason] += 1
    counts = [f"{n} since {why}" for why, n in reasons.most_common()]
    if missing:
        names = [f"{name} {n}" for name, n in missing.most_common(5)]
        names += [f"{len(missing) - 5} more"] if len(missing) > 5 else []
        counts.append(
            f"{missing.total()} since tools are missing, of which `make test-tools` installs most: "
            f"{', '.join(names)}"
        )
    if counts:
        terminalreporter.write_line(f"not tested here: {'; '.join(counts)}", yellow=True)
