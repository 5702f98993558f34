"""Maps of cells as outputs of a net: the decoder of objects in a picture."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from drypoint import detection

from .._dataset.classes import Class, check_classes
from .._errors import CoderError
from .options import Configured

_FLOAT_SCALE = 2.0**-20  # of maps of floats: scores and edges from -2,048 to 2,048
_SHARE = 1 / detection.ONE  # of maps of probabilities


class FoundBox(NamedTuple):
    """An object that a net found in a picture.

    Attributes:
        label: its class.
        score: the probability of the class, 0 to 1.
        left, top, right, bottom: of its box, in pixels of the picture that the net reads. Of a net
            that finds cells, of the cells that touch.
    """

    label: Class
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class BoxDecoder(Configured, kind="boxes", optional=("background",)):
    """Decodes a map of cells (C, H, W), or a batch of them, to a list of `FoundBox`, best first.

    The channels of a cell are as in `nn.DetectionLoss`. Maps of floats go through the integers of
    `drypoint.detection`, as the maps of programs do: NUMERICS.md section 13.

    Attributes:
        classes: the distinct labels, str or int, in the order of the scores.
        cell: pixels of a side of a cell, in the picture that the net reads.
        conf: the probability from which a cell finds an object, above 0 and below 1.
        iou: the overlap (IoU) from which a box is left out for a better one of its class, 0 to 1.
        most: the candidates of a picture at most; the best ones are kept.
        cells: whether the map has scores alone, as of a net that counts.
        background: whether the map is of cells whose channel 0 is no class, and its values are
            probabilities: a softmax over the channels of each cell, as of Edge Impulse's FOMO.

    Raises:
        CoderError: a setting out of range; a map of other channels, or not finite.
    """

    classes: tuple[Class, ...]
    _: KW_ONLY
    cell: int
    conf: float = 0.5
    iou: float = 0.5
    most: int = 64
    cells: bool = False
    background: bool = False
    properties = ()

    if TYPE_CHECKING:

        def __init__(
            self,
            classes: Sequence[Class],
            *,
            cell: int,
            conf: float = ...,
            iou: float = ...,
            most: int = ...,
            cells: bool = ...,
            background: bool = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        try:
            self.integers(_FLOAT_SCALE)
        except detection.DetectionError as error:
            raise CoderError(str(error)) from error

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The names of the channels of a cell."""
        names = (*("background",) * self.background, *map(str, self.classes))
        return names if self.cells else (*names, *detection.EDGES)

    @property
    def channels(self) -> int:
        """Channels of a cell."""
        return len(self.channel_names)

    def __call__(self, maps: object, /) -> list[FoundBox] | list[list[FoundBox]]:
        """What is found in one map, or a list of these of a batch."""
        array = np.asarray(maps, dtype=np.float64)
        if array.ndim not in (3, 4) or array.shape[-3] != self.channels or 0 in array.shape[-2:]:
            raise CoderError(
                f"a map must be ({self.channels}, H, W) or (N, {self.channels}, H, W), not "
                f"{array.shape}"
            )
        if not np.isfinite(array).all():
            raise CoderError("the values of a map must be finite, these hold NaN or infinity")
        most, scale = np.iinfo(np.int32).max, _SHARE if self.background else _FLOAT_SCALE
        rows = np.moveaxis(array.reshape(-1, *array.shape[-3:]), 1, -1)
        integers = np.rint(rows / scale).clip(-most, most).astype(np.int32)
        found = self.name_boxes(detection.find(self.integers(scale), integers, scale), scale)
        return found[0] if array.ndim == 3 else found

    def name_boxes(
        self, found: Sequence[Sequence[detection.Box]], scale: float
    ) -> list[list[FoundBox]]:
        """Boxes of integers, whose score 1 is ``scale``, with labels, probabilities and pixels."""
        pixels, first = 1 / detection.PARTS, int(self.background)
        return [
            [
                FoundBox(
                    self.classes[box.value - first],
                    box.score * _SHARE if first else _sigmoid(box.score * scale),
                    *(side * pixels for side in box[2:]),
                )
                for box in boxes
            ]
            for boxes in found
        ]

    def integers(self, scale: float) -> detection.Decoder:
        """The decoder of maps of integers whose 1 is ``scale``.

        Raises:
            DetectionError: a setting is out of the range of the integers.
        """
        return detection.decoder_of_settings(vars(self), classes=len(self.classes), scale=scale)


def _sigmoid(score: float) -> float:
    small = math.exp(-abs(score))
    return (1 if score >= 0 else small) / (1 + small)
