"""Streaming TensorFlow Lite files, whose variables keep rows from run to run, as programs over a
whole window. Oracle: LiteRT, which runs the file step by step, with its default kernels.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from tflite_files import TfliteFile, a_stream, litert, windows

from drypoint import engine, interop
from drypoint.program import reference

ZERO = {"scale": 0.05, "zero": -128}
VALID = windows(padding="VALID")
NAMES = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")


def windows_of(rows, step, length):
    """The last rows after each step from the first full window on: [N, length, features]."""
    ends = range(-(-length // step) * step, len(rows) + 1, step)
    return np.stack([rows[end - length : end] for end in ends])


def smooth(n, features, seed=1):
    """int8 rows that change slowly, over the whole range, as log-mel features do."""
    rng = np.random.default_rng(seed)
    walk = rng.normal(0, 3, (n, features)).cumsum(axis=0)
    walk += rng.normal(0, 3, (n, features)).cumsum(axis=1)
    return (np.abs(walk - 255 * np.rint(walk / 255)) * 2 - 128).clip(-128, 127).astype(np.int8)


def test_a_stream_is_a_program_over_a_window():
    """Buffers, halves of channels, a delay: every step after the first full window. LiteRT's
    default kernels round once, in float32; no accumulator of these nets is that near to a half.
    """
    for branch in (7, 9):
        content = a_stream(branch=branch)
        program = interop.program_from_tflite(content, name="stream")
        runs = branch + 3  # the stem's rows; the first of them reads two rows of the run before
        assert program.input.shape == (3 * runs + 3, 1, 8)
        rows = smooth(3 * 110, 8)
        x = windows_of(rows, 3, 3 * runs + 3)[:, :, None]
        wanted = litert(content, rows.reshape(-1, 3, rows.shape[1]))[-len(x) :]
        assert (reference.run(program, x).reshape(len(x), -1) == wanted).all()
        assert len(np.unique(wanted, axis=0)) > 50
        c = engine.Engine(program)
        assert engine.verify(program, {"C": c}, x[:20]).differing_bytes == 0
        live = engine.Engine(program.streaming())  # a row a step: an output at each run's end
        assert (live.run(rows[:, None, None]).reshape(len(x), -1) == wanted).all()


def test_a_float_stream_is_a_net_over_a_window():
    content = a_stream("FLOAT32")
    net = interop.from_tflite(content)
    rows = np.random.default_rng(0).normal(0, 1, (3 * 40, 8)).astype(np.float32)
    x = windows_of(rows, 3, 39)
    wanted = litert(content, rows.reshape(-1, 3, rows.shape[1]))[-len(x) :]
    found = net(np.ascontiguousarray(x.transpose(0, 2, 1)[:, :, None]))
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()  # sums in another order


def test_the_wake_words_of_a_package_give_litert_s_bytes(toolbox):
    """Probabilities of 8 bits in every step after the first full window: of windows, and of the
    streaming program, which computes each row once.
    """
    toolbox.need_package("pymicro_wakeword")

    found = importlib.util.find_spec("pymicro_wakeword")
    folder = Path(found.submodule_search_locations[0]) / "models"  # its files: no import
    for name in NAMES:
        content = (folder / f"{name}.tflite").read_bytes()
        program = interop.program_from_tflite(content, name=name)
        length, _, features = program.input.shape
        rows = smooth(3 * 220, features)
        x = windows_of(rows, 3, length)
        wanted = litert(content, rows.reshape(-1, 3, rows.shape[1]))[-len(x) :]
        assert (engine.Engine(program).run(x[:, :, None]).reshape(len(x), -1) == wanted).all()
        live = engine.Engine(program.streaming())
        assert (live.run(rows[:, None, None]).reshape(len(x), -1) == wanted).all()
        net = interop.from_tflite(content)
        assert net.input_shape == (features, 1, length)


def ring(*, slices=(-2, 0), rows=2, axis=1):
    """A file whose variable keeps the rows ``slices`` of the joined ones."""
    f = TfliteFile((1, 3, 1, 8), scale=0.05, zero=-128)
    handle = f.tensor((), kind="RESOURCE")
    f.operators.append(("VAR_HANDLE", [], [handle], {"SharedName": b"v"}))
    read = f.then("READ_VARIABLE", [handle], (1, rows, 1, 8), **ZERO)
    joined = f.then("CONCATENATION", [read, 0], (1, rows + 3, 1, 8), **ZERO, Axis=axis)
    if slices is not None:
        f.operators.append(("ASSIGN_VARIABLE", [handle, f.rows(joined, *slices)], [], {}))
    f.then("CONV_2D", [joined, f.drawn(4, rows + 3, 1, 8), f.bias(4)], (1, 1, 1, 4), **VALID)
    return f.bytes()


def counted():
    """A file whose variable counts its runs."""
    f = TfliteFile((1, 1, 1, 8), scale=0.05, zero=-128)
    handle = f.tensor((), kind="RESOURCE")
    f.operators.append(("VAR_HANDLE", [], [handle], {"SharedName": b"v"}))
    read = f.then("READ_VARIABLE", [handle], (1, 1, 1, 8), **ZERO)
    added = f.then("ADD", [read, 0], (1, 1, 1, 8), **ZERO)
    f.operators.append(("ASSIGN_VARIABLE", [handle, added], [], {}))
    f.then("CONV_2D", [added, f.drawn(4, 1, 1, 8), f.bias(4)], (1, 1, 1, 4), **VALID)
    return f.bytes()


def kept_after_all_rows():
    """A mean over a buffer, and a buffer of these means."""
    f = TfliteFile((1, 3, 1, 8), scale=0.05, zero=-128)
    at = f.buffer(0, 6, "rows")
    mean = f.then("MEAN", [at, f.constant([1])], (1, 1, 1, 8), **ZERO, KeepDims=True)
    at = f.buffer(mean, 2, "means")
    f.then("CONV_2D", [at, f.drawn(4, 3, 1, 8), f.bias(4)], (1, 1, 1, 4), **VALID)
    return f.bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ring(slices=(-3, -1)), "keeps something else than the last rows"),
        (ring(slices=None), "no operator assigns"),
        (counted(), "keeps something else than the last rows"),
        (kept_after_all_rows(), "keeps something else than the last rows"),
    ],
    ids=["other rows", "never assigned", "a counter", "means kept"],
)
def test_a_state_that_is_no_row_of_a_signal_is_refused(content, message):
    with pytest.raises(interop.TfliteError, match=message) as caught:
        interop.program_from_tflite(content)
    assert "\n" not in str(caught.value)
