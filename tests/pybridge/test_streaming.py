"""Streaming programs: every output against the window, or against the whole signal."""

import numpy as np
import pytest
import stream_nets
from nets import random_inputs

from drypoint.engine import Engine
from drypoint.program import reference

SEEDS = range(120)


def windows_of(program, signal):
    """The windows of a signal (steps, 1, w, c), from the first row on, one for each row; rows that
    the program does not read may lie behind the signal, and are 0."""
    height = program.input_shape.h
    missing = height - stream_nets.rows_needed(program)
    rows = np.concatenate([signal[:, 0], np.zeros((missing, *signal.shape[2:]), signal.dtype)])
    view = np.lib.stride_tricks.sliding_window_view(rows, height, axis=0)
    return np.moveaxis(view, -1, 1)


def newest_rows(program, signal):
    """What the windows give: of each window the first row of the output, as the stream gives it."""
    outputs = reference.run(program, windows_of(program, signal))
    return outputs[:, : program.output_shape.w * program.output_shape.c]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_output_equals_a_run_of_its_window(seed):
    program = stream_nets.random_windows(seed)
    stream = program.streaming()
    signal = random_inputs(stream, seed, n=60)
    came = reference.run(stream, signal)
    first, period = stream.clocks[-1]
    wanted = newest_rows(program, signal)[::period]
    assert np.array_equal(came, wanted[: len(came)])
    assert len(came) == len(stream.output_steps(60)) == max(0, (60 - first) // period + 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_causal_stream_equals_a_run_on_the_whole_signal(seed):
    program = stream_nets.random_windows(seed, causal=True)
    stream = program.streaming()
    signal = random_inputs(stream, seed, n=50)
    assert np.array_equal(reference.run(stream, signal), stream_nets.run_stretched(program, signal))


@pytest.mark.parametrize("causal", [False, True])
def test_every_backend_gives_the_bytes_of_every_op(causal):
    for seed in SEEDS:
        stream = stream_nets.random_windows(seed, causal=causal).streaming()
        signal = random_inputs(stream, seed, n=40)
        wanted = reference.trace(stream, signal)
        for backend in Engine.backends():
            came = Engine(stream, backend=backend).trace(signal)
            assert all(map(np.array_equal, wanted, came)), (seed, backend)
