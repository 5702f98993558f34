"""The number of examples of the next fit within a time limit."""

import math

import numpy as np
from numpy.typing import NDArray

FIRST = 500
_STEP = 8.0  # a fit predicts the times of fits on up to 8 times its examples
_WORTHWHILE = 1.5  # least growth of a fit: fewer additional examples hardly change the accuracy


def next_size(
    n: int, times: tuple[float, float], *, growth: float, left: float, total: int
) -> int | None:
    """The number of examples of the next fit; None if there is no further fit.

    The numbers grow by a constant factor of at most 8 that reaches ``total``, or by less if the
    time does not suffice.
    """
    if n >= total:
        return None
    ratio = total / n
    wanted = min(total, math.ceil(n * ratio ** (1 / math.ceil(math.log(ratio, _STEP)))))
    low, high = 0, wanted  # the largest size that is affordable lies between them
    while low < high:
        size = (low + high + 1) // 2
        if _predicted_seconds(size / n, times, growth=growth) <= left:
            low = size
        else:
            high = size - 1
    return low if low >= min(total, _WORTHWHILE * n) else None


def _predicted_seconds(times_as_many: float, times: tuple[float, float], *, growth: float) -> float:
    """Predicted seconds of a fit and validation on ``times_as_many`` times the examples."""
    fit, validation = times
    return fit * math.pow(times_as_many, growth) + validation * times_as_many


def nested_order(y: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The indices of all examples, shuffled so that every prefix has all classes in proportion.

    Within a class the order is random; the k-th of n examples is at position (k + 1/2) / n of the
    whole.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    places = np.empty(len(y))
    for cls in np.unique(y):
        mine = order[y[order] == cls]
        places[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return order[np.argsort(places[order], kind="stable")]
