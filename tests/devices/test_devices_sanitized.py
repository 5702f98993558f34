"""Kernels for small devices under AddressSanitizer and UndefinedBehaviorSanitizer, on this machine.

The blocks of four are C for any 32-bit core; the driver of windows is that of the SMLAD and Helium
kernels too. Each buffer of the harness lies between forbidden bytes, at all 16 misalignments.
Oracle: ``program.reference``.
"""

import os
import subprocess

import nets
import numpy as np
import pytest
from device_jobs import expected_output, random_jobs, with_packed

from drypoint import devices
from drypoint.program import codegen, packing
from tools import ASSERTS, ENGINE_SOURCES, INCLUDES, ONLY_CI, ROOT, SANITIZE, STRICT

HARNESS = ROOT / "tools/drypoint/devices/harness"
LIBRARIES = "/usr/i686-linux-gnu/lib"  # of Debian's cross compiler, for programs that run natively


@pytest.fixture(scope="module")
def runner(toolbox):
    compiler = toolbox.need("i686-linux-gnu-gcc")
    toolbox.need_flags(compiler, *SANITIZE)
    flags = [
        *STRICT,
        *SANITIZE,
        *ASSERTS,
        *INCLUDES,
        f"-I{HARNESS}",
        "-DDEVICE_BACKEND=dpt_blocks",
        "-DDEVICE_FEW_BITS",
    ]
    sources = [HARNESS / "jobs.c", HARNESS / "port_stdio.c", *ENGINE_SOURCES]
    return toolbox.build("jobs-sanitized", [compiler, *flags, *sources])


def answer(runner, data):
    environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
    return subprocess.run([runner], input=data, capture_output=True, check=False, env=environment)


def test_random_nets_give_the_reference_without_a_complaint(toolbox, runner):
    count = toolbox.count(every_day=20, ci=60)
    programs = [*nets.DEEP, *(job.program for job in random_jobs(count))]
    jobs = [
        devices.Job(program=p, inputs=nets.random_inputs(p, 1), misalignment=i % 16)
        for i, p in enumerate(programs)
    ]
    done = answer(runner, devices.encode(with_packed(jobs, "blocks"), "little"))
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    runs = devices.decode(with_packed(jobs, "blocks"), done.stdout, "little")
    for job, found in zip(jobs, runs, strict=True):
        crcs, outputs = expected_output(job.program, job.inputs)
        assert {run.runner for run in found} == {"scalar", "blocks"}
        for run in found:
            np.testing.assert_array_equal(run.crcs, crcs, err_msg=job.program.name)
            np.testing.assert_array_equal(run.outputs, outputs, err_msg=job.program.name)


def test_a_table_that_is_too_short_is_complained_about(runner):
    """The test above can fail: one byte of weights is missing."""
    program = nets.padded_program()
    job = with_packed(
        [devices.Job(program=program, inputs=nets.random_inputs(program, 1))], "blocks"
    )
    short = [table[:-1] for table in job[0].packed]
    broken = devices.Job(program=program, inputs=job[0].inputs, packed=short)
    done = answer(runner, devices.encode([broken], "little"))
    assert done.returncode != 0
    assert b"AddressSanitizer" in done.stderr


BATCH = """
#include "net.h"
#include <string.h>
static const {element} inputs[3][NET_INPUT_SIZE] = {{{inputs}}};
static uint8_t arena[3 * NET_ARENA_SIZE + 1];
static int32_t together[3][NET_OUTPUT_COUNT], alone[3][NET_OUTPUT_COUNT];
int main(void) {{
    if (dpt_run_batch(&net, NULL, arena, sizeof arena, inputs, together[0], 3) != DPT_OK) {{
        return 2;
    }}
    for (int i = 0; i < 3; i++) {{
        dpt_run(&net, NULL, arena, sizeof arena, inputs[i], alone[i]);
    }}
    return memcmp(together, alone, sizeof alone) != 0;
}}
"""


@ONLY_CI
def test_a_batch_gives_what_single_runs_give(toolbox, tmp_path):
    """Programs with groups, padding values, pools and several outputs a channel, which are packed.
    Oracle: the runs one by one, which the tests above compare with the reference."""
    compiler, seen = toolbox.need("i686-linux-gnu-gcc"), set()
    for seed in (13, 26, 41):  # of one output each
        program, folder = nets.random_program(seed), tmp_path / str(seed)
        folder.mkdir()
        inputs = nets.random_inputs(program, 3)[:3]
        element = "uint8_t" if program.input_type == "u8" else "int8_t"
        rows = ",".join(
            f"{{{','.join(map(str, values.reshape(-1).tolist()))}}}" for values in inputs
        )
        files = codegen.generate(program, "net", inputs, kernels="blocks")
        (folder / "net.h").write_text(files["net.h"])
        (folder / "net.c").write_text(files["net.c"])
        (folder / "main.c").write_text(BATCH.format(element=element, inputs=rows))
        flags = [*STRICT, *SANITIZE, *ASSERTS, *INCLUDES, f"-I{folder}"]
        sources = [folder / "main.c", folder / "net.c", *ENGINE_SOURCES]
        binary = toolbox.build(f"batch-{seed}", [compiler, *flags, *sources])
        assert answer(binary, b"").returncode == 0, seed
        packed = [op for op in program.ops if packing.pack(op, packing.kernel_set("blocks"))]
        seen |= {op.kind for op in packed}
    assert {"conv", "grouped", "depthwise"} <= seen
