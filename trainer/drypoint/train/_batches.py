"""The batches of an epoch, prefetched by a second thread."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ._examples import Batch, Column
from ._plan import Plan
from .step.tape import Shard

EXAMPLES_AT_ONCE, BYTES_AT_ONCE = 2048, 1 << 21  # bounds of a group, not encoded


T = TypeVar("T")

DEPTH = 2  # ready or in the making: one to take, one so that the thread need not wait


def prefetch(items: Iterator[T]) -> Generator[T, None, None]:
    """The items in order, prefetched by a second thread, at most `DEPTH` of them.

    Prefetching does not change an item: the thread makes one after the other, and random numbers
    depend on epoch and index alone. An error of the iterator is raised in place of its item. When
    the reader stops early, or is interrupted, the thread finishes its item and drops it.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="drypoint-batches") as thread:
        coming = deque(thread.submit(next, items, end) for _ in range(DEPTH))
        try:
            while (item := coming.popleft().result()) is not end:
                coming.append(thread.submit(next, items, end))
                yield item  # type: ignore[misc]  # next() gives a T or `end`
        finally:
            for future in coming:
                future.cancel()


def batches(plan: Plan, number: int) -> Iterator[list[Shard]]:
    """This process's shard of each batch of an epoch, augmented and encoded, in groups.

    Small batches are augmented and encoded several at a time, since each call, and each wake of the
    second thread, costs about as much for 256 images as for 64. The encoding of an example does
    not depend on its neighbours.
    """
    settings = plan.settings
    for group in _groups(plan, number):
        batch = {port: _joined([stored[port] for stored, _, _ in group]) for port in group[0][0]}
        if settings.augment is not None:
            indices = _joined([places for _, places, _ in group])
            batch[plan.images] = settings.augment(
                batch[plan.images], seed=settings.seed, epoch=number, indices=indices
            )
        encoded, end, batches = plan.encode(batch), 0, []
        for _, places, n in group:
            begin, end = end, end + len(places)
            own = {port: column[begin:end] for port, column in encoded.items()}
            batches.append(Shard(own, n))
        yield batches


def _groups(plan: Plan, number: int) -> Iterator[list[tuple[Batch, Column, int]]]:
    """The batches of an epoch before encoding, in groups.

    Each batch is (this process's shard, the indices of its examples, examples of the whole batch).
    """
    group: list[tuple[Batch, Column, int]] = []
    examples = size = 0
    for stored, places in plan.source.epoch(number):
        n = len(places)
        mine = slice(None) if plan.all_reduce is None else plan.all_reduce.shard(n)
        batch = {port: column[mine] for port, column in stored.items()}
        group.append((batch, places[mine], n))
        examples += n
        size += sum(column.nbytes for column in batch.values())
        slow = plan.source.n is None or any(c.dtype.kind in "OU" for c in batch.values())
        if slow or examples >= EXAMPLES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield group
            group, examples, size = [], 0, 0
    if group:
        yield group


def _joined(arrays: list[Column]) -> Column:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
