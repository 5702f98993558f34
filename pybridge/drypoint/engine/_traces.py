"""Converts the bytes of all ops' outputs, as C writes them, to arrays."""

import numpy as np
from numpy.typing import NDArray

from drypoint.program import NUMPY_TYPE, Program


def split_traces(program: Program, data: NDArray[np.uint8], *, n: int) -> list[NDArray[np.integer]]:
    """One array (n, h, w, c) for each op, from n records of the outputs of all ops in order."""
    rows = data.reshape(n, sum(op.output.bytes for op in program.ops))
    arrays, at = [], 0
    for op in program.ops:
        part = np.ascontiguousarray(rows[:, at : at + op.output.bytes])
        arrays.append(part.view(NUMPY_TYPE[op.out_type]).reshape(n, *op.out_shape))
        at += op.output.bytes
    return arrays
