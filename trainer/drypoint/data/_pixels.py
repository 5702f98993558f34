"""Arrays of images: where their channels are, and whether they are pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import DatasetError

CHANNELS = (1, 3, 4)
"""What an axis of channels may count: gray, RGB, RGB and alpha."""
_BRIGHT = 100  # images whose brightest pixel is below that are rare; so are scaled values above it


def channels_last(images: NDArray[Any]) -> NDArray[Any]:
    """Images (N, C, H, W), C = 1, 3 or 4, as (N, H, W, C); every other array as it is.

    Where the last axis may be channels too, because W is 1, 3 or 4, it is taken for them.
    """
    first = images.ndim == 4 and images.shape[1] in CHANNELS
    if not first or images.shape[3] in CHANNELS:
        return images
    return np.ascontiguousarray(np.moveaxis(images, 1, 3))


def plain_images(images: NDArray[Any]) -> NDArray[Any]:
    """Images as a `Dataset` holds them: `channels_last`, and gray ones (N, H, W) without the axis
    of the one channel.
    """
    last = channels_last(images)
    return last[..., 0] if last.ndim == 4 and last.shape[3] == 1 else last


def check_scaled(images: NDArray[Any], *, name: str) -> None:
    """Refuse pixels from 0 to 255 that come in another type than uint8: a net would take them
    unscaled.

    An array of at least three axes counts as images, and its values as pixels if they are whole
    numbers, none is below 0 or above 255, and the highest is above 100.

    Raises:
        DatasetError: the array holds such pixels.
    """
    if images.ndim < 3 or images.size == 0 or images.dtype.kind not in "iuf":
        return
    if images.dtype.itemsize == 1:  # uint8 are pixels as they should be, int8 what a program reads
        return
    low, high = float(images.min()), float(images.max())
    if low >= 0 and _BRIGHT < high <= 255 and bool((images == np.rint(images)).all()):
        raise DatasetError(
            f"{name} are {images.dtype} from {low:g} to {high:g}, as pixels are: give pixels as "
            "uint8, x.astype('uint8'), or scaled to [0, 1], x / 255"
        )
