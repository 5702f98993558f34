"""The decoder of a program that finds things in pictures: its place in the meta, its boxes.

NUMERICS.md section 13; `drypoint.detection` has the rules.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import detection

from . import _softmax as softmax
from ._outputs import CHANNELS, Output
from ._tensors import ProgramError, Shape


def check_boxes(decoder: detection.Decoder | None, output: Output, plane: Shape) -> None:
    """Refuse a decoder of another map than the last output."""
    if decoder is None:
        return
    try:
        decoder.check_map(*plane)
        if decoder.kind == "boxes":
            detection.edge_scale(output.scale, decoder.cell)
    except detection.DetectionError as error:
        raise ProgramError(str(error)) from error
    _check_settings(decoder, output)
    if not output.softmax:
        return
    by_cell = output.softmax == CHANNELS or plane.size == plane.c
    if decoder.kind == "boxes" or not by_cell or plane.c > detection.MOST_SOFTMAX:
        raise ProgramError(
            f"the last output, {plane}, ends in a softmax; wanted: no softmax, or of cells one "
            f"over the at most {detection.MOST_SOFTMAX} channels of each"
        )


def _check_settings(decoder: detection.Decoder, output: Output) -> None:
    """Refuse a decoder of other settings than the output names."""
    config = output.decoder or {}
    if config.get("type") != "boxes":
        return
    try:
        settings = {"background": False, **config}
        named = detection.decoder_of_settings(
            settings, classes=len(settings["classes"]), scale=output.scale
        )
    except (detection.DetectionError, KeyError, TypeError) as error:
        raise ProgramError(f"the output's decoder of boxes: {error}") from error
    pairs = zip(named.cutoffs, decoder.cutoffs, strict=False)
    # Logarithms of two machines may differ in their last bit, which moves a cutoff by 1.
    if len(named.cutoffs) != len(decoder.cutoffs) or any(abs(a - b) > 1 for a, b in pairs):
        raise ProgramError(
            f"cutoffs of the boxes are {decoder.cutoffs!r:.60}, of the output's decoder "
            f"{named.cutoffs!r:.60}: they must be equal"
        )
    for name in ("kind", "cell", "background", "iou", "most"):
        mine, theirs = getattr(decoder, name), getattr(named, name)
        if mine != theirs:
            raise ProgramError(
                f"{name} of the boxes is {mine!r}, of the output's decoder {theirs!r}: they must "
                "be equal"
            )


def decode_boxes(
    decoder: detection.Decoder, rows: NDArray[np.int32], output: Output, plane: Shape
) -> list[list[detection.Box]]:
    """The boxes of the last output's values, int32 (N, values)."""
    maps = rows.reshape(-1, *plane)
    scores = None
    if output.softmax:
        cells = softmax.run(maps.reshape(-1, plane.c), softmax.scale(output.scale))
        scores = cells.astype(np.int32).reshape(maps.shape)
    return detection.find(decoder, maps, output.scale, scores)


def describe_boxes(decoder: detection.Decoder | None, output: Output) -> str:
    """The constants of a decoder, as a line of a listing; "" without one."""
    if decoder is None:
        return ""
    n, least = len(decoder.cutoffs), f"{min(decoder.cutoffs):,}"
    above = least if len({*decoder.cutoffs}) == 1 else f"{least} to {max(decoder.cutoffs):,}"
    text = (
        f"at most {decoder.most:,} of {n} class{'es' * (n != 1)}, in cells of {decoder.cell} pixels"
    )
    text += f"; scores above {above}"
    if decoder.kind == "boxes":
        mult, shift = detection.edge_scale(output.scale, decoder.cell)
        text += f"; iou {decoder.iou}/1000; edges * {mult} >> {shift}"
    return f"{decoder.kind}: {text}{', a background' * decoder.background}"


def write_boxes(decoder: detection.Decoder) -> dict[str, Any]:
    """The decoder as an object of the meta."""
    return {**asdict(decoder), "cutoffs": list(decoder.cutoffs)}


def read_boxes(fields: Mapping[str, Any]) -> detection.Decoder:
    """The decoder of an object of the meta."""
    wanted = tuple(detection.Decoder.__dataclass_fields__)
    if set(fields) != set(wanted) or type(fields["cutoffs"]) is not list:
        raise detection.DetectionError(
            f"boxes has the keys {', '.join(sorted(fields))[:80]}; wanted: {', '.join(wanted)}, "
            "with an array of cutoffs"
        )
    return detection.Decoder(**{**fields, "cutoffs": tuple(fields["cutoffs"])})
