"""The rows of examples/detection.py, and the sets that examples/labelled_pictures.py makes."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from example_modules import example_module
from PIL import Image

from drypoint import data

WHEELS = ["stardist==0.9.2", "deepforest==2.1.0"]


@pytest.fixture
def scenes():
    yield from example_module("detection")


@pytest.fixture
def labelled():
    yield from example_module("labelled_pictures")


def test_a_row_has_the_medians_of_the_seeds(scenes):
    """Oracle: by hand; sizes are of the largest program."""

    def run(f1, flash):
        return scenes.Run(60 * f1, *[scenes.Figures(None, None, f1 - i / 10) for i in range(3)],
                          flash, 20_000)  # fmt: skip

    row = scenes.row_of(scenes.NETS["one-cells"], [run(0.9, 500), run(0.5, 4000), run(0.7, 600)])
    assert row == (
        "| cells, one class | 42 | -, -, 0.700 | -, -, 0.600 | -, -, 0.500 | +0.1000 | 4,000 "
        "| 20,000 |"
    )


def tif(pixels):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "TIFF")
    return content.getvalue()


def test_nuclei_become_boxes_around_their_outlines(labelled, tmp_path):
    """Oracle: the rectangles that are drawn; a nucleus beyond column 320 tests."""
    picture, mask = np.full((512, 512), 9, np.uint16), np.zeros((512, 512), np.uint16)
    for number, (left, top, right, bottom) in enumerate([(40, 5, 60, 35), (330, 100, 345, 120)], 1):
        mask[top:bottom, left:right] = number
        picture[top:bottom, left:right] = 200
    with zipfile.ZipFile(tmp_path / "stardist-0.whl", "w") as wheel:
        for name, pixels in (("img2d", picture), ("mask2d", mask)):
            wheel.writestr(f"stardist/data/images/{name}.tif", tif(pixels))
        labelled.cut_nuclei(wheel, tmp_path / "nuclei")
    parts = data.read(tmp_path / "nuclei", task="detect").parts
    assert {name: part.image_size for name, part in parts.items()} == dict.fromkeys(
        ("train", "test"), (96, 96)
    )
    assert parts["test"].boxes.edges.tolist() == [[10, 4, 25, 24]]  # in the part from row 96
    assert parts["train"].boxes.edges[0].tolist() == [40, 5, 60, 35]
    for x, (left, top, right, bottom) in zip(
        parts["train"].x[parts["train"].boxes.pictures], parts["train"].boxes.edges, strict=True
    ):
        rows, columns = np.nonzero(x == 200)
        assert (left, top) == (columns.min(), rows.min())
        assert (right, bottom) == (columns.max() + 1, rows.max() + 1)


@pytest.mark.only_ci
def test_a_net_finds_nuclei_of_the_package(labelled, tmp_path):
    """Needs PyPI. Oracle: the outlines of the package; the bar is 0.85."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    done = subprocess.run([*command, tmp_path, *WHEELS], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("pip downloads no wheels here")
    with zipfile.ZipFile(next(tmp_path.glob("stardist-*.whl"))) as wheel:
        assert b"BSD 3-Clause" in wheel.read("stardist-0.9.2.dist-info/licenses/LICENSE.txt")
        labelled.cut_nuclei(wheel, tmp_path / "nuclei")
    row, _ = labelled.train_set(tmp_path / "nuclei", "nuclei")
    assert float(row.split("|")[4].split()[0]) >= 0.85
    with zipfile.ZipFile(next(tmp_path.glob("deepforest-*.whl"))) as wheel:
        labelled.cut_trees(wheel, tmp_path / "trees", None)
    _, findings = labelled.train_set(tmp_path / "trees", "trees")
    assert any("objects are smaller than a cell of 8 pixels" in line for line in findings)
