"""Encoders and decoders of images, in two stages; the first gives the bytes of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from drypoint.common import READ_LIMIT, accept, kind_of, known_word

from .._aliases import IMAGE_ENCODER
from .._augmentation.compiled import encode
from .._dataset.dataset import Dataset
from .._dataset.picture import array_pixels, check_is_batch, is_batch, picture_pixels
from .._dataset.pixels import Pixels, conform_color
from .._errors import CoderError
from .options import (
    Configured,
    Statistic,
    check_deviation,
    check_statistic,
    color_channels,
    per_channel,
)


@dataclass(frozen=True)
class ImageDecoder(Configured, kind="image"):
    """Decodes (C, H, W) to a Pillow image of mode L or RGB, (N, C, H, W) to a list of them.

    A value v becomes ``v * std + mean``, clipped to [0, 1], times 255, rounded half up.

    Attributes:
        color: "gray" (C = 1) or "rgb" (C = 3).
        mean: the mean of the inverse `ImageEncoder`: None (0), a number, or one a channel.
        std: the std of the inverse `ImageEncoder`: None (1), a number, or one a channel.

    Raises:
        CoderError: a setting out of range; an array of another shape, or with NaN.
    """

    color: str = "gray"
    mean: Statistic = field(default=None, kw_only=True)
    std: Statistic = field(default=None, kw_only=True)
    properties = ()

    def __post_init__(self) -> None:
        channels = color_channels(self.color)
        mean = check_statistic(self.mean, "mean", channels=channels)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", check_deviation(self.std, channels=channels))

    def __call__(self, values: object, /) -> Image.Image | list[Image.Image]:
        """The image, or the list of images of a batch."""
        pixels = self.pixels(values)
        if pixels.ndim == 3:
            return _image(pixels)
        return [_image(image) for image in pixels]

    def pixels(self, values: object, /) -> Pixels:
        """uint8 (H, W, C) or (N, H, W, C) of the image or images."""
        array = np.asarray(values, dtype=np.float64)
        channels = color_channels(self.color)
        if array.ndim not in (3, 4) or array.shape[-3] != channels or 0 in array.shape[-2:]:
            raise CoderError(
                f"a {self.color} image must be ({channels}, H, W) or (N, {channels}, H, W), "
                f"not {array.shape}"
            )
        if np.isnan(array).any():
            raise CoderError("the values of an image must not be NaN")
        mean = per_channel(self.mean, 0.0, channels=channels)
        std = per_channel(self.std, 1.0, channels=channels)
        scaled = np.clip(np.moveaxis(array, -3, -1) * std + mean, 0, 1)
        return np.floor(scaled * 255 + 0.5).astype(np.uint8)


def _image(pixels: Pixels) -> Image.Image:
    """The Pillow image of (H, W, 1) or (H, W, 3)."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


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
    source, (left, top, right, bottom) = match_size(
        (old_width, old_height), (width, height), method
    )
    inner = _stretch(pixels, right - left, bottom - top, source)
    if inner.shape[:2] == (height, width):
        return inner
    out = np.zeros((height, width, pixels.shape[2]), dtype=np.uint8)
    out[top:bottom, left:right] = inner
    return out


def match_size(
    old: tuple[int, int], new: tuple[int, int], method: str
) -> tuple[tuple[float, float, float, float], tuple[int, int, int, int]]:
    """The rectangle of a picture of size ``old`` that `resize` reads, and the rectangle of the
    picture of size ``new`` in which it stands: left, top, right, bottom in pixels.
    """
    (old_width, old_height), (width, height) = old, new
    if method == "fit":
        wide = old_width * height >= old_height * width
        inner_width = width if wide else _scale(old_width, height, old_height)
        inner_height = _scale(old_height, width, old_width) if wide else height
        left, top = (width - inner_width) // 2, (height - inner_height) // 2
        whole = (0.0, 0.0, float(old_width), float(old_height))
        return whole, (left, top, left + inner_width, top + inner_height)
    box_width, box_height = float(old_width), float(old_height)
    if method == "fill":
        box_width = min(box_width, old_height * width / height)
        box_height = min(box_height, old_width * height / width)
    left_edge, top_edge = (old_width - box_width) / 2, (old_height - box_height) / 2
    box = (left_edge, top_edge, left_edge + box_width, top_edge + box_height)
    return box, (0, 0, width, height)


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


_MAX_SIDE = 1 << 14


@accept(IMAGE_ENCODER)
@dataclass(frozen=True, kw_only=True)
class ImageEncoder(Configured, kind="image"):
    """Encodes images for a net. Width and height are keywords, since their order differs.

    Stage 1, `pixels`: colour, then size; uint8, exactly the bytes that the C engine reads.
    Stage 2, `normalize`: ``(pixel / 255 - mean) / std``, float32, channels first.
    A call does both. The encoder takes one image, a list of images or an array of images: Pillow
    images of any mode, uint8 arrays, float arrays in [0, 1], paths of picture files. Arrays (H, W)
    and (H, W, C) are one image; (N, H, W), (N, H, W, C) and (N, C, H, W) are several; C is 1, 3 or
    4. So an array of three axes with a last axis of 1, 3 or 4 is one image. If its last two axes
    also are the encoder's height and width, the array is ambiguous and refused; gray images of that
    size need the form (N, H, W, 1).

    Attributes:
        width: width of the encoded image in pixels, 1 to 16,384.
        height: height of the encoded image in pixels, 1 to 16,384.
        color: "gray" (1 channel) or "rgb" (3). Luma is (299 R + 587 G + 114 B + 500) // 1000;
            alpha is composited on black.
        resize: "stretch", "fit" (aspect kept, padded with black) or "fill" (kept, cropped).
        mean: subtracted after scaling to [0, 1]: None (0), a number, or one a channel.
        std: divisor after the subtraction: None (1), a number, or one a channel; above zero.

    Raises:
        CoderError: a setting is out of range, or an input is no image.
    """

    width: int
    height: int
    color: str = "gray"
    resize: str = "stretch"
    mean: Statistic = None
    std: Statistic = None
    dtype = np.float32

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            if type(side) is not int or not 1 <= side <= _MAX_SIDE:
                raise CoderError(f"{name} must be an int from 1 to {_MAX_SIDE}, not {side!r}")
        for name in ("color", "resize"):  # "RGB" and "rgb" are one word
            word = str(getattr(self, name))
            object.__setattr__(self, name, known_word(word, ("gray", "rgb", *METHODS)) or word)
        channels = color_channels(self.color)
        if self.resize not in METHODS:
            raise CoderError(f"resize must be one of {', '.join(METHODS)}, not {self.resize!r}")
        mean = check_statistic(self.mean, "mean", channels=channels)
        if mean is not None and np.max(mean) > 1:
            raise CoderError(
                f"mean is {self.mean!r}, of pixels that are scaled to [0, 1]: divide mean and std "
                "by 255"
            )
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", check_deviation(self.std, channels=channels))
        if not np.isfinite(_encodings(self.mean, self.std, channels)).all():
            raise CoderError(f"with mean {mean!r} and std {self.std!r} pixels overflow float32")

    @classmethod
    def from_shape(
        cls, shape: tuple[int, ...], *, mean: Statistic = None, std: Statistic = None
    ) -> "ImageEncoder":
        """An encoder of the pictures that a net reads.

        Args:
            shape: of the net's input, (1, height, width) for gray pictures or (3, height, width).
            mean, std: as the attributes.

        Raises:
            CoderError: another shape.
        """
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise CoderError(f"pictures are (1, height, width) or (3, height, width), not {shape}")
        channels, height, width = shape
        color = "gray" if channels == 1 else "rgb"
        return cls(width=width, height=height, color=color, mean=mean, std=std)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one encoded image."""
        return color_channels(self.color), self.height, self.width

    def __call__(self, images: object, /) -> NDArray[np.float32]:
        """float32 (C, H, W) for one image, (N, C, H, W) for a list or an array of images."""
        return self.normalize(self.pixels(images))

    def pixels(self, images: object, /, *, limit: int = READ_LIMIT) -> Pixels:
        """uint8 (H, W, C) for one image, (N, H, W, C) for a list or an array of images.

        Args:
            images: as for a call; picture files may be untrusted.
            limit: bytes of memory that each picture may take while it is decoded, 24 a pixel;
                the default of 640 MiB is 27 megapixels.

        Raises:
            CoderError: no image, values out of range, or a picture that takes more than ``limit``.
            DrypointError: a file cannot be read.
        """
        channels, height, width = self.shape
        if isinstance(images, np.ndarray) and images.shape[1:] == (height, width):
            check_is_batch(images)
        if isinstance(images, np.ndarray) and is_batch(images):
            return self._conform(array_pixels(images))
        if isinstance(images, Iterable) and not isinstance(images, np.ndarray | str):
            each = [self._conform(picture_pixels(i, limit=limit)[None]) for i in images]
            return np.concatenate([np.empty((0, height, width, channels), np.uint8), *each])
        image = picture_pixels(images, limit=limit)[None]
        return self._conform(image).reshape(height, width, channels)

    def normalize(self, pixels: Pixels) -> NDArray[np.float32]:
        """Stage 2: float32 (C, H, W) or (N, C, H, W) from the result of `pixels`.

        Each value is ``(pixel / 255 - mean) / std`` in float64, rounded once to float32.

        Raises:
            CoderError: not uint8, or not of this encoder's size.
        """
        channels, height, width = self.shape
        if pixels.dtype != np.uint8 or pixels.shape[-3:] != (height, width, channels):
            raise CoderError(
                f"pixels must be uint8 (..., {height}, {width}, {channels}), "
                f"not {pixels.dtype} {pixels.shape}"
            )
        table = _encodings(self.mean, self.std, channels)
        encoded = encode(pixels.reshape(-1, height, width, channels), table)
        return encoded.reshape(*pixels.shape[:-3], channels, height, width)

    def resize_dataset(self, dataset: Dataset) -> Dataset:
        """Pictures, and boxes in them, in the size and colour that the net reads."""
        boxes = dataset.boxes
        if boxes is not None:
            edges = self.to_net(boxes.edges, dataset.image_size).astype(np.float32)
            boxes = replace(boxes, edges=edges)
        return replace(dataset, x=self.pixels(dataset.x), boxes=boxes)

    def to_net(self, edges: ArrayLike, size: tuple[int, int]) -> NDArray[np.float64]:
        """Boxes of a picture as boxes of the picture that the net reads.

        Args:
            edges: (M, 4) left, top, right, bottom, in pixels of the picture, turned upright.
            size: (width, height) of the picture.

        Returns:
            float64 (M, 4), in pixels of the encoded picture, and beyond it where it is cropped.
        """
        return _move(edges, *match_size(size, (self.width, self.height), self.resize))

    def to_picture(self, edges: ArrayLike, size: tuple[int, int]) -> NDArray[np.float64]:
        """Boxes of the picture that the net reads as boxes of a picture: `to_net` backwards.

        Args:
            edges: (M, 4) left, top, right, bottom, in pixels of the encoded picture.
            size: (width, height) of the picture, turned upright.

        Returns:
            float64 (M, 4), in pixels of the picture.
        """
        source, target = match_size(size, (self.width, self.height), self.resize)
        return _move(edges, target, source)

    def decoder(self) -> ImageDecoder:
        """The inverse: a decoder that gives the `pixels` of an encoded image as an image."""
        return ImageDecoder(self.color, mean=self.mean, std=self.std)

    def _conform(self, images: Pixels) -> Pixels:
        """Images (N, H, W, C) in the encoder's colour and size: (N, height, width, channels)."""
        colored = conform_color(images, self.color)
        if colored.shape[1:3] == (self.height, self.width):
            return colored
        out = np.empty((len(colored), self.height, self.width, colored.shape[3]), dtype=np.uint8)
        for target, image in zip(out, colored, strict=True):
            target[...] = resize(image, self.width, self.height, method=self.resize)
        return out


def _move(
    edges: ArrayLike, source: tuple[float, ...], target: tuple[float, ...]
) -> NDArray[np.float64]:
    """Edges (M, 4) after a rectangle becomes another one."""
    (left, top, right, bottom), (new_left, new_top, new_right, new_bottom) = source, target
    scale = np.array(
        [(new_right - new_left) / (right - left), (new_bottom - new_top) / (bottom - top)]
    )
    points = np.asarray(edges, np.float64).reshape(-1, 2, 2)
    moved: NDArray[np.float64] = (points - (left, top)) * scale + (new_left, new_top)
    return moved.reshape(-1, 4)


@lru_cache(maxsize=16)
def _encodings(mean: Statistic, std: Statistic, channels: int) -> NDArray[np.float32]:
    """The encoded value of each pixel value: float32 (channels, 256), read-only."""
    means = per_channel(mean, 0.0, channels=channels)[:, None]
    deviations = per_channel(std, 1.0, channels=channels)[:, None]
    with np.errstate(over="ignore"):  # the constructor refuses infinities
        values = (np.arange(256) / 255 - means) / deviations
        table: NDArray[np.float32] = values.astype(np.float32)
    table.flags.writeable = False
    return table


_RAMP = " .:-=+*#%@"  # from black to white, as on a dark terminal
_MAX_WIDTH = 200


def ascii_image(image: object, width: int | None = None) -> str:
    """An image in characters, ``width`` columns wide; lines joined by newlines, none at the end.

    Args:
        image: one image in any form that an `ImageEncoder` takes.
        width: columns, 1 to 200; None is the image's own width, at most 80.

    A character cell is about twice as high as wide, so there are half as many lines as the
    aspect would ask for. Brightness 0 to 255 is cut into ten equal steps, dark ones blank.

    Raises:
        CoderError: no image, or a width out of range.
    """
    pixels = picture_pixels(image)
    height, own_width = pixels.shape[:2]
    columns = min(own_width, 80) if width is None else width
    if type(columns) is not int or not 1 <= columns <= _MAX_WIDTH:
        raise CoderError(f"width must be from 1 to {_MAX_WIDTH} columns, not {kind_of(columns)}")
    lines = max(1, round(height * columns / own_width / 2))
    gray = ImageEncoder(width=columns, height=lines).pixels(image)[..., 0].astype(int)
    return "\n".join("".join(_RAMP[v * len(_RAMP) // 256] for v in row).rstrip() for row in gray)
