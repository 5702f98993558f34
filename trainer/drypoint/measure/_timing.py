"""Latency and throughput of a model; every call measures again."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._models import Predict


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The time of calls with one image.

    Attributes:
        median: median time in microseconds.
        p95: 95th percentile in microseconds, linearly interpolated.
        calls: the number of timed calls.
    """

    median: float
    p95: float
    calls: int


def latency(predict: Predict, images: NDArray[Any], *, calls: int, seconds: float) -> Latency:
    """Time calls with one image each, after one call that is not timed.

    The timing ends after ``calls`` calls, or after ``seconds`` with at least one call.
    """
    predict(images[:1])  # initialization at first use must not be timed
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < calls and (not times or time.perf_counter() - begin < seconds):
        at = len(times) % len(images)
        image = images[at : at + 1]
        start = time.perf_counter()
        predict(image)
        times.append(time.perf_counter() - start)
    median, p95 = (np.percentile(times, [50, 95]) * 1e6).tolist()
    return Latency(median=median, p95=p95, calls=len(times))


def throughput(predict: Predict, images: NDArray[Any], *, batch_size: int, seconds: float) -> float:
    """Images per second in batches, cycling over the images for about ``seconds``.

    One call before is not timed; at least one batch is timed.
    """
    predict(images[:1])
    examples, at = 0, 0
    begin = time.perf_counter()
    elapsed = 0.0
    while examples == 0 or elapsed < seconds:
        batch = images[at : at + batch_size]
        predict(batch)
        examples += len(batch)
        at = at + batch_size if at + batch_size < len(images) else 0
        elapsed = time.perf_counter() - begin
    return examples / elapsed
