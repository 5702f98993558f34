"""Errors of pictures, checks of arguments, and numbers from the user as read-only arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import DrypointError, check_kind, kind_of


class PlotError(DrypointError, ValueError):
    """The data or the axes do not fit the picture; the message says which and what to do."""


class MatplotlibMissingError(DrypointError, ImportError):
    """A drawing needs matplotlib, which is not installed; the text form does not need it."""


def check(value: object, kinds: type | tuple[type, ...], *, name: str, wanted: str) -> None:
    """Refuse an argument of another kind."""
    check_kind(value, kinds, name=name, wanted=wanted, error=PlotError)


def array(values: ArrayLike, name: str) -> NDArray[np.generic]:
    """An array of numbers, of any shape."""
    try:
        result = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise PlotError(f"{name} is {kind_of(values)} that makes no array") from error
    if result.dtype.kind not in "buif":
        raise PlotError(f"{name} is {kind_of(values)}; wanted: an array of numbers")
    return result


def numbers(values: ArrayLike, name: str, *, axes: int | None = 1) -> NDArray[np.float64]:
    """A read-only float64 copy with ``axes`` axes; None: any number of axes, flattened."""
    try:
        array = np.array(values)
    except ValueError as error:  # rows of different lengths
        raise PlotError(f"{name} is no array of numbers: {error}") from error
    if array.size and array.dtype.kind not in "buif":
        raise PlotError(f"{name} must be numbers, not {array.dtype}")
    if axes is not None and array.ndim != axes:
        raise PlotError(f"{name} must have {axes} axes, not the shape {array.shape}")
    copy = array.astype(np.float64).reshape(-1 if axes is None else array.shape)
    if not np.isfinite(copy).all():
        raise PlotError(f"{name} must be finite, it holds NaN or infinity")
    return freeze(copy)


def freeze(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The array itself, made read-only."""
    array.flags.writeable = False
    return array
