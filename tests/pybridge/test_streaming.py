"""Streaming programs: every output against the window, or against the whole signal."""

import dataclasses

import line_nets
import numpy as np
import pytest
import stream_faults
import stream_nets
from last_output import only_output
from nets import random_inputs

from drypoint.engine import Compiled, Engine, EngineError, export_c, find_compiler
from drypoint.engine._native import ffi, lib
from drypoint.program import (
    Add,
    BlobError,
    Clock,
    Concat,
    Conv,
    Dense,
    History,
    MaxPool,
    Program,
    ProgramError,
    Shape,
    Tensor,
    Upsample,
    blob,
    codegen,
    fuse_rows,
    reference,
    simplify,
)

SEEDS = range(60)


def windows_of(program, signal):
    """The windows of a signal (steps, 1, w, c), from the first row on, one for each row; rows that
    the program does not read may lie behind the signal, and are 0."""
    height = program.input_shape.h
    missing = height - stream_nets.rows_needed(program)
    rows = np.concatenate([signal[:, 0], np.zeros((missing, *signal.shape[2:]), signal.dtype)])
    view = np.lib.stride_tricks.sliding_window_view(rows, height, axis=0)
    return np.moveaxis(view, -1, 1)


def first_rows(program, signal):
    """What the windows give: of each window the first row of the output, as the stream gives it."""
    outputs = reference.run(program, windows_of(program, signal))
    return outputs[:, : program.output_shape.w * program.output_shape.c]


def test_every_output_equals_a_run_of_its_window():
    for seed in SEEDS:
        program = stream_nets.random_windows(seed)
        stream = program.streaming()
        signal = random_inputs(stream, seed, n=60)
        came = reference.run(stream, signal)
        first, period = stream.clocks[-1]
        wanted = first_rows(program, signal)[::period]
        assert np.array_equal(came, wanted[: len(came)]), seed
        assert len(came) == len(stream.output_steps(60)) == max(0, (60 - first) // period + 1)


def test_a_causal_stream_equals_a_run_on_the_whole_signal():
    for seed in SEEDS:
        program = stream_nets.random_windows(seed, causal=True)
        stream = program.streaming()
        signal = random_inputs(stream, seed, n=50)
        wanted = stream_nets.run_stretched(program, signal)
        assert np.array_equal(reference.run(stream, signal), wanted), seed


@pytest.mark.parametrize("causal", [False, True])
def test_every_backend_gives_the_bytes_of_every_op(causal):
    for seed in SEEDS[::2]:
        stream = stream_nets.random_windows(seed, causal=causal).streaming()
        signal = random_inputs(stream, seed, n=40)
        wanted = reference.trace(stream, signal)
        for backend in Engine.backends():
            came = Engine(stream, backend=backend).trace(signal)
            assert all(map(np.array_equal, wanted, came)), (seed, backend)


def test_the_random_streams_have_every_case():
    """Strides, rows before the signal, delays, rows that wait, shared histories, outputs over
    oldest rows, products and columns."""
    found = set()
    for seed in range(120):
        stream = stream_nets.random_windows(seed, causal=seed % 2 == 1).streaming()
        histories = {i for i, op in enumerate(stream.ops) if isinstance(op, History)}
        for i in histories:
            op = stream.ops[i]
            readers = [n for n, tensors in enumerate(stream.reads) if i + 1 in tensors]
            found |= {"stride"} if op.stride[0] > 1 else set()
            found |= {"before the signal"} if op.padding[0] else set()
            found |= {"values"} if op.pad is not None else set()
            found |= {"delay"} if op.out_shape.h < op.kernel[0] else set()
            found |= {"columns"} if op.out_shape.w > 1 else set()
            found |= {"shared"} if len(readers) > 1 else set()
            first = stream.clocks[i].first + (op.kernel[0] - op.padding[0] - 1) * (
                stream.clocks[i].period
            )
            found |= {"waits"} if stream.clocks[readers[0]].first > first else set()
        for i, op in enumerate(stream.ops[:-1]):
            over = i not in histories and stream.plan.offsets[i] < stream.state_size
            found |= {"over an oldest row"} if over else set()
            found |= {op.kind}
    assert found >= {
        *("stride", "before the signal", "values", "delay", "columns", "shared", "waits"),
        *("over an oldest row", "conv", "dense", "depthwise", "grouped", "maxpool", "avgpool"),
        *("add", "mul", "concat", "lookup"),
    }


def test_a_hundred_thousand_steps_equal_their_windows():
    """No counter of the state runs over: 16 bits count to 65,535."""
    program = stream_nets.random_windows(7)
    stream = program.streaming()
    assert {clock.period for clock in stream.clocks} != {1}
    signal = random_inputs(stream, 9, n=100_000)
    period = stream.clocks[-1].period
    wanted = Engine(program).run(windows_of(program, signal)[::period])
    wanted = wanted[:, : stream.output_shape.size]
    came = Engine(stream).run(signal)
    assert len(came) > 100_000 // period - 100
    assert np.array_equal(came, wanted[: len(came)])


def test_a_reset_in_mid_stream_begins_another_signal():
    program = stream_nets.random_windows(6).streaming()
    signal = random_inputs(program, 1, n=40)
    wanted = reference.run(program, signal)
    live = Engine(program).stream()
    for begin in (0, 7, 23):
        live.steps(signal[:begin])
        live.reset()
        given = [live.step(row) for row in signal]
        there = [i for i, output in enumerate(given) if output is not None]
        assert there == list(program.output_steps(40))
        assert np.array_equal([given[i] for i in there], wanted)


def test_decisions_are_of_the_steps_that_have_an_output():
    program = stream_nets.random_windows(6).streaming()
    signal = random_inputs(program, 1, n=40)
    engine = Engine(program)
    real = engine.predict(signal)  # without a decoder
    assert np.array_equal(real, program.real(reference.run(program, signal)))
    assert len(engine.predict(signal[0])) == 0  # no output in the first step
    with pytest.raises(ProgramError, match=r"2 rows for one step; steps\(x\) takes several"):
        engine.stream().step(signal[:2])


def test_the_parts_of_a_signal_may_be_of_any_length_and_streams_are_apart():
    program = stream_nets.random_windows(8).streaming()
    signals = [random_inputs(program, seed, n=50) for seed in (1, 2)]
    engine = Engine(program)
    live, found = [engine.stream() for _ in signals], ([], [])
    for begin, end in ((0, 1), (1, 14), (14, 14), (14, 50)):
        for k, signal in enumerate(signals):
            found[k].append(live[k].steps(signal[begin:end]))
    for k, signal in enumerate(signals):
        assert np.array_equal(np.concatenate(found[k]), reference.run(program, signal))


def test_generated_c_and_its_self_test_run_a_stream(tmp_path):
    program = stream_nets.random_windows(14, causal=True).streaming()
    signal = random_inputs(program, 1, n=30)
    export_c(program, signal, tmp_path, name="net")
    compiler = find_compiler()
    compiled = Compiled(program, tmp_path, name="net", workdir=tmp_path, compiler=compiler)
    for wanted, came in zip(reference.trace(program, signal), compiled.trace(signal), strict=True):
        assert np.array_equal(wanted, came)
    assert f"NET_STATE_SIZE   {program.state_size} " in (tmp_path / "net.h").read_text()


def test_a_program_with_time_along_the_width_streams_too():
    """Planes of 1 x W are W x 1 in memory."""
    upright = stream_nets.random_windows(22)
    assert upright.input_shape.w == 1

    def turn(op):
        fields = {"inputs": tuple(map(swap_sides, op.inputs)), "output": swap_sides(op.output)}
        for name in ("kernel", "stride", "dilation", "pool"):
            if hasattr(op, name):
                fields[name] = getattr(op, name)[::-1]
        if hasattr(op, "padding"):
            fields["padding"] = tuple(op.padding[i] for i in (1, 0, 3, 2))
        if op.kind in ("conv", "grouped"):
            fields["weight"] = op.weight.swapaxes(1, 2)
        if op.kind == "depthwise":
            fields["weight"] = op.weight.swapaxes(0, 1)
        return dataclasses.replace(op, **fields)

    def swap_sides(tensor):
        h, w, c = tensor.shape
        return tensor._replace(shape=Shape(w, h, c))

    flat = Program(
        name="flat", ops=tuple(map(turn, upright.ops)), reads=upright.reads,
        input_scale=1.0, outputs=only_output(),
    )  # fmt: skip
    signal = random_inputs(upright.streaming(), 1, n=50)
    wanted = reference.run(upright.streaming(), signal)
    assert len(wanted) > 10
    assert np.array_equal(reference.run(flat.streaming(), signal), wanted)


def test_a_history_is_no_more_than_the_rows_that_its_readers_need():
    """A 1x1 convolution keeps nothing; the dense op reads its eight rows of four bytes. The
    convolution's row lies behind the state, since the history reads it: 3 counters of 2 bytes, 32
    bytes of rows, 4 bytes."""
    pixels = line_nets.windows("pixels", Tensor(Shape(8, 1, 4), "u8"), 4, 1)
    ops = (pixels, line_nets.dense("last", pixels.output))
    stream = Program(name="w", ops=ops, **line_nets.SCALES).streaming()
    assert [type(op) for op in stream.ops] == [Dense, History, Dense]
    assert (stream.state_size, stream.arena_size) == (6 + 32, 6 + 32 + 4)
    assert stream.clocks == (Clock(1, 1), Clock(1, 1), Clock(8, 1))


def test_a_program_has_at_most_128_histories():
    for n, status in ((128, lib.DPT_OK), (129, lib.DPT_E_PLAN)):
        data = stream_faults.many(n)
        model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n + 1)
        assert lib.dpt_model_load(model, ops, n + 1, data, len(data)) == status
        if status == lib.DPT_OK:
            assert blob.loads(data).state_size == 2 * (n + 1) + 2 * n
        else:
            with pytest.raises(
                BlobError, match="129 histories and delays; a program has at most 128"
            ):
                blob.loads(data)


def test_the_page_s_example():
    """NUMERICS.md section 11, "Three steps, walked through"."""
    row = Tensor(Shape(1, 1, 1), "u8")
    rows = row._replace(shape=Shape(3, 1, 1))

    def steps(before):
        history = History(
            name="h", inputs=(row,), output=rows, kernel=(3, 1), stride=(2, 1),
            padding=(before, 0, 0, 0),
        )  # fmt: skip
        last = dataclasses.replace(
            line_nets.dense("d", rows), weight=np.array([[1, 2, 3]] * 3, np.int8),
            bias=np.zeros(3, np.int32), mult=np.full(3, 2**30, np.int32), shift=2,
        )  # fmt: skip
        program = Program(name="page", ops=(history, last), **line_nets.SCALES)
        signal = np.array([5, 7, 2, 4], np.uint8).reshape(4, 1, 1, 1)
        assert np.array_equal(Engine(program).run(signal), reference.run(program, signal))
        found = [reference.trace(program, signal)[0][i].ravel().tolist() for i in range(4)]
        outputs = reference.run(program, signal)[:, 0].tolist()
        return program, found, list(program.output_steps(4)), outputs

    program, found, there, outputs = steps(0)
    assert found == [[0, 0, 5], [0, 5, 7], [5, 7, 2], [7, 2, 4]]
    assert (there, outputs, program.clocks) == ([2], [25], (Clock(1, 1), Clock(3, 2)))
    _, _, there, outputs = steps(2)
    assert (there, outputs) == ([0, 2], [15, 25])


def test_passes_leave_a_stream_as_it_is():
    stream = stream_nets.random_windows(3).streaming()
    assert simplify(stream).program is stream
    assert fuse_rows(stream, arena=1) is stream
    again = blob.loads(blob.dumps(stream))
    assert (again.clocks, again.plan) == (stream.clocks, stream.plan)


def test_a_dilated_convolution_reads_the_rows_of_its_taps_alone():
    """Two of them that read one history read one tensor of its rows."""
    source = Tensor(Shape(7, 1, 4), "u8")
    more = {"kernel": (3, 1), "dilation": (2, 1), "weight": np.ones((4, 3, 1, 4), np.int8)}
    plane = Tensor(Shape(3, 1, 4), "u8")
    ops = [
        Conv(name=name, inputs=(source,), output=plane, **more, **line_nets.rule(plane, 4))
        for name in ("a", "b")
    ]
    joined = Concat(
        name="both", inputs=(ops[0].output, ops[1].output),
        output=ops[0].output._replace(shape=Shape(3, 1, 8)),
    )  # fmt: skip
    last = line_nets.dense("last", joined.output)
    reads = ((0,), (0,), (1, 2), (3,))
    program = Program(name="p", ops=(*ops, joined, last), reads=reads, **line_nets.SCALES)
    stream = program.streaming()
    kinds = [type(op) for op in stream.ops]
    assert kinds == [History, MaxPool, Dense, Dense, Concat, History, Dense]
    signal = random_inputs(stream, 0, n=20)
    came = reference.run(stream, signal)
    assert np.array_equal(came, first_rows(program, signal)[: len(came)])


def test_a_plane_may_grow_across_the_time_but_not_along_it():
    def upsampling_program(kernel, out):
        source = Tensor(Shape(5, 3, 4), "u8")
        first = line_nets.windows("conv", source, 4, 3, padding=1)
        first = dataclasses.replace(  # time is not padded
            first, padding=(0, 1, 0, 1), output=first.output._replace(shape=Shape(3, 3, 4))
        )
        output = first.output._replace(shape=out)
        larger = Upsample(name="up", inputs=(first.output,), output=output, kernel=kernel)
        last = line_nets.dense("last", output)
        return Program(name="p", ops=(first, larger, last), **line_nets.SCALES)

    for kernel, out in (((1, 2), Shape(3, 6, 4)), ((1, 4), Shape(3, 12, 1))):
        program = upsampling_program(kernel, out)
        stream = program.streaming()
        signal = random_inputs(stream, 0, n=20)
        came = reference.run(stream, signal)
        assert np.array_equal(came, first_rows(program, signal)[: len(came)])
        assert np.array_equal(Engine(stream).run(signal), came)
    with pytest.raises(ProgramError, match="'up' makes 2 rows of each row along the time; a"):
        upsampling_program((2, 1), Shape(6, 3, 4)).streaming()
    line = Tensor(Shape(1, 8, 2), "u8")
    larger = Upsample(
        name="up", inputs=(line,), output=line._replace(shape=Shape(1, 16, 2)), kernel=(1, 2)
    )
    last = line_nets.dense("last", larger.output)
    with pytest.raises(ProgramError, match="'up' makes 2 rows of each row along the time; a"):
        Program(name="p", ops=(larger, last), **line_nets.SCALES).streaming()


def test_what_cannot_stream_is_one_line():
    source = Tensor(Shape(5, 1, 4), "u8")
    padded = line_nets.windows("conv", source, 4, 1)
    padded = dataclasses.replace(
        padded, padding=(0, 0, 1, 0), output=padded.output._replace(shape=Shape(6, 1, 4))
    )
    last = line_nets.dense("last", padded.output)
    program = Program(name="p", ops=(padded, last), **line_nets.SCALES)
    with pytest.raises(ProgramError, match="'conv' has padding 0 in front and 1 behind"):
        program.streaming()
    stream = stream_nets.random_windows(3).streaming()
    with pytest.raises(ProgramError, match="is a streaming program already"):
        stream.streaming()
    with pytest.raises(EngineError, match=r"reads whole windows; program\.streaming\(\) makes"):
        Engine(stream_nets.random_windows(3)).stream()
    with pytest.raises(ProgramError, match=r"at least \d+ steps, up to the first output; there"):
        codegen.generate(stream, "net", random_inputs(stream, 1, n=2))


def test_branches_of_other_strides_do_not_meet():
    source = Tensor(Shape(3, 1, 2), "u8")
    ops = [
        line_nets.windows("slow", source, 2, 1, stride=2),  # rows 0 and 2
        line_nets.windows("fast", source, 2, 1),
    ]
    ops[1] = dataclasses.replace(
        ops[1],
        kernel=(2, 1),
        weight=np.ones((2, 2, 1, 2), np.int8),
        output=ops[1].output._replace(shape=Shape(2, 1, 2)),
    )
    joined = Add(
        name="sum",
        inputs=(ops[0].output, ops[1].output),
        output=ops[0].output,
        factors=(1, 1),
        **line_nets.rule(ops[0].output, 1),
    )
    last = line_nets.dense("last", joined.output)
    program = Program(
        name="p", ops=(*ops, joined, last), reads=((0,), (0,), (1, 2), (3,)), **line_nets.SCALES
    )
    with pytest.raises(ProgramError, match="come every 2 steps and rows that come every 1"):
        program.streaming()
