"""Faults of a decoder of boxes: the changes of drypoint's source that make each (`seeded.seed`),
and the rows of the conformance set that find it."""

from drypoint.detection import _decoder, _find


def fault(right, wrong, *names, module=_find):
    """A change, and the rows that find it."""
    return [(module, right, wrong)], [("boxes.jsonl", name) for name in names]


_HALF = "equal boxes, an overlap of 1/2"
BOXES = {
    "a score at the cutoff": fault("above = best > ", "above = best >= ", "the lowest cutoff"),
    "one cutoff for all classes": fault(
        "np.int32)[classes]", "np.int32)[0 * classes]", "boxes of three classes, each with a cutoff"
    ),
    "the last of equal classes": fault(
        "classes = cells.argmax(axis=2)",
        "classes = cells.shape[2] - 1 - cells[..., ::-1].argmax(axis=2)",
        "equal scores: the first class",
    ),
    "later cells before earlier ones": fault(
        "order = np.argsort(", "order = len(places) - 1 - np.argsort(",
        "equal scores: the later cell goes",
    ),
    "one candidate more": fault(
        "[: decoder.most]", "[: decoder.most + 1]", "cells: a list of one", "a list of one box"
    ),
    "candidates without area": fault(
        "above &= (edges", "edges = edges[:]; (edges", "no area: no candidate"
    ),
    "edges that are not clipped": fault(
        "edges.clip(0, ends)", "edges.clip(-(2**15), 2**15)", "edges at the ends of int32"
    ),
    "edges that are not rounded": fault(
        "(values * mult + (1 << (shift - 1)))", "(values * mult)", "edges of half a unit"
    ),
    "edges of 32 bits": fault(
        "values = maps[..., -4:].astype(np.int64)", "values = maps[..., -4:]",
        "edges of a fine scale",
    ),
    "edges to the other side": fault("[-1, -1, 1, 1]", "[1, 1, -1, -1]", "boxes of one class"),
    "the scale of half a cell": fault(
        "PARTS * cell * scale", "PARTS * cell * scale / 2", "boxes of one class", module=_decoder
    ),
    "an overlap of exactly iou": fault("> iou * (", ">= iou * (", _HALF),
    "the area of one box for both": fault(
        "_area(*a[2:]) + _area(*b[2:])", "2 * _area(*a[2:])", "an overlap of 499/1000"
    ),
    "classes that suppress each other": fault(
        "box.value == other.value and _overlaps", "_overlaps", "boxes that do not overlap"
    ),
    "boxes that only touch overlap": fault(
        "max(0, right - left)", "max(1, right - left)", "boxes that do not overlap"
    ),
    "corners that do not touch": fault(
        "left <= right and top <= bottom", "left < right or top < bottom", "cells of one class"
    ),
    "classes that fuse": fault(
        "kept[j].value == box.value and ", "", "cells of two classes that touch"
    ),
    "the score of the last cell": fault(
        "max(kept[j].score, box.score)", "box.score", "cells of one class"
    ),
    "the place of the last cell": fault(
        "at, j = min(at, j), 0", "at, j = len(kept), 0", "cells of one class"
    ),
    "boxes that grow touch no earlier one": fault(
        "at, j = min(at, j), 0", "at = min(at, j)", "cells of two classes that touch"
    ),
    "the background as a class": fault(
        "decoder.first : end", "0 : end - decoder.first", "cells with a background"
    ),
    "integers for probabilities": fault(
        "(maps if scores is None else scores)", "maps",
        "cells with a background and a softmax", "a pixel with a softmax of 32 channels",
    ),
}  # fmt: skip
