"""Whatever holds a picture (Pillow image, array, file) as uint8 pixels (H, W, C)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from drypoint.common import DrypointError

from ._color import Pixels, rgb_from_cmyk, rgb_from_ycbcr
from ._errors import CoderError
from ._pixels import CHANNELS, channels_last

_MAX_PIXELS = 1 << 26  # 64 million, below the size at which Pillow itself warns of a bomb
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF")  # none that starts another program


def picture_pixels(picture: object) -> Pixels:
    """The pixels of one picture, (H, W, C) with C = 1, 2, 3 or 4 (gray, +alpha, RGB, +alpha).

    Args:
        picture: a Pillow image of any mode, a path, or an array as `array_pixels` takes it.

    Raises:
        CoderError: it is nothing of these, or its values are out of range.
        DrypointError: the file cannot be read or is not a picture.
    """
    match picture:
        case np.ndarray():
            if is_batch(picture):
                raise CoderError(f"one image is wanted here, not an array of {picture.shape}")
            return _first(array_pixels(picture))
        case Image.Image():
            return _image_pixels(picture)
        case str() | Path():
            return _file_pixels(Path(picture))
    raise CoderError(
        f"an image must be a Pillow image, a uint8 or float array or a path, "
        f"not {type(picture).__name__}"
    )


def is_batch(array: NDArray[np.generic]) -> bool:
    """Whether an array holds several images: (N, H, W, C), or (N, H, W) with W not 1, 3 or 4.

    A last axis of 1, 3 or 4 is taken for the channels of one image (H, W, C); a batch of gray
    images that narrow must be given as (N, H, W, 1).
    """
    return array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in CHANNELS)


def check_is_batch(array: NDArray[np.generic]) -> None:
    """Refuse an array (N, H, W) of images of the size wanted that `is_batch` takes for one image.

    Raises:
        CoderError: the last axis may be the width or the channels.
    """
    if not is_batch(array):
        n, height, width = array.shape
        raise CoderError(
            f"an array of {array.shape} may be {n} gray images of {width} x {height} or one "
            f"image with {width} channels: add an axis, images[..., None] or images[None]"
        )


def array_pixels(array: NDArray[np.generic]) -> Pixels:
    """uint8 pixels (N, H, W, C) of an array of images; N is 1 when `is_batch` says no.

    Images (N, C, H, W) are taken too, unless W is 1, 3 or 4: see `channels_last`. uint8 values are
    taken as they are; floats must lie in [0, 1] and become ``floor(255 v + 1/2)``.

    Raises:
        CoderError: another dtype or shape, no pixels, a NaN, a float outside [0, 1].
    """
    array = channels_last(array)
    batch = is_batch(array)
    with_channels = (
        array if array.ndim == 4 or (array.ndim == 3 and not batch) else array[..., None]
    )
    images = with_channels if batch else with_channels[None]
    if images.ndim != 4 or images.shape[3] not in CHANNELS or 0 in images.shape[1:]:
        raise CoderError(
            "an array of images must be (H, W), (H, W, C), (N, H, W), (N, H, W, C) or "
            f"(N, C, H, W) with C = 1, 3 or 4, not {array.shape}"
        )
    if images.dtype == np.uint8:
        return images.astype(np.uint8, copy=False)
    if images.dtype.kind != "f":
        raise CoderError(
            f"pixels must be uint8, or floats in [0, 1], not {array.dtype}: x.astype('uint8')"
        )
    values = images.astype(np.float64)
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # false for NaN as well
        raise CoderError(
            f"float pixels must lie in [0, 1]; these reach from {values.min():g} "
            f"to {values.max():g}: divide by 255, or give uint8"
        )
    return np.floor(values * 255 + 0.5).astype(np.uint8)


def _file_pixels(path: Path) -> Pixels:
    """The pixels of a picture file."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return _image_pixels(image)
    except DrypointError as error:
        raise CoderError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise DrypointError(f"cannot read {path}: no such file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise DrypointError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # a damaged file may raise nearly anything in a decoder
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DrypointError(f"{path} is not a readable picture ({reason})") from error


def _image_pixels(image: Image.Image) -> Pixels:
    """The pixels of a Pillow image, turned upright as its EXIF orientation says."""
    width, height = image.size
    if width * height > _MAX_PIXELS or width * height == 0:
        raise CoderError(f"an image of {width} x {height} is outside 1 to {_MAX_PIXELS} pixels")
    upright = ImageOps.exif_transpose(image)
    mode = upright.mode
    keyed = mode in ("1", "L", "RGB") and "transparency" in upright.info  # one colour is clear
    if keyed or mode in ("P", "PA", "RGBa", "La"):
        return np.asarray(upright.convert("RGBA"))
    if mode in ("L", "1"):
        return np.asarray(upright.convert("L"))[..., None]
    if mode in ("LA", "RGB", "RGBA"):
        return np.asarray(upright)
    if mode == "CMYK":
        return rgb_from_cmyk(np.asarray(upright))
    if mode == "YCbCr":
        return rgb_from_ycbcr(np.asarray(upright))
    if mode == "F":
        return _first(array_pixels(np.asarray(upright)))
    if mode == "I" or mode.startswith("I;16"):
        return _from_16_bits(np.asarray(upright))
    try:
        return np.asarray(upright.convert("RGB"))
    except ValueError as error:
        raise CoderError(f"images of mode {mode} cannot be read: {error}") from error


def _first(images: Pixels) -> Pixels:
    """The only image of a batch of one."""
    only: Pixels = images[0]
    return only


def _from_16_bits(values: NDArray[np.integer]) -> Pixels:
    """Gray (H, W, 1) of 16-bit gray: value / 257 rounded to nearest, so that 65,535 is 255.

    Pillow names 16-bit PNG files "I" or "I;16", as its version goes: both are read alike.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise CoderError(f"16-bit gray must lie in [0, 65535], not reach from {low} to {high}")
    return ((values.astype(np.int64) + 128) // 257).astype(np.uint8)[..., None]
