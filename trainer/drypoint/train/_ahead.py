"""Reading ahead: the next batches are made while the net is computing on this one."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

DEPTH = 2  # ready or in the making: one to take, one so that the thread need not wait


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items in the same order, each made in a second thread a little before it is taken.

    What an item is cannot depend on this: they are made one after the other, and what is random in
    them follows from epoch and place. An error comes up where its item would have come. When the
    reader stops early, or is interrupted, the item in the making is finished and dropped.
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
