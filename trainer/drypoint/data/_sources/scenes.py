"""Scenes: pictures of handwritten digits on clutter, with a box around each digit.

An example: a background of noise from 30 to 70, two lines, a rectangle as bright as ink, and a 7 of
MNIST whose longer side is 20 pixels, at (51, 40): its box is left 51, top 40, right 64, bottom 60.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._dataset.boxes import Boxes
from .._dataset.dataset import Dataset
from .._dataset.pixels import Pixels
from .._encoders.image_encoder import resize
from .._errors import DatasetError
from .sources import load_mnist

SIDE = 96  # pixels of a scene
_MOST = 5  # digits of a scene
_SMALLEST, _LARGEST = 12, 28  # pixels of a digit's longer side
_TRIES = 20  # places for a digit that overlaps no other
_INK = 128  # of the digits' pixels, from which they count as ink
_SIZES = {"train": 12_000, "test": 2_000}  # of the sets that have a name
_PARTS = (*_SIZES,)


def scenes(
    n: int,
    *,
    seed: int = 0,
    classes: int = 1,
    part: str = "train",
    clutter: str = "lines",
    root: str | Path | None = None,
) -> Dataset:
    """Gray pictures of 96 x 96 pixels with 1 to 5 of MNIST's digits on clutter, and their boxes.

    A digit's longer side has 12 to 28 pixels, its box touches its ink, and no two boxes overlap.
    Equal arguments give equal scenes.

    Args:
        n: pictures, from 1 on.
        seed: of the random numbers, from 0 on; parts and clutter have numbers of their own.
        classes: 1, "digit", or 10, the digits 0 to 9.
        part: "train" takes MNIST's training digits, "test" its test digits.
        clutter: "lines": noise, lines and rectangles as bright as ink; "discs", to test a net on
            clutter that it was not trained on: a slope of light, discs, patches of squares, dots.
        root: the folder of MNIST's files, as for `load`.

    Raises:
        DatasetError: an argument is none of these.
        DatasetNotFoundError: MNIST was not found.
    """
    if type(n) is not int or n < 1 or type(seed) is not int or seed < 0:
        raise DatasetError(f"{n!r:.40} scenes of seed {seed!r:.40}; wanted: n from 1, seed from 0")
    words = isinstance(part, str) and isinstance(clutter, str) and type(classes) is int
    if not words or classes not in (1, 10) or part not in _PARTS or clutter not in _CLUTTER:
        raise DatasetError(
            f"scenes of classes={classes!r:.40}, part={part!r:.40}, clutter={clutter!r:.40}; "
            f"wanted: 1 or 10; {' or '.join(_PARTS)}; {' or '.join(_CLUTTER)}"
        )
    digits = load_mnist(part, root)
    rng = np.random.default_rng((seed, _PARTS.index(part), [*_CLUTTER].index(clutter)))
    x, tables = np.empty((n, SIDE, SIDE), np.uint8), list[NDArray[np.int64]]()
    for picture in x:
        _CLUTTER[clutter](picture, rng)
        rows = _draw_digits(picture, digits, rng)
        tables.append(np.array(rows, np.int64) * (classes == 10, 1, 1, 1, 1))
    names = ("digit",) if classes == 1 else tuple(range(10))
    return Dataset(x, Boxes.of(tables), names)  # type: ignore[arg-type]  # Boxes are labels too


def scene_loader(*, classes: int) -> Callable[[str, str | Path | None], Dataset]:
    """The loader of a part of a named set of scenes."""

    def load_scenes(split: str, root: str | Path | None) -> Dataset:
        return scenes(_SIZES[split], classes=classes, part=split, root=root)

    return load_scenes


def _draw_digits(
    picture: Pixels, digits: Dataset, rng: np.random.Generator
) -> list[tuple[int, int, int, int, int]]:
    """Draw digits at random places; class, left, top, right and bottom of each."""
    rows = list[tuple[int, int, int, int, int]]()
    taken = np.zeros(picture.shape, bool)
    for _ in range(int(rng.integers(1, _MOST + 1))):
        at = int(rng.integers(len(digits)))
        ink = _scale_digit(digits.x[at], int(rng.integers(_SMALLEST, _LARGEST + 1)))
        height, width = ink.shape
        for _ in range(_TRIES):
            top, left = (int(rng.integers(SIDE - side + 1)) for side in ink.shape)
            place = slice(top, top + height), slice(left, left + width)
            if not taken[place].any():
                taken[place] = True
                picture[place] = np.maximum(picture[place], ink)
                rows.append((int(digits.y[at]), left, top, left + width, top + height))
                break
    return rows


def _scale_digit(digit: Pixels, side: int) -> Pixels:
    """The ink of a digit, whose longer side gets ``side`` pixels."""
    inner = _cut_ink(digit)
    height, width = (max(1, round(length * side / max(inner.shape))) for length in inner.shape)
    return resize(inner[..., None], width, height, method="stretch")[..., 0]


def _cut_ink(digit: Pixels) -> Pixels:
    rows, columns = (np.flatnonzero((digit >= _INK).any(axis=axis)) for axis in (1, 0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _draw_lines(picture: Pixels, rng: np.random.Generator) -> None:
    """Noise, up to 4 lines, up to 3 rectangles, filled or not, of any brightness up to ink's."""
    _draw_noise(picture, rng)
    for _ in range(int(rng.integers(5))):
        x, y, to_x, to_y, shade = rng.integers(0, (SIDE, SIDE, SIDE, SIDE, 256)).tolist()
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        i = np.arange(steps + 1)
        rows, columns = y + (to_y - y) * i // steps, x + (to_x - x) * i // steps
        thick = int(rng.integers(1, 3))
        for down in range(thick):
            picture[np.minimum(rows + down, SIDE - 1), columns] = shade
    for _ in range(int(rng.integers(4))):
        left, top, width, height, shade = rng.integers(
            (0, 0, 4, 4, 60), (90, 90, 36, 36, 256)
        ).tolist()
        place = picture[top : top + height, left : left + width]
        inner = place[2:-2, 2:-2].copy()
        place[...] = shade
        if rng.integers(2):
            place[2:-2, 2:-2] = inner


def _draw_discs(picture: Pixels, rng: np.random.Generator) -> None:
    """A slope of light, up to 4 discs, up to 2 patches of squares, up to 30 bright dots."""
    _draw_noise(picture, rng)
    y, x = np.mgrid[:SIDE, :SIDE]
    slopes = rng.integers(-40, 41, 2)
    light = (slopes[0] * (x - SIDE // 2) + slopes[1] * (y - SIDE // 2)) // SIDE
    picture[...] = np.clip(picture + light, 0, 255)
    for _ in range(int(rng.integers(5))):
        middle_x, middle_y, radius, shade = rng.integers(
            (0, 0, 2, 60), (SIDE, SIDE, 11, 256)
        ).tolist()
        picture[(x - middle_x) ** 2 + (y - middle_y) ** 2 <= radius**2] = shade
    for _ in range(int(rng.integers(3))):
        left, top, size, shade = rng.integers((0, 0, 2, 60), (80, 80, 5, 256)).tolist()
        inside = (x // size + y // size) % 2 == 1
        inside &= (x >= left) & (x < left + 6 * size) & (y >= top) & (y < top + 6 * size)
        picture[inside] = shade
    dots = rng.integers(0, SIDE, (int(rng.integers(31)), 2))
    picture[dots[:, 0], dots[:, 1]] = rng.integers(60, 256, len(dots))


def _draw_noise(picture: Pixels, rng: np.random.Generator) -> None:
    low, spread = rng.integers((0, 1), (60, 60)).tolist()
    picture[...] = rng.integers(low, low + spread, picture.shape)


_CLUTTER: dict[str, Callable[[Pixels, np.random.Generator], None]] = {
    "lines": _draw_lines,
    "discs": _draw_discs,
}
