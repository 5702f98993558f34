"""`Dataset`: images with their labels and classes, for training and measuring."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._classes import Class
from ._errors import DatasetError
from ._labels import label_indices
from ._pixels import check_scaled, plain_images

_Scalar = TypeVar("_Scalar", bound=np.generic)
_NAMED = 10  # the most classes that the repr of a data set names


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images, checked in the constructor and read-only.

    Attributes:
        x: uint8 images, (N, H, W) for gray or (N, H, W, 3) for RGB; N, H, W at least 1. The
            constructor also takes channels first, or an axis for one channel.
        y: int64 class indices, (N,), each in [0, len(classes)). The constructor also takes names
            of classes or one-hot rows: see `label_indices`.
        classes: the distinct labels, str or int; ``classes[y[i]]`` is the label of image i. The
            default is the sorted names in ``y``, or 0, 1, ... to the highest index.

    Writable arrays are copied. Iteration gives (image, label) pairs.

    Raises:
        DatasetError: wrong dtype, shape, length or label; the message says which.
        UnknownClassError: ``y`` has a name that is none of ``classes``.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    classes: tuple[Class, ...] = ()

    def __post_init__(self) -> None:
        x = plain_images(np.asarray(self.x))
        gray, rgb = x.ndim == 3, x.ndim == 4 and x.shape[3] == 3
        check_scaled(x, name="images")
        if x.dtype != np.uint8 or not (gray or rgb):
            scaled = x.dtype.kind == "f" and x.size and 0 <= x.min() <= x.max() <= 1
            hint = ": of values in [0, 1] it is (255 * x).round().astype('uint8')" if scaled else ""
            raise DatasetError(
                "images must be uint8 of shape (N, H, W) or (N, H, W, 3), "
                f"not {x.dtype} of shape {np.shape(self.x)}{hint}"
            )
        if x.size == 0:
            raise DatasetError(f"no images: their shape is {x.shape}")
        # The default () means "from y"; other empty lists of classes are refused.
        left_out = isinstance(self.classes, tuple) and not self.classes
        y, classes = label_indices(self.y, None if left_out else self.classes)
        if len(x) != len(y):
            raise DatasetError(f"{len(x)} images but {len(y)} labels: one label an image is wanted")
        object.__setattr__(self, "x", _frozen(x))
        object.__setattr__(self, "y", _frozen(y))
        object.__setattr__(self, "classes", classes)

    def __len__(self) -> int:
        """The number of images."""
        return len(self.x)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], Class]]:
        """The (image, label) pairs in order."""
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Class]: ...
    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...
    def __getitem__(self, index: int | slice) -> "tuple[NDArray[np.uint8], Class] | Dataset":
        """Image (H, W) or (H, W, 3) and label at ``index``, or the data set of a slice."""
        if isinstance(index, slice):
            return Dataset(self.x[index], self.y[index], self.classes)
        return self.x[index], self.classes[int(self.y[index])]

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) in pixels; arrays have (height, width)."""
        return int(self.x.shape[2]), int(self.x.shape[1])

    def take(self, indices: ArrayLike) -> "Dataset":
        """The images at ``indices``, in that order; negative indices count from the end.

        Raises:
            DatasetError: no list of integers, an empty list, or an index outside [-N, N).
        """
        chosen = checked_indices(indices, len(self))
        return Dataset(self.x[chosen], self.y[chosen], self.classes)

    def sample(self, n: int, seed: int = 0) -> "Dataset":
        """``n`` distinct random images, in the order drawn; equal seeds give equal samples.

        Raises:
            DatasetError: ``n`` is not in [1, N].
        """
        if not 1 <= n <= len(self):
            raise DatasetError(f"a sample of {n} was asked for, from 1 to {len(self)} can be drawn")
        return self.take(np.random.default_rng(seed).choice(len(self), size=n, replace=False))

    def class_counts(self) -> dict[Class, int]:
        """Class -> number of its images, in the order of ``classes``, zeros included."""
        counts = np.bincount(self.y, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    def __repr__(self) -> str:
        (n, height, width), color = self.x.shape[:3], "rgb" if self.x.ndim == 4 else "gray"
        names = ", ".join(map(str, self.classes[:_NAMED])) + (
            ", ..." * (len(self.classes) > _NAMED)
        )
        images = f"{n:,} image{'s' * (n > 1)} of {width} x {height}, {color}"
        return f"Dataset({images}; {len(self.classes)} classes: {names})"

    def as_ports(self, *, images: str = "input", labels: str = "target") -> dict[str, NDArray[Any]]:
        """The two arrays under the names of a net's ports: ``{images: x, labels: y}``."""
        return {images: self.x, labels: self.y}

    def digest(self) -> str:
        """SHA-256 (64 hexadecimal digits) of shape, pixels, labels and classes.

        Data sets with equal content have equal digests, on every machine.
        """
        content = hashlib.sha256(repr((self.x.shape, self.classes)).encode())
        content.update(self.x.tobytes())
        content.update(self.y.astype("<i8").tobytes())
        return content.hexdigest()


def take(ports: dict[str, NDArray[Any]], indices: ArrayLike) -> dict[str, NDArray[Any]]:
    """Port -> the examples at ``indices``, in that order.

    Raises:
        DatasetError: no ports, arrays of different lengths, or indices as in `Dataset.take`.
    """
    lengths = {name: len(values) for name, values in ports.items()}
    if len(set(lengths.values())) != 1:
        raise DatasetError(f"ports must hold arrays of one length, not {lengths}")
    chosen = checked_indices(indices, next(iter(lengths.values())))
    return {name: values[chosen] for name, values in ports.items()}


def checked_indices(indices: ArrayLike, length: int) -> NDArray[np.int64]:
    """``indices`` as int64, checked as for `Dataset.take`."""
    chosen = np.asarray(indices)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
        raise DatasetError(
            "indices must be a non-empty list of integers, "
            f"not {chosen.dtype} of shape {chosen.shape}"
        )
    low, high = int(chosen.min()), int(chosen.max())
    if low < -length or high >= length:
        wrong = low if low < -length else high
        raise DatasetError(f"index {wrong} is outside [-{length}, {length})")
    return chosen.astype(np.int64)


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """``array`` itself if its memory is not writable, else a read-only copy."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            copy = np.array(array, order="C")
            copy.flags.writeable = False
            return copy
        owner = owner.base
    return array
