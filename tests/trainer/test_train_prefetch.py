"""Prefetching changes only the time at which items are made."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint import nn, train
from drypoint.train._epoch import PREFETCH_DEPTH, prefetch


@contextmanager
def prefetching(items):
    with ThreadPoolExecutor(max_workers=1) as thread, closing(prefetch(items, thread)) as reader:
        yield reader


@given(st.lists(st.integers()))
def test_items_keep_their_order(items):
    with prefetching(iter(items)) as reader:
        assert list(reader) == items


def test_items_are_made_in_another_thread_before_the_reader_takes_them():
    made = threading.Event()
    threads = set()

    def items():
        for i in range(3):
            threads.add(threading.get_ident())
            if i == 1:
                made.set()
            yield i

    with prefetching(items()) as reader:
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

    with prefetching(items()) as reader:
        for taken in range(1, 20):
            next(reader)
            time.sleep(0.002)
            assert len(made) <= taken + PREFETCH_DEPTH


def test_an_error_comes_where_its_item_would_have_come():
    def items():
        yield 1
        yield 2
        raise ValueError("the third")

    with prefetching(items()) as reader:
        assert [next(reader), next(reader)] == [1, 2]
        with pytest.raises(ValueError, match="the third"):
            next(reader)


def test_a_reader_that_stops_drops_the_items_in_advance():
    made = []
    with ThreadPoolExecutor(max_workers=1) as thread:
        reader = prefetch(map(made.append, range(1000)), thread)
        next(reader)
        reader.close()
    assert len(made) <= 1 + PREFETCH_DEPTH


def test_one_thread_makes_the_batches_of_all_epochs_and_ends_with_the_run():
    threads, x = [], np.zeros((8, 3), np.float32)

    def batches(*_):
        threads.append(threading.current_thread())
        return [(x, np.arange(8) % 2)]

    def stop(state):
        if state.epoch == 3:
            raise KeyboardInterrupt

    net = nn.Sequential([nn.Linear(2), nn.Softmax()])
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        train.fit(net, batches, epochs=9, batch_size=8, callbacks=[stop], progress="none")
    assert threading.active_count() == before
    assert len({*threads[-3:]}) == 1  # the main thread looks at the data first
    assert threads[-1] is not threading.current_thread()
