"""Which tests passed, in a file for a second run that leaves them out (`.ci/run`).

Not in the file are tests that look at more in CI (more random cases, more backends), or have a
fixture that does.
"""

from collections import Counter
from pathlib import Path

import pytest

running: list[str] = []  # the test, or the fixtures that are made for it, the innermost last
more_in_ci: set[str] = set()


def note_more_in_ci() -> None:
    """The test or fixture that runs looks at more in CI."""
    more_in_ci.update(running[-1:])


class PassedTests:
    """A plugin that writes the file at the end of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.phases: Counter[str] = Counter()  # by a test's id: setup, call, teardown that passed
        self.again: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        running.append(fixturedef.argname)
        try:
            return (yield)
        finally:
            running.pop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        running.append(item.nodeid)
        try:
            return (yield)
        finally:
            running.pop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        more = more_in_ci.intersection([item.nodeid, *item.fixturenames])
        if more or getattr(item.obj, "is_hypothesis_test", False):
            report.user_properties.append(("looks at more in CI", True))
        return report

    def pytest_runtest_logreport(self, report):
        """Runs where the workers' reports arrive."""
        self.phases[report.nodeid] += report.outcome == "passed"
        if report.user_properties:
            self.again.add(report.nodeid)

    def pytest_sessionfinish(self, session):
        if not hasattr(session.config, "workerinput"):
            passed = (name for name, phases in self.phases.items() if phases == 3)
            names = (f"{name}\n" for name in passed if name not in self.again)
            self.path.write_text("".join(names), "utf-8")
