"""Training data as columns: N values for each port."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from drypoint.common import kind_of
from drypoint.data import Class

from ._errors import TrainError

Column = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a column, which a training step copies: both of its threads then do it, and no
    copy waits for the step.

    Attributes:
        column: C-contiguous float32 (M, ...), which does not change.
        indices: int64 (N,), below M; no other rows share their memory.
    """

    column: Column
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, chosen: slice) -> "Rows":
        return replace(self, indices=self.indices[chosen])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Column:
        return np.asarray(self.column[self.indices], dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the column."""
        return self.column.dtype


Batch = dict[str, Column]
LazyBatch = Mapping[str, Column | Rows]
"""A batch in which a column may be rows that the step copies."""


def stored_arrays(batch: LazyBatch) -> Batch:
    """Port -> the array that a batch holds: a column, or the indices of rows."""
    return {port: c.indices if isinstance(c, Rows) else c for port, c in batch.items()}


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples.

    Attributes:
        columns: port -> (N, ...): numbers, texts, or objects that an encoder reads (pictures or
            their paths).
        classes: the classes that integer targets are indices of, if the data name them.
        names, sample_rate: of signals, the `columns` and `sample_rate` of their `Dataset`.
        groups: the `groups` of their `Dataset`.
    """

    columns: Mapping[str, Column]
    classes: tuple[Class, ...] | None = None
    names: tuple[str, ...] = ()
    sample_rate: int | None = None
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, indices: NDArray[np.int64] | slice) -> Batch:
        """Port -> values of the examples at the indices."""
        return {port: column[indices] for port, column in self.columns.items()}

    def take_lazily(self, indices: NDArray[np.int64]) -> LazyBatch:
        """As `take`; columns of vectors, planes or signals in float32 are `Rows`."""
        return {
            port: Rows(column, indices.copy())
            if column.ndim > 1 and column.dtype == np.float32 and column.flags.c_contiguous
            else column[indices]
            for port, column in self.columns.items()
        }

    def part(self, indices: NDArray[np.int64]) -> "Examples":
        """The examples at the indices."""
        groups = None if self.groups is None else self.groups[indices]
        return replace(self, columns=self.take(indices), groups=groups)

    def digest(self) -> str:
        """SHA-256 of ports, shapes, types and values; of a file only its path counts."""
        content = hashlib.sha256(repr(self.classes).encode())
        for port, column in self.columns.items():
            content.update(repr((port, column.shape, column.dtype.str)).encode())
            if column.dtype.kind == "O":
                for thing in column:
                    is_picture = isinstance(thing, np.ndarray | Image.Image)
                    content.update(
                        np.asarray(thing).tobytes() if is_picture else repr(str(thing)).encode()
                    )
            else:
                content.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)
        return content.hexdigest()


def n_examples(batch: Mapping[str, Column | Rows]) -> int:
    """The number of examples of a batch."""
    return len(next(iter(batch.values())))


def make_examples(
    data: Mapping[str, Iterable[Any]], *, what: str, classes: tuple[Class, ...] | None = None
) -> Examples:
    """Examples from a column for each port."""
    if not data:
        raise TrainError(f"{what} has no ports: give an array for each input of the net")
    columns = {port: _column(values, f"{port} of {what}") for port, values in data.items()}
    (first, column), *others = columns.items()
    for port, other in others:
        if len(other) != len(column):
            hint = "of one example give x[None]" if len(other) == 1 else "each wants one of both"
            raise TrainError(
                f"{what} has {len(column)} examples at {first} but {len(other)} at {port}: {hint}"
            )
    if len(column) == 0:
        raise TrainError(f"{what} is empty: there is nothing to learn from")
    return Examples(columns, classes)


def _column(values: object, name: str) -> Column:
    """An array of numbers or texts, else of objects."""
    is_list = isinstance(values, list | tuple)
    if is_list and any(isinstance(v, Image.Image | Path) for v in values):  # type: ignore[attr-defined]
        return _objects(values)  # type: ignore[arg-type]
    try:
        column = np.asarray(values)
    except ValueError as error:
        if is_list and all(isinstance(v, np.ndarray) for v in values):  # type: ignore[attr-defined]
            return _objects(values)  # type: ignore[arg-type]  # images of several sizes
        raise TrainError(f"{name} is no array: its rows differ in length") from error
    if column.ndim == 0:
        raise TrainError(f"{name} is {kind_of(values)}, not an array with a row for each example")
    if column.dtype.kind not in "buifU":
        raise TrainError(f"{name} holds {column.dtype}, not numbers, texts or pictures")
    if column.dtype.kind == "f" and not _is_finite(column):
        at = int(np.flatnonzero(~np.isfinite(column).reshape(len(column), -1).all(axis=1))[0])
        raise TrainError(
            f"{name} holds NaN or infinity, first in example {at}: leave such examples out, or "
            "replace the values"
        )
    return column


def _is_finite(column: Column) -> bool:
    """Whether all numbers are finite: minimum and maximum pass NaN on, and need no memory."""
    return column.size == 0 or bool(np.isfinite([column.min(), column.max()]).all())


def _objects(values: list[Any] | tuple[Any, ...]) -> Column:
    column = np.empty(len(values), object)
    for i, value in enumerate(values):
        column[i] = value
    return column
