"""Prefetching changes only the time at which items are made."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint.train._epoch import PREFETCH_DEPTH, prefetch


@given(st.lists(st.integers()))
def test_items_keep_their_order(items):
    assert list(prefetch(iter(items))) == items


def test_items_are_made_in_another_thread_before_the_reader_takes_them():
    made = threading.Event()
    threads = set()

    def items():
        for i in range(3):
            threads.add(threading.get_ident())
            if i == 1:
                made.set()
            yield i

    reader = prefetch(items())
    assert next(reader) == 0
    assert made.wait(10), "the second item is made before the reader takes it"
    assert list(reader) == [1, 2]
    assert threads.isdisjoint({threading.get_ident()})
    assert len(threads) == 1


def test_at_most_the_depth_is_prefetched():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    reader = prefetch(items())
    for taken in range(1, 20):
        next(reader)
        time.sleep(0.002)
        assert len(made) <= taken + PREFETCH_DEPTH


def test_an_error_comes_where_its_item_would_have_come():
    def items():
        yield 1
        yield 2
        raise ValueError("the third")

    reader = prefetch(items())
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(reader)


def test_a_reader_that_stops_leaves_no_thread():
    before = threading.active_count()
    reader = prefetch(iter(range(1000)))
    next(reader)
    reader.close()
    assert threading.active_count() == before


def test_an_interrupt_of_the_reader_ends_it():
    def reading():
        for _ in prefetch(iter(range(1000))):
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        reading()
    assert threading.active_count() == before
