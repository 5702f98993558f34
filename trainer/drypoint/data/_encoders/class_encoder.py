"""Encoder of labels as targets of a classifier."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._dataset.classes import Class, check_classes, list_classes, plain_label
from .._errors import CoderError, UnknownClassError
from .options import Configured


@dataclass(frozen=True)
class ClassEncoder(Configured, kind="class"):
    """Encodes a label as its index in ``classes``, counted from 0, or as an indicator vector.

    One label gives an array of `shape`, a list or array of N labels one of (N, *shape).

    Attributes:
        classes: the distinct labels, str or int.
        form: "index" (int64, shape ()) or "onehot" (float32, shape (number of classes,)).

    Raises:
        CoderError: no classes, a class twice, or another form.
        UnknownClassError: a label that is not one of the classes.
    """

    classes: tuple[Class, ...] = tuple(range(10))
    form: str = "index"

    if TYPE_CHECKING:

        def __init__(self, classes: Sequence[Class] = ..., form: str = ...) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        if self.form not in ("index", "onehot"):
            raise CoderError(f"form must be 'index' or 'onehot', not {self.form!r}")

    @property
    def shape(self) -> tuple[int, ...]:
        """() for indices, (number of classes,) for indicator vectors."""
        return () if self.form == "index" else (len(self.classes),)

    @property
    def dtype(self) -> type[np.int64] | type[np.float32]:
        """int64 for indices, float32 for indicator vectors."""
        return np.int64 if self.form == "index" else np.float32

    def __call__(self, labels: object, /) -> NDArray[np.int64] | NDArray[np.float32]:
        """The encoded label, or the encoded labels of a list."""
        places = {label: index for index, label in enumerate(self.classes)}
        plain = labels.tolist() if isinstance(labels, np.ndarray) else labels
        index: NDArray[np.int64]
        if isinstance(plain, str) or not isinstance(plain, Iterable):
            index = np.array(self._index(plain, places), dtype=np.int64)
        else:
            index = np.array([self._index(label, places) for label in plain], dtype=np.int64)
        if self.form == "index":
            return index
        onehot: NDArray[np.bool_] = index[..., None] == np.arange(len(self.classes))
        return onehot.astype(np.float32)

    def _index(self, label: object, places: Mapping[Class, int]) -> int:
        """The index of one label; 1.0 and True are not the class 1."""
        plain = plain_label(label)
        if isinstance(plain, str | int) and not isinstance(plain, bool) and plain in places:
            return places[plain]
        raise unknown_class(plain, self.classes)


def unknown_class(label: object, classes: tuple[Class, ...]) -> UnknownClassError:
    """The error for a label outside ``classes``; it lists at most 20 classes."""
    return UnknownClassError(
        f"{label!r} is not one of the {len(classes)} classes: {list_classes(classes)}"
    )
