"""examples/calibration.py: what its table counts."""

import numpy as np
import pytest
from example_modules import example_module

from drypoint import engine, quant


@pytest.fixture
def example():
    yield from example_module("calibration")


def test_a_row_counts_what_integers_lose_and_change(example):
    """Oracle: the decisions of the float net and of each program, counted here; `line` by hand."""
    examples, held_out = example.parts("digits")
    examples, held_out = examples[:60], held_out[:50]
    model = example.train_classifier("mlp:8", examples, seed=0)
    exact, *found = example.costs(model, examples, held_out)
    floats = np.array(model.predict(held_out.x))
    assert exact == 100 * (floats == held_out.y).mean()
    calibration = quant.calibrate(model, examples.x, method="percentile", percentile=99.9)
    integers = np.array(engine.Engine(quant.quantize(model, calibration)).predict(held_out.x))
    at = example.METHODS.index("99.9 %")
    lost = (floats == held_out.y).mean() - (integers == held_out.y).mean()
    assert np.isclose(found[at], 100 * lost, atol=1e-12)
    assert found[len(example.METHODS) + at] == 100 * (floats != integers).mean()
    cells = example.line("two", [[90, 1, 2, 3, 4, 5, 6, 7, 8], [80, 3, 2, 1, 0, 1, 2, 3, 4]])
    assert cells.split(" | ")[:4] == ["| two", "2", "85.00 %", "+2.000 ± 1.000"]
    assert cells.split(" | ")[7] == "+0.000 ± 2.000"  # min-max less 99.99 %: -2 and +2
    assert cells.count("|") == example.HEAD.count("|") + 2
