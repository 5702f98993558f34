"""The page of nets with several outputs and inputs: its C prints what its Python computes."""

import re
from pathlib import Path

import numpy as np
import pytest
from page_examples import run_c, run_examples

PAGE = "docs/graphs.md"


@pytest.fixture(scope="module")
def page():
    """The names that the page's examples leave."""
    return run_examples(PAGE)


def test_the_c_of_two_outputs_prints_what_the_python_computes(page, toolbox):
    """Oracle: the engine in Python, on the page's own pictures."""
    data = page["pictures"].tobytes()
    printed = run_c(PAGE, "spots", Path(page["spots_folder"]), data, toolbox)
    found = [re.fullmatch(r"row (\d), column (\d), side (-?[\d.]+)", line) for line in printed]
    real = page["real"]
    places = real["heat"].argmax(axis=1)
    assert [(int(line[1]), int(line[2])) for line in found] == [
        divmod(place, 8) for place in places.tolist()
    ]
    sides = np.array([float(line[3]) for line in found])
    np.testing.assert_allclose(sides, 4 * real["size"][:, 0], atol=0.0501)  # printed to 0.1


def test_the_c_of_two_inputs_prints_what_the_python_computes(page, toolbox):
    """Oracle: the engine in Python, on the page's own scenes."""
    scenes = zip(page["test"]["image"], page["test"]["weather"], strict=True)
    data = b"".join(image.tobytes() + weather.tobytes() for image, weather in scenes)
    printed = run_c(PAGE, "scene", Path(page["scene_folder"]), data, toolbox)
    assert [*map(int, printed)] == page["c"](page["test"])
