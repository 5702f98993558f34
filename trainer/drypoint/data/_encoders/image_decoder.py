"""Decoder of a net's output as an image."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .._dataset.color import Pixels
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
