"""Weights packed by the exporter for Neon, RISC-V V and WebAssembly. Oracle: ``dpt_model_pack``."""

import depthwise_nets
import driver_nets
import nets
import numpy as np
import pytest

from drypoint.engine._native import ffi, lib
from drypoint.program import blob, packing

SETS = [kernels for kernels in packing.KERNEL_SETS.values() if kernels.quads is not None]
PROGRAMS = [
    *nets.BROAD,
    *nets.DEEP,
    *nets.BANDED,
    *depthwise_nets.PROGRAMS,
    *driver_nets.PROGRAMS,
    *map(nets.wide_program, (1100, 8000, 9000)),
]
PROGRAMS += [nets.random_program(seed) for seed in range(60)]


def pack_in_c(program, number):
    """For each op what the C library lays out for a backend with that number, or nothing.

    The bytes of an op reach to the bytes of the next op: fill follows, behind the last op also the
    room to align the first op's bytes.
    """
    n, data = len(program.ops), blob.dumps(program)
    memory = ffi.from_buffer(data)
    model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n)
    assert lib.dpt_model_load(model, ops, n, memory, len(data)) == lib.DPT_OK
    last = next(i for i in range(100) if lib.dpt_backend_at(i + 1) == ffi.NULL)
    backend = ffi.new("dpt_backend *", lib.dpt_backend_at(last)[0])  # runs everywhere
    backend.packing = number
    size = lib.dpt_packed_size(model, backend)
    room = ffi.new("uint8_t[]", size + 1)
    packed, packed_ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n)
    status = lib.dpt_model_pack(packed, packed_ops, n, model, backend, room, size)
    assert status == lib.DPT_OK
    address = [int(ffi.cast("uintptr_t", op.packed)) for op in packed_ops]
    starts = [at for at in address if at != 0]
    start = int(ffi.cast("uintptr_t", room))
    ends = dict(zip(starts, [*starts[1:], start + size], strict=False))
    return [bytes(room)[at - start : ends[at] - start] if at else b"" for at in address]


@pytest.mark.parametrize("kernels", SETS, ids=lambda kernels: kernels.name)
def test_every_byte_is_that_of_the_c_library(kernels):
    assert np.little_endian  # C packs in the order of the machine, the exporter in little-endian
    for program in PROGRAMS:
        wanted = pack_in_c(program, kernels.number)
        found = [packing.pack(op, kernels) for op in program.ops]
        assert list(map(bool, found)) == list(map(bool, wanted))
        for table, room in zip(found, wanted, strict=True):
            assert table == room[: len(table)]
            assert len(room) - len(table) in range(128)
            assert not any(room[len(table) :])


def test_every_op_is_packed_but_where_the_driver_lacks_room():
    """More windows are pooled than a strip has; a padded window fits no band and
    its taps are no whole quads, or are too many; padding without values has too many channels.
    """
    unpacked = [
        program.name.split(" (")[0]
        for program in driver_nets.PROGRAMS
        if not packing.pack(program.ops[0], SETS[0])
    ]
    assert unpacked == [
        "too many channels for zeros",
        "pool of 300",
        "too many taps",
    ]
