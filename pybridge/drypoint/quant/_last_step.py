"""The last step of recordings, in integers and in floats: what is compared of a recurrent net."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Program, reference


def trace_last(program: Program, integers: NDArray[np.integer]) -> list[NDArray[np.integer]]:
    """The output of every op, (N, h, w, c); of a streaming program, which reads recordings
    (N, steps, h, w, c), in the last step."""
    if not program.is_streaming:
        return reference.trace(program, integers)
    return [plane[:, -1] for plane in reference.trace_signals(program, integers)]


def last_floats(program: Program, values: NDArray[Any]) -> NDArray[Any]:
    """What a float layer gives, (N, ...); of a net that runs step by step, where a layer gives all
    steps (N, C, steps), in the last step."""
    return values[..., -1] if program.is_streaming and values.ndim == 3 else values
