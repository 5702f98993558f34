"""Maps of cells with the boxes in them, of the conformance set: 25 decoders of 40 maps each.

Each map shows a rule of section 13 of NUMERICS.md; the names of the rows say which.
"""

from dataclasses import dataclass

import numpy as np

from drypoint import detection
from drypoint.program import softmax

MAPS = 40
LEAST, MOST = -(2**31), 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Case:
    """A decoder, and the values that its maps have: scores and edges."""

    decoder: detection.Decoder
    height: int
    width: int
    scores: tuple[int, ...]  # of which a score is drawn
    edges: tuple[int, ...] = ()
    scale: float = 2.0**-7
    softmax: bool = False


def boxes(*cutoffs, cell=8, iou=500, most=100):
    """A decoder of boxes."""
    return detection.Decoder(kind="boxes", cell=cell, cutoffs=cutoffs, iou=iou, most=most)


def cells(*cutoffs, cell=8, most=100, background=False):
    """A decoder of cells."""
    return detection.Decoder(
        kind="cells", cell=cell, cutoffs=cutoffs, background=background, most=most
    )


WIDE = tuple(range(-1000, 1001))
HALF = 2**29  # a probability in units of 2^-30
NEAR = tuple(range(-40, 400))  # edges of 0 to 3 cells of 128, some of no area
# Halves of a cell of 128: many boxes are equal, or overlap by 1/2 exactly.
HALVES = (0, 64, 128, 192)
ENDS = (LEAST, LEAST + 1, -1, 0, 1, MOST - 1, MOST)

CASES = {
    "boxes of one class": Case(
        decoder=boxes(400), height=5, width=6, scores=WIDE, edges=NEAR
    ),
    "boxes of three classes, each with a cutoff": Case(
        decoder=boxes(-500, 0, 800), height=5, width=4, scores=WIDE, edges=NEAR
    ),
    "a list of one box": Case(
        decoder=boxes(0, 0, most=1), height=4, width=4, scores=WIDE, edges=NEAR
    ),
    "equal scores: the later cell goes": Case(
        decoder=boxes(0, most=4), height=4, width=5, scores=(0, 1, 2), edges=NEAR
    ),
    "equal scores: the first class": Case(
        decoder=boxes(0, 0, 0), height=4, width=4, scores=(-1, 0, 1), edges=NEAR
    ),
    "the lowest cutoff": Case(
        decoder=boxes(LEAST, LEAST), height=4, width=4, scores=(LEAST, LEAST + 1), edges=NEAR
    ),
    "the highest cutoff": Case(
        decoder=boxes(MOST), height=4, width=4, scores=(MOST - 1, MOST), edges=NEAR
    ),
    "scores at the ends of int32": Case(
        decoder=boxes(-1, 0, most=5), height=4, width=4, scores=ENDS, edges=NEAR
    ),
    "equal boxes, an overlap of 1/2": Case(
        decoder=boxes(-500), height=4, width=4, scores=WIDE, edges=HALVES
    ),
    "an overlap of 499/1000": Case(
        decoder=boxes(-500, iou=499), height=4, width=4, scores=WIDE, edges=HALVES
    ),
    "boxes that do not overlap": Case(
        decoder=boxes(-500, -500, iou=0), height=4, width=4, scores=WIDE, edges=HALVES
    ),
    "boxes that all stay": Case(
        decoder=boxes(-500, iou=1000), height=4, width=4, scores=WIDE, edges=HALVES
    ),
    "no area: no candidate": Case(
        decoder=boxes(-900, most=6), height=5, width=5, scores=WIDE, edges=(-65, -64, 64, 65)
    ),
    "edges at the ends of int32": Case(
        decoder=boxes(-900), height=4, width=4, scores=WIDE, edges=(*ENDS, 5, 9), scale=0.3
    ),
    "edges of a fine scale": Case(
        decoder=boxes(-900), height=4, width=4, scores=WIDE,
        edges=(*ENDS, 2**29, 2**30, -(2**28)), scale=1.7e-9,
    ),
    "edges of half a unit": Case(
        decoder=boxes(-900, iou=1000, cell=1), height=3, width=4, scores=WIDE,
        edges=tuple(range(-20, 40)), scale=1 / 32,
    ),
    "a picture of 4,095 pixels": Case(
        decoder=boxes(0, cell=455, iou=300), height=9, width=9, scores=WIDE,
        edges=(*ENDS, 500, 1000), scale=0.01,
    ),
    "one cell of 4,095 pixels": Case(
        decoder=boxes(-900, cell=4095), height=1, width=1, scores=WIDE, edges=NEAR
    ),
    "cells of one class": Case(decoder=cells(600), height=7, width=7, scores=WIDE),
    "cells of two classes that touch": Case(
        decoder=cells(300, 500, cell=3), height=6, width=7, scores=WIDE
    ),
    "cells: candidates before fusing": Case(
        decoder=cells(300, most=9), height=6, width=6, scores=(0, 301, 302, 303)
    ),
    "cells: a list of one": Case(
        decoder=cells(0, most=1), height=4, width=4, scores=(-1, 0, 1, 2)
    ),
    "cells with a background": Case(
        decoder=cells(0, 100, background=True), height=6, width=6, scores=WIDE
    ),
    "cells with a background and a softmax": Case(
        decoder=cells(HALF, HALF // 2, background=True), height=6, width=6,
        scores=tuple(range(-300, 300)), softmax=True,
    ),
    "a pixel with a softmax of 32 channels": Case(
        decoder=cells(*[HALF // 4] * 32), height=1, width=1, scores=tuple(range(-300, 300)),
        softmax=True,
    ),
}  # fmt: skip


def rows():
    """The rows of the file, with the boxes that the reference finds."""
    return [_row(name, case, seed) for seed, (name, case) in enumerate(CASES.items())]


def _row(name, case, seed):
    decoder, rng = case.decoder, np.random.default_rng(seed)
    scored = decoder.first + len(decoder.cutoffs)
    place = (MAPS, case.height, case.width)
    parts = [rng.choice(np.array(case.scores, np.int32), (*place, scored))]
    if case.edges:
        parts.append(rng.choice(np.array(case.edges, np.int32), (*place, 4)))
    maps = np.concatenate(parts, axis=-1)
    scale, scores = softmax.scale(case.scale), None
    if case.softmax:
        rows = softmax.run(maps.reshape(-1, scored), scale)
        scores = rows.reshape(maps.shape).astype(np.int32)
    edges = detection.edge_scale(case.scale, decoder.cell) if case.edges else (0, 0)
    return {
        "name": name,
        "kind": decoder.kind,
        "cell": decoder.cell,
        "first": decoder.first,
        "cutoffs": decoder.cutoffs,
        "iou": decoder.iou,
        "most": decoder.most,
        "scale": case.scale,
        "edges": edges,
        "softmax": scale if case.softmax else (0, 0),
        "shape": maps.shape[1:],
        "maps": maps.reshape(MAPS, -1).tolist(),
        "boxes": detection.find(decoder, maps, case.scale, scores),
    }
