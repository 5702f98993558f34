"""Limits for untrusted blobs in the C library: the time of the check, the work of a run."""

import itertools
import struct

import nets
import numpy as np
from blobs import load_status
from shared_tables import I32, RECORD, RECORDS, dense_blob, dense_record, ladder, shared_blob

from drypoint.engine import Engine
from drypoint.engine._native import ffi, lib
from drypoint.program import AvgPool, Conv, Dense, DepthwiseConv, GroupedConv, MaxPool, Resize

LONG = 17 * 61681


def test_a_blob_whose_ops_name_more_than_four_times_its_bytes_is_refused():
    """65,535 ops that share 1 MB of weights: each is valid by itself, but to look at the weights of
    all would take 64 GB of reading."""
    data = shared_blob(65535, 1024)
    assert 9_400_000 < len(data) < 9_500_000
    assert load_status(data) == lib.DPT_E_TABLE


def test_tables_may_be_shared_up_to_four_times_the_blob():
    """Eight dense ops and a mean name 8 * (64 * 64 + 8 * 64) + 8 bytes: four times 9,218."""
    assert load_status(shared_blob(9, 64, size=9218)) == lib.DPT_OK
    assert load_status(shared_blob(9, 64, size=9217)) == lib.DPT_E_TABLE


def test_the_limit_comes_before_the_values_of_the_op_that_exceeds_it():
    lowest = -(2**31)
    assert load_status(shared_blob(9, 64, size=9218, last_bias=lowest)) == lib.DPT_E_OVERFLOW
    assert load_status(shared_blob(9, 64, size=9217, last_bias=lowest)) == lib.DPT_E_TABLE


def test_the_graph_of_the_largest_blob_is_read_and_refused_at_its_end():
    """65,535 ops with two readers for each tensor: the plan's fault is found after every op."""
    assert load_status(ladder(65535)) == lib.DPT_OK
    assert load_status(ladder(65535, in_place=False)) == lib.DPT_E_PLAN


def long_row(*, bias=0, changes=()):
    """One output from 2^20 + 1 inputs: one more than the loader sums in 32 bits at a time. Weights
    are 1 and 0 in turn; ``changes``: (index, another weight)."""
    inputs = (17, 61681, 1)
    weight = np.resize(np.array([1, 0], np.int8), LONG)
    for index, value in changes:
        weight[index] = value
    at = RECORDS + RECORD
    record = dense_record(
        inputs, 1, out_type=I32, tables=(at, at + weight.size, at + weight.size + 4)
    )
    tables = weight.tobytes() + struct.pack("<ii", bias, 2)
    return dense_blob([record], tables, inputs=inputs, arena=0)


def test_a_channel_of_more_than_a_million_weights_is_summed_to_its_end():
    """Oracle: the bound of NUMERICS.md section 4, |bias| + 255 * sum of |weight|, by hand."""
    room = 2**31 - 1 - 255 * (LONG // 2 + 1)
    assert load_status(long_row(bias=room)) == lib.DPT_OK
    assert load_status(long_row(bias=room + 1)) == lib.DPT_E_OVERFLOW
    for index in (0, 2**20 - 1, LONG - 1):
        assert load_status(long_row(bias=room, changes=[(index, 3)])) == lib.DPT_E_OVERFLOW
        assert load_status(long_row(changes=[(index, -128)])) == lib.DPT_E_TABLE


def count_work(op):
    """The work of an op, one by one (the channels of a tap, which lie beside each other, at once):
    NUMERICS.md section 7."""
    steps, pool = 0, getattr(op, "pool", (1, 1))
    for y, _, _ in itertools.product(*map(range, op.out_shape)):
        match op:
            case Dense():
                steps += len(op.weight[0])
            case Conv() | GroupedConv() | DepthwiseConv():
                groups = op.in_shape.c if isinstance(op, DepthwiseConv) else 1
                group = op.in_shape.c // getattr(op, "groups", groups)
                for _ in itertools.product(range(pool[0]), range(pool[1]), range(op.kernel[0])):
                    steps += op.kernel[1] * group
            case MaxPool() | AvgPool():
                for ky, _ in itertools.product(range(op.kernel[0]), range(op.kernel[1])):
                    assert y * op.stride[0] + ky < op.in_shape.h + op.padding[0] + op.padding[2]
                    steps += 1
            case Resize():
                steps += 4
            case _:
                steps += 1
    return steps


def test_work_is_what_a_loop_counts():
    kinds = set()
    for seed in range(70):
        program = nets.random_program(seed)
        assert program.work == sum(map(count_work, program.ops)), program.name
        assert Engine(program).work == program.work
        kinds |= {type(op) for op in program.ops}
    assert kinds == nets.OF_GRAPHS


def work_of(*ops):
    """dpt_work of ops that have these fields, and no tables."""
    ops = [dict(fields) for fields in ops]
    array = ffi.new("dpt_op[]", len(ops))
    for op, fields in zip(array, ops, strict=True):
        for shape in ("in", "out"):
            place = getattr(op, shape)
            place.h, place.w, place.c = fields.pop(shape)
        for name, value in fields.items():
            setattr(op, name, value)
    model = ffi.new("dpt_model *")
    model.ops, model.n_ops = array, len(ops)
    return lib.dpt_work(model)


POOL = {"kind": lib.DPT_MAXPOOL, "in": (1, 1, 1), "stride_h": 1, "stride_w": 1}


def pool(out, kernel):
    return POOL | {"out": out, "kernel_h": kernel[0], "kernel_w": kernel[1]}


def dense(inputs, outputs):
    return {"kind": lib.DPT_DENSE, "in": inputs, "out": (1, 1, outputs)}


def test_work_is_exact_up_to_64_bits_and_stop_there():
    most = 65535
    assert work_of(pool((most, most, most), (255, 255))) == most**3 * 255**2
    assert work_of(dense((most, most, most), most)) == most**4
    assert work_of(dense((most, most, 1), most), dense((most, most, most), 2)) == 3 * most**3
    full = [dense((most, most, most), most), dense((most, most, most), 4)]
    full += [dense((most, most, 1), 6), dense((most, 1, 1), 3)]
    assert most**4 + 4 * most**3 + 6 * most**2 + 4 * most + 1 == 2**64
    assert work_of(*full) == 2**64 - 1 - most
    full += [dense((most, 1, 1), 1)]
    assert work_of(*full) == 2**64 - 1
    assert work_of(*full, pool((1, 1, 1), (1, 1))) == 2**64 - 1
    conv = {"kind": lib.DPT_CONV, "in": (1, 1, 10924), "out": (50233, 64017, 58346)}
    conv |= {"kernel_h": 3, "kernel_w": 3, "pool_h": 1, "pool_w": 1}
    assert work_of(conv) == 9 * 10924 * 50233 * 64017 * 58346 == 2**64 - 1659643720
    conv = {"kind": lib.DPT_CONV, "in": (most, most, most), "out": (most, most, most)}
    conv |= {"kernel_h": 255, "kernel_w": 255, "pool_h": 255, "pool_w": 255}
    assert work_of(conv) == 2**64 - 1
    assert work_of(conv, conv) == 2**64 - 1
