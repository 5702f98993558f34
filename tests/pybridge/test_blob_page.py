"""BLOB.md is right: its blob runs, its numbers equal the header's."""

import re

import numpy as np
import pytest
from jobs import Job, answers
from page_blob import PAGE, read_page

from drypoint.program import blob, reference
from tools import INCLUDE


def test_the_blob_on_the_page_gives_the_bytes_on_the_page(toolbox):
    data, given, outputs = read_page()
    program = blob.loads(data)
    x = np.frombuffer(given, np.uint8).reshape(program.input_shape)
    traced = [plane[0] for plane in reference.trace(program, x)]
    assert [plane.astype(plane.dtype.newbyteorder("<")).tobytes() for plane in traced] == outputs
    driver = toolbox.optimized("driver.c")
    read = answers(driver, [Job(x[None], data)])
    assert read.number() == 0
    _, planes = read.trace(program, 1)
    for plane, wanted in zip(planes, traced, strict=True):
        np.testing.assert_array_equal(plane[0], wanted)


def test_the_statuses_on_the_page_are_those_of_the_header():
    header = (INCLUDE / "drypoint.h").read_text("utf-8")
    known = {name: int(n) for name, n in re.findall(r"DPT_E_(\w+) = (-\d+)", header)}
    listed = {name: int(n) for name, n in re.findall(r"\b([A-Z]{3,}) (-\d+)\b", PAGE)}
    rows = re.findall(r"^\| (\d+) \|.*\| (\w+) \|$", PAGE, re.MULTILINE)
    checks = {int(number): status for number, status in rows if status.isupper()}
    assert list(checks) == list(range(1, 30))
    assert listed == {name: known[name] for name in checks.values()}


@pytest.mark.parametrize("constant", ["major", "minor"])
def test_the_versions_on_the_page_are_those_of_the_header(constant):
    header = (INCLUDE / "drypoint.h").read_text("utf-8")
    (number,) = re.findall(rf"#define DPT_BLOB_{constant.upper()} +(\d+)", header)
    assert int(number) == blob.VERSION[constant == "minor"]
    assert PAGE.splitlines()[0].endswith(f"format {blob.VERSION[0]}.{blob.VERSION[1]}")
