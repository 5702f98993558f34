"""Augmentation: small random distortions of the training images or signals, different in each
epoch.

train.fit(model, digits, augment=data.augment.Warp(rotate=12, scale=0.12, shift=1.5))
train.fit(model, gestures, augment=data.augment.Signals(shift=5, gain=0.1))
train.fit(model, (x, boxes), augment=data.augment.Scene(scale=0.2, shift=0.1, flip=True))

The distortion of an example is a function of (seed, epoch, index of the example) and gives
identical bytes on every machine. Only training examples are augmented; validation, measurement and
inference see the original ones.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._augmentation.augment_audio import Audio
from ._augmentation.augment_boxes import Scene
from ._augmentation.augment_signals import Signals
from ._augmentation.compiled import instruction_sets, warp_compiled
from ._augmentation.counter_random import SIDE_MAX, check_amount, draw_image_keys
from ._augmentation.warp_map import ElasticGrid, affine_maps, warp_reference

__all__ = ["SIDE_MAX", "Audio", "RandomRotate", "RandomShift", "Scene", "Signals", "Warp"]

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Warp:
    """Rotates, scales, shears, shifts and bends images with one bilinear interpolation.

    Pixels from outside the image are black. Each attribute is the largest amount: the amount of an
    image is uniform between -attribute and +attribute. All default to 0.

    Attributes:
        rotate: degrees, 0 to 180.
        scale: relative change of size, 0 to 0.5.
        shear: slope of vertical lines, 0 to 1.
        shift: pixels in x and in y, 0 to 1,024; fractions too.
        elastic: standard deviation, in pixels, of smooth random displacements (Simard et al.
            2003), 0 to 16.
        smoothness: standard deviation, in pixels, of the Gaussian that smooths the displacements,
            1 to 256.

    Raises:
        AugmentError: an amount is out of its range.
    """

    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    smoothness: float = 4.0

    def __post_init__(self) -> None:
        limits = {"rotate": 180, "scale": 0.5, "shear": 1, "shift": 1024, "elastic": 16}
        for name, most in limits.items():
            check_amount(name, getattr(self, name), 0, most)
        check_amount("smoothness", self.smoothness, 1, 256)

    def __call__(self, images: Pixels, /, *, seed: int, epoch: int, indices: ArrayLike) -> Pixels:
        """Distorted copies of the images, of their shape; a pure function of the arguments."""
        pixels, keys = draw_image_keys(images, seed, epoch, indices)
        size = (pixels.shape[2], pixels.shape[1])
        amounts = {name: getattr(self, name) for name in ("rotate", "scale", "shear", "shift")}
        maps = affine_maps(keys, size, **amounts)
        grid = _grid(size, self.elastic, self.smoothness) if self.elastic else None
        warp = warp_compiled if instruction_sets() else warp_reference
        return warp(pixels, keys, maps, grid).reshape(images.shape)


def RandomShift(pixels: float) -> Warp:  # noqa: N802
    """A `Warp` that shifts by up to ``pixels`` in x and in y."""
    return Warp(shift=pixels)


def RandomRotate(degrees: float) -> Warp:  # noqa: N802
    """A `Warp` that rotates by up to ``degrees`` in both directions."""
    return Warp(rotate=degrees)


@lru_cache(maxsize=8)
def _grid(size: tuple[int, int], std: float, sigma: float) -> ElasticGrid:
    return ElasticGrid.of(size, std=std, sigma=sigma)
