"""The front end on targets: the bytes of the reference, counted instructions, its memory.

Oracles: `sound.features`; the self-test of an export, which has the reference's decisions.
"""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
import sound_nets
import sound_signals

from drypoint import devices, sound
from drypoint.devices._count import count_marks
from tools import ENGINE_FILES, ENGINE_SOURCES, INCLUDES, ONLY_CI

EVERY_DAY = ("cortex-m4",)
NAMES = ("cortex-m0+", "cortex-m55", "riscv32", "xtensa", "s390x", "aarch64", "wasm32")
ENGINE = [path for path in ENGINE_SOURCES if path.name == "dpt_sound.c"]
# The most instructions of a frame of microWakeWord's settings, gcc -O3.
MOST = {"cortex-m0+": 110_000, "cortex-m4": 45_000, "cortex-m55": 25_000}
RAM, TABLES, CODE = 2_560, 4_096, 4_096


def target_named(toolbox, name):
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    return row


def names(every_day):
    return [*every_day, *(pytest.param(name, marks=ONLY_CI) for name in NAMES)]


@pytest.mark.parametrize("name", names(EVERY_DAY))
def test_exports_listen_as_the_reference_does(toolbox, tmp_path, name):
    row = target_named(toolbox, name)
    whole, streams = sound_nets.programs()[:3], sound_nets.programs()[3:]
    for program in streams[:1] if name in EVERY_DAY else (whole[0], *streams[1:]):
        folder = tmp_path / f"{program.name}{program.is_streaming}"
        folder.mkdir()
        golden = sound_nets.inputs_of(program)[:24]
        binary = devices.build_exported(row, program, golden, folder)
        assert devices.run_exported(row, program, binary).selftest == 0


def words(name, kind, values):
    return f"static const {kind} {name}[] = {{{', '.join(map(str, values))}}};\n"


def pairs(table):
    low, high = table.astype(np.uint16).astype(np.uint32).T
    return (low | high << 16).tolist()


def source(front, samples):
    """A program that writes the features of a signal and marks each frame."""
    n = front.frames(len(samples))
    text = '#include "drypoint_sound.h"\n#include "port.h"\n'
    text += words("factors", "int16_t", front.window.tolist())
    for what in ("twiddles", "split", "weights"):
        text += words(what, "uint32_t", pairs(getattr(front, what)))
    text += words("bins", "int16_t", front.bins.tolist())
    text += words("gain", "int16_t", front.gain.tolist()) + words(
        "samples", "int16_t", samples.tolist()
    )
    fields = (
        f"{front.window.size}, {front.step}, {front.fft}, {front.channels}, "
        f"{{{front.smoothing[0]}, {front.smoothing[1]}}}, {front.floor}, {front.stages}, "
        f"{front.smoothing_bits}, {front.gain_shift}, {front.log_shift}, "
        "factors, twiddles, split, bins, weights, gain"
    )
    return (
        f"{text}static const dpt_sound front = {{{fields}}};\n"
        "void mark(void);\n"
        '__attribute__((noinline)) void mark(void) {\n    __asm__ volatile("");\n}\n'
        f"static uint32_t noise[{front.channels}], work[{front.fft // 2}];\n"
        f"static uint16_t features[{n}][{front.channels}];\n"
        "int device_main(void) {\n    mark();\n"
        f"    for (size_t k = 0; k < {n}; k++) {{\n"
        f"        dpt_sound_frames(&front, 1, samples + {front.step} * k, noise, work, "
        "features[k]);\n        mark();\n    }\n"
        "    port_write(features, sizeof features);\n    return 0;\n}\n"
    )


@pytest.mark.parametrize("name", names(EVERY_DAY))
def test_features_equal_the_reference_in_the_same_number_of_instructions(toolbox, tmp_path, name):
    """Noise, silence, full scale, a tone: the count of a frame does not depend on its samples, and
    nothing runs before the first frame."""
    row = target_named(toolbox, name)
    front = sound.micro()
    parts = [samples[:1600] for _, samples in sound_signals.signals(9, 1600)]
    samples = np.concatenate(parts)
    (tmp_path / "main.c").write_text(source(front, samples), "utf-8")
    binary = devices.build(row, [tmp_path / "main.c"], tmp_path / "main", engine=ENGINE)
    order = {"little": "<u2", "big": ">u2"}[row.byte_order]
    found = np.frombuffer(devices.emulate(row, binary, b""), order).reshape(-1, front.channels)
    np.testing.assert_array_equal(found, sound.features(front, samples))
    if name in MOST:
        _, _, *counts = count_marks(row, binary)
        assert len({*counts[1 : len(found) - 2]}) == 1
        assert counts[1] <= MOST[name]


def test_the_cost_of_a_listener_names_a_frame_of_its_front_end(toolbox):
    """The instructions of a step are the net's alone, with a front end and without."""
    row = target_named(toolbox, "cortex-m4")
    listener = sound_nets.programs()[4]
    cost = devices.measure_cost(row, listener)
    net = replace(listener, front=None, encoder=None)
    plain = devices.measure_cost(row, net)
    assert plain.instructions == replace(cost.instructions, frame=None)
    frame = cost.instructions.frame
    assert frame > listener.front.fft * np.log2(listener.front.fft)
    rows = devices.cost_rows(row, cost, listener, 0)
    assert rows[-1] == ("one frame", f"{frame:,} instructions, each 6.25 ms of sound")
    assert devices.cost_rows(row, plain, net, 0)[-1][0] == "one step"


def test_the_front_end_is_small(toolbox, tmp_path):
    front = sound.micro()
    carried = 4 * front.channels + 8 + 2 * front.window.size
    scratch = 2 * front.fft + 2 * front.channels
    assert carried + scratch + front.channels <= RAM
    log_table = 2 * 129
    assert front.table_bytes + log_table <= TABLES
    for name in ("cortex-m0+", "cortex-m4", "cortex-m55"):
        row = target_named(toolbox, name)
        sizes = 0
        for file in ("dpt_sound.c", "dpt_listen.c"):
            path = ENGINE_FILES[file]
            out = tmp_path / f"{name}-{file}.o"
            flags = [*row.flags, "-std=c99", "-Os", *INCLUDES]
            subprocess.run([row.compiler, *flags, "-c", path, "-o", out], check=True)
            tool = row.compiler.replace("gcc", "size")
            lines = subprocess.run([tool, out], check=True, capture_output=True, text=True).stdout
            sizes += int(lines.splitlines()[1].split()[0])
        assert sizes - log_table <= CODE, (name, sizes)
