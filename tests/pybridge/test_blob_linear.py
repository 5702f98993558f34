"""Blobs are read in time and memory proportional to their size.

Oracle: the number of calls that Python's profiler sees, and the bytes that tracemalloc sees, not
seconds. A blob of four times the size may cost four times as many; the square would be 16 times.
"""

import sys
import tracemalloc

import numpy as np
import pytest
from blobs import sharing

from drypoint.program import BlobError, Dense, MaxPool, Program, Shape, blob

SLACK = 1.5  # what a blob of four times the size may cost more than four times


def calls(work, *arguments):
    """The number of calls of Python and C functions in a function."""
    count = 0

    def see(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work(*arguments)
    finally:
        sys.setprofile(before)
    return count


def peak(work, *arguments):
    """The peak of bytes that a function allocates."""
    tracemalloc.start()
    try:
        work(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def many_ops(n):
    """A blob of n ops and of no tables."""
    shape = Shape(1, 1, 1)
    base = {"in_type": "u8", "in_shape": shape, "out_shape": shape}
    base |= {"kernel": (1, 1), "stride": (1, 1)}
    types = [*["u8"] * (n - 1), "i32"]
    ops = [MaxPool(name=f"op{i:06}", out_type=kind, **base) for i, kind in enumerate(types)]
    return blob.dumps(Program(name="net", ops=tuple(ops), input_scale=1, output_scale=1))


def many_labels(n):
    """A blob of n outputs with a label each, and as many numbers in its provenance."""
    op = Dense(
        name="op", in_type="u8", out_type="i32", in_shape=Shape(1, 1, 1),
        out_shape=Shape(1, 1, n), weight=np.ones((n, 1), np.int8), bias=np.zeros(n, np.int32),
        mult=np.full(n, 2, np.int32), shift=0, lo=0, hi=1,
    )  # fmt: skip
    labels = tuple(f"label {i:06}" for i in range(n))
    fields = {"input_scale": 1, "output_scale": 1, "provenance": {"numbers": [123456] * n}}
    return blob.dumps(Program(name="net", ops=(op,), labels=labels, **fields))


BLOBS = {
    "many ops": many_ops,
    "many labels": many_labels,
    "shared tables": lambda n: sharing(n // 8, 256, factor=4),
}


@pytest.mark.parametrize("make", BLOBS.values(), ids=BLOBS)
def test_a_blob_of_four_times_the_size_takes_four_times_the_work(make):
    short, long = make(400), make(1600)
    assert calls(blob.loads, long) <= 4 * SLACK * calls(blob.loads, short)
    assert peak(blob.loads, long) <= 4 * SLACK * max(peak(blob.loads, short), 100_000)


def test_the_plan_of_a_program_takes_work_in_proportion_to_its_ops():
    short, long = (blob.loads(many_ops(n)) for n in (400, 1600))
    for work in (lambda program: program.out_offsets, blob.dumps, str):
        assert calls(work, long) <= 4 * SLACK * calls(work, short)


def test_tables_that_ops_share_are_refused_before_any_is_copied():
    """200 ops that share 66 KB of tables, which sum to 17 times the blob."""
    data = sharing(200, 256, factor=16)

    def read():
        with pytest.raises(BlobError, match="more than 4 times the blob's"):
            blob.loads(data)

    assert peak(read) < 10 * len(data)


def test_calls_that_grow_with_the_square_are_seen():
    assert calls(lambda: [sum(map(int, range(400))) for _ in range(1600)]) > 1600
