"""Arrays of images and of signals: the axis of channels, gray and RGB, scaled values."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import DatasetError

CHANNELS = (1, 3, 4)
"""The possible numbers of channels: gray, RGB, RGB and alpha."""
_BRIGHT = 100  # a maximum above this means pixels of 0 to 255: scaled values rarely reach it


def channels_last(images: NDArray[Any]) -> NDArray[Any]:
    """Images (N, C, H, W), C = 1, 3 or 4, as (N, H, W, C); other arrays unchanged.

    If the last axis is 1, 3 or 4, it counts as the channels.
    """
    first = images.ndim == 4 and images.shape[1] in CHANNELS
    if not first or images.shape[3] in CHANNELS:
        return images
    return np.ascontiguousarray(np.moveaxis(images, 1, 3))


def plain_images(images: NDArray[Any]) -> NDArray[Any]:
    """Images in the form of a `Dataset`: `channels_last`, and gray images as (N, H, W)."""
    last = channels_last(images)
    return last[..., 0] if last.ndim == 4 and last.shape[3] == 1 else last


def check_scaled(images: NDArray[Any], *, name: str) -> None:
    """Refuse pixels from 0 to 255 of another dtype than uint8, which a net would read unscaled.

    An array of at least three axes counts as images, and its values as pixels if they are whole
    numbers from 0 to 255 with a maximum above 100.

    Raises:
        DatasetError: the array holds such pixels.
    """
    if images.ndim < 3 or images.size == 0 or images.dtype.kind not in "iuf":
        return
    if images.dtype.itemsize == 1:  # uint8: pixels; int8: inputs of a program
        return
    low, high = float(images.min()), float(images.max())
    if low >= 0 and _BRIGHT < high <= 255 and bool((images == np.rint(images)).all()):
        raise DatasetError(
            f"{name} are {images.dtype} from {low:g} to {high:g}, as pixels are: give pixels as "
            "uint8, x.astype('uint8'), or scaled to [0, 1], x / 255; and counts as int16"
        )


MOST = 0xFFFF  # steps and channels: sides of a tensor of the engine
Signals = NDArray[np.float32] | NDArray[np.int16]


def is_signals(array: NDArray[Any]) -> bool:
    """Whether the dtype of an array is one of signals: floats, or the int16 counts of a sensor."""
    return array.dtype.kind == "f" or array.dtype == np.int16


def plain_signals(signals: NDArray[Any]) -> Signals:
    """Signals in the form of a `Dataset`: float32 or int16, (N, steps, channels)."""
    if signals.ndim not in (2, 3):
        raise DatasetError(
            f"signals must be (N, steps, channels), or (N, steps) for one channel, not of shape "
            f"{signals.shape}"
        )
    if signals.dtype.kind == "f":
        with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are refused
            signals = signals.astype(np.float32, copy=False)
        if not np.isfinite(signals).all():
            at = int(np.argmin(np.isfinite(signals).reshape(len(signals), -1).all(axis=1)))
            raise DatasetError(
                f"signals hold NaN, infinity or a number beyond float32, first in example {at}: "
                "leave such examples out, or replace the values"
            )
    return signals if signals.ndim == 3 else signals[..., None]


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
