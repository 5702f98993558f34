"""The reference of image distortion, in NumPy integers; warp.c gives identical bytes."""

import numpy as np
from numpy.typing import NDArray

from .counter_random import Keys, numbers
from .warp_map import CONTROLS, ElasticGrid, Ints

Pixels = NDArray[np.uint8]


def elastic_fields(keys: Keys, grid: ElasticGrid) -> NDArray[np.int64]:
    """The displacement of source positions in x and y: int64 (N, 2, height, width), Q16 pixels.

    The random number of a control point is the sum of four uniform 16-bit numbers: nearly normal.
    """
    (rows, height), (columns, width) = grid.rows.shape, grid.columns.shape
    places = CONTROLS + np.arange(2 * rows * columns, dtype=np.uint64)
    bits = numbers(keys[:, None], places)
    parts = [(bits >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48)]
    centred = np.sum(parts, axis=0).astype(np.int64) - 2 * 0xFFFF
    controls = (centred * grid.gain + (1 << 15)) >> 16  # Q10
    controls = controls.reshape(len(keys), 2, rows, columns)
    spread = (controls @ grid.columns.astype(np.int64) + (1 << 13)) >> 14  # Q10, (..., rows, width)
    sums: NDArray[np.int64] = grid.rows.T.astype(np.int64) @ spread  # Q24
    fields = (sums + (1 << 7)) >> 8
    return fields.reshape(len(keys), 2, height, width)


def warp_reference(images: Pixels, keys: Keys, maps: Ints, grid: ElasticGrid | None) -> Pixels:
    """The images resampled at the source positions of their maps, bilinear, black outside."""
    n, height, width, _ = images.shape
    x0, xx, xy, y0, yx, yy = maps.T.astype(np.int64)[:, :, None, None]
    x, y = np.arange(width), np.arange(height)[:, None]
    source_x, source_y = x0 + xx * x + xy * y, y0 + yx * x + yy * y  # Q16, (N, H, W)
    if grid is not None:
        fields = elastic_fields(keys, grid)
        source_x, source_y = source_x + fields[:, 0], source_y + fields[:, 1]
    right, down = ((source >> 8 & 255)[..., None] for source in (source_x, source_y))  # Q8
    left, up = 256 - right, 256 - down
    # Two black pixels around the image: sources farther out are clipped to the outer one, which
    # has only black neighbours.
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))).astype(np.int64)
    column = np.clip(source_x >> 16, -2, width) + 2
    row = np.clip(source_y >> 16, -2, height) + 2
    i = np.arange(n)[:, None, None]
    above = padded[i, row, column] * left + padded[i, row, column + 1] * right
    below = padded[i, row + 1, column] * left + padded[i, row + 1, column + 1] * right
    between: NDArray[np.int64] = (above * up + below * down + (1 << 15)) >> 16
    return between.astype(np.uint8)
