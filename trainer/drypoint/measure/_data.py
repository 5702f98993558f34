"""The data of a measurement: inputs of any kind with their labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import kind_of
from drypoint.data import Class, Dataset, check_scaled, label_indices, plain_images

from ._errors import MeasureError

InputsAndLabels: TypeAlias = tuple[ArrayLike, ArrayLike]
"""Inputs (N, ...) and their labels, in one of the forms that `data.label_indices` reads."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Inputs that are no uint8 images, with their labels; `label_data` checks them and makes it.

    Attributes:
        x: (N, ...), a batch of inputs of the model.
        y: int64 (N,), class indices.
        classes: the class names; ``y`` holds indices into them.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    classes: tuple[Class, ...]

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.x)

    def digest(self) -> str:
        """SHA-256 (64 hexadecimal digits) of type, shape, inputs, labels and classes."""
        content = hashlib.sha256(repr((self.x.dtype.str, self.x.shape, self.classes)).encode())
        content.update(self.x.tobytes())
        content.update(self.y.astype("<i8").tobytes())
        return content.hexdigest()


def label_data(data: object, known: Sequence[Class] | None) -> Dataset | Labelled:
    """The data of a `Dataset` or a pair (x, y)."""
    if isinstance(data, Dataset | Labelled):
        return data
    if not (isinstance(data, tuple | list) and len(data) == 2):
        raise MeasureError(
            f"the data are {kind_of(data)}; wanted: a Dataset or a pair (x, y) of arrays "
            "(pictures in folders: data.load_folder; by name: data.load)"
        )
    try:
        x = np.asarray(data[0])
    except ValueError as error:
        raise MeasureError("the inputs are no array: their rows differ in length") from error
    if x.ndim == 0 or x.dtype.kind not in "buif":
        raise MeasureError(f"the inputs are {kind_of(data[0])}; wanted: an array (N, ...)")
    check_scaled(x, name="the inputs")
    y, classes = _labels(data[1], known)
    if len(x) != len(y):
        raise MeasureError(f"the data have {len(x)} inputs but {len(y)} labels")
    images = plain_images(x)
    if x.dtype == np.uint8 and (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)):
        return Dataset(images, y, classes)
    return Labelled(x, y, classes)


def _labels(
    values: ArrayLike, known: Sequence[Class] | None
) -> tuple[NDArray[np.int64], tuple[Class, ...]]:
    labels = np.asarray(values)
    if labels.dtype.kind == "U":
        return label_indices(labels)
    named = known is not None and all(isinstance(name, int) for name in known)
    counted = known is None or tuple(known) == tuple(range(len(known)))
    if named and not counted and labels.ndim == 1 and labels.dtype.kind in "iu":
        names, y = np.unique(labels, return_inverse=True)
        return y.astype(np.int64), tuple(names.tolist())
    return label_indices(labels, known)
