"""Patches of random shapes, painted over pictures: what a net may see beside the objects.

An example: a patch of 20 x 14 pixels, at (31, 52), of the brightness 200. Random bytes lie 6 pixels
apart, with values interpolated between them. The pixels whose value is below 90 get the brightness:
blobs of some pixels. Pixels whose value is 120 to 136 would be strokes. Without interpolation a
patch has squares. All numbers are integers, so that every machine has equal pictures.
"""

import numpy as np
from numpy.typing import NDArray

from .counter_random import Keys, numbers

Pixels = NDArray[np.uint8]

MOST = 100  # patches of a picture
_LEAST, _SHARE = 4, 3  # of a patch: pixels of a side, and the part of the picture's side at most
_GRID = 16  # random bytes on a side of a patch, which then repeat
_SIZES = 8  # distances of the bytes in pixels, one after the other
_SQUARES, _BLOBS, _SHAPES = 0, 1, 3  # the third shape is strokes


def paint_patches(pixels: Pixels, keys: Keys, most: int, *, first: int) -> None:
    """Paint 0 to ``most`` patches on each picture (N, H, W, C), by numbers of its stream from
    ``first`` on."""
    height, width, channels = pixels.shape[1:]
    highs, wides = (max(1, side // _SHARE - _LEAST) for side in (height, width))
    counts = numbers(keys, first) % np.uint64(most + 1)
    for patch in range(most):
        chosen = np.flatnonzero(counts > patch)
        own = numbers(keys[chosen], first + 1 + patch)[:, None]
        drawn = (numbers(own, range(6)) >> np.uint64(11)).tolist()
        grids = (numbers(own, range(6, 6 + _GRID**2)) >> np.uint64(56)).astype(np.int64)
        for at, row, grid in zip(chosen, drawn, grids.reshape(-1, _GRID, _GRID), strict=True):
            high, wide, top, left, shape, amount = row
            high, wide = min(height, _LEAST + high % highs), min(width, _LEAST + wide % wides)
            top, left = top % (height - high + 1), left % (width - wide + 1)
            painted = _draw_shapes(grid, (high, wide), shape, amount % 128)
            color = [amount >> 8 * (i + 1) & 255 for i in range(channels)]
            pixels[at, top : top + high, left : left + wide][painted] = color


def _draw_shapes(
    grid: NDArray[np.int64], sides: tuple[int, int], shape: int, amount: int
) -> NDArray[np.bool_]:
    """The pixels of a patch (height, width) that are painted; more for a larger amount."""
    kind, size = shape // _SIZES % _SHAPES, shape % _SIZES
    if kind == _SQUARES:
        rows, columns = (np.arange(side) // (1 + size) % _GRID for side in sides)
        return np.asarray(grid[rows[:, None], columns] < 16 + amount)
    (top, down), (left, across) = (np.divmod(np.arange(n) * 256 // (3 + size), 256) for n in sides)
    top, left, down = top % (_GRID - 1), left % (_GRID - 1), down[:, None]
    rows = grid[top] * (256 - down) + grid[top + 1] * down
    values = rows[:, left] * (256 - across) + rows[:, left + 1] * across >> 16
    if kind == _BLOBS:
        return np.asarray(values < 70 + amount // 2)
    return np.asarray(abs(values - 128) < 5 + amount // 8)
