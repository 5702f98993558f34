"""Values that do not change: mappings and arrays."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array

Value_co = TypeVar("Value_co", covariant=True)


class FrozenMapping(Mapping[str, Value_co]):
    """A mapping that keeps its order and cannot be changed (and, unlike a proxy, be pickled)."""

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


def frozen_array(values: ArrayLike) -> Array:
    """A read-only float32 copy in row-major order."""
    array = np.array(values, np.float32, order="C")
    array.flags.writeable = False
    return array
