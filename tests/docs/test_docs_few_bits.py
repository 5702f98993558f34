"""examples/few_bits.py: which runs it repeats, and what a row says."""

import json
from dataclasses import asdict

import pytest
from example_modules import example_module


@pytest.fixture
def example():
    yield from example_module("few_bits")


def test_finished_runs_of_the_same_recipe_are_not_repeated(example, tmp_path, monkeypatch):
    run = example.Run(
        bits=4, bytes=40, weights=30, tables=50, macs=1000, accuracies=[90.0, 91.0, 92.0]
    )
    trained = []
    monkeypatch.setattr(example, "train_net", lambda *seed: trained.append(seed) or (run,))
    for _ in range(2):
        assert example.read_or_train("mnist-4k", 3, tmp_path / "runs") == (run,)
    assert trained == [("mnist-4k", 3)]
    path = tmp_path / "runs" / "mnist-4k-3.json"
    stored = json.loads(path.read_text())
    assert stored["runs"] == [asdict(run)]
    path.write_text(json.dumps({**stored, "recipe": "another"}))
    example.read_or_train("mnist-4k", 3, tmp_path / "runs")
    assert len(trained) == 2


def test_a_row_has_medians(example):
    runs = [
        example.Run(bits=4, bytes=4000, weights=30, tables=50, macs=1000, accuracies=(a, 2 * a, 50))
        for a in (9, 1, 4)
    ]
    wanted = "| net | 4 | 4,000 | 30 | 50 | 1,000 | 4.00 | 8.00 | 50.00 |"
    assert example.row("net", tuple(runs)) == wanted
    assert wanted.count("|") == example.HEAD.count("|") + 2
