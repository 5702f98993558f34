"""The integers of a decoder of maps, and its boxes: NUMERICS.md section 13."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from drypoint.common import DrypointError

Kind = Literal["boxes", "cells"]
"""Whether a cell of a map states the edges of its box, or is the box."""
EDGES = ("left", "top", "right", "bottom")
PARTS = 16  # of a pixel: the unit of boxes
MOST_SIDE = 4095  # pixels of a picture
MOST_CANDIDATES = 1000
MOST_SOFTMAX = 32  # channels of a cell with a softmax
WHOLE = 1000  # of `iou`
ONE = 2**30  # a probability of 1


class DetectionError(DrypointError, ValueError):
    """A setting of a decoder is out of its range, or a map does not fit it."""


class Box(NamedTuple):
    """A thing in a picture, in integers.

    Attributes:
        value: the channel of its class in the map.
        score: the class's score in its best cell, in steps of the map's scale; probabilities of a
            softmax in units of 2^-30.
        left, top, right, bottom: in sixteenths of a pixel, from the picture's left and top.
    """

    value: int
    score: int
    left: int
    top: int
    right: int
    bottom: int


class EdgeScale(NamedTuple):
    """What brings an edge to sixteenths of a pixel: ``mult * 2^-shift``."""

    mult: int  # 2^30 .. 2^31 - 1
    shift: int  # 1 .. 62


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """How a map of cells becomes a list of boxes.

    Attributes:
        kind: "boxes": behind the scores of its classes a cell has the distances from its middle to
            the `EDGES` of its box. "cells": cells of a class that touch are a box.
        cell: pixels of a side of a cell, 1 to 4,095.
        cutoffs: for each class the score above which a cell is a candidate, int32.
        background: whether channel 0 of a map of cells is no class.
        iou: thousandths, 0 to 1,000; of cells 0. A box that overlaps a better one of its class by
            more is left out.
        most: candidates of a map at most, 1 to 1,000; the best ones are kept.

    Raises:
        DetectionError: a value is out of its range.
    """

    kind: Kind
    cell: int
    cutoffs: tuple[int, ...]
    background: bool = False
    iou: int = 0
    most: int

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise DetectionError(
                f"the decoder's kind is {self.kind!r:.40}; wanted: 'boxes' or 'cells'"
            )
        is_boxes = self.kind == "boxes"
        _check("cell", self.cell, 1, MOST_SIDE)
        _check("iou", self.iou, 0, WHOLE if is_boxes else 0)
        _check("most", self.most, 1, MOST_CANDIDATES)
        if type(self.background) is not bool or (self.background and is_boxes):
            raise DetectionError(
                f"the decoder's background is {self.background!r:.40}; wanted: True or False, of "
                "boxes False"
            )
        if not isinstance(self.cutoffs, tuple) or not self.cutoffs:
            raise DetectionError(
                f"the decoder's cutoffs are {self.cutoffs!r:.60}; wanted: one for each class"
            )
        for cutoff in self.cutoffs:
            _check("cutoff", cutoff, -(2**31), 2**31 - 1)

    @property
    def first(self) -> int:
        """The channel of the first class."""
        return int(self.background)

    @property
    def channels(self) -> int:
        """Channels of a cell."""
        return self.first + len(self.cutoffs) + len(EDGES) * (self.kind == "boxes")

    def check_map(self, height: int, width: int, channels: int) -> None:
        """Refuse a map that the decoder does not read.

        Raises:
            DetectionError: the map has other channels, or its picture is too large.
        """
        if channels != self.channels:
            raise DetectionError(
                f"the map has {channels} channels; wanted: {self.channels}, for "
                f"{len(self.cutoffs)} classes{', a background' * self.background}"
                f"{' and four edges' * (self.kind == 'boxes')}"
            )
        if max(height, width) * self.cell > MOST_SIDE:
            raise DetectionError(
                f"{height} x {width} cells of {self.cell} pixels are a picture of more than "
                f"{MOST_SIDE} pixels a side"
            )


def decoder_of_settings(settings: Mapping[str, Any], *, classes: int, scale: float) -> Decoder:
    """The decoder of the settings that users name.

    Args:
        settings: ``cell`` and ``most`` as of `Decoder`; ``conf``, the probability from which a cell
            is a candidate, above 0 and below 1; ``iou``, 0 to 1; ``cells``, whether the map has
            scores alone; ``background``, whether channel 0 is no class, and the scores of a cell
            are probabilities of a softmax. Else scores are logits.
        classes: their number.
        scale: the real value of the map's integer 1.

    Raises:
        DetectionError: a setting is out of its range.
    """
    conf, iou, flags = settings["conf"], settings["iou"], ("cells", "background")
    for name, value, ends in (("conf", conf, (0, 1)), ("iou", iou, ())):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= 1 or value in ends:
            raise DetectionError(f"{name} must be a number from 0 to 1, not {value!r:.40}")
    for name in flags:
        if type(settings[name]) is not bool:
            raise DetectionError(f"{name} must be True or False, not {settings[name]!r:.40}")
    cells, background = (settings[name] for name in flags)
    least = conf * ONE if background else math.log(conf / (1 - conf)) / scale
    cutoff = max(-(2**31), min(2**31 - 1, math.ceil(least) - 1))
    return Decoder(
        kind="cells" if cells else "boxes",
        cell=settings["cell"],
        cutoffs=(cutoff,) * classes,
        background=background,
        iou=0 if cells else round(WHOLE * iou),
        most=settings["most"],
    )


def edge_scale(scale: float, cell: int) -> EdgeScale:
    """The nearest `EdgeScale` of edges that are counted in cells.

    Args:
        scale: the real value of the map's integer 1.
        cell: pixels of a side of a cell.

    Raises:
        DetectionError: the scale is too large or too small.
    """
    fraction, exponent = math.frexp(PARTS * cell * scale)
    mult, shift = round(fraction * 2**31), 31 - exponent
    if mult == 2**31:
        mult, shift = 2**30, shift - 1
    if not 1 <= shift <= 62:
        raise DetectionError(
            f"a map of the scale {scale:g} has no edges of cells of {cell} pixels; wanted: 2^-31 "
            "to 2^30 sixteenths of a pixel"
        )
    return EdgeScale(mult, shift)


def _check(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise DetectionError(f"the decoder's {name} is {value!r:.40}; wanted: {least} to {most}")
