"""Counter-based random numbers: the n-th number of a stream is a function of its key and n.

The hash is the finalizer of SplitMix64 (Steele, Lea & Flood 2014) on a counter. There is no state,
so the numbers of an image depend on (seed, epoch, index) alone: not on batches, their order,
threads, or where a run was resumed. Sums wrap at 2^64.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import AugmentError

Keys = NDArray[np.uint64]

SIDE_MAX = 4096  # pixels: source coordinates in 1/65536 pixel stay below 2^31

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd: steps through all 2^64 values


def numbers(keys: Keys, n: ArrayLike) -> Keys:
    """The n-th numbers of the streams of keys, uint64, broadcast; each may be a key itself."""
    z: Keys = keys + _STEP * (np.atleast_1d(np.asarray(n, np.uint64)) + np.uint64(1))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def image_keys(seed: int, epoch: int, indices: ArrayLike) -> Keys:
    """The key of each image: seed, epoch and index hashed one after the other, uint64 (N,)."""
    return numbers(numbers(numbers(np.zeros(1, np.uint64), seed), epoch), indices)


def uniform(keys: Keys, n: ArrayLike) -> NDArray[np.float64]:
    """The n-th numbers, broadcast, as float64 in [-1, 1), a multiple of 2^-52, exactly."""
    return (numbers(keys, n) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0


def check_amount(name: str, value: float, least: float, most: float) -> None:
    """Refuse what is no number from ``least`` to ``most``."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= most):
        raise AugmentError(f"{name} is {value!r}, not a number from {least} to {most}")


def draw_keys(n: int, seed: int, epoch: int, indices: ArrayLike, *, what: str) -> Keys:
    """The random key of each of ``n`` examples."""
    places = np.asarray(indices)
    if places.shape != (n,) or places.dtype.kind not in "iu":
        raise AugmentError(
            f"indices is {places.dtype} {places.shape}; wanted: {n} integers, one for each of the "
            f"{n} {what}"
        )
    for name, low, high in (("seed", seed, seed), ("epoch", epoch, epoch), _range(places)):
        if low < 0 or high >= 1 << 63:
            raise AugmentError(f"{name} must be 0 to 2^63 - 1, not {low if low < 0 else high}")
    return image_keys(seed, epoch, places)


def draw_image_keys(
    images: NDArray[np.uint8], seed: int, epoch: int, indices: ArrayLike
) -> tuple[NDArray[np.uint8], Keys]:
    """The images as (N, H, W, C), and the random key of each image."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise AugmentError(
            f"augmentation takes uint8 images (N, H, W) or (N, H, W, C), not {images.dtype} "
            f"{images.shape}"
        )
    if max(images.shape[1:3]) > SIDE_MAX or 0 in images.shape[1:]:
        raise AugmentError(f"sides must be 1 to {SIDE_MAX} pixels, images are {images.shape}")
    keys = draw_keys(len(images), seed, epoch, indices, what="images")
    return images if images.ndim == 4 else images[..., None], keys


def _range(places: NDArray[np.integer]) -> tuple[str, int, int]:
    return "an index", int(places.min(initial=0)), int(places.max(initial=0))
