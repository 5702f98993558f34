"""examples/signals.py: its goals on the real sets, its exit codes."""

import importlib.util
import re

import pytest
from example_modules import example_module

from tools import ONLY_CI


@pytest.fixture(scope="module")
def signals():
    yield from example_module("signals")


def test_a_set_whose_package_is_missing_is_one_line(signals, capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    assert signals.main(["--sets", "motions"]) == 2
    (line,) = capsys.readouterr().err.splitlines()[1:]
    assert line.startswith("signals: the data set basic-motions comes with a package that is not")
    assert "pip install aeon" in line
    with pytest.raises(SystemExit):
        signals.main(["--sets", "motion"])


def test_a_missed_goal_or_a_wrong_byte_is_not_reached(signals):
    fields = {"name": "digits", "float_accuracy": 1.0, "accuracy": 0.95, "program": None}
    fields |= {"program_bytes": 16384, "differing_bytes": 0, "self_test": True, "seconds": 1.0}
    assert signals.Row(**fields).reached
    for wrong in (
        {"accuracy": 0.949},
        {"program_bytes": 16385},
        {"differing_bytes": 1},
        {"self_test": False},
    ):
        assert not signals.Row(**{**fields, **wrong}).reached


@ONLY_CI
def test_both_sets_reach_their_goals(signals, toolbox, capsys):
    """All 40 motions of the test set, 95 % of the digits in 16 KB, every byte verified."""
    toolbox.need("cc")
    for package in ("aeon", "mnist1d"):
        toolbox.need_package(package)
    assert signals.main([]) == 0
    out, _ = capsys.readouterr()
    *_, motions, digits = out.splitlines()
    assert re.match(r"\| motions \| [\d.]+ % \| 100\.00 % \| ", motions)
    assert float(re.match(r"\| digits \| [\d.]+ % \| ([\d.]+) % \| ", digits)[1]) >= 95
