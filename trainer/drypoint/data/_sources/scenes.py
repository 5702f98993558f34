"""Scenes: pictures with MNIST's digits on clutter, with boxes around the digits."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .._dataset.boxes import Boxes
from .._dataset.dataset import Dataset
from .._errors import DatasetError
from .sources import load_mnist

SIDE = 96
_LEAST, _MOST = 12, 28  # pixels of the longer side of a digit
_OBJECTS = 5
_TRIES = 20  # places for a digit that no other one has
_INK = 40  # the least value of a digit's pixels that its box holds


def scenes(
    n: int,
    *,
    seed: int,
    classes: int = 1,
    part: Literal["train", "test"] = "train",
    clutter: Literal["usual", "other"] = "usual",
) -> Dataset:
    """Gray pictures of 96 x 96 with 1 to 5 of MNIST's digits, 12 to 28 pixels large, on noise and
    clutter as bright as ink. Digits do not touch; equal arguments give equal pictures.

    Args:
        n: pictures.
        seed: of everything that is drawn.
        classes: 1, all boxes have the class "digit"; or 10, the classes 0 to 9.
        part: of MNIST, whose digits are drawn.
        clutter: "usual": lines and rectangles; "other": crosses, triangles and stripes.

    Raises:
        DatasetError: another number of classes, or another clutter.
        DrypointError: as `load` of MNIST.
    """
    if classes not in (1, 10) or clutter not in ("usual", "other") or n < 1:
        raise DatasetError(
            f"scenes of {classes!r} classes and {clutter!r} clutter, {n!r} of them; wanted: 1 or "
            "10, 'usual' or 'other', and 1 or more"
        )
    digits = load_mnist(part, None)
    x, rows = np.zeros((n, SIDE, SIDE), np.uint8), []
    for i in range(n):
        rng = np.random.default_rng((seed, i))
        picture, boxes = _draw_clutter(rng, other=clutter == "other"), list[list[int]]()
        for _ in range(int(rng.integers(1, _OBJECTS + 1))):
            chosen = int(rng.integers(len(digits)))
            ink = _crop_digit(digits.x[chosen], int(rng.integers(_LEAST, _MOST + 1)))
            place = _find_place(rng, ink, boxes)
            if place is not None:
                left, top = place
                right, bottom = left + ink.shape[1], top + ink.shape[0]
                below = picture[top:bottom, left:right].astype(np.int64)
                shade = ink.astype(np.int64)
                mixed = (below * (255 - shade) + 255 * shade + 127) // 255
                picture[top:bottom, left:right] = mixed.astype(np.uint8)
                label = 0 if classes == 1 else int(digits.y[chosen])
                boxes.append([label, left, top, right, bottom])
        x[i] = picture
        rows.append(boxes)
    return Dataset(x, Boxes.of(rows), ("digit",) if classes == 1 else tuple(range(10)))  # type: ignore[arg-type]


def load_scenes(split: str, *, classes: int) -> Dataset:
    """A part of the sets "scenes" and "scenes-digits": 12,000 and 1,000 pictures."""
    if split == "train":
        return scenes(12_000, seed=1, classes=classes)
    return scenes(1000, seed=2, classes=classes, part="test")


def _crop_digit(digit: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The ink of a digit, whose longer side has so many pixels."""
    rows, columns = np.nonzero(digit > _INK)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    longer = max(ink.shape)
    height, width = (max(1, (2 * n * side + longer) // (2 * longer)) for n in ink.shape)
    return np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR))


def _find_place(
    rng: np.random.Generator, ink: NDArray[np.uint8], boxes: list[list[int]]
) -> tuple[int, int] | None:
    """Left and top of a place where a digit touches no other one; None if none is found."""
    height, width = ink.shape
    for _ in range(_TRIES):
        left, top = int(rng.integers(SIDE - width + 1)), int(rng.integers(SIDE - height + 1))
        if all(
            left >= box[3] or left + width <= box[1] or top >= box[4] or top + height <= box[2]
            for box in boxes
        ):
            return left, top
    return None


def _draw_clutter(rng: np.random.Generator, *, other: bool) -> NDArray[np.uint8]:
    """A picture of noise and clutter."""
    noise = rng.integers(0, int(rng.integers(8, 64)), (SIDE, SIDE))
    image = Image.fromarray(noise.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 4))):
        x, y, u, v = rng.integers(0, SIDE, 4).tolist()
        shade, size = int(rng.integers(80, 256)), int(rng.integers(4, 14))
        if not other:
            pen.line((x, y, u, v), fill=shade)
            continue
        pen.line((x - size, y, x + size, y), fill=shade)
        pen.line((x, y - size, x, y + size), fill=shade)
    for _ in range(int(rng.integers(0, 3))):
        x, y = rng.integers(0, SIDE - 4, 2).tolist()
        width, height = rng.integers(3, 26, 2).tolist()
        shade = int(rng.integers(60, 256))
        if not other:
            pen.rectangle((x, y, x + width, y + height), fill=shade)
        elif width > height:
            pen.polygon([(x, y), (x + width, y), (x, y + height)], outline=shade)
        else:
            for down in range(0, height, 3):
                pen.line((x, y + down, x + width, y + down), fill=shade)
    return np.array(image)
