"""From what a user gives to real numbers."""

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array

from ._errors import InputError


def as_real(x: ArrayLike, kind: str, dtype: np.dtype[np.floating] | None = None) -> Array:
    """x in a dtype; None means float64 if it is, else float32.

    Raises:
        InputError: x is ragged, not of real numbers, or not finite; it names `kind`.
    """
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(kind, f"wants an array: the lists differ in length ({error})") from error
    if array.dtype.kind not in "biuf":
        raise InputError(kind, f"wants real numbers, got {array.dtype}")
    if dtype is None:
        wide = array.dtype == np.float64 and isinstance(x, np.ndarray)
        dtype = np.dtype(np.float64 if wide else np.float32)
    real: Array = array.astype(dtype, copy=False)
    if not np.isfinite(real).all():
        raise InputError(kind, f"wants finite numbers, got {_first_bad(array, real)}")
    return real


def _first_bad(array: np.ndarray, real: Array) -> str:
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(real))[0])
    return f"{array[at]} at {at}"
