"""Boxes of maps on targets: the lists of the reference, few bytes of code, few instructions.

Oracles: the self-test of an export, which has checksums of the reference's lists; the linker's size
of an object; counted instructions.
"""

import itertools
import subprocess
from functools import cache

import conformance
import numpy as np
import pytest
from detection_nets import TEST, TRAIN, finder

from drypoint import detection, devices, quant
from drypoint.devices._count import count_marks
from drypoint.devices._jobs import ORDER
from drypoint.engine import Engine
from tools import C_TESTS, ENGINE_FILES, INCLUDES

FILES = ("dpt_candidates.c", "dpt_boxes.c", "dpt_cells.c")
ENGINE = (*FILES, "dpt_softmax.c", "dpt_run.c")
CODE = 1536
NET = 4_800_000  # multiply-accumulates of the small net of 12 x 12 cells
PICTURES = TEST.x[:10]


@cache
def finding_program(*, cells):
    model = finder(cells=cells)
    return quant.quantize(model, quant.calibrate(model, TRAIN.x[:100]))


def target_named(toolbox, name):
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    return row


def test_lists_of_recorded_maps(target, tmp_path):
    """The conformance set: 1,000 maps."""
    rows = conformance.rows("boxes.jsonl").values()
    words = [len(rows)]
    for row in rows:
        words += [row["kind"] == "cells", *row["shape"], *row["edges"], row["first"]]
        words += [len(row["cutoffs"]), row["cell"], row["iou"], row["most"], *row["softmax"]]
        words += [*row["cutoffs"], len(row["maps"]), *itertools.chain.from_iterable(row["maps"])]
    order = ORDER[target.byte_order]
    data = (np.array(words, np.int64) & 0xFFFFFFFF).astype(f"{order}u4").tobytes()
    engine = [ENGINE_FILES[file] for file in ENGINE]
    binary = devices.build(target, [C_TESTS / "list_boxes.c"], tmp_path / "list", engine=engine)
    found = np.frombuffer(devices.emulate(target, binary, data), f"{order}i4").tolist()
    wanted = []
    for boxes in itertools.chain.from_iterable(row["boxes"] for row in rows):
        wanted += [len(boxes), *itertools.chain.from_iterable(boxes)]
    assert found == wanted


@pytest.mark.parametrize("cells", [False, True], ids=["boxes", "cells"])
def test_whole_nets_find_what_the_reference_finds(target, tmp_path, cells):
    """A trained net on 10 pictures: the self-test of its export has the reference's lists."""
    program = finding_program(cells=cells)
    assert sum(map(len, Engine(program).find_boxes(PICTURES))) > 10
    binary = devices.build_exported(target, program, PICTURES, tmp_path)
    assert devices.run_exported(target, program, binary).selftest == 0


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
    engine = [ENGINE_FILES[file] for file in ENGINE]
    binary = devices.build(row, [tmp_path / "main.c"], tmp_path / "main", engine=engine)
    found = np.frombuffer(devices.emulate(row, binary, b""), "<u2").reshape(-1, 4)
    assert found.tolist() == [list(box[2:]) for box in expected]
    counts = count_marks(row, binary)
    assert counts[1] <= NET // 100
    assert counts[1] > 144 * 5  # it reads each value
