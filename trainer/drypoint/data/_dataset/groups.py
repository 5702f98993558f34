"""Groups of examples that depend on one another: copies, examples of one person or recording."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import DatasetError


def plain_groups(groups: ArrayLike | None, n: int) -> NDArray[np.int64] | None:
    """Groups of n examples as int64 from 0; None where each example is a group of its own."""
    if groups is None:
        return None
    array = np.asarray(groups)
    if array.shape != (n,) or array.dtype.kind not in "iuU":
        raise DatasetError(
            f"groups are {array.dtype} of shape {array.shape}; wanted: integers or texts, one for "
            f"each of {n} examples"
        )
    names, places = np.unique(array, return_inverse=True)
    return None if len(names) == n else places.astype(np.int64)


def join_groups(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(N,): the group of each example; examples with one value in a column are of one group."""
    found = np.arange(len(columns[0]))  # an example of the group of each
    while True:
        before = found
        for column in columns:
            least = np.full(column.max(initial=0) + 1, len(found))
            np.minimum.at(least, column, found)
            found = least[column]
        found = found[found]
        if np.array_equal(found, before):
            return found


def equal_rows(
    x: NDArray[Any], columns: Sequence[NDArray[np.int64]] = ()
) -> tuple[NDArray[np.int64], str]:
    """A number (N,) for each example, equal for equal values; and a line on equal ones, or ""."""
    numbers: dict[tuple[object, ...], int] = {}
    found = np.empty(len(x), np.int64)
    for i, row in enumerate(x):
        digest = blake2b((row + row.dtype.type(0)).tobytes(), digest_size=16)  # -0 becomes 0
        key = digest.digest(), *(int(column[i]) for column in columns)
        found[i] = numbers.setdefault(key, len(numbers))
    repeated = int((np.bincount(found)[found] > 1).sum())
    line = (
        f"{repeated:,} of {len(x):,} examples have the values of another one: equal examples are "
        "in one part, and an interval counts them once"
    )
    return found, line if repeated else ""
