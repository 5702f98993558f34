"""Golden blobs of every format version load and give the recorded outputs."""

import importlib.util
import json
import re

import numpy as np
import pytest
from jobs import TOO_LONG, Job, answers

from drypoint.engine import Engine
from drypoint.program import NUMPY_TYPE, BlobError, blob, reference
from tools import ROOT

GOLDEN = ROOT / "tests/golden"
BLOBS = sorted(GOLDEN.glob("format-*/*.dpt"))


def regenerate():
    spec = importlib.util.spec_from_file_location("regenerate", GOLDEN / "regenerate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_regenerating_gives_equal_bytes():
    module = regenerate()
    here = {path.name: path.read_bytes() for path in module.folder().iterdir()}
    assert here == module.files()
    published = {path.name: path.read_bytes() for path in (GOLDEN / "conformance").iterdir()}
    assert published == module.conformance()


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


def rows(name):
    lines = (GOLDEN / "conformance" / name).read_text("utf-8").splitlines()
    return [json.loads(line) | {"data": bytes.fromhex(json.loads(line)["blob"])} for line in lines]


def test_the_conformance_set_has_every_status_but_capacity_and_small_blobs():
    page = (ROOT / "engine_c/BLOB.md").read_text("utf-8")
    checks = re.findall(r"^\| \d+ \|.*\| ([A-Z]+) \|$", page, re.MULTILINE)
    assert {row["status"] for row in rows("refused.jsonl")} == {*checks} - {"CAPACITY"}
    every = rows("refused.jsonl") + rows("accepted.jsonl")
    assert max(len(row["data"]) for row in every) <= 2**16
    assert len(rows("refused.jsonl")) > 120


def test_c_and_python_agree_with_the_conformance_set(toolbox):
    """Refusals with their status, and every byte of every layer."""
    driver = toolbox.engine_program("gcc", "driver.c", "-O3", "-fsigned-char")  # of test_c_driver
    refused, accepted = rows("refused.jsonl"), rows("accepted.jsonl")
    numbers = {name: number for number, name in regenerate().STATUSES.items()}
    jobs = [Job(np.zeros((1, 1), np.uint8), row["data"], limit=0) for row in refused + accepted]
    runs = [(row, one, bytes.fromhex(one["input"])) for row in accepted for one in row["runs"]]
    jobs += [Job(np.frombuffer(x, np.uint8)[None], row["data"]) for row, _, x in runs]
    read = answers(driver, jobs)
    assert [read.number() for _ in refused] == [numbers[row["status"]] for row in refused]
    assert {read.number() for _ in accepted} == {TOO_LONG}
    for row in refused:
        with pytest.raises(BlobError):
            blob.loads(row["data"])
    programs = {row["name"]: blob.loads(row["data"]) for row in accepted}
    for row, one, x in runs:
        program, layers = programs[row["name"]], one["layers"]
        assert read.number() == 0
        _, planes = read.trace(program, 1)
        inputs = np.frombuffer(x, NUMPY_TYPE[program.input_type]).reshape(program.input_shape)
        for found in (planes, reference.trace(program, inputs)):
            swapped = [plane.astype(plane.dtype.newbyteorder("<")) for plane in found]
            assert [plane.tobytes().hex() for plane in swapped] == layers, row["name"]
    assert read.finished()
    assert len(runs) > 30
