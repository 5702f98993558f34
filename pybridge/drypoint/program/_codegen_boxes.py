"""The C of a program that finds things in pictures: its decoder, NAME_boxes, its self-test."""

import textwrap
from collections.abc import Iterable
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray

from drypoint import detection

from ._program import Program


def boxes_declarations(program: Program, name: str) -> str:
    """What stands in the header; nothing for a program without decoder."""
    return _fill("boxes.h.in", program, name)


def boxes_source(program: Program, name: str) -> str:
    """What stands in the source."""
    return _fill("boxes.c.in", program, name)


def boxes_selftest(program: Program, name: str, outputs: NDArray[np.integer]) -> str:
    """The function of the self-test that compares the boxes of last outputs (N, values)."""
    if program.boxes is None:
        return ""
    sums = [f"0x{_checksum(boxes):08X}u" for boxes in program.find_boxes(outputs.astype(np.int32))]
    return _fill("boxes_selftest.c.in", program, name, checksums=", ".join(sums))


def _checksum(boxes: Iterable[detection.Box]) -> int:
    checksum = 0
    for number in (number for box in boxes for number in box):
        checksum = ((checksum ^ (number & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return checksum


def _fill(template: str, program: Program, name: str, **values: object) -> str:
    decoder = program.boxes
    if decoder is None:
        return ""
    mult, shift = 0, 0
    if decoder.kind == "boxes":
        mult, shift = detection.edge_scale(program.output_scale, decoder.cell)
    cutoffs = ("INT32_MIN" if value == -(2**31) else str(value) for value in decoder.cutoffs)
    lines = textwrap.wrap(", ".join(cutoffs), 96, break_long_words=False)
    fields = {
        "name": name,
        "upper": name.upper(),
        "n_ops": len(program.ops),
        "cutoffs": "".join(f"    {line}\n" for line in lines),
        "mult": mult,
        "shift": shift,
        "first": decoder.first,
        "classes": len(decoder.cutoffs),
        "cell": decoder.cell,
        "iou": decoder.iou,
        "most": decoder.most,
        "kind": decoder.kind,
    }
    text = files(__package__).joinpath("templates", template).read_text("utf-8")
    return Template(text).substitute(fields | values)
