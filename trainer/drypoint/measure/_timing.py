"""How long a model takes; each call measures anew, nothing here is kept."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._models import Predict


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long calls with one image take.

    Attributes:
        median: microseconds.
        p95: microseconds that 95 % of the calls stay below (linear between neighbours).
        calls: how many were timed.
    """

    median: float
    p95: float
    calls: int


def latency(predict: Predict, images: NDArray[Any], *, calls: int, seconds: float) -> Latency:
    """Time single calls on one image after the other, after one call that does not count.

    It ends after ``calls``, or after ``seconds`` with at least one call.
    """
    predict(images[:1])  # whatever is set up at first use is no latency
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < calls and (not times or time.perf_counter() - begin < seconds):
        at = len(times) % len(images)
        one = images[at : at + 1]
        start = time.perf_counter()
        predict(one)
        times.append(time.perf_counter() - start)
    median, p95 = (np.percentile(times, [50, 95]) * 1e6).tolist()
    return Latency(median=median, p95=p95, calls=len(times))


def throughput(predict: Predict, images: NDArray[Any], *, batch_size: int, seconds: float) -> float:
    """Images a second in batches, over the images again and again for about ``seconds``.

    One call that does not count goes before; at least one batch is timed.
    """
    predict(images[:1])
    done, at = 0, 0
    begin = time.perf_counter()
    elapsed = 0.0
    while done == 0 or elapsed < seconds:
        batch = images[at : at + batch_size]
        predict(batch)
        done += len(batch)
        at = at + batch_size if at + batch_size < len(images) else 0
        elapsed = time.perf_counter() - begin
    return done / elapsed
