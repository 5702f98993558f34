"""Which object each thing that a detector found takes."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Things(NamedTuple):
    """Objects, or what a detector found, in several pictures: M in all.

    Attributes:
        picture: the index of the picture of each, int (M,).
        label: the index of its class, int (M,).
        box: left, top, right and bottom in pixels, float (M, 4).
        score: of what was found its probability, of objects ones, float (M,).
    """

    picture: NDArray[Any]
    label: NDArray[Any]
    box: NDArray[Any]
    score: NDArray[Any]

    def take(self, chosen: NDArray[Any]) -> "Things":
        """The things that indices or a mask choose."""
        return Things(*(column[chosen] for column in self))


def match_boxes(
    objects: Things, found: Things, overlaps: Sequence[float], *, shared: bool = False
) -> NDArray[np.int64]:
    """The object that each found box takes at each overlap, or -1: (overlaps, found). An object is
    taken once, unless it is ``shared``."""
    owners = np.full((len(overlaps), len(found.label)), -1)
    least = np.minimum(overlaps, 1 - 1e-10)[:, None]
    for mine, theirs in _groups(objects, found):
        ious = overlap(found.box[mine], objects.box[theirs])
        free = np.ones((len(overlaps), len(theirs)), bool)
        for thing, row in zip(mine.tolist(), ious, strict=True):
            possible = np.where(free & (row >= least), row, -1)[:, ::-1]
            best = len(theirs) - 1 - possible.argmax(axis=1)  # the last of equals
            for i in np.flatnonzero(possible.max(axis=1) >= 0).tolist():
                owners[i, thing] = theirs[best[i]]
                free[i, best[i]] = shared
    return owners


def match_cells(objects: Things, found: Things, *, shared: bool = False) -> NDArray[np.int64]:
    """The object that each found cell takes, or -1, (found,): its box has the cell's middle. An
    object is taken once, unless it is ``shared``."""
    owners = np.full(len(found.label), -1)
    for mine, theirs in _groups(objects, found):
        boxes, free = objects.box[theirs], np.ones(len(theirs), bool)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        for thing in mine.tolist():
            x, y = (found.box[thing, :2] + found.box[thing, 2:]) / 2
            inside = (boxes[:, :2] <= (x, y)).all(axis=1) & (boxes[:, 2:] >= (x, y)).all(axis=1)
            distance = np.where(free & inside, np.hypot(*(middles - (x, y)).T), np.inf)
            if distance.min() < np.inf:
                owners[thing] = theirs[distance.argmin()]
                free[distance.argmin()] = shared
    return owners


def overlap(found: NDArray[Any], objects: NDArray[Any]) -> NDArray[np.float64]:
    """The IoU of M found boxes and K objects, (M, K)."""
    a, b = found[:, None], objects[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    areas = [np.maximum(box[..., 2:] - box[..., :2], 0).prod(axis=-1) for box in (a, b)]
    return np.asarray(shared / np.maximum(areas[0] + areas[1] - shared, 1e-12), np.float64)


def _groups(objects: Things, found: Things) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Found things, from the highest score on, and objects of each class in each picture that has
    both."""
    n_labels = 1 + max(objects.label.max(initial=0), found.label.max(initial=0))
    places = [each.picture * n_labels + each.label for each in (objects, found)]
    order = np.argsort(-found.score, kind="stable")
    order = order[np.argsort(places[1][order], kind="stable")]
    by_place = np.argsort(places[0], kind="stable")
    for place in np.intersect1d(*places).tolist():
        theirs = by_place[slice(*_run(places[0][by_place], place))]
        yield order[slice(*_run(places[1][order], place))], theirs


def _run(values: NDArray[Any], value: int) -> tuple[int, int]:
    """Where a value lies in sorted values: from and to."""
    return int(np.searchsorted(values, value)), int(np.searchsorted(values, value, side="right"))
