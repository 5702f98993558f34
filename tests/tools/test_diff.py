"""`drypoint diff`: each planted fault is found at its op, and named."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from planted import FAULTS, IMAGES, export, main_file, model, program

from drypoint import devices, diff
from drypoint.engine import Engine
from drypoint.program import blob, reference
from tools import ONLY_CI, run


def logged(toolbox, name, folder):
    """The log of a program of this machine with a fault."""
    compiler = toolbox.need("cc")
    sources = [main_file(name, folder, device=False), *export(name, folder)]
    flags = ["-std=c99", "-O1", f"-I{folder}", f"-I{folder / 'drypoint'}"]
    run([compiler, *flags, *sources, "-o", folder / "main"])
    return subprocess.run([folder / "main"], capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_at_its_op_and_named(toolbox, tmp_path, name):
    """Oracle: the fault that was planted."""
    log = diff.read_log(logged(toolbox, name, tmp_path), program())
    check(diff.find_difference(program(), log, IMAGES), FAULTS[name])


def check(found, fault):
    assert (found.op, found.cause) == (fault.op, fault.cause), str(found)
    assert fault.words in str(found)
    assert "\n" not in str(found)
    names = ["input", *(op.name for op in program().ops)]
    assert found.index == (-1 if fault.op is None else names.index(fault.op) - 1)


@ONLY_CI
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_on_an_emulated_cortex_m4(toolbox, tmp_path, name):
    """Oracle: the fault that was planted. Kernels and weights are those of the device."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    engine = export(name, tmp_path, kernels=row.kernels)
    sources = [main_file(name, tmp_path, device=True), engine.pop(0)]
    flags = ["-O2", f"-I{tmp_path}", f"-I{tmp_path / 'drypoint'}"]
    binary = devices.build(row, sources, tmp_path / "main", flags=flags, engine=engine)
    log = diff.read_log(devices.emulate(row, binary, b""), program())
    check(diff.find_difference(program(), log, IMAGES), FAULTS[name])
