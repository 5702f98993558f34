"""examples/few_pictures.py: the examples that it takes, its rows, and a body that helps."""

import numpy as np
import pytest
from example_modules import example_module

from drypoint import nn
from drypoint.data import Dataset


@pytest.fixture
def example():
    yield from example_module("few_pictures")


def test_the_first_pictures_of_each_class(example):
    y = np.array([2, 0, 0, 1, 2, 0, 1, 2])
    found = example.first_of_each_class(
        Dataset(np.arange(8 * 9).reshape(8, 3, 3).astype(np.uint8), y), 2
    )
    assert found.x[:, 0, 0].tolist() == [9 * i for i in (0, 1, 2, 3, 4, 6)]
    assert found.y.tolist() == [2, 0, 0, 1, 2, 1]


def test_pictures_as_inputs_of_a_shipped_body(example):
    shipped = example.Shipped("no_such_package", "net.tflite", "plane", 7, 2)
    assert shipped.load() is None
    x = shipped.encode(np.array([[[0, 255, 51], [0, 0, 0], [0, 0, 0]]], np.uint8))
    assert x.shape == (1, 3, 7, 7)
    assert (x[:, 0] == x[:, 1]).all()
    # 51 / 127.5 - 1 = -0.6; black is -1, and the odd row and column are the last ones
    assert np.allclose(x[0, 0, 0], [-1, -1, 1, 1, -0.6, -0.6, -1])
    assert (x[0, 0, 2:] == -1).all()


def test_a_body_and_its_head(example):
    """Oracle: by hand. A body that computes the means of halves makes two classes linear."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 90, (60, 8, 8)), rng.integers(0, 2, 60)
    x[y == 1, :4] += 120
    examples = Dataset(x.astype(np.uint8), y)
    body = nn.Sequential({"relu": nn.ReLU()}, (1, 8, 8)).initialize(0)

    def encode(pictures):
        return pictures[:, None].astype(np.float32) / 255

    transfer = example.Transfer(body, encode, examples, examples, (0,))
    rows = dict(transfer.rows("plain"))
    assert rows == {"body plain, frozen": [1.0], "body plain, slow": [1.0]}


def test_a_row_of_the_table(example):
    assert example.line("way", [[0.5], [0.25, 0.75]]) == "| way | 50.0 | 50.0 (25.0 to 75.0) |"
