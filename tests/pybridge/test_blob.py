"""A program as bytes: round trips, the layout that BLOB.md gives, and every way to be refused."""

import json
import struct
import zlib

import nets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drypoint.program import (
    BlobError,
    Conv,
    Dense,
    GroupedConv,
    MaxPool,
    blob,
    reference,
)


def repaired(data):
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
    x = nets.random_inputs(program, 5)
    for a, b in zip(reference.trace(program, x), reference.trace(again, x), strict=True):
        np.testing.assert_array_equal(a, b)


@given(program=nets.programs)
@settings(max_examples=50)
def test_the_layout_equals_the_page(program):
    """Read with offsets copied from BLOB.md, not with the writer's structs."""
    data = blob.dumps(program)
    u16 = lambda at: int.from_bytes(data[at : at + 2], "little")  # noqa: E731
    u32 = lambda at: int.from_bytes(data[at : at + 4], "little")  # noqa: E731
    i32s = lambda at, n: np.frombuffer(data, "<i4", n, at).tolist()  # noqa: E731
    assert data[:4] == b"\x44\x50\x54\x1a"
    minor = int(any(isinstance(op, GroupedConv) for op in program.ops))
    assert (u16(4), u16(6), u32(8), u32(12)) == (1, minor, len(data), zlib.crc32(data[16:]))
    assert (u32(16), u16(20), u16(22)) == (
        program.arena_size, len(program.ops), len(program.labels),
    )  # fmt: skip
    assert (data[24], data[25]) == ({"u8": 0, "i8": 1}[program.input_type], 0)
    assert (u16(26), u16(28), u16(30)) == tuple(program.input_shape)
    assert data[u32(32) : u32(32) + u32(36)] == b"".join(t.encode() + b"\0" for t in program.labels)
    assert json.loads(data[u32(40) : u32(40) + u32(44)])["ops"] == [op.name for op in program.ops]
    assert data[48:64] == bytes(16)
    ends = []
    for i, op in enumerate(program.ops):
        at = 64 + 64 * i
        kinds = {"Conv": 1, "Dense": 2, "MaxPool": 3, "AvgPool": 4, "GroupedConv": 5}
        types = {"u8": 0, "i8": 1, "i32": 2}
        assert data[at] == kinds[type(op).__name__]
        assert (data[at + 1], data[at + 2]) == (types[op.in_type], types[op.out_type])
        assert tuple(u16(at + 4 + 2 * k) for k in range(6)) == (*op.in_shape, *op.out_shape)
        windows = tuple(data[at + 16 : at + 26])
        if isinstance(op, Conv | GroupedConv):
            assert windows == (*op.kernel, *op.stride, *op.padding, *op.pool)
        elif isinstance(op, Dense):
            assert windows == (0,) * 10
        else:
            assert windows == (*op.kernel, *op.stride, *(0,) * 6)
        if isinstance(op, MaxPool):
            assert data[at + 3] == 0
            assert data[at + 28 : at + 36] == bytes(8)
            assert data[at + 40 : at + 52] == bytes(12)
        else:
            assert (data[at + 3], *i32s(at + 28, 2)) == (op.shift, op.lo, op.hi)
            assert i32s(u32(at + 48), len(op.mult)) == op.mult.tolist()
        if isinstance(op, Conv | GroupedConv | Dense):
            weight = data[u32(at + 40) : u32(at + 40) + op.weight.size]
            assert weight == op.weight.tobytes()
            assert i32s(u32(at + 44), op.out_shape.c) == op.bias.tolist()
        assert u32(at + 36) == program.out_offsets[i]
        assert u16(at + 26) == (op.groups if isinstance(op, GroupedConv) else 0)
        assert data[at + 52 : at + 64] == bytes(12)
        ends.append(u32(at + 36) + op.out_shape.size)
    assert max([0, *ends[:-1]]) == program.arena_size


GOOD = blob.dumps(nets.random_program(48))  # conv, mean, dense, max; labels


def changed(at, value, kind="<B"):
    data = bytearray(GOOD)
    struct.pack_into(kind, data, at, value)
    return repaired(data)


RULES = {
    "empty": (b"", "not a drypoint blob"),
    "short": (GOOD[:63], "not a drypoint blob"),
    "magic": (b"X" + GOOD[1:], "not a drypoint blob"),
    "major": (changed(4, 2, "<H"), "the blob's format is 2.0; this drypoint reads 1.1"),
    "minor": (changed(6, 2, "<H"), "the blob's format is 1.2; this drypoint reads 1.1"),
    "needless minor": (changed(6, 1, "<H"), "header is not what its ops ask for"),
    "groups for none": (changed(64, 5), "0 groups do not divide"),
    "truncated": (GOOD[:-1], "truncated or followed by more"),
    "longer": (GOOD + b"\0", "truncated or followed by more"),
    "crc": (GOOD[:-1] + b"!", "its CRC does not match"),
    "arena": (changed(16, 7, "<I"), "header is not what its ops ask for"),
    "no ops": (changed(20, 0, "<H"), "has no ops"),
    "too many ops": (changed(20, 65535, "<H"), "ops must be 65535 strings"),
    "labels": (changed(22, 0, "<H"), "header is not what its ops ask for"),
    "input type": (changed(24, 0), "header is not what its ops ask for"),
    "reserved 25": (changed(25, 1), "header is not what its ops ask for"),
    "input shape": (changed(26, 9, "<H"), "header is not what its ops ask for"),
    "labels outside": (changed(32, 2**32 - 1, "<I"), "do not fit together"),
    "labels not closed": (changed(36, 3, "<I"), "no zero byte ends the last label"),
    "meta outside": (changed(40, 2**31, "<I"), "do not fit together"),
    "reserved 48": (changed(48, 1), "header is not what its ops ask for"),
    "kind": (changed(64, 9), "unknown kind 9"),
    "in type": (changed(65, 3), "of unknown input type 3"),
    "out type": (changed(66, 3), "of unknown output type 3"),
    "unused 26": (changed(64 + 26, 1), "the plan or an unused byte is wrong"),
    "unused 52": (changed(64 + 52, 1), "the plan or an unused byte is wrong"),
    "plan": (changed(64 + 36, 1, "<I"), "the plan or an unused byte is wrong"),
    "weight outside": (changed(64 + 40, 2**32 - 1, "<I"), "do not fit together"),
    "stride 0": (changed(64 + 18, 0), "stride (0, "),
    "mean weight": (changed(128 + 40, 64, "<I"), "the plan or an unused byte is wrong"),
    "max shift": (changed(64 + 3 * 64 + 3, 1), "the plan or an unused byte is wrong"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_blob_that_breaks_a_rule_is_refused(name):
    data, words = RULES[name]
    with pytest.raises(BlobError) as error:
        blob.loads(data)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_with_the_same_error(data):
    for start in (b"", GOOD[:8]):
        attempt = start + data
        with pytest.raises(BlobError):
            blob.loads(attempt if len(attempt) < 16 else repaired(attempt))


@given(changes=st.lists(st.tuples(st.integers(16, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
@settings(max_examples=500)
def test_mutants_are_refused_or_valid(changes):
    data = bytearray(GOOD)
    for at, value in changes:
        data[at] = value
    data = repaired(data)
    try:
        program = blob.loads(data)
    except BlobError:
        return
    assert str(blob.loads(blob.dumps(program))) == str(program)
