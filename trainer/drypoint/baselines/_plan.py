"""How many examples to train on next, when the time is limited."""

import math

import numpy as np
from numpy.typing import NDArray

FIRST = 500
_STEP = 8.0  # a small fit says little about one with more than so many times the examples
_WORTHWHILE = 1.5  # a fit on few more examples than the last one would tell little more


def next_size(
    n: int, times: tuple[float, float], *, growth: float, left: float, total: int
) -> int | None:
    """How many examples the next fit may have; None when the last one was the last.

    The numbers grow by one factor of at most 8 that leads to ``total``, or as far as the time
    allows.

    Args:
        n: examples of the last fit.
        times: seconds that the fit took, and the validation after it.
        growth: a fit's time goes at most with this power of the number of examples; the time of
            a validation at most with the first.
        left: seconds that may still be spent.
        total: examples that there are.
    """
    if n >= total:
        return None
    ratio = total / n
    wanted = min(total, math.ceil(n * ratio ** (1 / math.ceil(math.log(ratio, _STEP)))))
    low, high = 0, wanted  # the largest size that is affordable lies between them
    while low < high:
        size = (low + high + 1) // 2
        if _foretold(size / n, times, growth=growth) <= left:
            low = size
        else:
            high = size - 1
    return low if low >= min(total, _WORTHWHILE * n) else None


def _foretold(times_as_many: float, times: tuple[float, float], *, growth: float) -> float:
    """Seconds for so many times the examples."""
    fit, validation = times
    return fit * math.pow(times_as_many, growth) + validation * times_as_many


def nested_order(y: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The indices of all examples, shuffled so that every beginning has all classes in proportion.

    Within a class the order is random; the k-th of n examples has its place at (k + 1/2) / n.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    places = np.empty(len(y))
    for cls in np.unique(y):
        mine = order[y[order] == cls]
        places[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return order[np.argsort(places[order], kind="stable")]
