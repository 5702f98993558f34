"""The museum: blobs of every format version load and give the outputs that were recorded."""

import importlib.util

import numpy as np
import pytest
from jobs import Job, answers

from drypoint.engine import Engine
from drypoint.program import blob, reference
from tools import ROOT

GOLDEN = ROOT / "tests/golden"
BLOBS = sorted(GOLDEN.glob("format-*/*.dpt"))


def regenerate():
    spec = importlib.util.spec_from_file_location("regenerate", GOLDEN / "regenerate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_regenerating_gives_the_same_bytes():
    module = regenerate()
    here = {path.name: path.read_bytes() for path in module.folder().iterdir()}
    assert here == module.files()


def test_the_museum_has_every_kind_of_op_and_is_small():
    programs = [blob.loads(path.read_bytes()) for path in BLOBS]
    kinds = {type(op).__name__ for program in programs for op in program.ops}
    assert kinds == {"Conv", "GroupedConv", "Dense", "MaxPool", "AvgPool"}
    assert {program.input_type for program in programs} == {"u8", "i8"}
    assert {bool(program.labels) for program in programs} == {True, False}
    assert sum(path.stat().st_size for path in GOLDEN.rglob("format-*/*")) < 50_000


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_old_blob_gives_its_recorded_outputs(toolbox, path):
    data, raw, wanted = regenerate().read(path)
    program = blob.loads(data)
    inputs = raw.reshape(len(raw), *program.input_shape)
    inputs = inputs.view(np.uint8 if program.input_type == "u8" else np.int8)
    np.testing.assert_array_equal(reference.run(program, inputs), wanted)
    np.testing.assert_array_equal(Engine(data).run(inputs), wanted)
    driver = toolbox.engine_program("gcc", "driver.c", "-O3", "-fsigned-char")  # of test_c_driver
    read = answers(driver, [Job(raw, data)])
    assert read.number() == 0
    _, planes = read.trace(program, len(raw))
    np.testing.assert_array_equal(planes[-1].reshape(len(raw), -1), wanted)
