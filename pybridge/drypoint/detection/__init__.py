"""Boxes and cells of maps that a net makes of pictures, in integers.

    decoder = detection.Decoder(kind="boxes", cell=8, cutoffs=(0,), iou=500, most=64)
    detection.find(decoder, maps, scale)        # for each map a list of `Box`

NUMERICS.md section 13 specifies the rules to the bit.
"""

from ._decoder import (
    EDGES,
    MOST_SOFTMAX,
    ONE,
    PARTS,
    Box,
    Decoder,
    DetectionError,
    EdgeScale,
    Kind,
    decoder_of_settings,
    edge_scale,
)
from ._find import find

__all__ = [
    "EDGES",
    "MOST_SOFTMAX",
    "ONE",
    "PARTS",
    "Box",
    "Decoder",
    "DetectionError",
    "EdgeScale",
    "Kind",
    "decoder_of_settings",
    "edge_scale",
    "find",
]
