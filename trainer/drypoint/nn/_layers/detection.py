"""`DetectionLoss`: of a map of cells that finds objects in a picture."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor, record

from .._errors import InputError, ShapeError
from .._module.ports import Target
from .._module.sizes import Shape, check_flag
from .losses import Loss

EDGES = 4
"""Channels of the edges of a cell's box: left, top, right, bottom."""
NEAR = 0.8
"""Cells between the middle of an object and the middles of the cells that find it. The middle of
the nearest cell is at most 0.71 away."""
_OVERLAP, _DISTANCE = 1.5, 0.3  # weights of GIoU and of the smooth L1 distance
_KIND = "DetectionLoss"


class Positives(NamedTuple):
    """The cells that find an object, M of them.

    Attributes:
        cells: picture, row and column of each, for indexing, three of (M,).
        classes: the class of the object, int (M,).
        edges: the distances, in cells, from the cell's middle to the left, top, right and bottom of
            the object, (M, 4).
    """

    cells: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    classes: NDArray[np.intp]
    edges: Array


@dataclass(frozen=True)
class DetectionLoss(Loss):
    """The loss of a map of cells that finds objects, as the mean over the cells of a picture.

    The input is (C, H, W): H x W cells that lie side by side over the picture. The channels of a
    cell are a score for each class, and then the distances, in cells, from the cell's middle to the
    left, top, right and bottom edge of the object. All are linear: the sigmoid of a score is the
    probability of the class.

    The target is (K, 5), a row for each of at most K objects: class index from 0, left, top, right,
    bottom, as shares of the picture's width and height. Rows of the class -1 are no objects.

    A cell finds an object if the middles of both lie within 0.8 cells; of several objects the
    nearest one, of equally near ones the smallest, of equal ones the first. The loss of a cell is
    the binary cross-entropy of each class, and of a cell that finds an object also 1.5 (1 - GIoU)
    of both boxes (Rezatofighi et al. 2019) and 0.3 times the smooth L1 distance of each edge.

    Args:
        cells: True: the channels are scores alone, as for counting objects.

    Raises:
        ConfigError: ``cells`` is no bool.
    """

    _: KW_ONLY
    cells: bool = False

    def __post_init__(self) -> None:
        """Check the option."""
        check_flag(_KIND, "cells", self.cells)

    def is_single(self, x: Array) -> bool:
        """Whether x is the map of one picture."""
        return x.ndim == 3

    def takes_integers(self, port: str) -> bool:  # noqa: ARG002
        """False: places are floats."""
        return False

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """``{"loss": ()}`` for an input (C, H, W) with channels of a class."""
        shape = input_shapes.get("input", (EDGES + 1, 1, 1))
        if len(shape) != 3 or self._n_classes(shape[0]) < 1:
            wanted = "a score a class" if self.cells else "a score a class and four edges"
            raise ShapeError(_KIND, f"wants (channels, rows, columns), channels {wanted}: {shape}")
        return {"loss": ()}

    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N pictures, for an input (N, C, H, W)."""
        rows = np.asarray(target.data if isinstance(target, Tensor) else target, x.dtype)
        self.output_shapes({"input": x.shape[1:]})
        n, n_classes = len(x.data), self._n_classes(x.shape[1])
        _check_target(rows, n, n_classes)
        height, width = x.shape[2:]
        found = find_positives(rows, height=height, width=width)
        scores, gradient = x.data[:, :n_classes], np.zeros_like(x.data)
        wanted = np.zeros_like(scores)
        picture, row, column = found.cells
        wanted[picture, found.classes, row, column] = 1
        losses = (np.logaddexp(np.zeros((), x.dtype), scores) - wanted * scores).sum(axis=(1, 2, 3))
        gradient[:, :n_classes] = _sigmoid(scores) - wanted
        if not self.cells:
            of_cells, slopes = _compare_boxes(x.data[picture, n_classes:, row, column], found.edges)
            np.add.at(losses, picture, of_cells)
            gradient[picture, n_classes:, row, column] = slopes
        share = np.asarray(1 / (height * width), x.dtype)
        return record(losses * share, (x, lambda g: gradient * (g * share)[:, None, None, None]))

    def _n_classes(self, channels: int) -> int:
        return channels - (0 if self.cells else EDGES)


def find_positives(target: Array, *, height: int, width: int) -> Positives:
    """The cells of maps of height x width cells that find objects (N, K, 5)."""
    size = np.array([width, height, width, height], target.dtype)
    boxes = target[..., 1:] * size
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2
    sides = boxes[..., 2:] - boxes[..., :2]
    # The middles of at most two rows and two columns of cells lie within 0.8 cells.
    cells = np.floor(middles - 0.5).astype(np.intp)[:, :, None] + [(0, 0), (1, 0), (0, 1), (1, 1)]
    distances = np.hypot(*np.moveaxis(cells + 0.5 - middles[:, :, None], -1, 0))
    inside = ((cells >= 0) & (cells < (width, height))).all(axis=-1)
    picture, thing, corner = np.nonzero(inside & (distances <= NEAR) & (target[..., :1] >= 0))
    columns, rows = cells[picture, thing, corner].T
    area = sides.prod(axis=-1)[picture, thing]
    place = (picture * height + rows) * width + columns
    order = np.lexsort((thing, area, distances[picture, thing, corner], place))
    chosen = order[np.unique(place[order], return_index=True)[1]]
    picture, thing, rows, columns = picture[chosen], thing[chosen], rows[chosen], columns[chosen]
    found = boxes[picture, thing]
    here = np.stack([columns, rows], axis=1) + np.asarray(0.5, target.dtype)
    edges = np.concatenate([here - found[:, :2], found[:, 2:] - here], axis=1)
    classes = target[picture, thing, 0].astype(np.intp)
    return Positives((picture, rows, columns), classes, edges.astype(target.dtype))


def _compare_boxes(edges: Array, wanted: Array) -> tuple[Array, Array]:
    """The loss of each of M boxes (M,), and its gradient (M, 4), for edges (M, 4) as distances from
    a middle: 1.5 (1 - GIoU) and 0.3 of the smooth L1 distance."""
    near, far = np.minimum(edges, wanted), np.maximum(edges, wanted)
    sides, shared, around = (a[:, :2] + a[:, 2:] for a in (edges, near, far))
    sides, shared = np.maximum(sides, 0), np.maximum(shared, 0)
    area, common, hull = (a.prod(axis=1) for a in (sides, shared, around))
    union = area + (wanted[:, :2] + wanted[:, 2:]).prod(axis=1) - common
    # 1 - GIoU is 2 - common / union - union / hull.
    off = edges - wanted
    far_off = np.abs(off) > 1
    distance = np.where(far_off, np.abs(off) - 0.5, off * off / 2).sum(axis=1)
    losses = _OVERLAP * (2 - common / union - union / hull) + _DISTANCE * distance
    by_area, by_common, by_hull = (
        np.tile(a[:, ::-1] * (a > 0).all(axis=1, keepdims=True), 2) * mask
        for a, mask in ((sides, True), (shared, edges < wanted), (around, edges > wanted))
    )
    common, union, hull = (a[:, None] for a in (common, union, hull))
    by_union = by_area - by_common
    overlap = -by_common / union + common * by_union / union**2
    overlap += -by_union / hull + union * by_hull / hull**2
    slopes = _OVERLAP * overlap + _DISTANCE * np.clip(off, -1, 1)
    return losses.astype(edges.dtype), slopes.astype(edges.dtype)


def _sigmoid(scores: Array) -> Array:
    """1 / (1 + exp -x), which does not overflow."""
    small = np.exp(-np.abs(scores))
    found: Array = np.where(scores >= 0, 1, small) / (1 + small)
    return found


def _check_target(target: Array, n: int, n_classes: int) -> None:
    """Refuse a target that has no rows of a class and four edges for each of n pictures."""
    if target.ndim != 3 or len(target) != n or target.shape[2] != 1 + EDGES:
        raise InputError(
            _KIND,
            f"wants targets ({n}, objects, 5): class, left, top, right, bottom; got {target.shape}",
        )
    classes = target[..., 0]
    if classes.size and not (classes.min() >= -1 and classes.max() < n_classes):
        low, high = classes.min(), classes.max()
        raise InputError(_KIND, f"wants classes from 0 to {n_classes - 1}, got {low:g} to {high:g}")
    objects = target[classes >= 0]
    if not (objects[:, 1:3] < objects[:, 3:]).all():
        raise InputError(_KIND, "wants boxes whose left and top are below their right and bottom")
