"""Cycles of cores from their RTL, beside QEMU's run of the same file."""

import numpy as np
import pytest
import sound_nets
from line_nets import spotter

from drypoint import devices, models
from drypoint.devices import _cores
from drypoint.program import fuse_rows
from tools import ONLY_CI


@pytest.fixture(scope="module")
def ibex(toolbox, tmp_path_factory):
    """The simulator of the smallest core."""
    for tool in ("verilator", "g++", *devices.needed_tools(devices.target("riscv32"))):
        toolbox.need(tool)
    pytest.importorskip("pythondata_cpu_ibex")
    return _cores.build_simulator(_cores.core("ibex"), tmp_path_factory.mktemp("cores"))


@ONLY_CI
def test_a_core_executes_what_qemu_executes_and_takes_longer(ibex, tmp_path):
    """Oracle: QEMU's outputs and instructions, which `measure_cycles` compares; more wait states
    take more cycles of the same instructions."""
    for program in (spotter(), fuse_rows(models.load_program("lenet-mnist"))):
        found = []
        for wait in (0, 2) if program.name == "spotter" else (0,):
            (folder := tmp_path / f"{program.name}{wait}").mkdir()
            found += _cores.measure_cycles(program, [ibex], folder, flash_wait=wait)
        for row in found:
            assert row.total > row.instructions
            assert abs(sum(row.ops) - row.total) < 3000
            assert all(np.array(row.ops) > row.op_instructions)
        assert [row.instructions for row in found] == [found[0].instructions] * len(found)
        assert found[-1].total > 1.5 * found[0].total or len(found) == 1


@ONLY_CI
def test_a_listener_has_the_cycles_of_a_frame_of_its_front_end(ibex, tmp_path):
    (row,) = _cores.measure_cycles(sound_nets.programs()[4], [ibex], tmp_path)
    assert row.frame > row.frame_instructions > 0


def test_a_core_that_is_not_there_is_refused_in_one_line():
    with pytest.raises(devices.DeviceError) as refused:
        _cores.core("cortex-m4")
    assert str(refused.value) == (
        "no core is called 'cortex-m4'; there are: ibex, ibex-maxperf, cv32e40p"
    )
