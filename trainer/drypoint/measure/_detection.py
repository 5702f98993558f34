"""Figures of a detector: precision, recall, F1 and average precision of boxes or cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.common import interval_text, percent, table_lines
from drypoint.data import Class

from ._matching import Things, match_boxes, match_cells
from ._scores import wilson_interval

OVERLAPS = tuple(i / 100 for i in range(50, 100, 5))
"""The overlaps (IoU) from which a box is right, of mAP50-95; the first is mAP50's."""
SIDES = (1, 2, 4)
"""Bounds of the sizes of objects: the root of the area, in cells."""
_SAMPLES = 200  # of pictures, of an interval
_STEPS = 50  # of the curve over thresholds


class Figure(NamedTuple):
    """A figure with its 95 % interval, over random samples of the pictures."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return interval_text(self.value, self.low, self.high)


class Counts(NamedTuple):
    """Objects, what was found, and what of it is right; arrays of one shape."""

    objects: NDArray[Any]
    found: NDArray[Any]
    right: NDArray[Any]

    @property
    def precision(self) -> NDArray[np.float64]:
        """The share of what was found that is right; 0 if nothing was found."""
        return np.asarray(self.right / np.maximum(self.found, 1))

    @property
    def recall(self) -> NDArray[np.float64]:
        """The share of objects that was found; 0 without objects."""
        return np.asarray(self.right / np.maximum(self.objects, 1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall; 0 if both are."""
        return np.asarray(2 * self.right / np.maximum(self.objects + self.found, 1))


@dataclass(frozen=True, eq=False, kw_only=True)
class DetectionMeasurement:
    """Figures of what a detector found in N pictures.

    A found box is right from an overlap (IoU) on: from the highest score on, each box takes, of the
    objects of its class in its picture that no box has taken, the one of most overlap. A found cell
    takes the object whose middle is nearest, of the objects that the cell's middle lies in.

    Attributes:
        n: pictures.
        classes: their names.
        objects: the objects in the pictures.
        found: what was found, of low scores too.
        conf: the score from which `precision`, `recall` and `f1` count what was found.
        cell: pixels of a side of a cell.
        counts_cells: whether the detector finds cells, not boxes.
        cell_curve: of cells the `curve`, since a threshold decides which cells touch.
    """

    n: int
    classes: tuple[Class, ...]
    objects: Things
    found: Things
    conf: float
    cell: float
    counts_cells: bool = False
    cell_curve: Sequence[Mapping[str, float]] = ()

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The object that each found thing takes, or -1: (overlaps, found); of cells (1, found)."""
        return self._match(self.objects, self.found)

    def _match(self, objects: Things, found: Things, *, shared: bool = False) -> NDArray[np.int64]:
        if self.counts_cells:
            return match_cells(objects, found, shared=shared)[None]
        return match_boxes(objects, found, OVERLAPS, shared=shared)

    @property
    def is_shown(self) -> NDArray[np.bool_]:
        """Whether the score of each found thing is at least `conf`, (found,)."""
        return np.asarray(self.found.score >= self.conf)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether each found thing takes an object, of boxes at an overlap of 0.5, (found,)."""
        return np.asarray(self.owners[0] >= 0)

    @cached_property
    def is_found(self) -> NDArray[np.bool_]:
        """Whether each object is found at `conf`, (objects,)."""
        taken = np.zeros(len(self.objects.label), bool)
        taken[self.owners[0][self.is_shown & self.is_right]] = True
        return taken

    @cached_property
    def precision(self) -> Figure:
        """P: the share of what was found that is right."""
        return self._figure(self._sampled.precision)

    @cached_property
    def recall(self) -> Figure:
        """R: the share of objects that was found."""
        return self._figure(self._sampled.recall)

    @cached_property
    def f1(self) -> Figure:
        """F1: the harmonic mean of precision and recall."""
        return self._figure(self._sampled.f1)

    @cached_property
    def map50(self) -> Figure:
        """mAP50: the mean over the classes of the area under precision over recall, of all points,
        at an overlap of 0.5. Classes without objects are left out."""
        return self._figure(_mean(self._precisions[:, 0]))

    @cached_property
    def map50_95(self) -> Figure:
        """mAP50-95: the mean of the mAP at the overlaps 0.5, 0.55, ... 0.95."""
        return self._figure(_mean(self._precisions.mean(axis=1)))

    @cached_property
    def by_class(self) -> dict[Class, dict[str, Any]]:
        """Class -> its figures, and the interval of its AP50."""
        found = {}
        for label, name in enumerate(self.classes):
            counts = self._count(self.objects.label == label, self.found.label == label)
            found[name] = _describe(counts)
            if not self.counts_cells:
                values = self._precisions[label]
                found[name] |= {
                    "AP50": float(values[0, 0]) if counts.objects else None,
                    "AP50-95": float(values[:, 0].mean()) if counts.objects else None,
                    "AP50_interval": [*self._figure(values[0])[1:]] if counts.objects else None,
                }
        return found

    @cached_property
    def by_size(self) -> list[dict[str, Any]]:
        """Of objects of each size, in cells: how many there are, and the share that was found."""
        boxes = self.objects.box
        sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)) / self.cell
        sizes, rows = np.searchsorted(SIDES, sides, side="right"), []
        for size, (low, high) in enumerate(zip((0, *SIDES), (*SIDES, None), strict=True)):
            chosen = self.is_found[sizes == size]
            n, right = len(chosen), int(chosen.sum())
            recall = {"recall": right / n, "interval": [*wilson_interval(right, n)]} if n else {}
            rows.append({"cells": [low, high], "objects": n, **recall})
        return rows

    @property
    def mistakes(self) -> NDArray[np.int64]:
        """Missed objects and wrong found things of each picture at `conf`, (n,)."""
        wrong = self.found.take(self.is_shown & ~self.is_right)
        missed = self.objects.take(~self.is_found)
        counts = (np.bincount(each.picture, minlength=self.n) for each in (wrong, missed))
        return np.asarray(sum(counts), np.int64)

    def rise(self, other: "DetectionMeasurement") -> dict[str, float]:
        """The share by which 1 - F1 exceeds another measurement's, of equal pictures, and its 95 %
        interval ``low`` to ``high``."""
        mine, theirs = (1 - each._sampled.f1 for each in (self, other))
        share = self._figure(mine / np.maximum(theirs, 0.5 / max(1, len(self.is_found))) - 1)
        return {"share": share.value, "low": share.low, "high": share.high}

    @cached_property
    def duplicates(self) -> int:
        """How much was found at `conf` that is wrong, since an earlier one took its object."""
        wrong = self.found.take(self.is_shown & ~self.is_right)
        return int(
            (self._match(self.objects.take(self.is_found), wrong, shared=True)[0] >= 0).sum()
        )

    @cached_property
    def curve(self) -> list[dict[str, float]]:
        """P, R and F1 at the thresholds 0.02, 0.04, ..., 0.98; of cells the `cell_curve`."""
        if self.counts_cells:
            return [*map(dict, self.cell_curve)]
        rows: list[dict[str, float]] = []
        for i in range(1, _STEPS):
            shown = self.found.score >= i / _STEPS
            sizes = (len(self.is_found), shown.sum(), (shown & self.is_right).sum())
            rows.append({"conf": i / _STEPS, **_shares(Counts(*map(np.asarray, sizes)))})
        return rows

    @property
    def best_conf(self) -> float | None:
        """The threshold of the `curve` at which F1 is highest, of equal ones the nearest to 0.5."""
        rows = sorted(self.curve, key=lambda row: (-row["F1"], abs(row["conf"] - 0.5)))
        return rows[0]["conf"] if rows else None

    def to_json(self) -> dict[str, Any]:
        """Name -> figure, of JSON types."""
        names = self._named
        intervals = {name: [figure.low, figure.high] for name, figure in names.items()}
        return {
            "n": self.n,
            "objects": len(self.is_found),
            "found": int(self.is_shown.sum()),
            "conf": self.conf,
            **{name: figure.value for name, figure in names.items()},
            "intervals": intervals,
            "duplicates": self.duplicates,
            "by_class": {str(name): row for name, row in self.by_class.items()},
            "by_size": self.by_size,
            "curve": self.curve,
            "best_conf": self.best_conf,
        }

    def report(self) -> str:
        """All figures as text."""
        rows = [
            ("pictures", f"{self.n:,}"),
            ("objects", f"{len(self.is_found):,}"),
            (f"found from conf {self.conf:g} on", f"{int(self.is_shown.sum()):,}"),
            *((name, str(figure)) for name, figure in self._named.items()),
        ]
        blocks = ["\n".join(table_lines(rows, left=(0, 1)))]
        if len(self.classes) > 1:
            heads = ["P", "R", "F1"] if self.counts_cells else ["P", "R", "F1", "AP50", "AP50-95"]
            table: list[tuple[str, ...]] = [("class", "objects", *heads)]
            for name, row in self.by_class.items():
                values = (row[head] for head in heads)
                shown = ("-" if value is None else percent(value) for value in values)
                table.append((str(name), f"{row['objects']:,}", *shown))
            blocks.append("\n".join(table_lines(table)))
        table = [("side of an object", "objects", "R", "95 % interval")]
        for row in self.by_size:
            table.append(
                (self._show_size(*row["cells"]), f"{row['objects']:,}", *_show_recall(row))
            )
        return "\n\n".join([*blocks, "\n".join(table_lines(table))])

    @property
    def _named(self) -> dict[str, Figure]:
        found = {"P": self.precision, "R": self.recall, "F1": self.f1}
        if self.counts_cells:
            return found
        return {**found, "mAP50": self.map50, "mAP50-95": self.map50_95}

    def _show_size(self, low: int, high: int | None) -> str:
        if high is None:
            return f"from {low * self.cell:g} px, {low} cells"
        if not low:
            return f"below {high * self.cell:g} px, 1 cell"
        return f"{low * self.cell:g} to {high * self.cell:g} px, {low} to {high} cells"

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        """How often each picture is in each sample, (1 + samples, N); the first is the pictures
        themselves."""
        rng = np.random.default_rng(0)
        samples = rng.multinomial(self.n, np.full(self.n, 1 / self.n), size=_SAMPLES)
        return np.concatenate([np.ones((1, self.n)), samples])

    @cached_property
    def _sampled(self) -> Counts:
        """The counts of each sample at `conf`."""
        shown = self.found.take(self.is_shown)
        right = self.found.take(self.is_shown & self.is_right)
        things = (self.objects, shown, right)
        totals = [np.bincount(each.picture, minlength=self.n) for each in things]
        return Counts(*(self._weights @ total for total in totals))

    @cached_property
    def _precisions(self) -> NDArray[np.float64]:
        """The average precision of each class at each overlap in each sample; NaN of a class
        without objects: (classes, overlaps, samples)."""
        found = np.full((len(self.classes), len(OVERLAPS), len(self._weights)), np.nan)
        order = np.argsort(-self.found.score, kind="stable")
        for label in range(len(self.classes)):
            objects = self.objects.picture[self.objects.label == label]
            total = self._weights @ np.bincount(objects, minlength=self.n)
            chosen = order[self.found.label[order] == label]
            weights = self._weights[:, self.found.picture[chosen]]
            count = np.maximum(np.cumsum(weights, axis=1), 1)
            for i, owners in enumerate(self.owners[:, chosen]):
                right = weights * (owners >= 0)
                precision = np.cumsum(right, axis=1) / count
                best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
                area = (best * right).sum(axis=1)
                found[label, i] = np.divide(area, total, out=found[label, i], where=total > 0)
        return found

    def _count(self, of_objects: NDArray[np.bool_], of_found: NDArray[np.bool_]) -> Counts:
        """The counts of some objects and of some of what was found, at `conf`."""
        shown = of_found & self.is_shown
        counts = (of_objects.sum(), shown.sum(), (shown & self.is_right).sum())
        return Counts(*map(np.asarray, counts))

    @staticmethod
    def _figure(values: NDArray[np.float64]) -> Figure:
        """A figure of the pictures and of samples, (1 + samples,)."""
        low, high = np.nanpercentile(values[1:], (2.5, 97.5))
        return Figure(float(values[0]), float(low), float(high))


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the classes (classes, samples) that have objects; 0 if none has some."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


def _shares(counts: Counts) -> dict[str, float]:
    """P, R and F1."""
    found = {"P": counts.precision, "R": counts.recall, "F1": counts.f1}
    return {name: float(value) for name, value in found.items()}


def _describe(counts: Counts) -> dict[str, Any]:
    """The counts of a class, and its figures by the field's words."""
    objects, found, right = (int(value) for value in counts)
    return {"objects": objects, "found": found, "right": right, **_shares(counts)}


def _show_recall(row: Mapping[str, Any]) -> Sequence[str]:
    if not row["objects"]:
        return "-", "-"
    low, high = map(percent, row["interval"])
    return percent(row["recall"]), f"{low} to {high}"
