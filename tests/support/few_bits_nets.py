"""Programs with weights of 4 and 2 bits."""

from dataclasses import replace

import nets
import numpy as np
from window_nets import WINDOWS

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


# Dense ops whose channels are more than the kernels keep, inputs no whole step of 16.
WIDE = [nets.broad_program(33, "u8"), nets.broad_program(150, "i8")]


def programs(count: int) -> list[Program]:
    """Programs of 4 and of 2 bits, and mixed ones: random ones, and ones with long and padded
    windows.
    """
    made = [*nets.BROAD, *nets.POOLING, *WINDOWS, nets.wide_program(), nets.padded_program()]
    made += [nets.random_program(seed) for seed in range(2000, 2000 + count)]
    kinds = ((4,), (2,), (8, 4, 2))
    mixed = [with_few_bits(program, i, kinds[i % 3]) for i, program in enumerate(made)]
    return mixed + [with_few_bits(program, choice=(bits,)) for program in WIDE for bits in (4, 2)]


def random_few_bits(seed: int) -> Program:
    """A random program whose ops with weights have 4 or 2 bits."""
    return with_few_bits(nets.random_program(seed), seed, (4, 2))
