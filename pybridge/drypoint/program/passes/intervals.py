"""Intervals: between which integers each channel of a tensor lies, over all inputs of a program.

The interval of the program's input is the whole range of its type. An op's interval follows from
the intervals of what it reads. A sum of products is smallest where each product is smallest, and
requantization is monotone (NUMERICS.md section 2): the ends of an accumulator's interval become the
ends of the output's. Values count as independent of one another, so that an interval holds every
value that occurs, and perhaps more. Padding is counted by place.
"""

import numpy as np

from .._program import Program
from .._tensors import LIMITS
from ..ops._interval import Interval


def intervals(program: Program) -> list[Interval]:
    """The interval of each tensor: of the program's input, then of the output of each op."""
    ends = (np.full(program.input_shape.c, end) for end in LIMITS[program.input_type])
    tensors = [Interval(*ends)]
    for op, reads in zip(program.ops, program.reads, strict=True):
        tensors.append(op.interval([tensors[tensor] for tensor in reads]))
    return tensors
