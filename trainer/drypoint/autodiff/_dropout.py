"""Dropout, whose masks follow from a key."""

import numpy as np

from . import _kernels as kernels
from ._compiled import empty, recorder
from ._elementwise_kernels import Key
from ._errors import AutodiffError
from ._tensor import Tensor, record

_BITS = 24
"""Of the hash that is compared with the probability."""


def dropout(x: Tensor, probability: float, *, rng: np.random.Generator) -> Tensor:
    """Each element is 0 with `probability`, else divided by 1 - probability: the mean stays.

    The generator gives a key of 64 bits, and a hash of that and the element's place tells which: so
    an array's mask is the same on every machine, and `Recording.draw` can draw another one.

    Raises:
        AutodiffError: the probability is not in [0, 1).
    """
    if not 0 <= probability < 1:
        raise AutodiffError(f"dropout wants a probability in [0, 1), got {probability}")
    key: Key = empty((2,), np.uint32)
    draw_key(key, rng)
    if told := recorder.get():
        told.drawn(key)
    threshold, scale = round(probability * 2**_BITS), 1 / (1 - probability)
    value = kernels.dropout(x.data, key, threshold=threshold, scale=scale)
    return record(value, (x, lambda g: kernels.dropout(g, key, threshold=threshold, scale=scale)))


def draw_key(key: Key, rng: np.random.Generator) -> None:
    """Fill a key."""
    key[...] = rng.integers(0, 2**32, 2, np.uint32)
