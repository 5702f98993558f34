"""Boxes of maps on targets: the lists of the reference, few bytes of code, few instructions.

Oracles: the self-test of an export, which has checksums of the reference's lists; the linker's size
of an object; counted instructions.
"""

import itertools
from functools import cache

import conformance
import numpy as np
import pytest
from detection_nets import CLASSES, TEST, TRAIN, finder

from drypoint import devices, quant
from drypoint.devices._jobs import ORDER
from drypoint.engine import Engine
from tools import C_TESTS, ENGINE_FILES

NEEDED = ("candidates", "boxes", "cells", "softmax", "run")
ENGINE = tuple(f"dpt_{name}.c" for name in NEEDED)
CODE = 1536
PICTURES = TEST.x[:10]


@cache
def finding_program(*, cells):
    model = finder(cells=cells)
    return quant.quantize(model, quant.calibrate(model, TRAIN.x[:100]))


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


def test_the_decoder_is_small_and_takes_a_hundredth_of_the_net(toolbox):
    """Oracles: the linker's size of an object; counted instructions."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = finding_program(cells=False)
    cost = devices.measure_decoder(row, program, PICTURES)
    assert 1000 < cost.code <= CODE
    assert cost.share <= 0.01
    assert len(cost.instructions) == len(PICTURES)
    scores = program.output_shape.h * program.output_shape.w * len(CLASSES)
    assert min(cost.instructions) > 5 * scores  # it reads each of them
    assert cost.net > program.macs / 2
    with pytest.raises(devices.DeviceError, match="wasm32 is no board"):
        devices.measure_decoder(devices.target("wasm32"), program, PICTURES)
