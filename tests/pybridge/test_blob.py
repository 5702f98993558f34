"""A program as bytes: round trips, the layout that BLOB.md gives, and every way to be refused."""

import itertools
import json
import re
import struct
import zlib

import nets
import numpy as np
import pytest
from answers import check_answers
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from rows_nets import follow

from drypoint.engine._native import lib
from drypoint.program import BlobError, blob, reference, softmax
from drypoint.program._records import KINDS  # noqa: F401 - of the table of answers
from tools import ROOT


def repair(data):
    """The bytes with the size and CRC that they should have."""
    data = bytearray(data)
    struct.pack_into("<I", data, 8, len(data))
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


@given(program=nets.programs)
def test_a_round_trip_keeps_every_byte_and_every_output(program):
    data = blob.dumps(program)
    again = blob.loads(data)
    assert blob.dumps(again) == data
    assert str(again) == str(program)
    assert again.labels == program.labels
    assert (again.reads, again.plan) == (program.reads, program.plan)
    x = nets.random_inputs(program, 5)
    for a, b in zip(reference.trace(program, x), reference.trace(again, x), strict=True):
        np.testing.assert_array_equal(a, b)


def u16(data, at):
    return int.from_bytes(data[at : at + 2], "little")


def u32(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def i32s(data, at, n):
    return np.frombuffer(data, "<i4", n, at).tolist()


def assert_tensor(data, at, tensor):
    """The 8 bytes of a descriptor."""
    h, w, c = tensor.shape
    assert (u16(data, at), u16(data, at + 2), u16(data, at + 4)) == (h, w, c)
    assert data[at + 6] == {"u8": 0, "i8": 1, "i32": 2}[tensor.type]
    assert int.from_bytes(data[at + 7 : at + 8], "little", signed=True) == tensor.zero


@given(program=nets.programs)
@examples(50)
def test_the_header_equals_the_page(program):
    """Read with offsets copied from BLOB.md, not with the writer's structs."""
    data = blob.dumps(program)
    assert data[:4] == b"\x44\x50\x54\x1a"
    newer = len(program.outputs) > 1 or any(op.number > 12 for op in program.ops)
    assert (u16(data, 4), u16(data, 6)) == (2, 1 if newer else 0)
    assert (u32(data, 8), u32(data, 12)) == (len(data), zlib.crc32(data[16:]))
    assert u32(data, 16) == program.arena_size
    assert (u16(data, 20), u16(data, 22)) == (len(program.ops), len(program.labels))
    assert_tensor(data, 24, program.input)
    labels = data[u32(data, 32) : u32(data, 32) + u32(data, 36)]
    assert labels == b"".join(text.encode() + b"\0" for text in program.labels)
    meta = json.loads(data[u32(data, 40) : u32(data, 40) + u32(data, 44)])
    assert meta["ops"] == [op.name for op in program.ops]
    assert u32(data, 48) == 0
    scale = softmax.scale(program.output_scale) if program.softmax else (0, 0)
    assert (u32(data, 52), data[56]) == scale
    assert data[57:64] == bytes(7)


@given(program=nets.programs)
@examples(50)
def test_the_records_equal_the_page(program):
    """Read with offsets copied from BLOB.md, not with the writer's structs."""
    data = blob.dumps(program)
    page = (ROOT / "engine_c/BLOB.md").read_text()
    kinds = re.search(r"\| kind: (.*?) \|", page)[1].split(", ")
    numbers = {name.split()[1]: int(name.split()[0]) for name in kinds}
    for i, op in enumerate(program.ops):
        at = 64 + 128 * i
        assert data[at] == numbers[op.kind]
        plan = program.plan
        assert data[at + 1] == plan.in_place[i] + 2 * plan.is_fused(i)
        assert u16(data, at + 92) == plan.rows_of(i)
        assert data[at + 3] == (8 if hasattr(op, "weight") else 0)
        first, *rest = program.reads[i]
        assert (u16(data, at + 4), u16(data, at + 6)) == (first, *(rest or [0]))
        assert_tensor(data, at + 8, program.tensor(first))
        if rest:
            assert_tensor(data, at + 16, program.tensor(rest[0]))
        else:
            assert data[at + 16 : at + 24] == bytes(8)
        assert_tensor(data, at + 24, program.tensor(i + 1))
        names = {"kernel": (0, 0), "stride": (0, 0), "dilation": (0, 0), "padding": (0,) * 4}
        own = {name: getattr(op, name, zero) for name, zero in names.items()}
        groups = getattr(op, "groups", 0)
        if op.kind == "resize":
            own |= {"kernel": op.parts, "dilation": op.offset}
        if op.kind == "slice":
            own["padding"], groups = (*op.first[:2], 0, 0), op.first[2]
        if op.kind == "transpose":
            orders = {(0, 2, 1): 1, (1, 0, 2): 2, (1, 2, 0): 3, (2, 0, 1): 4, (2, 1, 0): 5}
            groups = orders[op.order]
        fields = (*itertools.chain(*own.values()), *getattr(op, "pool", (0, 0)), groups, 0)
        assert tuple(u16(data, at + 32 + 2 * k) for k in range(14)) == fields
        rule = [getattr(op, "lo", 0), getattr(op, "hi", 0)]
        assert (data[at + 2], i32s(data, at + 60, 2)) == (getattr(op, "shift", 0), rule)
        assert (u16(data, at + 68), u16(data, at + 70)) == getattr(op, "factors", (0, 0))
        assert u32(data, at + 72) == program.plan.offsets[i]
        assert data[at + 94 : at + 128] == bytes(34)
        assert_tables(data, at, op)


def assert_tables(data, at, op):
    """The tables of the op whose record begins at ``at``."""
    for field, names in (
        (76, ("weight", "table")),
        (80, ("bias",)),
        (84, ("mult",)),
        (88, ("pad",)),
    ):
        tables = [getattr(op, name) for name in names if getattr(op, name, None) is not None]
        place = u32(data, at + field)
        for table in tables:
            values = np.frombuffer(data, table.dtype.newbyteorder("<"), table.size, place)
            assert values.tolist() == table.ravel().tolist()
        assert tables or place == 0


@given(program=nets.programs)
@examples(50)
def test_outputs_that_are_alive_together_lie_apart(program):
    """Byte by byte: a run reads what was written, and computes every row once."""
    rows = [[] for _ in program.ops]
    for i, some in follow(program):
        rows[i] += some
    assert rows == [list(range(op.out_shape.h)) for op in program.ops]
    plan, ends = program.plan, [0]
    for i, op in enumerate(program.ops):
        if op.out_type == "i32":
            continue
        kept = plan.rows_of(i) if plan.is_fused(i) else op.out_shape.h
        ends.append(plan.offsets[i] + kept * op.out_shape.w * op.out_shape.c)
    assert program.arena_size == max(ends)


NET = nets.random_program(2157)  # three kinds of convolution, a sum in place, a mean, a table
GOOD = blob.dumps(NET)


def change(at, value, kind="<B"):
    data = bytearray(GOOD)
    struct.pack_into(kind, data, at, value)
    return repair(data)


def at(op, field):
    return 64 + 128 * op + field


def test_a_blob_that_breaks_a_rule_is_refused():
    check_answers("blobs", globals(), BlobError)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_with_the_same_error(data):
    for start in (b"", GOOD[:8]):
        attempt = start + data
        with pytest.raises(BlobError):
            blob.loads(attempt if len(attempt) < 16 else repair(attempt))


@given(changes=st.lists(st.tuples(st.integers(16, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
@examples(500)
def test_mutants_are_refused_or_valid(changes):
    data = bytearray(GOOD)
    for at, value in changes:
        data[at] = value
    data = repair(data)
    try:
        program = blob.loads(data)
    except BlobError:
        return
    assert str(blob.loads(blob.dumps(program))) == str(program)


def test_c_says_how_many_ops_a_blob_has():
    for seed in range(20):
        program = nets.random_program(seed)
        data = blob.dumps(program)
        assert lib.dpt_blob_ops(data, len(data)) == len(program.ops)
    damaged = bytes([*data[:-1], data[-1] ^ 1])
    for wrong in (damaged, data[:-1], data + b"\0", data[:20], b"", bytes(64)):
        assert lib.dpt_blob_ops(wrong, len(wrong)) == 0
