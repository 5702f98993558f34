"""Which tests passed, in a file for a second run that leaves these tests out (`.ci/run`).

A test that looks at more in CI (more random cases, more backends) is not written, nor is a test
with a fixture that looks at more: the second run adds to it.
"""

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
        self.phases: dict[str, int] = {}  # by a test's id: setup, call and teardown that passed

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
        whole = report.outcome == "passed" and not report.user_properties
        self.phases[report.nodeid] = self.phases.get(report.nodeid, 0) + whole

    def pytest_sessionfinish(self, session):
        if not hasattr(session.config, "workerinput"):
            passed = (f"{name}\n" for name, phases in self.phases.items() if phases == 3)
            self.path.write_text("".join(passed), "utf-8")
