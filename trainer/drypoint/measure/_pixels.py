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
        counts: int64 (N, C, C), of each example the number of pixels of true class i that are
            called j; pixels without a label are left out.
        classes: the C class names.
    """

    counts: NDArray[np.int64]
    classes: tuple[Class, ...]

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.counts)

    @property
    def n_pixels(self) -> int:
        """The number of pixels that have a label."""
        return int(self.counts.sum())

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """(C, C): how many pixels of true class i are called j."""
        return np.asarray(self.counts.sum(axis=0))

    @cached_property
    def accuracy(self) -> float:
        """Pixel accuracy: the share of the labelled pixels that are right."""
        return float(np.trace(self.confusion_matrix) / self.n_pixels)

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % interval of `accuracy`: pixels of one example depend on one another, so it
        counts examples (a ratio of sums, by its linearization)."""
        pixels = self.counts.sum(axis=(1, 2))
        off = np.trace(self.counts, axis1=1, axis2=2) - self.accuracy * pixels
        half = 1.96 * float(off.std()) / (self.n**0.5 * float(pixels.mean()))
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
        pixels = self.counts.sum(axis=(1, 2))
        right = np.trace(self.counts, axis1=1, axis2=2)
        return np.asarray((pixels - right) / np.maximum(pixels, 1))

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
    pairs = true * size + found
    counts = [
        np.bincount(row[mask], minlength=size**2) for row, mask in zip(pairs, known, strict=True)
    ]
    return PixelMeasurement(counts=np.stack(counts).reshape(-1, size, size), classes=names)


def _maps(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Maps of integers, or of truth values."""
    maps = np.asarray(values) if is_label_map(values) else np.empty(0)
    if maps.dtype.kind not in "biu" or maps.size == 0:
        raise MeasureError(f"{name} is {kind_of(values)}; wanted: class indices (N, height, width)")
    return maps.astype(np.int64)
