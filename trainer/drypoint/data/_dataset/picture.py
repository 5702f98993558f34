"""uint8 pixels (H, W, C) of a picture: a Pillow image, an array or a file."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from drypoint.common import READ_LIMIT, DrypointError, check_limit, open_file

from .._errors import CoderError
from .pixels import CHANNELS, Pixels, channels_last, in_blocks, rgb_from_cmyk, rgb_from_ycbcr

PIXEL_BYTES = 24
"""The most bytes of memory for each pixel while a picture is decoded and converted: Pillow's image
(4), turned upright (4), converted (4), its bytes (4, twice while Pillow joins them), and the
resulting array (4)."""

_FILE_BYTES = 8
"""The bytes of memory that a byte of a picture's file stands for, where a pixel is 3 bytes of the
file or less. Pillow looks for a JPEG's next marker byte by byte, 10 MB a second."""

_FIRST_TURNED = 5  # EXIF orientations from this one on exchange width and height
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF")  # Pillow starts no program for them


def picture_pixels(picture: object, *, limit: int = READ_LIMIT) -> Pixels:
    """The pixels of one picture, (H, W, C) with C = 1, 2, 3 or 4 (gray, +alpha, RGB, +alpha)."""
    match picture:
        case np.ndarray():
            if is_batch(picture):
                raise CoderError(f"one image is wanted here, not an array of {picture.shape}")
            return _first(array_pixels(picture))
        case Image.Image():
            return _image_pixels(picture, limit)
        case str() | Path():
            with _open(Path(picture), limit) as image:
                return _image_pixels(image, limit)
    hint = ": np.asarray(x) makes an array of it" if hasattr(picture, "__array__") else ""
    raise CoderError(
        f"an image must be a Pillow image, a uint8 or float array or a path, "
        f"not {type(picture).__name__}{hint}"
    )


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture file, turned upright, in pixels; the pixels are not decoded."""
    width, height, orientation = stored_size(path)
    return (height, width) if orientation >= _FIRST_TURNED else (width, height)


def stored_size(path: Path) -> tuple[int, int, int]:
    """Width and height of a picture file before it is turned upright, and its EXIF orientation."""
    with _open(path, READ_LIMIT) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return (*image.size, orientation if orientation in range(1, 9) else 1)


def is_batch(array: NDArray[np.generic]) -> bool:
    """Whether an array holds several images: (N, H, W, C), or (N, H, W) with W not 1, 3 or 4.

    A last axis of 1, 3 or 4 counts as the channels of one image (H, W, C); gray images of a width
    of 1, 3 or 4 need the form (N, H, W, 1).
    """
    return array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in CHANNELS)


def check_is_batch(array: NDArray[np.generic]) -> None:
    """Refuse an array of the encoder's size (N, H, W) that `is_batch` takes for one image."""
    if not is_batch(array):
        n, height, width = array.shape
        raise CoderError(
            f"an array of {array.shape} may be {n} gray images of {width} x {height} or one "
            f"image with {width} channels: add an axis, images[..., None] or images[None]"
        )


def array_pixels(array: NDArray[np.generic]) -> Pixels:
    """uint8 pixels (N, H, W, C) of an array of images; N is 1 unless `is_batch`.

    Images (N, C, H, W) are allowed too, unless W is 1, 3 or 4: see `channels_last`. uint8 values
    stay; floats must lie in [0, 1] and become ``floor(255 v + 1/2)``.
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


@contextmanager
def _open(path: Path, limit: int) -> Iterator[Image.Image]:
    """A picture file, open, whose size fits to `limit`; errors inside of the context become errors
    of one line."""
    with open_file(path) as file:
        try:
            check_limit(_FILE_BYTES * path.stat().st_size, limit, what=str(path))
            with warnings.catch_warnings():  # of damaged or large files: they raise below
                warnings.simplefilter("ignore")
                with Image.open(file, formats=_FORMATS) as image:
                    yield image
        except DrypointError as error:
            raise CoderError(f"{path}: {error}") from error
        except Image.DecompressionBombError as error:  # raised before the size is known
            most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
            message = f"{path}: above {most:,} pixels, which Pillow does not open"
            raise CoderError(message) from error
        except Exception as error:  # a damaged file may raise nearly anything in a decoder
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DrypointError(f"{path} is not a readable picture ({reason})") from error


def _image_pixels(image: Image.Image, limit: int) -> Pixels:
    """The pixels of a Pillow image, turned upright by its EXIF orientation."""
    width, height = image.size
    if width * height == 0:
        raise CoderError(f"an image of {width} x {height} has no pixels")
    what = f"an image of {width:,} x {height:,} pixels"
    try:
        check_limit(PIXEL_BYTES * width * height, limit, what=what)
    except DrypointError as error:
        raise CoderError(str(error)) from error
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    upright = ImageOps.exif_transpose(image) if turned else image  # which copies in any case
    mode = upright.mode
    keyed = mode in ("1", "L", "RGB") and "transparency" in upright.info  # one colour is clear
    if keyed or mode in ("P", "PA", "RGBa", "La"):
        return np.asarray(upright.convert("RGBA"))
    if mode in ("L", "1"):
        return np.asarray(upright.convert("L"))[..., None]
    if mode in ("LA", "RGB", "RGBA"):
        return np.asarray(upright)
    if mode == "CMYK":
        return in_blocks(rgb_from_cmyk, np.asarray(upright), channels=3)
    if mode == "YCbCr":
        return in_blocks(rgb_from_ycbcr, np.asarray(upright), channels=3)
    if mode == "F":
        return in_blocks(_from_floats, np.asarray(upright)[..., None], channels=1)
    if mode == "I" or mode.startswith("I;16"):
        return in_blocks(_from_16_bits, np.asarray(upright)[..., None], channels=1)
    try:
        return np.asarray(upright.convert("RGB"))
    except ValueError as error:
        raise CoderError(f"images of mode {mode} cannot be read: {error}") from error


def _first(images: Pixels) -> Pixels:
    """The only image of a batch of one."""
    only: Pixels = images[0]
    return only


def _from_floats(values: NDArray[np.floating]) -> Pixels:
    """Gray (..., 1) of floats in [0, 1]: ``floor(255 v + 1/2)``."""
    return array_pixels(values.reshape(1, 1, -1, 1)).reshape(values.shape)


def _from_16_bits(values: NDArray[np.integer]) -> Pixels:
    """Gray (..., 1) of 16-bit gray: value / 257 rounded to nearest, so that 65,535 is 255.

    The mode of 16-bit PNG files is "I" or "I;16", depending on Pillow's version.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise CoderError(f"16-bit gray must lie in [0, 65535], not reach from {low} to {high}")
    return ((values.astype(np.int64) + 128) // 257).astype(np.uint8)
