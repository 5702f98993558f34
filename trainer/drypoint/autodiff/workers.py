"""Who computes what of a step in micro-batches: each micro-batch, call and node has a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

current_worker: ContextVar[int | None] = ContextVar("worker", default=None)
"""The worker of what is computed now; None: all threads compute it together."""


@contextmanager
def worker(number: int | None) -> Iterator[None]:
    """A context whose nodes and calls of kernels belong to worker ``number``."""
    token = current_worker.set(number)
    try:
        yield
    finally:
        current_worker.reset(token)
