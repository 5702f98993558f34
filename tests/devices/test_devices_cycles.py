"""Cycles of cores beside QEMU's run of the same file; an M0+'s beside Arm's table."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import sound_nets
from line_nets import spotter

from drypoint import devices, models
from drypoint.bench import make_case
from drypoint.cli.__main__ import main
from drypoint.devices import _cycles, _m0plus
from drypoint.devices._count import count_marks
from drypoint.program import fuse_rows
from tools import ONLY_CI

LENET = fuse_rows(models.load_program("lenet-mnist"))
M0PLUS = devices.target("cortex-m0+")


@pytest.fixture(scope="module")
def ibex(toolbox, tmp_path_factory):
    """The simulator of the smallest core."""
    for tool in ("verilator", "g++", *devices.needed_tools(devices.target("riscv32"))):
        toolbox.need(tool)
    pytest.importorskip("pythondata_cpu_ibex")
    return _cycles.build_simulators(["ibex"], tmp_path_factory.mktemp("cores"))


@pytest.fixture(scope="module")
def m0plus(toolbox):
    """The simulator of the Cortex-M0+."""
    for tool in ("node", *devices.needed_tools(M0PLUS)):
        toolbox.need(tool)
    if not (_m0plus.MODULES / _m0plus.PACKAGE).is_dir():
        toolbox.missing(f"{_m0plus.PACKAGE} is not installed: make device-tools")
    return _cycles.build_simulators(["cortex-m0+"], _m0plus.MODULES)


@ONLY_CI
def test_more_wait_states_take_more_cycles_of_the_same_instructions(ibex, tmp_path):
    """Oracle: QEMU's outputs and instructions, which `measure_cycles` compares."""
    program, found = make_case("sww").program.streaming(), []
    for wait in (0, 2):
        (folder := tmp_path / str(wait)).mkdir()
        waiting = replace(ibex[0], run=partial(ibex[0].run, flash_wait=wait))
        found.append(_cycles.measure_cycles(program, [waiting], folder)["ibex"])
    for row in found:
        assert row.total > row.instructions
        assert abs(sum(row.ops) - row.total) < 3000
        assert all(np.array(row.ops) > row.op_instructions)
    assert found[0].instructions == found[1].instructions
    assert found[1].total > 1.3 * found[0].total


@ONLY_CI
@pytest.mark.parametrize("name", ["ibex", "cortex-m0+"])
def test_lenet_takes_the_recorded_cycles(name, request, tmp_path):
    """Within 2 %, as the record of instructions: kernels that become slower are seen here. A larger
    change updates the record, `make cycles ARGS=--record`."""
    simulators = request.getfixturevalue({"ibex": "ibex", "cortex-m0+": "m0plus"}[name])
    found = _cycles.measure_cycles(LENET, simulators, tmp_path)[name]
    recorded = devices.find_cycles(LENET)[name]
    assert abs(found.total - recorded.total) <= 0.02 * recorded.total
    assert abs(found.instructions - recorded.instructions) <= 0.02 * recorded.instructions


@ONLY_CI
def test_a_listener_has_the_cycles_of_a_frame_of_its_front_end(m0plus, tmp_path):
    (row,) = _cycles.measure_cycles(sound_nets.programs()[4], m0plus, tmp_path).values()
    assert row.frame > row.frame_instructions > 0


# Arm's table of the Cortex-M0+ (DDI 0484C, 3.3), of zero wait states and the fast multiplier. N is
# the number of registers, with LR or PC. R7 points to RAM.
TABLE = {
    "movs r0, #1": 1,
    "mov r0, r8": 1,
    "adds r0, r0, r1": 1,
    "adcs r0, r1": 1,
    "add r0, sp, #4": 1,
    "subs r0, #3": 1,
    "rsbs r0, r1, #0": 1,
    "muls r0, r1": 1,
    "cmp r0, r1": 1,
    "ands r0, r1": 1,
    "lsls r0, r1, #3": 1,
    "asrs r0, r1": 1,
    "sxtb r0, r1": 1,
    "uxth r0, r1": 1,
    "rev r0, r1": 1,
    "nop": 1,
    "ldr r0, [r7]": 2,
    "ldr r0, [sp, #4]": 2,
    "ldrb r0, [r7, #1]": 2,
    "ldrh r0, [r7, #2]": 2,
    "ldrsb r0, [r7, r6]": 2,
    "ldrsh r0, [r7, r6]": 2,
    "str r0, [r7]": 2,
    "strb r0, [r7, #1]": 2,
    "strh r0, [r7, #2]": 2,
    "mov r2, r7; ldmia r2!, {r0, r1, r3}": 1 + (1 + 3),
    "mov r2, r7; stmia r2!, {r0, r1}": 1 + (1 + 2),
    "push {r0-r3}; pop {r0-r3}": (1 + 4) + (1 + 4),
    "push {r0-r3, lr}; add sp, #20": (1 + 5) + 1,
    "bl 2f; b 3f; 2: push {r0, lr}; pop {r0, pc}; 3:": 3 + (1 + 2) + (3 + 2) + 2,
    "bl 2f; b 3f; 2: bx lr; 3:": 3 + 2 + 2,
    "ldr r0, =2f + 1; blx r0; b 3f; 2: bx lr; .ltorg; 3:": 2 + 2 + 2 + 2,
    "b 2f; 2:": 2,
    "cmp r6, r6; beq 2f; 2:": 1 + 2,
    "cmp r6, r6; bne 2f; 2:": 1 + 1,
    "dmb": 3,
    "mrs r0, apsr": 3,
    "movs r0, #100; 2: subs r0, #1; bne 2b": 1 + 100 * (1 + 2) - 1,
}
TIMES = 10
BEGIN = """.syntax unified
.cpu cortex-m0plus
.text
.thumb_func
.global mark
mark: bx lr
.thumb_func
.global device_main
device_main: push {r4-r7, lr}
sub sp, #64
mov r7, sp
movs r6, #4
"""
END = "bl mark\nadd sp, #64\nmovs r0, #0\npop {r4-r7, pc}\n"


@ONLY_CI
def test_instructions_and_loops_take_the_cycles_of_arms_table(m0plus, tmp_path):
    """Oracles: Arm's table, and QEMU's count of instructions. To a sequence belong the return of
    `mark` before it and the next call, which take 2 and 3 cycles."""
    lines = ["bl mark\n" + (sequence.replace("; ", "\n") + "\n") * TIMES for sequence in TABLE]
    source, binary = tmp_path / "table.S", tmp_path / "table"
    source.write_text(BEGIN + "".join(lines) + END)
    devices.build(M0PLUS, [source], binary, engine=[])
    _, marks = m0plus[0].run(binary)
    cycles = [total - 5 for _, total in marks[1:]]
    assert dict(zip(TABLE, cycles, strict=True)) == {k: TIMES * n for k, n in TABLE.items()}
    assert [count for count, _ in marks[1:]] == count_marks(M0PLUS, binary)[1:]


def test_cycles_are_known_of_exactly_the_recorded_program(capsys):
    """Oracle: the record. Another program has none, nor a run with other instructions."""
    recorded = devices.find_cycles(LENET)
    assert tuple(recorded) == _cycles.CORE_NAMES
    assert main(["info", "lenet-mnist", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["cycles"] == {name: row.total for name, row in recorded.items()}
    row = recorded["cortex-m0+"]
    assert devices.find_cycles(LENET, M0PLUS, row.instructions) == {"cortex-m0+": row}
    assert devices.find_cycles(LENET, M0PLUS, row.instructions + 1) == {}
    assert devices.find_cycles(LENET, devices.target("cortex-m4")) == {}
    assert devices.find_cycles(spotter()) == {}


def test_a_core_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(devices.DeviceError) as refused:
        _cycles.build_simulators(["cortex-m4"], tmp_path)
    assert str(refused.value) == (
        "no core is called 'cortex-m4'; there are: ibex, ibex-maxperf, cv32e40p, cortex-m0+"
    )


def test_an_m0plus_has_no_wait_states(tmp_path):
    with pytest.raises(devices.DeviceError, match="leave --wait out, or name other cores"):
        _cycles.build_simulators([], tmp_path, flash_wait=2)


def test_another_version_of_the_emulator_is_refused_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(_m0plus, "MODULES", tmp_path / "node_modules")
    with pytest.raises(devices.DeviceError, match=r"and it is not there: npm install .*@1\.4\.1$"):
        _cycles.build_simulators(["cortex-m0+"], tmp_path)
