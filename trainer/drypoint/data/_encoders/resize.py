"""Resize a picture to the input size of a net."""

import numpy as np
from PIL import Image

from .._dataset.color import Pixels

METHODS = ("stretch", "fit", "fill")


def resize(pixels: Pixels, width: int, height: int, *, method: str) -> Pixels:
    """``pixels`` (H, W, C), C = 1 or 3, as (height, width, C).

    "stretch" scales each axis on its own; "fit" keeps the aspect, centres and pads with black
    (an odd row or column goes below or right); "fill" keeps the aspect and crops the centre.
    A picture of the size is returned itself. Scaling is Pillow's bilinear filter, which widens
    with the reduction (antialias) and works in fixed point.
    """
    old_height, old_width = pixels.shape[:2]
    if (old_width, old_height) == (width, height):
        return pixels
    if method == "fit":
        wide = old_width * height >= old_height * width
        inner_width = width if wide else _scale(old_width, height, old_height)
        inner_height = _scale(old_height, width, old_width) if wide else height
        out = np.zeros((height, width, pixels.shape[2]), dtype=np.uint8)
        left, top = (width - inner_width) // 2, (height - inner_height) // 2
        inner = _stretch(pixels, inner_width, inner_height, (0, 0, old_width, old_height))
        out[top : top + inner_height, left : left + inner_width] = inner
        return out
    box_width, box_height = float(old_width), float(old_height)
    if method == "fill":
        box_width = min(box_width, old_height * width / height)
        box_height = min(box_height, old_width * height / width)
    left_edge, top_edge = (old_width - box_width) / 2, (old_height - box_height) / 2
    box = (left_edge, top_edge, left_edge + box_width, top_edge + box_height)
    return _stretch(pixels, width, height, box)


def _scale(length: int, numerator: int, denominator: int) -> int:
    """``length * numerator / denominator`` rounded half up, at least 1."""
    return max(1, (2 * length * numerator + denominator) // (2 * denominator))


def _stretch(
    pixels: Pixels, width: int, height: int, box: tuple[float, float, float, float]
) -> Pixels:
    """The part of ``pixels`` in ``box`` (left, top, right, bottom) as (height, width, C)."""
    gray = pixels.shape[2] == 1
    image = Image.fromarray(pixels[..., 0] if gray else pixels)
    scaled = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=box))
    return scaled[..., None] if gray else scaled
