"""What LeNet costs on the boards: the table of engine_c/README.md, and budgets."""

import re
import subprocess

import nets
import numpy as np
import pytest

from drypoint import devices, models
from drypoint.program import packing
from tools import ENGINE_SOURCES, INCLUDE, ROOT, STRICT, run

PROGRAM = models.load_program("lenet-mnist")
# Long shifts and products, divisions, tables of a switch: what ARMv6-M has no instructions for.
HELPERS = ("__aeabi_l", "__aeabi_ui", "__aeabi_idiv", "__gnu_thumb1_case")
BOARDS = [row for row in devices.TARGETS if row.name.startswith("cortex-m")]


@pytest.fixture(scope="module", params=BOARDS, ids=lambda row: row.name)
def board(request, toolbox):
    for tool in devices.needed_tools(request.param):
        toolbox.need(tool)
    return request.param


def test_sizes_are_those_of_the_table(board):
    """Within 2 %: a larger change updates the table (`make bench-devices` prints it)."""
    text = (ROOT / "engine_c/README.md").read_text("utf-8")
    line = re.search(rf"^\| {re.escape(board.name)} \| {board.kernels} \| (.*) \|$", text, re.M)
    assert line, "the table has no row for it"
    told = np.array([int(cell.replace(",", "")) for cell in line[1].split(" | ")])
    cost = devices.measure_cost(board, PROGRAM, optimize="-Os")
    found = np.array([cost.code, cost.tables, cost.arena, cost.stack])
    assert (abs(found - told) <= 0.02 * told).all(), devices.size_row(board, cost)
    assert cost.code <= 6 * 1024
    assert cost.arena <= 5 * 1024


@pytest.mark.parametrize("optimize", ["-Os", "-O3"])
def test_a_run_takes_the_stack_that_the_header_tells(board, optimize, tmp_path):
    """A bound for any model: kernels are as deep for one with borders, and not much below it for
    LeNet. The oracle is a painted stack."""
    told = packing.kernel_set(board.kernels).stack
    found = []
    for program in (PROGRAM, nets.padded_program()):
        folder = tmp_path / program.name
        folder.mkdir()
        golden = np.zeros((1, *program.input_shape), np.uint8)
        binary = devices.build_exported(board, program, golden, folder, optimize=optimize)
        assert f"#define MODEL_STACK_SIZE   {told} " in (folder / "model.h").read_text()
        found.append(devices.run_exported(board, binary).stack)
    assert max(found) <= told <= 1.25 * found[0], found


def test_objects_ask_for_memory_functions_only_and_hold_no_state(board, tmp_path):
    """No malloc, no printf, no soft float: nothing but memcpy, memset and integer helpers of the
    compiler comes from outside; .data and .bss are empty; no array of a variable length."""
    flags = [*STRICT, "-Wvla", "-Wno-pedantic", *board.flags, "-Os", f"-I{INCLUDE}"]
    run([board.compiler, *flags, "-c", *ENGINE_SOURCES], cwd=tmp_path)
    objects = sorted(tmp_path.glob("*.o"))
    tool = board.compiler.replace("gcc", "nm")
    lines = subprocess.run([tool, *objects], capture_output=True, text=True, check=True).stdout
    found = {tuple(line.split()[-2:]) for line in lines.splitlines() if len(line.split()) >= 2}
    asked = {n for k, n in found if k == "U"} - {n for k, n in found if k != "U"}
    assert {n for n in asked if not n.startswith(HELPERS)} <= {"memcpy", "memset"}
    assert not {n for k, n in found if k in "bBdDC"}


def test_a_budget_is_read():
    read = devices.parse_budget("ram=8K, flash=1M,stack=300")
    assert read == {"ram": 8192, "flash": 1 << 20, "stack": 300}


@pytest.mark.parametrize("text", ["", "ram", "ram=8k", "rom=8K", "ram=-1", "ram=8K;stack=1K"])
def test_another_budget_is_refused_with_the_right_form(text):
    with pytest.raises(devices.BudgetError, match="write it as ram=8K,flash=512K"):
        devices.parse_budget(text)


COST = devices.Cost(code=4000, tables=436_000, arena=3680, stack=2600, instructions=None)


@pytest.mark.parametrize(
    ("budget", "layer", "what"),
    [
        ({"flash": 400_000}, "fc1", "flash: 440,000 bytes"),
        ({"ram": 3000}, "conv2", "ram: 3,680 bytes"),
        ({"stack": 1024, "ram": 8192}, "conv2", "stack: 2,600 bytes"),
    ],
)
def test_an_exceeded_budget_names_limit_and_layer(budget, layer, what):
    with pytest.raises(devices.BudgetError, match=f"{what}.*for '{layer}'"):
        devices.check_budget(budget, COST, PROGRAM, devices.target("cortex-m4"))


def test_a_budget_that_is_met_says_nothing():
    limits = {"flash": 440_000, "ram": 3680, "stack": 2600}
    devices.check_budget(limits, COST, PROGRAM, devices.target("cortex-m4"))


def test_an_unknown_target_is_told_what_there_is():
    with pytest.raises(devices.UnknownTargetError, match=r"cortex-m4, .*s390x"):
        devices.target("z80")
