"""Weights of 4 and 2 bits: their values, their bytes, and that outputs follow from the values."""

import struct
import zlib
from dataclasses import replace

import nets
import numpy as np
import pytest
from equal_bytes import check_planes
from few_bits_nets import LARGEST, with_few_bits
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output

from drypoint.program import (
    BlobError,
    Conv,
    Dense,
    DepthwiseConv,
    Program,
    Shape,
    Tensor,
    blob,
    reference,
)
from drypoint.program._records import stored_weights
from drypoint.program.ops._weighted import WeightedOp

few_bits_programs = st.builds(with_few_bits, nets.programs, st.integers(0, 99))


def tables(channels):
    return {"bias": np.zeros(channels, np.int32), "mult": np.full(channels, 2**30, np.int32)}


def dense(rows, bits):
    weight = np.array(rows, np.int8)
    o, n = weight.shape
    return Dense(
        name="dense", inputs=(Tensor(Shape(1, 1, n), "u8"),), output=Tensor(Shape(1, 1, o), "i32"),
        weight=weight, weight_bits=bits, shift=2, lo=-(2**31), hi=2**31 - 1, **tables(o),
    )  # fmt: skip


def program_of(op):
    return Program(name="net", ops=(op,), input_scale=1.0, outputs=only_output())


def pack_by_hand(rows, bits):
    """BLOB.md section 4 in plain loops over whole numbers."""
    packed = []
    for row in rows:
        number = sum((int(w) % 2**bits) << (bits * i) for i, w in enumerate(row))
        packed.append(number.to_bytes(-(-len(row) * bits // 8), "little"))
    return b"".join(packed)


def test_the_bytes_of_the_page():
    assert stored_weights(dense([[1, -2, 3]], 4)).tobytes().hex(" ") == "e1 03"
    assert stored_weights(dense([[1, 0, -1, 1, -1]], 2)).tobytes().hex(" ") == "71 03"
    assert stored_weights(dense([[1, -2, 3]], 8)).tobytes().hex(" ") == "01 fe 03"


def test_the_value_of_the_page():
    op = replace(dense([[1, -2, 3]], 4), bias=np.array([10], np.int32))
    program = program_of(op)
    assert reference.run(program, np.array([[[[5, 7, 255]]]], np.uint8)).tolist() == [[766]]
    assert op.acc_bound.tolist() == [1540]


@given(program=few_bits_programs)
def test_weights_lie_in_a_blob_as_the_page_says(program):
    """Each output channel begins at a byte; of a depthwise convolution each tap does."""
    data = blob.dumps(program)
    again = blob.loads(data)
    assert blob.dumps(again) == data
    few = [op for op in program.ops if getattr(op, "weight_bits", 8) < 8]
    assert data[6] == 1 or not few
    for i, (op, read) in enumerate(zip(program.ops, again.ops, strict=True)):
        if not isinstance(op, WeightedOp):
            continue
        assert isinstance(read, WeightedOp)
        np.testing.assert_array_equal(read.weight, op.weight)
        assert data[64 + 128 * i + 3] == op.weight_bits == read.weight_bits
        count = op.out_shape.c if isinstance(op, DepthwiseConv) else op.weight[0].size
        rows = op.weight.reshape(-1, count)
        (at,) = struct.unpack_from("<I", data, 64 + 128 * i + 76)
        wanted = pack_by_hand(rows, op.weight_bits)
        assert data[at : at + len(wanted)] == wanted
        assert op.weight_bytes == len(wanted)


@given(program=few_bits_programs)
def test_outputs_follow_from_the_weights_alone(program):
    """With the same weights in 8 bits every op writes the same bytes."""
    wide = tuple(
        replace(op, weight_bits=8) if isinstance(op, WeightedOp) else op for op in program.ops
    )
    x = nets.random_inputs(program, 3)
    wide = reference.trace(replace(program, ops=wide), x)
    check_planes(program, reference.trace(program, x), wide)


def test_every_small_weight_comes_back():
    for bits, largest in LARGEST.items():
        row = np.arange(-largest, largest + 1)
        for extra in range(1, 9):  # every number of bits behind the last weight
            op = dense([np.resize(row, len(row) + extra)] * 2, bits)
            (again,) = blob.loads(blob.dumps(program_of(op))).ops
            assert again.weight.tolist() == op.weight.tolist()


def change_weight(rows, bits, at, value):
    """A blob of a dense op with one byte of its weights changed."""
    data = bytearray(blob.dumps(program_of(dense(rows, bits))))
    (weights,) = struct.unpack_from("<I", data, 64 + 76)
    data[weights + at] = value
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (0, 0x81, "a weight is -8; weights of 4 bits are -7 to 7"),
        (1, 0x13, "bits behind the last of 3 weights of 4 bits are not 0"),
        (1, 0x83, "bits behind the last of 3 weights of 4 bits are not 0"),
    ],
)
def test_a_value_of_too_many_bits_is_refused(at, value, words):
    with pytest.raises(BlobError, match=words):
        blob.loads(change_weight([[1, -2, 3]], 4, at, value))


def test_a_listing_says_the_bits():
    assert "2-bit dense" in str(program_of(dense([[1, 0, -1]], 2)))
    op = Conv(
        name="c", inputs=(Tensor(Shape(2, 2, 1), "u8"),), output=Tensor(Shape(1, 1, 1), "i32"),
        kernel=(2, 2), weight=np.ones((1, 2, 2, 1), np.int8), weight_bits=4, shift=0,
        lo=-(2**31), hi=2**31 - 1, **tables(1),
    )  # fmt: skip
    assert op.describe().startswith("4-bit conv 2x2")
