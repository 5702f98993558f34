"""Augmentation of pictures with boxes; `_augment` says what an augmentation is.

An example: scale=0.3 and shift=0.2 draw 0.8 and 0.1 for a picture of 96 pixels. 77 of its pixels
are enlarged to 96, and their middle lies 9.6 pixels to the right of the picture's: an edge at 60 is
drawn at (60 - 9.6 - 48) / 0.8 + 48 = 51.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._dataset.edges import clip_edges
from .._errors import AugmentError
from .compiled import instruction_sets, warp_compiled
from .counter_random import Keys, check_amount, draw_image_keys, draw_keys, uniform
from .patches import MOST, paint_patches
from .warp_map import ONE, warp_reference

Pixels = NDArray[np.uint8]
Reals = NDArray[np.float64]
_SIZE, _X, _Y, _FLIP, _UPSIDE, _LIGHT, _CONTRAST, _COLOR = range(8)  # numbers of a picture's stream
_SLOPE, _PATCHES = 16, 32  # others, of slopes and, from there on, of patches
_LIMITS = {"scale": 0.9, "shift": 1, "light": 1, "contrast": 1, "color": 1, "slope": 1}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Crops, scales, shifts and mirrors pictures with their boxes, and changes light and colours.

    Pixels from outside the picture are black. A box of which less than half stays inside of the
    picture goes, others are clipped. The amount of a picture is uniform between -attribute and
    +attribute. All attributes default to 0 and False.

    Attributes:
        scale: relative change of the visible part's size, 0 to 0.9: below 0 objects grow.
        shift: of the visible part in x and in y, as a share of the side, 0 to 1.
        flip: whether a half of the pictures is mirrored from left to right.
        upside: whether a half of the pictures is mirrored from top to bottom.
        light: added to all values, as a share of 255, 0 to 1.
        contrast: relative change of the distance from middle gray, 0 to 1.
        color: added to the values of each channel on its own, as a share of 255, 0 to 1.
        slope: light that rises from the middle to two edges, as a share of 255, 0 to 1.
        clutter: the patches of random squares, blobs or strokes that are painted at most, 0 to 100;
            a patch is up to a third of the picture wide and high, and has one colour.

    Raises:
        AugmentError: an amount is out of its range.
    """

    scale: float = 0.0
    shift: float = 0.0
    flip: bool = False
    upside: bool = False
    light: float = 0.0
    contrast: float = 0.0
    color: float = 0.0
    slope: float = 0.0
    clutter: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _LIMITS:
                check_amount(field.name, value, 0, _LIMITS[field.name])
            elif field.name == "clutter":
                if type(value) is not int or not 0 <= value <= MOST:
                    raise AugmentError(f"clutter is {value!r}, not a whole number to {MOST}")
            elif type(value) is not bool:
                raise AugmentError(f"{field.name} is {value!r}, not True or False")

    def __call__(self, images: Pixels, /, *, seed: int, epoch: int, indices: ArrayLike) -> Pixels:
        """Changed copies of the images, of their shape; a pure function of the arguments."""
        pixels, keys = draw_image_keys(images, seed, epoch, indices)
        factors, offsets = self._views(keys)
        sides = np.array([pixels.shape[2], pixels.shape[1]])
        firsts = (sides - 1) / 2 + offsets * sides - factors * (sides - 1) / 2
        zeros = np.zeros(len(keys))
        maps = np.stack([firsts[:, 0], factors[:, 0], zeros, firsts[:, 1], zeros, factors[:, 1]], 1)
        warp = warp_compiled if instruction_sets() else warp_reference
        moved = warp(pixels, keys, np.rint(maps * ONE).astype(np.int32), None)
        lit = self._recolor(moved, keys)
        if self.clutter:
            paint_patches(lit, keys, self.clutter, first=_PATCHES)
        return lit.reshape(images.shape)

    def change_targets(
        self, targets: NDArray[np.float32], *, seed: int, epoch: int, indices: ArrayLike
    ) -> NDArray[np.float32]:
        """The boxes of the changed images.

        Args:
            targets: (N, K, 5), rows of class, left, top, right, bottom in shares of the picture's
                width and height; rows of the class -1 are none.
            seed, epoch, indices: as of the images.

        Returns:
            float32 (N, K, 5); a box that goes has the class -1.
        """
        if targets.ndim != 3 or targets.shape[2] != 5:
            raise AugmentError(
                f"augment.Scene moves boxes, targets (N, K, 5), and these are {targets.shape}"
            )
        keys = draw_keys(len(targets), seed, epoch, indices, what="targets")
        factors, offsets = self._views(keys)
        points = targets[..., 1:].astype(np.float64).reshape(len(keys), -1, 2)
        moved = (points - 0.5 - offsets[:, None]) / factors[:, None] + 0.5
        corners = np.sort(moved.reshape(-1, 2, 2), axis=1)  # a mirrored box's left is its right
        edges, kept = clip_edges(corners.reshape(-1, 4), 1, 1)
        classes = np.where(kept, targets[..., 0].ravel(), -1)
        rows = np.concatenate([classes[:, None], edges], axis=1)
        return rows.reshape(targets.shape).astype(np.float32)

    def _views(self, keys: Keys) -> tuple[Reals, Reals]:
        """The factor of source coordinates from the middle, below 0 where mirrored, and the middle
        of the visible part, in shares: (N, 2) each."""
        drawn = uniform(keys[:, None], range(_UPSIDE + 1))
        flips = np.where((drawn[:, [_FLIP, _UPSIDE]] < 0) & [self.flip, self.upside], -1.0, 1.0)
        return (1 + self.scale * drawn[:, [_SIZE]]) * flips, self.shift * drawn[:, [_X, _Y]]

    def _recolor(self, pixels: Pixels, keys: Keys) -> Pixels:
        """Other light, contrast and colours, in integers of 1/256."""
        if not (self.light or self.contrast or self.color or self.slope):
            return pixels
        channels = pixels.shape[3]
        gain = 1 + self.contrast * uniform(keys[:, None], _CONTRAST)
        shift = self.light * uniform(keys[:, None], _LIGHT)
        shift = shift + self.color * uniform(keys[:, None], range(_COLOR, _COLOR + channels))
        gains, shifts = (
            np.rint(v * 256).astype(np.int32)[:, None, None] for v in (gain, shift * 255)
        )
        if self.slope:
            slopes = self.slope * uniform(keys[:, None], range(_SLOPE, _SLOPE + 2))
            across, down = (
                np.rint(np.linspace(-65280, 65280, side) * slopes[:, [i]]).astype(np.int32)
                for i, side in enumerate((pixels.shape[2], pixels.shape[1]))
            )
            shifts = shifts + (across[:, None] + down[..., None])[..., None]
        values = (pixels.astype(np.int32) - 128) * gains + shifts + (128 << 8) + 128 >> 8
        return values.clip(0, 255).astype(np.uint8)
