"""Programs with weights of 4 and 2 bits."""

from dataclasses import replace

import numpy as np

from drypoint.program import Program
from drypoint.program.ops._weighted import WeightedOp

LARGEST = {8: 127, 4: 7, 2: 1}


def with_few_bits(program: Program, seed: int = 0, choice: tuple[int, ...] = (8, 4, 2)) -> Program:
    """The program with small weights: each op with weights has some of these weight bits. Small
    weights lower the bounds of accumulators, so the program obeys every rule.
    """
    rng = np.random.default_rng(seed)
    return replace(
        program, ops=tuple(_with_bits(op, int(rng.choice(choice))) for op in program.ops)
    )


def _with_bits(op, bits):
    if not isinstance(op, WeightedOp):
        return op
    small = np.sign(op.weight) * (np.abs(op.weight) & np.int8(LARGEST[bits]))
    return replace(op, weight=small, weight_bits=bits)
