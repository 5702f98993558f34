"""The C engine through Python: the reference's bytes, the caller's buffers, refusals."""

import threading
import zlib

import nets
import numpy as np
import pytest
import random_ops
from backends import LACKING
from equal_bytes import check_planes
from hypothesis import given
from hypothesis import strategies as st
from last_output import only_output

from drypoint import nn, quant
from drypoint.common import DrypointError
from drypoint.engine import Engine, EngineError, c_sources, include_dir
from drypoint.engine._native import ffi, lib
from drypoint.program import (
    BlobError,
    MaxPool,
    Program,
    ProgramError,
    Shape,
    Tensor,
    blob,
    reference,
)

SEEDS = st.integers(0, 2**32 - 1)


def run_in(engine, arena, offset, x):
    """One run by the C library, with its arena at `offset` of a larger buffer."""
    output = np.empty(engine.program.output_count, np.int32)
    place = ffi.cast("void *", arena.ctypes.data + offset)
    status = lib.dpt_run(
        engine._model,
        engine._backend,
        place,
        engine.arena_size,
        ffi.cast("void *", np.ascontiguousarray(x).ctypes.data),
        ffi.cast("int32_t *", output.ctypes.data),
    )
    assert status == lib.DPT_OK
    return output


@given(program=nets.programs, seed=SEEDS, offset=st.integers(64, 79))
def test_the_arena_is_exact(program, seed, offset):
    """Nothing outside is touched, whatever the alignment; and nothing inside is spare: two runs
    that start from different bytes leave the same ones, so every byte was written."""
    engine = Engine(program)
    x = nets.random_inputs(program, seed)[0]
    assert engine.arena_size == program.arena_size
    left = []
    for pattern in (0x55, 0xAA):
        arena = np.full(offset + engine.arena_size + 64, pattern, np.uint8)
        output = run_in(engine, arena, offset, x)
        wanted = nets.values(reference.run(program, x))[0]
        np.testing.assert_array_equal(output, wanted)
        assert (arena[:offset] == pattern).all()
        assert (arena[offset + engine.arena_size :] == pattern).all()
        left.append(arena[offset : offset + engine.arena_size])
    np.testing.assert_array_equal(*left)


def test_an_input_is_not_changed_and_need_not_be_contiguous():
    program = nets.random_program(62)
    x = nets.random_inputs(program, 3, n=6)
    original = x.copy()
    np.testing.assert_array_equal(Engine(program).run(x[::2]), reference.run(program, x)[::2])
    np.testing.assert_array_equal(x, original)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_input_comes_in_any_of_its_shapes_and_in_no_other(channels):
    rng = np.random.default_rng(channels)
    source = Tensor(Shape(4, 5, channels), "u8")
    op = random_ops.random_op(rng, "op", source, last=True, kind="conv")
    program = Program(name="one", ops=(op,), input_scale=1.0, outputs=only_output())
    engine, x = Engine(program), nets.random_inputs(program, 1)[:1]
    wanted = reference.run(program, x)
    shapes = [(4, 5, channels), (1, 4, 5, channels)] + [(4, 5), (1, 4, 5)] * (channels == 1)
    for shape in shapes:
        np.testing.assert_array_equal(engine.run(x.reshape(shape)), wanted, strict=True)
    for wrong in (x.astype(np.int8), x.reshape(5, 4, channels), x[..., None]):
        with pytest.raises(ProgramError, match="the program reads"):
            engine.run(wrong)


def test_no_images_give_no_outputs():
    for seed in range(20):
        program = nets.random_program(seed)
        engine, x = Engine(program), nets.random_inputs(program, 0)[:0]
        check_planes(program, engine.trace(x), reference.trace(program, x))
        np.testing.assert_equal(engine.run(x), reference.run(program, x))


def test_program_bytes_and_file_give_equal_engines(tmp_path):
    program = nets.random_program(62)
    data = blob.dumps(program)
    path = tmp_path / "net.dpt"
    path.write_bytes(data)
    x = nets.random_inputs(program, 1)
    wanted = reference.run(program, x)
    for source in (program, data, path, str(path)):
        engine = Engine(source)
        np.testing.assert_array_equal(engine.run(x), wanted)
    size = f"{len(data):,} bytes, arena {program.arena_size:,}"
    assert repr(engine) == f"Engine('net62', backend={engine.backend!r}: {size})"
    assert engine.backend == Engine.backends()[0]
    np.testing.assert_array_equal(engine.predict_proba(x), program.real(wanted))


def test_the_values_of_a_plane_lie_by_rows_columns_channels():
    """Oracle: the float model's (N, C, H, W); another order differs by the size of the values."""
    net = nn.Sequential([nn.Conv2d(3, 2, padding=1)]).initialize(input_shape=(1, 5, 4))
    x = np.random.default_rng(0).normal(size=(7, 1, 5, 4)).astype(np.float32)
    program = quant.quantize(net, x)
    found = Engine(program).predict_proba(x).reshape(-1, *program.output_shape)
    np.testing.assert_allclose(found, net(x).transpose(0, 2, 3, 1), atol=0.05)


def test_what_cannot_be_loaded_is_refused_with_one_line(tmp_path):
    with pytest.raises(BlobError, match="not a drypoint blob"):
        Engine(b"nothing")
    with pytest.raises(DrypointError, match="cannot read"):
        Engine(tmp_path / "missing.dpt")
    with pytest.raises(EngineError, match=r"no backend 'abacus' here; there are: .*scalar"):
        Engine(nets.random_program(1), backend="abacus")
    for lacking in LACKING:  # the engine has it, this CPU does not
        with pytest.raises(EngineError, match=f"no backend '{lacking}' here; there are: "):
            Engine(nets.random_program(1), backend=lacking)
    with pytest.raises(ProgramError, match="the program reads"):
        Engine(nets.random_program(1)).run(np.zeros(3, np.float32))


def test_a_refusal_of_the_library_is_an_error_with_its_words(monkeypatch):
    program = nets.random_program(1)
    monkeypatch.setattr(blob, "dumps", lambda _: b"DPT\x1a" + bytes(60))
    with pytest.raises(EngineError, match="the engine says: a blob of a version that this library"):
        Engine(program)


def test_packed_weights_that_no_memory_holds_are_an_error_with_the_librarys_words(monkeypatch):
    """As on a 32-bit host, where the size of a model's packed weights may be SIZE_MAX."""

    class Library:
        def __getattr__(self, name):
            return getattr(lib, name)

        def dpt_packed_size(self, *_):
            return 2**64 - 1

    monkeypatch.setattr("drypoint.engine._engine.lib", Library())
    with pytest.raises(EngineError, match="the engine says: more ops or bytes than the caller has"):
        Engine(nets.random_program(1))


def test_threads_may_share_an_engine():
    program = nets.random_program(62)
    engine = Engine(program)
    x = nets.random_inputs(program, 9, n=400)
    wanted, results = reference.run(program, x), [None] * 4

    def work(i):
        results[i] = engine.run(x)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, wanted)


@given(program=nets.programs, cap=st.integers(0, 12))
def test_more_ops_than_there_is_room_for_are_refused(program, cap):
    data = blob.dumps(program)
    model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", cap)
    status = lib.dpt_model_load(model, ops, cap, ffi.from_buffer(data), len(data))
    assert status == (lib.DPT_OK if cap >= len(program.ops) else lib.DPT_E_CAPACITY)


def test_labels_are_read_from_the_blob():
    shape = Shape(1, 1, 3)
    op = MaxPool(
        name="widen", inputs=(Tensor(shape, "u8"),), output=Tensor(shape, "i32"), kernel=(1, 1),
    )  # fmt: skip
    labels = ("zéro", "", "a longer label")
    program = Program(name="net", ops=(op,), input_scale=1.0, outputs=only_output(), labels=labels)
    engine = Engine(program)
    read = [ffi.string(lib.dpt_label(engine._model, i)).decode() for i in range(4)]
    assert read == [*labels, ""]


@given(values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=30))
def test_argmax_is_numpys_lowest_index(values):
    array = np.array(values, np.int32)
    pointer = ffi.cast("int32_t *", array.ctypes.data)
    assert lib.dpt_argmax(pointer, len(values)) == int(np.argmax(array))


@given(data=st.binary(max_size=200))
def test_crc_is_zlibs(data):
    assert lib.dpt_crc32(7, ffi.from_buffer(data), len(data)) == zlib.crc32(data, 7)


def test_the_sources_that_the_package_gives_are_the_engines():
    names = [path.name for path in c_sources()]
    assert names == sorted(names)
    assert {"dpt_model.c", "dpt_run.c", "dpt_scalar.c", "dpt_internal.h"} <= set(names)
    assert (include_dir() / "drypoint.h").is_file()
