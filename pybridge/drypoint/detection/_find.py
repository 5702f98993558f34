"""Boxes of maps, the reference: NUMERICS.md section 13."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ._decoder import PARTS, WHOLE, Box, Decoder, DetectionError, edge_scale


def find(
    decoder: Decoder,
    maps: NDArray[np.int32],
    scale: float,
    scores: NDArray[np.int32] | None = None,
) -> list[list[Box]]:
    """The boxes of maps, best first.

    Args:
        decoder: how to read them.
        maps: int32 (N, height, width, channels).
        scale: the real value of a map's integer 1, of edges in cells.
        scores: the probabilities that a softmax makes of the maps, of their shape, in units of
            2^-30; None: the maps are scores.

    Returns:
        A list of boxes for each of N maps.

    Raises:
        DetectionError: the maps do not fit the decoder.
    """
    if maps.ndim != 4 or maps.dtype != np.int32:
        raise DetectionError(
            f"the maps are {maps.dtype} {maps.shape}; wanted: int32 (N, height, width, channels)"
        )
    decoder.check_map(*maps.shape[1:])
    n, height, width, _ = maps.shape
    end = decoder.first + len(decoder.cutoffs)
    of_classes = (maps if scores is None else scores)[..., decoder.first : end]
    cells = of_classes.reshape(n, height * width, -1)
    classes = cells.argmax(axis=2)
    best = np.take_along_axis(cells, classes[..., None], axis=2)[..., 0]
    above = best > np.array(decoder.cutoffs, np.int32)[classes]
    edges = _edges(decoder, maps, scale).reshape(n, height * width, 4)
    above &= (edges[..., :2] < edges[..., 2:]).all(axis=2)
    join = _suppress if decoder.kind == "boxes" else _fuse
    found = []
    for i in range(n):
        places = np.flatnonzero(above[i])
        order = np.argsort(-best[i, places], kind="stable")[: decoder.most]
        chosen = places[order]
        rows = zip(classes[i, chosen], best[i, chosen], edges[i, chosen], strict=True)
        boxes = [
            Box(decoder.first + int(k), int(score), *map(int, sides)) for k, score, sides in rows
        ]
        found.append(join(boxes, decoder.iou))
    return found


def _edges(decoder: Decoder, maps: NDArray[np.int32], scale: float) -> NDArray[np.int64]:
    """The edges of each cell's box, (N, height, width, 4), clipped to the picture."""
    _, height, width, _ = maps.shape
    side = PARTS * decoder.cell
    row, column = np.mgrid[:height, :width].astype(np.int64) * side
    corners = np.stack([column, row, column + side, row + side], axis=-1)
    if decoder.kind == "cells":
        return np.broadcast_to(corners, (*maps.shape[:3], 4))
    mult, shift = edge_scale(scale, decoder.cell)
    values = maps[..., -4:].astype(np.int64)
    reach = (values * mult + (1 << (shift - 1))) >> shift
    middle = np.stack([column, row, column, row], axis=-1) + side // 2
    edges = middle + np.array([-1, -1, 1, 1]) * reach
    ends = np.array([width, height, width, height]) * side
    clipped: NDArray[np.int64] = edges.clip(0, ends)
    return clipped


def _suppress(boxes: list[Box], iou: int) -> list[Box]:
    """The boxes that no better one of their class overlaps by more than ``iou``."""
    kept: list[Box] = []
    for box in boxes:
        if not any(box.value == other.value and _overlaps(box, other, iou) for other in kept):
            kept.append(box)
    return kept


def _overlaps(a: Box, b: Box, iou: int) -> bool:
    common = _area(*_around(a, b, max, min))
    return WHOLE * common > iou * (_area(*a[2:]) + _area(*b[2:]) - common)


def _area(left: int, top: int, right: int, bottom: int) -> int:
    return max(0, right - left) * max(0, bottom - top)


def _around(
    a: Box, b: Box, low: Callable[[int, int], int], high: Callable[[int, int], int]
) -> tuple[int, int, int, int]:
    """left, top, right and bottom of two boxes, each the lower or the higher one."""
    return (
        low(a.left, b.left),
        low(a.top, b.top),
        high(a.right, b.right),
        high(a.bottom, b.bottom),
    )


def _fuse(boxes: list[Box], _iou: int) -> list[Box]:
    """The boxes around all of a class that touch, each at the place of its first one."""
    kept: list[Box] = []
    for new in boxes:
        box, at, j = new, len(kept), 0
        while j < len(kept):
            if kept[j].value == box.value and _touch(kept[j], box):
                score = max(kept[j].score, box.score)
                box = Box(box.value, score, *_around(kept[j], box, min, max))
                del kept[j]
                at, j = min(at, j), 0
            else:
                j += 1
        kept.insert(at, box)
    return kept


def _touch(a: Box, b: Box) -> bool:
    left, top, right, bottom = _around(a, b, max, min)
    return left <= right and top <= bottom
