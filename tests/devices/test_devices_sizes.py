"""Sets of kernels that take less stack: equal bytes, bounds of the stack, and how one is chosen.

Oracles: the reference's outputs in each self-test, painted stacks, and what an export measures.
"""

import json
import os
import subprocess
from dataclasses import replace

import few_bits_nets
import nets
import numpy as np
import pytest
import window_nets
from device_jobs import as_params

from drypoint import devices, models
from drypoint.cli.__main__ import main
from drypoint.engine import export_c
from drypoint.program import GroupedConv, blob, packing
from tools import ASSERTS, ONLY_CI, SANITIZE, STRICT

LENET = models.load_program("lenet-mnist")
SETS = ("blocks", *packing.kernel_set("blocks").smaller)
ROWS = [row for row in devices.TARGETS if len(devices.with_kernels(row)) > 1]
LIBRARIES = "/usr/i686-linux-gnu/lib"  # of Debian's cross compiler, for programs that run natively


def with_bits(program, bits):
    return few_bits_nets.with_few_bits(program, choice=(bits,))


PADDED, GROUPED = (
    nets.padded_program(),
    next(each for each in window_nets.WINDOWS if isinstance(each.ops[0], GroupedConv)),
)
DEPTHWISE = window_nets.WINDOWS[0]
DEEPEST = [LENET, PADDED, GROUPED, DEPTHWISE]
DEEPEST += [with_bits(program, bits) for program in (LENET, PADDED, GROUPED) for bits in (4, 2)]


def test_one_engine_runs_models_of_every_size(toolbox, tmp_path):
    """Exports of one family have equal engines: the one of a model that takes the least stack runs
    each other model, of each set, in one program under sanitizers; each self-test has the
    reference's bytes of every layer."""
    compiler = toolbox.need("i686-linux-gnu-gcc")
    toolbox.need_flags(compiler, *SANITIZE)
    programs = [PADDED, GROUPED, DEPTHWISE, with_bits(PADDED, 4), with_bits(GROUPED, 2)]
    programs += map(nets.random_program, range(toolbox.count(every_day=6, ci=40)))
    programs += few_bits_nets.programs(4)
    names, sources = [], []
    for kernels in reversed(SETS):
        for i, program in enumerate(programs):
            name = f"net{i}_{kernels.replace('-', '_')}"
            inputs, folder = nets.random_inputs(program, i)[:2], tmp_path / name
            family = {"kernels": kernels, "family": "small"}
            export_c(program, inputs, folder, name=name, **family)
            assert f'"{kernels}"' in (folder / f"{name}.c").read_text("utf-8")
            names.append(name)
            sources += [folder / f"{name}.c", folder / "selftest.c"]
    engines = {
        tuple(file.read_bytes() for file in sorted((tmp_path / name / "drypoint").iterdir()))
        for name in names
    }
    assert len(engines) == 1
    engine = tmp_path / names[0] / "drypoint"
    text = "".join(f"int {name}_selftest(void);\n" for name in names) + "int main(void) {\n"
    text += "".join(
        f"    if ({name}_selftest() != 0) return {i + 1};\n" for i, name in enumerate(names)
    )
    (tmp_path / "main.c").write_text(text + "    return 0;\n}\n")
    flags = [*STRICT, *SANITIZE, *ASSERTS, f"-I{engine}"]
    flags += [f"-I{tmp_path / name}" for name in names]
    flags += [f"-D{name.upper()}_SELFTEST_NO_MAIN" for name in names]
    whole = [tmp_path / "main.c", *sources, *engine.glob("*.c")]
    binary = toolbox.build("sizes", [compiler, *flags, *whole])
    environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
    done = subprocess.run([binary], capture_output=True, check=False, env=environment)
    assert done.returncode == 0, (names[done.returncode - 1], done.stderr.decode()[-2000:])


def measured_stack(row, program, folder, optimize):
    folder.mkdir()
    golden = np.zeros((1, *program.input_shape), np.uint8)
    golden = golden.view(np.int8) if program.input_type == "i8" else golden
    binary = devices.build_exported(row, program, golden, folder, optimize=optimize)
    answer = devices.run_exported(row, program, binary)
    assert answer.selftest == 0
    return answer.stack


@pytest.mark.parametrize("optimize", ["-O3", pytest.param("-O2", marks=ONLY_CI), "-Os"])
@pytest.mark.parametrize("kernels", SETS)
@pytest.mark.parametrize("row", as_params(ROWS))
def test_a_run_stays_within_the_bound_of_its_kinds(toolbox, tmp_path, row, kernels, optimize):
    """Oracle: a painted stack."""
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    row, set_ = replace(row, kernels=kernels), packing.kernel_set(kernels)
    several = [nets.random_program(seed) for seed in range(toolbox.count(every_day=2, ci=20))]
    found = []
    for i, program in enumerate([*DEEPEST, *several]):
        bound = packing.stack_bound(set_, program)
        found.append((measured_stack(row, program, tmp_path / str(i), optimize), bound))
    assert all(stack <= bound for stack, bound in found), found


def test_bounds_of_small_sets():
    """Limits, independent of what was measured."""
    for kernels, bits, limit in (
        ("blocks-small", 8, 800),
        ("blocks-small", 4, 1120),
        ("blocks-tiny", 4, 920),
        ("plain", 8, 600),
    ):
        set_ = packing.kernel_set(kernels)
        program = LENET if bits == 8 else with_bits(LENET, bits)
        assert 0 < packing.stack_bound(set_, program) <= limit
        bounds = [packing.stack_bound(packing.kernel_set(name), program) for name in SETS]
        assert bounds == sorted(bounds, reverse=True)


def test_a_budget_chooses_the_fastest_kernels_that_keep_it():
    row = devices.target("cortex-m0+")
    for name in SETS:
        least = packing.stack_bound(packing.kernel_set(name), PADDED)
        for budget in ({"stack": least}, {"stack": least, "arena": 1 << 20}):
            assert devices.kernels_within(budget, [PADDED], row)[0].kernels == name
    assert devices.kernels_within({"stack": 1}, [PADDED], row)[0].kernels == SETS[-1]
    m4 = devices.target("cortex-m4")
    assert devices.kernels_within({"stack": 1}, [PADDED], m4) == [m4]


@pytest.mark.parametrize("kernels", SETS[1:])
def test_an_export_takes_the_set_and_costs_what_the_estimate_says(
    toolbox, tmp_path, capsys, kernels
):
    """Oracle: the export, compiled, linked and run in an emulator."""
    row = devices.target("cortex-m0+")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    file, bound = tmp_path / "net.dpt", packing.stack_bound(packing.kernel_set(kernels), PADDED)
    file.write_bytes(blob.dumps(PADDED))
    words = ["export", file, "--target", row.name, "--out", tmp_path / "out", "--optimize", "Os"]
    assert main([*map(str, words), "--budget", f"stack={bound}", "--json"]) == 0
    text = capsys.readouterr().out
    sources = [each.read_text("utf-8") for each in (tmp_path / "out").glob("*.c")]
    assert any(f'"{kernels}"' in source for source in sources)
    found = devices.estimate(PADDED, row, optimize="-Os", budget={"stack": bound})
    assert found.target.kernels == kernels
    assert found.account.to_json() == json.loads(text)["account"]


@ONLY_CI
@pytest.mark.parametrize(
    ("kernels", "bits", "limit"), [("blocks-small", 8, 1.14), ("blocks-small", 4, 1.08)]
)
def test_less_stack_costs_little_time(toolbox, kernels, bits, limit):
    """Oracle: the emulator's count of LeNet, whose windows of 500 values no buffer holds."""
    row = devices.target("cortex-m0+")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = LENET if bits == 8 else with_bits(LENET, bits)
    counts = [
        devices.measure_cost(replace(row, kernels=name), program).instructions.total
        for name in ("blocks", kernels)
    ]
    assert counts[0] < counts[1] <= limit * counts[0]
