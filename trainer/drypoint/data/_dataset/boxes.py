"""`Boxes`: where objects lie in pictures, and their classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import count_of

from .._errors import DatasetError

MOST_BOXES, MOST_CLASSES = 1000, 1000  # of a picture and of a data set, that files may have
NO_OBJECT = -1  # the class of a row that fills up


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes around the objects of N pictures, checked in the constructor and read-only.

    Coordinates are of edges: the left edge of a picture is 0, its right edge is its width.

    Attributes:
        edges: float32 (M, 4): left, top, right and bottom of each box, in pixels.
        labels: int64 (M,): the index of each object's class.
        pictures: int64 (M,), rising: the picture of each object.
        n: the number of pictures, pictures without an object included.

    Raises:
        DatasetError: other shapes; an edge that is not finite, or a box without width or height; a
            class below 0; pictures that do not rise, or outside [0, n).
    """

    edges: NDArray[np.float32]
    labels: NDArray[np.int64]
    pictures: NDArray[np.int64]
    n: int

    def __post_init__(self) -> None:
        edges = np.array(self.edges, np.float32).reshape(-1, 4)
        labels, pictures = np.array(self.labels, np.int64), np.array(self.pictures, np.int64)
        if not len(edges) == len(labels) == len(pictures):
            raise DatasetError(
                f"{len(edges)} boxes, {len(labels)} labels and {len(pictures)} pictures: each box "
                "has one label and one picture"
            )
        if not np.isfinite(edges).all():
            raise DatasetError("an edge of a box is NaN or infinite")
        empty = (edges[:, 2:] <= edges[:, :2]).any(axis=1)
        if empty.any():
            shown = [float(edge) for edge in edges[np.argmax(empty)]]
            raise DatasetError(
                f"the box {shown} has no width or height: wanted left, top, right, bottom"
            )
        if len(labels) and labels.min() < 0:
            raise DatasetError(f"the class {labels.min()} of a box is below 0")
        if len(pictures) and (
            (np.diff(pictures) < 0).any() or pictures[0] < 0 or pictures[-1] >= self.n
        ):
            raise DatasetError(f"the pictures of boxes must rise, from 0 to at most {self.n - 1}")
        for name, array in (("edges", edges), ("labels", labels), ("pictures", pictures)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, rows: Sequence[ArrayLike]) -> "Boxes":
        """The boxes of pictures: for each its rows of class, left, top, right, bottom, (k, 5)."""
        tables = [np.asarray(table, np.float64).reshape(-1, 5) for table in rows]
        flat = np.concatenate([*tables, np.empty((0, 5))])
        pictures = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        return cls(flat[:, 1:], flat[:, 0].astype(np.int64), pictures, len(tables))

    @property
    def counts(self) -> NDArray[np.int64]:
        """(N,): how many objects each picture has."""
        return np.bincount(self.pictures, minlength=self.n)

    def __getitem__(self, picture: int) -> NDArray[np.float32]:
        """The rows of class, left, top, right, bottom of a picture, float32 (k, 5)."""
        place = range(self.n)[picture]
        mine = slice(*np.searchsorted(self.pictures, (place, place + 1)).tolist())
        return np.concatenate([self.labels[mine, None], self.edges[mine]], 1).astype(np.float32)

    def take(self, pictures: NDArray[np.int64] | slice) -> "Boxes":
        """The boxes of chosen pictures, in their order; a picture may come twice."""
        chosen = np.arange(self.n)[pictures]
        counts, starts = self.counts[chosen], np.searchsorted(self.pictures, chosen)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.repeat(starts, counts) + within
        owners = np.repeat(np.arange(len(chosen)), counts)
        return Boxes(self.edges[places], self.labels[places], owners, len(chosen))

    def pad_rows(self) -> NDArray[np.float32]:
        """Rows of class, left, top, right, bottom of each picture, float32 (N, K, 5) with K of the
        picture with the most objects, at least 1; rows that fill up have the class -1.
        """
        counts = self.counts
        table = np.zeros((self.n, max(1, int(counts.max(initial=0))), 5), np.float32)
        table[..., 0] = NO_OBJECT
        place = np.arange(len(self.labels)) - np.repeat(np.cumsum(counts) - counts, counts)
        table[self.pictures, place, 0] = self.labels
        table[self.pictures, place, 1:] = self.edges
        return table

    def __repr__(self) -> str:
        boxes = count_of(len(self.labels), "box", "boxes")
        return f"Boxes({boxes} in {count_of(self.n, 'picture')})"

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of an ``.npz`` file of them."""
        return {"boxes": self.edges, "box_labels": self.labels, "box_pictures": self.pictures}
