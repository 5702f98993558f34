"""Arrays of images: the axis of their channels, and whether their values are scaled."""

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
