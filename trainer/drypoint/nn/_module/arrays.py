"""Arrays from the user as checked real numbers, and read-only arrays and mappings."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array

from .._errors import InputError, ShapeError
from .sizes import Shape


def as_real(x: ArrayLike, kind: str, dtype: np.dtype[np.floating] | None = None) -> Array:
    """x as an array of finite floats; with dtype None float64 stays, and all else is float32."""
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


Value_co = TypeVar("Value_co", covariant=True)


class FrozenMapping(Mapping[str, Value_co]):
    """An ordered, immutable mapping. Unlike `types.MappingProxyType` it can be pickled."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Value_co] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, key: str) -> Value_co:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


def frozen_arrays(
    given: Mapping[str, ArrayLike], shapes: Mapping[str, Shape], kind: str
) -> dict[str, Array]:
    """Read-only, row-major float32 copies of the arrays for a layer of class `kind`.

    Values need not be finite, so that the weights of a diverged training can be looked at.
    """
    arrays = {}
    for name, values in given.items():
        try:
            array = np.array(values)
        except ValueError as error:
            raise InputError(kind, f"wants an array for {name}: {error}") from error
        if array.dtype.kind not in "biuf":
            raise InputError(kind, f"wants real numbers for {name}, got {array.dtype}")
        if array.shape != shapes[name]:
            raise ShapeError(kind, f"wants {name} of shape {shapes[name]}, got {array.shape}")
        arrays[name] = array.astype(np.float32, order="C", copy=False)
        arrays[name].flags.writeable = False
    return arrays
