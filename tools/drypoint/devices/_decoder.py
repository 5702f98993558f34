"""What the decoder of boxes costs on a board, beside its net."""

import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Program

from ._count import count_marks
from ._emulate import HARNESS, DeviceError, build, compile_flags, engine_sources
from ._exported import build_exported, exported_engine
from ._jobs import ORDER
from ._targets import Board, Target

FILES = ("dpt_boxes.c", "dpt_candidates.c", "dpt_cells.c")


@dataclass(frozen=True, kw_only=True)
class DecoderCost:
    """What a decoder costs.

    Attributes:
        code: bytes of the decoders of boxes and of cells, with -Os.
        instructions: executed instructions of ``NAME_boxes`` for each input, with -O3.
        net: executed instructions of one run of the net, with -O3.
    """

    code: int
    instructions: tuple[int, ...]
    net: int

    @property
    def share(self) -> float:
        """The largest share of the net's instructions."""
        return max(self.instructions) / self.net


def measure_decoder(target: Target, program: Program, inputs: NDArray[np.integer]) -> DecoderCost:
    """Measure the decoder of a program on a board, for at least two inputs (N, h, w, c).

    Raises:
        DeviceError: the target is no board, a tool is missing, or a step failed.
    """
    if not isinstance(target.runs_on, Board):
        raise DeviceError(f"{target.name} is no board: its functions are not counted")
    encoded = program.encode(inputs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_exported(target, program, encoded[:1], folder)
        sources = [HARNESS / "boxes.c", folder / "model.c"]
        binary = build(
            target,
            sources,
            folder / "boxes",
            flags=["-O3", f"-I{folder}"],
            engine=exported_engine(folder),
        )
        number = struct.pack(f"{ORDER[target.byte_order]}I", len(encoded))
        counts = count_marks(target, binary, number + encoded.tobytes())
        return DecoderCost(
            code=_code(target, folder), instructions=tuple(counts[1::2]), net=counts[2]
        )


def _code(target: Target, folder: Path) -> int:
    """Bytes of the decoders' code and constants."""
    size, total = target.compiler.replace("gcc", "size"), 0
    for path in engine_sources():
        if path.name in FILES:
            out = folder / f"{path.stem}.o"
            flags = [*compile_flags(target), "-Os", "-c", str(path), "-o", str(out)]
            subprocess.run([target.compiler, *flags], check=True)
            done = subprocess.run([size, out], check=True, capture_output=True, text=True)
            total += int(done.stdout.splitlines()[1].split()[0])
    return total
