"""The edges of boxes in a picture that is cut, or turned upright."""

import numpy as np
from numpy.typing import NDArray

KEPT = 0.5
"""The share of a box's area that lies inside of its picture, from which the box is kept."""


def clip_edges(
    edges: NDArray[np.float64], width: float, height: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Edges (M, 4) inside of a picture, and which boxes are kept (M,): boxes of which at least half
    of the area lies inside, and that have a width and a height.
    """
    inside = edges.clip(0, np.array([width, height, width, height], edges.dtype))
    area, rest = (np.prod(e[:, 2:] - e[:, :2], axis=1) for e in (edges, inside))
    kept = (edges[:, 2:] > edges[:, :2]).all(axis=1) & (rest > 0) & (rest >= KEPT * area)
    return inside, kept


def turn_edges(
    edges: NDArray[np.float64], width: float, height: float, orientation: int
) -> NDArray[np.float64]:
    """Edges (M, 4) of a picture of a width and height after it was turned upright by its EXIF
    orientation, 1 to 8.
    """
    left, top, right, bottom = edges.T
    if orientation in (2, 3, 7, 8):  # the picture is mirrored from left to right first
        left, right = width - right, width - left
    if orientation in (3, 4, 6, 7):
        top, bottom = height - bottom, height - top
    if orientation >= 5:
        left, top, right, bottom = top, left, bottom, right
    return np.stack([left, top, right, bottom], axis=1)
