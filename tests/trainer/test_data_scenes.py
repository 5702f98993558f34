"""Scenes: digits in pictures, with boxes; equal arguments give equal pictures."""

import numpy as np
import pytest

from drypoint import data


def test_a_box_holds_its_digit_and_no_digits_touch():
    """Oracle: the digit's ink is the brightest of its box: it reaches the box's four edges."""
    found = data.scenes(40, seed=5, classes=10)
    assert found.x.shape == (40, 96, 96)
    assert found.classes == tuple(range(10))
    assert {int(n) for n in found.boxes.counts} <= {1, 2, 3, 4, 5}
    for i in range(40):
        covered = np.zeros((96, 96), int)
        for _, left, top, right, bottom in found.boxes[i].astype(int):
            assert 12 <= max(right - left, bottom - top) <= 28
            inside = found.x[i, top:bottom, left:right]
            assert inside.max() > 200
            covered[top:bottom, left:right] += 1
        assert covered.max() == 1


def test_scenes_depend_on_the_seed_and_on_no_other_scene():
    ten, five = (data.scenes(n, seed=1) for n in (10, 5))
    assert (ten.x[:5] == five.x).all()
    assert ten[:5].digest() == five.digest()
    assert data.scenes(5, seed=2).digest() != five.digest()
    assert data.scenes(5, seed=1, clutter="other").digest() != five.digest()
    assert set(five.classes) == {"digit"}
    tens = data.scenes(5, seed=1, classes=10)
    assert (tens.x == five.x).all()
    assert (tens.boxes.edges == five.boxes.edges).all()


def test_named_scenes_have_their_digests():
    """Oracle: the cards, which `data.load` compares with."""
    assert data.load("scenes", "test").boxes.n == 1000
    assert len(np.unique(data.load("scenes-digits", "test").boxes.labels)) == 10


@pytest.mark.parametrize("options", [{"classes": 3}, {"clutter": "none"}, {"n": 0}])
def test_other_scenes_are_refused(options):
    with pytest.raises(data.DatasetError, match="wanted: 1 or 10, 'usual' or 'other'"):
        data.scenes(**{"n": 2, "seed": 0, **options})
