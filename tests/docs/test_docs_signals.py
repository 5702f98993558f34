"""examples/signals.py: its reader of files, its goals on the real sets, its exit codes."""

import importlib.util
import re
import sys

import numpy as np
import pytest

from tools import ONLY_CI, ROOT


@pytest.fixture(scope="module")
def signals():
    spec = importlib.util.spec_from_file_location("signals_example", ROOT / "examples/signals.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["signals_example"] = module  # where its dataclasses look for their names
    spec.loader.exec_module(module)
    yield module
    del sys.modules["signals_example"]


def test_a_file_of_recordings_becomes_signals_with_time_first(signals, tmp_path):
    path = tmp_path / "two.ts"
    path.write_text("# a comment\n@univariate false\n@data\n1,2,3:4,5,6:run\n7,8,9:-1,0,1:rest\n")
    found = signals.recordings(path)
    assert found.x.tolist() == [[[1, 4], [2, 5], [3, 6]], [[7, -1], [8, 0], [9, 1]]]
    assert [label for _, label in found] == ["run", "rest"]


def test_a_set_whose_package_is_missing_is_one_line(signals, capsys, monkeypatch):
    monkeypatch.setattr(signals.importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    assert signals.main(["--sets", "motions"]) == 2
    assert capsys.readouterr().err.endswith(
        "signals: the package aeon is missing: pip install --no-deps aeon\n"
    )
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


def test_the_published_sets_have_their_sizes(signals, toolbox):
    toolbox.need_package("aeon")
    train_set, test_set = signals.motions()
    assert train_set.x.shape == test_set.x.shape == (40, 100, 6)
    assert set(train_set.class_counts().values()) == {10}
    assert not np.array_equal(train_set.x, test_set.x)
