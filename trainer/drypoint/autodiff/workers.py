"""Workers: who computes what, of a training step in micro-batches.

Each micro-batch has a worker. A trace notes the worker of each call of a kernel; a node of the tape
keeps the worker of its value, who computes its gradient too.
"""

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
