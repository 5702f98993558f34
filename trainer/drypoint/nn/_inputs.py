"""From what a user gives to a batch of real numbers."""

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array

from ._errors import InputError, ShapeError


def as_real(x: ArrayLike, kind: str) -> Array:
    """x as float64 if it is, else as float32.

    Raises:
        InputError: x is ragged, not of real numbers, or not finite; it names `kind`.
    """
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(kind, f"wants an array: the lists differ in length ({error})") from error
    if array.dtype.kind not in "biuf":
        raise InputError(kind, f"wants real numbers, got {array.dtype}")
    real: Array = array.astype(
        np.float64 if array.dtype == np.float64 and isinstance(x, np.ndarray) else np.float32,
        copy=False,
    )
    if not np.isfinite(real).all():
        raise InputError(kind, f"wants finite numbers, got {_first_bad(array, real)}")
    return real


def as_batch(x: ArrayLike, kind: str, example_rank: int | None) -> tuple[Array, bool]:
    """x as a batch, and whether it was a single example.

    Raises:
        InputError: see `as_real`.
        ShapeError: x has the axes of neither an example nor a batch.
    """
    real = as_real(x, kind)
    if example_rank is None or real.ndim == example_rank:
        return real[np.newaxis], True
    if real.ndim == example_rank + 1:
        return real, False
    raise ShapeError(
        kind,
        f"wants one example of {example_rank} axes or a batch of {example_rank + 1}, "
        f"got shape {real.shape}",
    )


def _first_bad(array: np.ndarray, real: Array) -> str:
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(real))[0])
    return f"{array[at]} at {at}"
