"""Colour conversion in fixed integer formulas, so that Python, C and every Pillow version agree.

Pixels are uint8 arrays (..., channels).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
_BLOCK = 1 << 18  # pixels: intermediate arrays take some megabytes, for images of any size


def conform_color(pixels: Pixels, color: str) -> Pixels:
    """Gray (..., 1) or RGB (..., 3) from gray, gray + alpha, RGB or RGBA (1 to 4 channels).

    Alpha is composited on black first: ``(value * alpha + 127) // 255``, value * alpha / 255
    rounded to nearest. Gray is the luma of ITU-R BT.601 to three digits, rounded half up:
    ``(299 R + 587 G + 114 B + 500) // 1000``; of three equal values it is that value.
    """
    if pixels.shape[-1] in (2, 4):
        pixels = in_blocks(_on_black, pixels, channels=pixels.shape[-1] - 1)
    if color == "gray" and pixels.shape[-1] == 3:
        return in_blocks(_luma, pixels, channels=1)
    if color == "rgb" and pixels.shape[-1] == 1:
        return np.repeat(pixels, 3, axis=-1)
    return pixels


def in_blocks(
    function: Callable[[NDArray[Any]], Pixels], pixels: NDArray[Any], *, channels: int
) -> Pixels:
    """Apply a function from pixels (N, C) to (N, channels) to an array (..., C) of any size.

    The function gets at most `_BLOCK` pixels a call, so that its wider integers take little memory.
    """
    rows = pixels.reshape(-1, pixels.shape[-1])
    out = np.empty((len(rows), channels), np.uint8)
    for start in range(0, len(rows), _BLOCK):
        out[start : start + _BLOCK] = function(rows[start : start + _BLOCK])
    return out.reshape(*pixels.shape[:-1], channels)


def _luma(pixels: Pixels) -> Pixels:
    red, green, blue = np.moveaxis(pixels.astype(np.uint32), -1, 0)
    luma: Pixels = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
    return luma[..., None]


def rgb_from_cmyk(pixels: Pixels) -> Pixels:
    """RGB (..., 3) from CMYK (..., 4): ``(255 - C) * (255 - K) / 255`` rounded to nearest."""
    return _on_black(255 - pixels)


def rgb_from_ycbcr(pixels: Pixels) -> Pixels:
    """RGB (..., 3) from the full-range YCbCr of JFIF (..., 3), in thousandths, rounded half up.

    R = Y + 1.402 Cr', G = Y - 0.344 Cb' - 0.714 Cr', B = Y + 1.772 Cb', with Cb' and Cr' less
    128 and the results clipped to [0, 255].
    """
    luma, blue, red = np.moveaxis(pixels.astype(np.int32) - (0, 128, 128), -1, 0)
    rgb = [
        1000 * luma + 1402 * red,
        1000 * luma - 344 * blue - 714 * red,
        1000 * luma + 1772 * blue,
    ]
    clipped: Pixels = np.clip((np.stack(rgb, axis=-1) + 500) // 1000, 0, 255).astype(np.uint8)
    return clipped


def _on_black(pixels: Pixels) -> Pixels:
    """The channels composited on black, with the last channel as alpha."""
    values, alpha = pixels[..., :-1].astype(np.uint16), pixels[..., -1:]
    scaled: Pixels = ((values * alpha + 127) // 255).astype(np.uint8)  # at most 65,152: uint16
    return scaled
