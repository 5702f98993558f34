"""The page of nets with several outputs: its C prints what its Python computes."""

import re
from pathlib import Path

import numpy as np
from page_examples import run_c, run_examples


def test_the_c_of_the_page_prints_what_its_python_computes(toolbox):
    """Oracle: the engine in Python, on the page's own pictures."""
    page = run_examples("docs/outputs.md")
    data = page["pictures"].tobytes()
    printed = run_c("docs/outputs.md", Path(page["folder"]), data, toolbox)
    found = [re.fullmatch(r"row (\d), column (\d), side (-?[\d.]+)", line) for line in printed]
    real = page["real"]
    places = real["heat"].argmax(axis=1)
    assert [(int(line[1]), int(line[2])) for line in found] == [
        divmod(place, 8) for place in places.tolist()
    ]
    sides = np.array([float(line[3]) for line in found])
    np.testing.assert_allclose(sides, 4 * real["size"][:, 0], atol=0.0501)  # printed to 0.1
