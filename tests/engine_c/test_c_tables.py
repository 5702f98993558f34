"""Tables of micro-kernels with entries removed one by one: other entries compute what the removed
one did, and no byte changes.

Oracle: ``program.reference``; in the driver the plain kernels for every backend, packed and not. A
test compiles a copy of a backend that lacks an entry, with the rest of the engine. RISC-V's table
has one entry of each kind, which no other entry replaces.
"""

import functools
import re
import shutil

import depthwise_nets
import driver_nets
import nets
import pytest
from equal_bytes import check_cases
from jobs import traces

from drypoint.engine import Engine
from drypoint.program import reference
from tools import C_TESTS, ENGINE_FILES, ENGINE_SOURCES, INCLUDES, ONLY_CI, STRICT, run

PROGRAMS = (*driver_nets.PROGRAMS, *depthwise_nets.PROGRAMS, *nets.GRAY, *nets.EIGHT)
# Files of a backend -> macros that remove an entry, or all entries of wide blocks. Without narrow
# blocks there are no columns either, and taps compute every depthwise convolution.
REMOVED = {
    "avx512vnni": (
        ("QUADS_GRAY", 0),
        ("QUADS_NARROW", 0),
        ("COLUMNS_KEPT", 0),
        ("QUADS_BLOCKS", 2),
        ("QUADS_BLOCKS", 1),
    ),
    "avxvnni": (("QUADS_GRAY", 0), ("QUADS_NARROW", 0)),
    "avx2": (("QUADS_GRAY", 0), ("QUADS_NARROW", 0)),
    "sse41": (("QUADS_NARROW", 0),),
    "neon": (("QUADS_BLOCKS", 1),),
    "neondot neoni8mm": (("QUADS_BLOCKS", 4), ("QUADS_BLOCKS", 2), ("QUADS_BLOCKS", 1)),
}
TEMPLATES = dict.fromkeys(("avx2", "avxvnni"), "dpt_ymm.inc") | {
    "neondot neoni8mm": "dpt_neonlane.inc"
}
# Backends that are left out where none of their entries is removed.
OTHERS = {
    True: ("neon", "neondot", "neoni8mm"),
    False: ("sse41", "avx2", "avxvnni", "avx512vnni"),
}
EMULATED = 400_000  # multiply-accumulates of a program that is emulated, at most
ARM64 = ("aarch64-linux-gnu-gcc", "-static")


@functools.cache
def references_of_programs():
    return [(p, reference.trace(p, nets.random_inputs(p, 1))) for p in PROGRAMS]


@ONLY_CI
@pytest.mark.parametrize(
    ("backends", "macro", "value"),
    [(backends, *change) for backends, changes in REMOVED.items() for change in changes],
)
def test_a_table_that_lacks_an_entry_gives_every_byte(toolbox, tmp_path, backends, macro, value):
    names, arm = backends.split(), backends.startswith("neon")
    if not arm and backends not in Engine.backends():
        pytest.skip(f"this CPU lacks {backends}")
    folder = tmp_path / "src"
    folder.mkdir()
    for path in ENGINE_FILES.values():
        shutil.copy(path, folder)
    changed = folder / TEMPLATES.get(backends, f"dpt_{backends}.c")
    text = changed.read_text("utf-8")
    text, n = re.subn(rf"(#define {macro} +)\d+", rf"\g<1>{value}", text, count=1)
    assert n == 1
    changed.write_text(text, "utf-8")
    if macro == "QUADS_NARROW":  # these backends multiply taps by the instructions of columns
        taps = folder / "dpt_quads_depthwise.inc"
        before = taps.read_text("utf-8")
        assert before.count("#if QUADS_NARROW\n") == 1
        taps.write_text(before.replace("#if QUADS_NARROW\n", "#if 1\n"), "utf-8")
    copies = [folder / f"dpt_{name}.c" for name in names]
    others = [path for path in ENGINE_SOURCES if path.name not in {copy.name for copy in copies}]
    binary = script = tmp_path / "driver"
    compiler, *options = ARM64 if arm else ("gcc",)
    options += [f"-DDPT_NO_{other.upper()}" for other in OTHERS[arm] if other not in names]
    command = [toolbox.need(compiler), *STRICT, "-O1", *options, *INCLUDES]
    run([*command, C_TESTS / "driver.c", *copies, *others, "-o", binary])
    if arm:
        script = tmp_path / "emulated"
        script.write_text(f'#!/bin/sh\nexec {toolbox.need("qemu-aarch64")} {binary} "$@"\n')
        script.chmod(0o755)
    cases = [(p, nets.random_inputs(p, 1)) for p in PROGRAMS if not arm or p.macs <= EMULATED]
    references = [planes for p, planes in references_of_programs() if not arm or p.macs <= EMULATED]
    check_cases(cases, traces(script, cases), references)
