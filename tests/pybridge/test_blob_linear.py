"""Blobs are read in time and memory proportional to their size.

Oracle: the number of calls that Python's profiler sees, and the bytes that tracemalloc sees, not
seconds. A blob of four times the size may cost four times as many; the square would be 16 times.
"""

import json
import sys
import tracemalloc

import pytest
from blobs import MARKS, dense, maximum, place, program, repaired, sharing, tensor
from shared_tables import ladder

from drypoint.program import BlobError, Plan, blob

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
    pixel = tensor(1, 1, 1)
    ops = [maximum(pixel, tensor(1, 1, 1, "i32") if i + 1 == n else pixel) for i in range(n)]
    plan = Plan((*(i % 2 for i in range(n - 1)), 0), (False,) * n, 2)  # the planner's takes n * n
    return blob.dumps(program(*ops, plan=plan))


def many_labels(n):
    """A blob of n outputs with a label each, and as many numbers in its provenance."""
    op = dense(tensor(1, 1, 1), tensor(1, 1, n, "i32"))
    labels = tuple(f"label {i:06}" for i in range(n))
    return blob.dumps(program(op, labels=labels, provenance={"numbers": [123456] * n}))


def many_readers(n):
    """A blob of n additions, in which every tensor has two readers."""
    meta = {"name": "ladder", "ops": ["sum"] * n, "input": {"scale": 1}, "provenance": {}}
    meta["output"] = {"scale": 1, "softmax": False}
    return ladder(n, meta=json.dumps(meta).encode())


BLOBS = {
    "many ops": many_ops,
    "many labels": many_labels,
    "two readers each": many_readers,
    "shared tables": lambda n: sharing(n // 8, 256, factor=4),
}


@pytest.mark.parametrize("make", BLOBS.values(), ids=BLOBS)
def test_a_blob_of_four_times_the_size_takes_four_times_the_work(make):
    short, long = make(400), make(1600)
    assert calls(blob.loads, long) <= 4 * SLACK * calls(blob.loads, short)
    assert peak(blob.loads, long) <= 4 * SLACK * max(peak(blob.loads, short), 100_000)


@pytest.mark.parametrize("make", [many_ops, many_readers])
def test_what_a_program_says_of_itself_takes_work_in_proportion_to_its_ops(make):
    short, long = (blob.loads(make(n)) for n in (400, 1600))
    for work in (lambda program: program.arena_lower_bound, blob.dumps, str):
        assert calls(work, long) <= 4 * SLACK * calls(work, short)


def test_a_fault_of_the_plan_is_found_in_work_proportional_to_the_size():
    """A mark is missing in the last op but one, after all others are checked."""

    def count_refusal(n):
        data = bytearray(many_readers(n))
        data[place(n - 2, MARKS)] = 0

        def read():
            with pytest.raises(BlobError, match="would write over the output of 'sum'"):
                blob.loads(repaired(data))

        return calls(read)

    assert count_refusal(1600) <= 4 * SLACK * count_refusal(400)


def test_tables_that_ops_share_are_refused_before_any_is_copied():
    """200 ops that share 66 KB of tables, which sum to 17 times the blob."""
    data = sharing(200, 256, factor=16)

    def read():
        with pytest.raises(BlobError, match="more than 4 times the blob's"):
            blob.loads(data)

    assert peak(read) < 10 * len(data)


def test_calls_that_grow_with_the_square_are_seen():
    assert calls(lambda: [sum(map(int, range(400))) for _ in range(1600)]) > 1600
