"""Checks of the arguments of augmentations."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import AugmentError
from .counter_random import Keys, image_keys


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


def _range(places: NDArray[np.integer]) -> tuple[str, int, int]:
    return "an index", int(places.min(initial=0)), int(places.max(initial=0))
