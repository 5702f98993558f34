"""Arrays of images and of signals: the axis of their channels, whether values are scaled."""

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
