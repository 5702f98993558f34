"""Inputs where nobody has examples: of a report, a self-test, a verification."""

import numpy as np
from numpy.typing import NDArray

from ._program import Program
from ._tensors import NUMPY_TYPE


def random_inputs(program: Program, count: int) -> NDArray[np.integer]:
    """Integers (count, h, w, c) of a program's input type, each value equally likely, the same
    ones every time."""
    kind = NUMPY_TYPE[program.input_type]
    limits, shape = np.iinfo(kind), (count, *program.input_shape)
    return np.random.default_rng(0).integers(limits.min, limits.max + 1, shape).astype(kind)
