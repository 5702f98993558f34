"""Dropout with masks that are a hash of a key and the element's index."""

import numpy as np

from ._errors import AutodiffError
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.native.call import tracer
from .kernels.numpy.elementwise import draw_key

_BITS = 24
"""Bits of the hash that are compared with the probability."""


def dropout(x: Tensor, probability: float, *, rng: np.random.Generator) -> Tensor:
    """Each element is 0 with `probability`, else divided by 1 - probability: the mean stays.

    `rng` draws a key of 64 bits; a hash of the key and the element's index decides whether the
    element is 0. So masks are equal on every machine. A compiled training step draws another key
    in each run.

    Raises:
        AutodiffError: the probability is not in [0, 1).
    """
    if not 0 <= probability < 1:
        raise AutodiffError(f"dropout wants a probability in [0, 1), got {probability}")
    key = draw_key(rng)
    if trace := tracer.get():
        trace.append_key(key)
    threshold, scale = round(probability * 2**_BITS), 1 / (1 - probability)
    value = kernels.dropout(x.data, key, threshold=threshold, scale=scale)
    return record(value, (x, lambda g: kernels.dropout(g, key, threshold=threshold, scale=scale)))
