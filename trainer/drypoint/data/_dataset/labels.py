"""Class indices from labels in any form; groups of examples that depend on one another."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import kind_of

from .._errors import DatasetError
from .classes import Class, check_classes, class_places

_GAP = 1000  # of labels without a class, beside 10 for each label that occurs
NO_LABEL = -1
"""The label of a pixel that no loss and no figure counts."""
VOID = 255  # as files have NO_LABEL


def label_indices(
    labels: ArrayLike | None, classes: Sequence[Class] | None = None, *, name: str = "labels"
) -> tuple[NDArray[np.int64], tuple[Class, ...]]:
    """Labels as indices of classes.

    Args:
        labels: N labels: indices (N,) or (N, 1), integers or floats that are whole numbers; names
            of classes (N,), texts; or one-hot rows (N, number of classes).
        classes: the classes that indices refer to; None: the sorted names that occur, or 0, 1, ...
            to the highest index.
        name: the name of the labels, for messages.

    Returns:
        Indices, int64 (N,), and the classes that they refer to.

    Raises:
        DatasetError: no labels, another shape or type, or an index out of range; or, without
            ``classes``, one above 1,000 and 10 for each different label.
        UnknownClassError: a name that is none of ``classes``.
        CoderError: ``classes`` are not distinct str or int.
    """
    model_classes = None if classes is None else check_classes(classes)
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise DatasetError(f"{name} are no array: their rows differ in length") from error
    if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind != "b":
        array = array[:, 0]
    if array.size == 0:
        raise DatasetError(f"there are no {name}: their shape is {array.shape}")
    if array.dtype.kind == "U" and array.ndim == 1:
        names, indices = np.unique(array, return_inverse=True)
        texts: list[str] = names.tolist()
        if model_classes is None:
            return indices.astype(np.int64), tuple(texts)
        return class_places(texts, model_classes, owner="the list of classes")[
            indices
        ], model_classes
    if is_one_hot(array):
        indices, n = array.argmax(axis=1), array.shape[1]
        if model_classes is not None and n != len(model_classes):
            raise DatasetError(f"{name} are one-hot rows of {n}, for {len(model_classes)} classes")
    elif array.ndim == 1 and _are_whole(array):
        indices, n = array, int(array.max()) + 1
    else:
        raise DatasetError(
            f"{name} must be integers or texts of shape (N,) or one-hot rows (N, classes), not "
            f"{array.dtype} of shape {array.shape}"
        )
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or (model_classes is not None and high >= len(model_classes)):
        allowed = "0 and more" if model_classes is None else f"0 to {len(model_classes) - 1}"
        counted = "indices" if model_classes is None else f"{len(model_classes)} classes"
        hint = (
            ": subtract 1, y - 1"
            if model_classes is not None and (low, high) == (1, len(model_classes))
            else ""
        )
        hint = f": number classes from 0, y + {-low}" if model_classes is None else hint
        raise DatasetError(f"{name} reach from {low} to {high}, {counted} allow {allowed}{hint}")
    distinct = len(np.unique(indices)) if high > _GAP else 0
    if model_classes is None and high > _GAP + 10 * distinct:
        raise DatasetError(
            f"{name} reach {high}, and {distinct:,} different ones occur, which allow indices of "
            f"classes up to {_GAP + 10 * distinct:,}: number the classes from 0, y = "
            "np.unique(y, return_inverse=True)[1], or give their names as texts"
        )
    return indices.astype(np.int64, copy=False), tuple(
        range(n)
    ) if model_classes is None else model_classes


def is_one_hot(array: NDArray[np.generic]) -> bool:
    """Whether an array is one-hot rows (N, C), C at least 2: one 1 in each row, else 0."""
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "buif":
        return False
    ones = array == 1
    return bool((ones.sum(axis=1) == 1).all() and (ones | (array == 0)).all())


def _are_whole(array: NDArray[np.generic]) -> bool:
    """Whether an array holds integers, perhaps as floats, as `numpy.loadtxt` gives them."""
    if array.dtype.kind == "f":
        return bool(np.isfinite(array).all() and (array == np.rint(array)).all())
    return array.dtype.kind in "iu"


def as_array(values: object, name: str) -> NDArray[Any]:
    """Values as an array; refuses rows of unequal shapes."""
    try:
        return np.asarray(values)
    except ValueError as error:
        wanted = "an array (N, ...), or a list of arrays of one shape"
        raise DatasetError(
            f"{name} are {kind_of(values)}, of unequal shapes; wanted: {wanted}"
        ) from error


def plain_groups(groups: ArrayLike | None, n: int) -> NDArray[np.int64] | None:
    """Groups of n examples as int64 from 0; None where each example is a group of its own."""
    if groups is None:
        return None
    array = as_array(groups, "groups")
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


def is_label_map(labels: object) -> bool:
    """Whether labels are maps (N, height, width): a label for each pixel."""
    try:
        return np.ndim(labels) == 3  # type: ignore[arg-type]  # of what is no array it is 0
    except ValueError:  # rows of different lengths
        return False


def map_indices(
    labels: ArrayLike, classes: Sequence[Class] | None
) -> tuple[NDArray[np.int64], tuple[Class, ...]]:
    """Label maps as indices int64 (N, height, width), `NO_LABEL` where a pixel has none, and the
    classes that they refer to; None: 0, 1, ... to the highest index.
    """
    maps = np.asarray(labels)
    if maps.dtype.kind not in "biu" or maps.size == 0:
        raise DatasetError(
            f"label maps must be integers (N, height, width), not {maps.dtype} of shape "
            f"{maps.shape}"
        )
    if has_void(maps, classes):
        raise DatasetError(
            f"the label maps hold {VOID} beside 0 to {maps[maps != VOID].max(initial=0)}: give "
            f"pixels without a label {NO_LABEL}, y = np.where(y == {VOID}, {NO_LABEL}, y)"
        )
    maps = maps.astype(np.int64)
    known = maps[maps != NO_LABEL]
    if classes is None and np.array_equal(np.unique(known), (0, VOID)):
        raise DatasetError(f"the label maps hold 0 and {VOID}: give classes from 0, y // {VOID}")
    if known.size == 0:
        raise DatasetError(f"no pixel of the label maps has a label: all are {NO_LABEL}")
    found = label_indices(known, classes, name="the label maps")[1]
    return maps, found


def has_void(maps: NDArray[np.integer], classes: Sequence[Class] | None = None) -> bool:
    """Whether label maps hold 255, as in PASCAL VOC's, far above their classes' indices."""
    if len(classes or ()) > VOID or maps.max(initial=0) != VOID:
        return False
    return bool(0 < maps[maps != VOID].max(initial=0) < VOID - 1)
