"""A program's real scales, for libraries that take scales in place of multipliers.

The engine knows only the ratios M = input scale * weight scale / output scale (NUMERICS.md section
2), so the scale of an activation inside is free: it is 1 here, and the weights' scales follow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Conv, Dense, Program

from ._errors import BenchError

LAST_STEPS = 120  # of 127, for the largest output seen: a peer's last activation has 8 bits


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaled:
    """An op with real scales.

    Attributes:
        source, target: of input and output.
        weight: float64 (out.c,), of each output channel; empty for pooling.
    """

    op: Conv | Dense
    source: float
    target: float
    weight: NDArray[np.float64]


def scaled(program: Program, outputs: NDArray[np.int32]) -> list[Scaled]:
    """Every op with its scales.

    Args:
        program: of convolutions, dense ops and max-pooling.
        outputs: what the program gives for typical inputs; they set the last op's scale.

    Raises:
        BenchError: an op that 8-bit formats express in another way or not at all.
    """
    ops, source = [], program.input_scale
    largest = max(1.0, float(np.abs(outputs).max()))
    for op in program.ops:
        if not isinstance(op, Conv | Dense):
            raise BenchError(f"op {op.name!r}: only convolutions and dense ops are given to peers")
        if (op.lo, op.hi) not in ((0, 255), (-128, 127), (-(2**31), 2**31 - 1)):
            raise BenchError(f"op {op.name!r}: a clamp of {op.lo} to {op.hi} is not given to peers")
        last = op.out_type == "i32"
        unit = program.output_scale if last else 1.0
        ratio = op.mult.astype(np.float64) * 2.0 ** (op.shift - 32)
        target = unit * largest / LAST_STEPS if last else 1.0
        ops.append(Scaled(op=op, source=source, target=target, weight=ratio * unit / source))
        source = target
    return ops
