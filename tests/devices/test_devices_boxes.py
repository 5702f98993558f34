"""Boxes of maps on targets: the lists of the reference, few bytes of code, few instructions.

Oracles: the self-test of an export, which has checksums of the reference's lists; the linker's size
of an object; counted instructions.
"""

import subprocess

import map_nets
import numpy as np
import pytest

from drypoint import detection, devices
from drypoint.devices._count import count_marks
from tools import ENGINE_FILES, INCLUDES, ONLY_CI

EVERY_DAY = ("cortex-m4", "s390x")
NAMES = ("cortex-m0+", "cortex-m55", "riscv32", "xtensa", "aarch64", "wasm32")
FILES = ("dpt_candidates.c", "dpt_boxes.c", "dpt_cells.c")
CODE = 1536
NET = 4_800_000  # multiply-accumulates of the small net of 12 x 12 cells


def target_named(toolbox, name):
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    return row


@pytest.mark.parametrize(
    "name", [*EVERY_DAY, *(pytest.param(name, marks=ONLY_CI) for name in NAMES)]
)
def test_exports_find_what_the_reference_finds(toolbox, tmp_path, name):
    """1,000 maps of boxes in CI, in parts that fit a target's memory; 100 of each other decoder."""
    row = target_named(toolbox, name)
    for program in map_nets.programs():
        seeds = 1 if name in EVERY_DAY or program.boxes.kind == "cells" else 10
        for i, maps in enumerate(map_nets.maps(program, 100, seed) for seed in range(seeds)):
            folder = tmp_path / f"{program.name}{i}"
            folder.mkdir()
            binary = devices.build_exported(row, program, maps, folder)
            assert devices.run_exported(row, program, binary).selftest == 0


def test_the_decoder_is_small(toolbox, tmp_path):
    row = target_named(toolbox, "cortex-m4")
    total = 0
    for file in FILES:
        out = tmp_path / f"{file}.o"
        command = [row.compiler, *row.flags, "-std=c99", "-Os", *INCLUDES]
        subprocess.run([*command, "-c", ENGINE_FILES[file], "-o", out], check=True)
        tool = row.compiler.replace("gcc", "size")
        lines = subprocess.run([tool, out], check=True, capture_output=True, text=True).stdout
        total += int(lines.splitlines()[1].split()[0])
    assert total <= CODE


def test_boxes_take_a_hundredth_of_the_net(toolbox, tmp_path):
    """A map of 12 x 12 cells with 17 candidates; the net runs at least an instruction a MAC."""
    row = target_named(toolbox, "cortex-m4")
    rng = np.random.default_rng(4)
    maps = rng.integers(5, 30, (1, 12, 12, 5)).astype(np.int32)
    maps[..., 0] = rng.integers(-200, 20, (1, 12, 12))
    decoder = detection.Decoder(kind="boxes", cell=8, cutoffs=(0,), iou=500, most=64)
    expected = detection.find(decoder, maps, 0.05)[0]
    mult, shift = detection.edge_scale(0.05, 8)
    text = (
        '#include "drypoint_boxes.h"\n#include "port.h"\n#include <string.h>\n'
        f"static const int32_t map[] = {{{', '.join(map(str, maps.ravel().tolist()))}}};\n"
        "static const int32_t cutoffs[] = {0};\n"
        f"static const dpt_decoder decoder = {{cutoffs, {mult}u, {shift}, 0, 1, 8, 500, 64}};\n"
        "static dpt_box boxes[64];\nvoid mark(void);\n"
        '__attribute__((noinline)) void mark(void) {\n    __asm__ volatile("");\n}\n'
        "int device_main(void) {\n    dpt_op op;\n    dpt_model model;\n    size_t n = 0;\n"
        "    memset(&op, 0, sizeof op);\n    memset(&model, 0, sizeof model);\n"
        "    op.out.h = op.out.w = 12;\n    op.out.c = 5;\n"
        "    model.ops = &op;\n    model.n_ops = 1;\n"
        "    mark();\n    dpt_boxes(&model, &decoder, map, boxes, &n);\n    mark();\n"
        "    for (size_t i = 0; i < n; i++) {\n"
        "        const uint16_t edges[4] = {boxes[i].left, boxes[i].top, boxes[i].right,\n"
        "                                   boxes[i].bottom};\n"
        "        port_write(edges, sizeof edges);\n    }\n    return 0;\n}\n"
    )
    (tmp_path / "main.c").write_text(text, "utf-8")
    engine = [ENGINE_FILES[file] for file in (*FILES, "dpt_softmax.c", "dpt_run.c")]
    binary = devices.build(row, [tmp_path / "main.c"], tmp_path / "main", engine=engine)
    found = np.frombuffer(devices.emulate(row, binary, b""), "<u2").reshape(-1, 4)
    assert found.tolist() == [list(box[2:]) for box in expected]
    counts = count_marks(row, binary)
    assert counts[1] <= NET // 100
    assert counts[1] > 144 * 5  # it reads each value
