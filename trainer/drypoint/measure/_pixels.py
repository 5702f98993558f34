"""Figures of classes of pixels: accuracy and intersection over union."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import json_of, kind_of
from drypoint.data import NO_LABEL, Class, ClassDecoder, is_label_map

from ._errors import MeasureError


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelMeasurement:
    """Figures of the classes of pixels; `measure_pixels` checks the maps and makes one.

    Attributes:
        confusion_matrix: int64 (C, C), how many pixels of true class i are called j; pixels
            without a label are left out.
        right, labelled: int64 (N,), of each example the number of pixels that are right, and that
            have a label.
        classes: the C class names.
    """

    confusion_matrix: NDArray[np.int64]
    right: NDArray[np.int64]
    labelled: NDArray[np.int64]
    classes: tuple[Class, ...]

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.labelled)

    @property
    def n_pixels(self) -> int:
        """The number of pixels that have a label."""
        return int(self.labelled.sum())

    @cached_property
    def accuracy(self) -> float:
        """Pixel accuracy: the share of the labelled pixels that are right."""
        return float(self.right.sum() / self.n_pixels)

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % interval of `accuracy`: pixels of one example depend on one another, so it
        counts examples (a ratio of sums, by its linearization)."""
        off = self.right - self.accuracy * self.labelled
        half = 1.96 * float(off.std()) / (self.n**0.5 * float(self.labelled.mean()))
        return max(0.0, self.accuracy - half), min(1.0, self.accuracy + half)

    @cached_property
    def iou(self) -> dict[Class, float | None]:
        """Class -> intersection over union: pixels that are of the class and called so, over
        pixels that are either; None of a class of which there are none.
        """
        matrix = self.confusion_matrix
        both = np.diagonal(matrix)
        either = matrix.sum(axis=0) + matrix.sum(axis=1) - both
        shares = np.divide(both, either, out=np.zeros(len(both)), where=either > 0)
        pairs = zip(self.classes, shares.tolist(), either.tolist(), strict=True)
        return {name: share if n else None for name, share, n in pairs}

    @cached_property
    def mean_iou(self) -> float:
        """mIoU: the mean of `iou` over the classes that have one."""
        return float(np.mean([share for share in self.iou.values() if share is not None]))

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """(N,): the share of each example's labelled pixels that are wrong; 0 without any."""
        wrong = self.labelled - self.right
        return np.asarray(wrong / np.maximum(self.labelled, 1))

    def to_json(self) -> dict[str, Any]:
        """Name -> figure, of JSON types."""
        names = ("n", "n_pixels", "accuracy", "accuracy_interval", "mean_iou", "iou")
        return json_of(self, *names)


def measure_pixels(
    predicted: ArrayLike, y: ArrayLike, classes: Sequence[Class] | None = None
) -> PixelMeasurement:
    """Measure the classes of pixels against label maps.

    Args:
        predicted: (N, height, width), class indices.
        y: (N, height, width), true class indices; `data.NO_LABEL` where a pixel has none.
        classes: the class names; None: 0, 1, ... to the highest index.

    Raises:
        MeasureError: the maps are no class indices of one shape, or no pixel has a label.
    """
    found, true = _maps(predicted, "predicted"), _maps(y, "y")
    if found.shape != true.shape:
        raise MeasureError(f"maps {found.shape} predicted for true ones {true.shape}")
    known = true != NO_LABEL
    if not known.any():
        raise MeasureError(f"no pixel has a label: all are {NO_LABEL}")
    high = int(max(found.max(), true.max()))
    names = tuple(range(high + 1)) if classes is None else ClassDecoder(classes).classes
    low = int(min(found.min(), true[known].min()))
    if low < 0 or high >= len(names):
        raise MeasureError(
            f"classes of pixels run from {low} to {high}; wanted: 0 to {len(names) - 1}"
        )
    size = len(names)
    pairs = np.bincount((true * size + found)[known], minlength=size**2)
    return PixelMeasurement(
        confusion_matrix=pairs.reshape(size, size),
        right=((true == found) & known).sum(axis=(1, 2)),
        labelled=known.sum(axis=(1, 2)),
        classes=names,
    )


def _maps(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Maps of integers, or of truth values."""
    maps = np.asarray(values) if is_label_map(values) else np.empty(0)
    if maps.dtype.kind not in "biu" or maps.size == 0:
        raise MeasureError(f"{name} is {kind_of(values)}; wanted: class indices (N, height, width)")
    return maps.astype(np.int64)
