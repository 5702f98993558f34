"""Prints the decoder of a model that finds things, as the bytes that `Model.boxes` takes.

    python packaging/micropython/decoder.py net.dpt

The decoder has integers that follow from a 64-bit floating-point scale (BOXES.md), and most
boards compute with 32 bits.
"""

import struct
import sys
from pathlib import Path

from drypoint import detection
from drypoint.common import DrypointError
from drypoint.program import Program, blob


def decoder_bytes(program: Program) -> bytes:
    """What ``record`` of drypoint.c reads: the decoder's numbers, then its cutoffs."""
    decoder = program.boxes
    if decoder is None:
        raise SystemExit(f"the program {program.name!r} has no decoder of boxes")
    mult, shift = 0, 0
    if decoder.kind == "boxes":
        mult, shift = detection.edge_scale(program.output_scale, decoder.cell)
    sizes = (decoder.cell, decoder.iou, decoder.most)
    numbers = struct.pack("<I3H2B", mult, *sizes, decoder.first, shift)
    return numbers + struct.pack(f"<{len(decoder.cutoffs)}i", *decoder.cutoffs)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("wanted: python packaging/micropython/decoder.py net.dpt")
    try:
        net = blob.loads(Path(sys.argv[1]).read_bytes())
    except (OSError, DrypointError) as error:
        raise SystemExit(str(error)) from error
    print(f"DECODER = {decoder_bytes(net)!r}")
