"""The page of layers that are NumPy functions: both columns of each row give equal numbers."""

import re

import numpy as np
import pytest

from drypoint import nn
from tools import ROOT

PAGE = (ROOT / "docs/own-layer.md").read_text("utf-8")
TEXT = PAGE.partition("\n## Layers that are NumPy functions\n")[2]
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", TEXT, re.MULTILINE)


@pytest.fixture(scope="module")
def names():
    found = {}
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL).group(1), found)
    return found


@pytest.mark.parametrize(("layer", "function"), ROWS)
def test_a_layer_is_its_function(names, layer, function):
    """Oracle: NumPy. float64; sums in another order differ by rounding, 1e-12 is generous."""
    ours, numpys = eval(layer, names), eval(function, names)
    assert np.shape(ours) == np.shape(numpys)
    np.testing.assert_allclose(ours, numpys, rtol=1e-12, atol=1e-14)


def test_every_layer_is_in_the_table_or_has_no_such_twin():
    kinds = {kind.name for kind in nn.layers()}
    shown = {name for layer, _ in ROWS for name in re.findall(r"nn\.(\w+)", layer)}
    calls = {"Conv1d", "Conv2d", "ConvTranspose2d", "Linear", "PReLU"}  # of layers with weights
    assert kinds - shown - calls == {"BatchNorm1d", "BatchNorm2d", "Graph", "GRU", "LSTM"}
