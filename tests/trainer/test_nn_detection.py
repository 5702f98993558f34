"""`DetectionLoss`: which cells find an object, its value, its gradient.

Oracles: loops over cells and boxes, written from the docstring; finite differences in float64.
"""

import math

import numpy as np
import pytest

from drypoint import nn
from drypoint.autodiff import Tensor, gradcheck

NONE = (-1, 0, 0, 0, 0)


def owner(objects, row, column, rows, columns):
    """The object that a cell finds, or None: the nearest, the smallest, the first."""
    near = []
    for i, (label, left, top, right, bottom) in enumerate(objects):
        x, y = (left + right) / 2 * columns, (top + bottom) / 2 * rows
        distance = math.hypot(column + 0.5 - x, row + 0.5 - y)
        if label >= 0 and distance <= 0.8:
            near.append((distance, (right - left) * (bottom - top), i))
    return min(near)[2] if near else None


def giou(a, b):
    """GIoU of two boxes (left, top, right, bottom); a box of negative sides has no area."""
    area = [max(r - left, 0) * max(bot - top, 0) for left, top, r, bot in (a, b)]
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    union = sum(area) - shared
    return shared / union - (hull - union) / hull


def loss_by_loops(plane, objects, *, cells=False):
    channels, rows, columns = plane.shape
    classes, total = channels - (0 if cells else 4), 0.0
    for row in range(rows):
        for column in range(columns):
            i = owner(objects, row, column, rows, columns)
            for label in range(classes):
                score = plane[label, row, column]
                true = i is not None and objects[i][0] == label
                total += math.log1p(math.exp(-score if true else score))
            if i is None or cells:
                continue
            x, y = column + 0.5, row + 0.5
            left, top, right, bottom = plane[classes:, row, column]
            found = (x - left, y - top, x + right, y + bottom)
            wanted = [side * n for side, n in zip(objects[i][1:], (columns, rows) * 2, strict=True)]
            total += 1.5 * (1 - giou(found, wanted))
            for off in (abs(a - b) for a, b in zip(found, wanted, strict=True)):
                total += 0.3 * (off * off / 2 if off < 1 else off - 0.5)
    return total / (rows * columns)


def scenes(n=6, classes=3, objects=5, seed=0):
    """Random objects, some rows without one, and near neighbours."""
    rng = np.random.default_rng(seed)
    target = np.full((n, objects, 5), -1.0)
    for picture in target:
        for row in picture[: rng.integers(0, objects + 1)]:
            middle, half = rng.uniform(0.05, 0.95, 2), rng.uniform(0.02, 0.3, 2)
            row[:] = rng.integers(classes), *(middle - half), *(middle + half)
    target[0, :2] = (1, 0.3, 0.3, 0.6, 0.6), (2, 0.35, 0.3, 0.7, 0.6)
    target[1, :3] = (0, 0.2, 0.2, 0.6, 0.6), (1, 0.3, 0.3, 0.5, 0.5), (2, 0.3, 0.3, 0.5, 0.5)
    return target


@pytest.mark.parametrize("cells", [False, True])
def test_the_loss_is_what_its_docstring_says(cells):
    """float64 sums in another order."""
    target, rng = scenes(), np.random.default_rng(1)
    x = rng.normal(0, 2, (len(target), 3 if cells else 7, 5, 6))
    found = nn.DetectionLoss(cells=cells)(input=x, target=target)
    wanted = [loss_by_loops(*pair, cells=cells) for pair in zip(x, target, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    one = nn.DetectionLoss(cells=cells)(input=x[1], target=target[1])
    assert one.shape == ()
    assert float(one) == found[1]


@pytest.mark.parametrize("cells", [False, True])
def test_the_gradient_is_that_of_differences(cells):
    """Boxes far away, inside one another and turned inside out; no edge at a corner of the loss."""
    target, rng = scenes(), np.random.default_rng(2)
    x = rng.normal(0.4, 1.5, (len(target), 3 if cells else 7, 4, 5))
    loss = nn.DetectionLoss(cells=cells)
    assert gradcheck(lambda x: loss.forward(x, target), x, tolerance=1e-6) < 1e-6


def test_giou_is_that_of_pytorch():
    """One cell with a far too small score: what the box adds, beside torchvision's formula."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    for _ in range(20):
        low, high = rng.uniform(0, 0.45, 2), rng.uniform(0.55, 1, 2)
        edges = rng.uniform(0.05, 3, 4)
        target = np.array([[[0, *low, *high]]])
        x = np.concatenate([[-50.0], edges]).reshape(1, 5, 1, 1)
        centre = (low + high) / 2
        if math.hypot(*(centre - 0.5)) > 0.8:
            continue
        tensor = Tensor(x, requires_grad=True)
        nn.DetectionLoss().forward(tensor, target).backward(np.ones(1))
        e = torch.tensor(edges, requires_grad=True)
        mine = torch.stack([0.5 - e[0], 0.5 - e[1], 0.5 + e[2], 0.5 + e[3]])
        true = torch.tensor([*low, *high])
        shared = (torch.minimum(mine[2:], true[2:]) - torch.maximum(mine[:2], true[:2])).clamp(
            min=0
        )
        hull = (torch.maximum(mine[2:], true[2:]) - torch.minimum(mine[:2], true[:2])).prod()
        union = (mine[2:] - mine[:2]).prod() + (true[2:] - true[:2]).prod() - shared.prod()
        overlap = shared.prod() / union - (hull - union) / hull
        distance = torch.nn.functional.smooth_l1_loss(mine, true, reduction="sum")
        (1.5 * (1 - overlap) + 0.3 * distance).backward()
        np.testing.assert_allclose(tensor.grad[0, 1:, 0, 0], e.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_a_picture_without_objects_has_a_loss():
    """Oracle: log 2 a class and cell, where all scores are 0."""
    x = np.zeros((2, 6, 3, 3))
    for target in (np.tile(NONE, (2, 4, 1)), np.zeros((2, 0, 5))):
        np.testing.assert_allclose(
            nn.DetectionLoss()(input=x, target=target.astype(float)), 2 * math.log(2), rtol=1e-15
        )


@pytest.mark.parametrize(
    ("shape", "target", "text"),
    [
        ((4, 3, 3), [[0, 0, 0, 1, 1]], "wants (channels, rows, columns), channels a score"),
        ((5, 3, 3), [[1, 0, 0, 1, 1]], "wants classes from 0 to 0, got 1 to 1"),
        ((5, 3, 3), [[0, 0.5, 0, 0.5, 1]], "wants boxes whose left and top are below"),
        ((5, 3, 3), [[0, 0, 0, 1]], "wants targets (1, objects, 5)"),
    ],
)
def test_what_does_not_fit_is_refused(shape, target, text):
    with pytest.raises((nn.InputError, nn.ShapeError)) as caught:
        nn.DetectionLoss()(input=np.zeros(shape), target=np.array(target, float))
    assert text in str(caught.value)
