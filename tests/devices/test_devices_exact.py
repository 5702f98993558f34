"""Every target's kernels give the reference's bytes for every layer of random nets."""

import driver_nets
import nets
import numpy as np
import pytest
from device_jobs import expected_output, random_jobs, with_packed

from drypoint import data, devices, models
from drypoint.program import packing
from tools import ONLY_CI

ARM64 = ("neoni8mm", "neondot", "neon")  # chosen at run time, whatever it is compiled for
SIMD = {
    "aarch64": ARM64,
    "aarch64-dotprod": ARM64,
    "aarch64-i8mm": ARM64,
    "armv7-neon": ("neon",),
    "riscv64gcv-vlen128": ("rvv",),
    "riscv64gcv-vlen256": ("rvv",),
    "wasm32-simd128": ("wasm",),
}


@pytest.fixture(scope="session")
def jobs(request):
    """Jobs for every target: many nets, each with memory at another misalignment."""
    found = random_jobs(request.config.getoption("--device-nets"))
    return found, [expected_output(job.program, job.inputs) for job in found]


def jobs_program(row, toolbox):
    """The program that runs jobs, built once for all workers."""
    folder = toolbox.folder / f"device-{row.name}"
    with toolbox.locked(folder.name):
        if not (folder / "jobs").exists():
            folder.mkdir(exist_ok=True)
            devices.build_jobs(row, folder / "part").rename(folder / "jobs")
    return folder / "jobs"


def test_random_nets_give_the_reference_on_every_byte(target, toolbox, jobs):
    every_byte_is_right(target, toolbox, *jobs)


def every_byte_is_right(row, toolbox, jobs, wanted):
    """Of every layer of all jobs, by every backend of a target."""
    packed, own = with_packed(jobs, row.kernels), packing.kernel_set(row.kernels)
    exported = [own.backend.removeprefix("dpt_")] if own.number else []
    runners = [*SIMD.get(row.name, ()), "scalar", *exported]
    answer = devices.emulate(
        row, jobs_program(row, toolbox), devices.encode(packed, row.byte_order)
    )
    runs = devices.decode(packed, answer, row.byte_order)
    for job, (crcs, outputs), found in zip(packed, wanted, runs, strict=True):
        assert [run.runner for run in found] == runners
        for run in found:
            what = f"{job.program.name} by {run.runner}"
            np.testing.assert_array_equal(run.crcs, crcs, err_msg=what)
            np.testing.assert_array_equal(run.outputs, outputs, err_msg=what)


@ONLY_CI
def test_risc_v_v_reads_windows_in_every_way(toolbox):
    """With pointers and copies in a small room, and with taps that the micro-kernel finds."""
    row = devices.target("riscv64gcv-vlen128")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    jobs = [
        devices.Job(program=program, inputs=nets.random_inputs(program, 1), misalignment=i % 16)
        for i, program in enumerate(driver_nets.PROGRAMS)
    ]
    wanted = [expected_output(job.program, job.inputs) for job in jobs]
    every_byte_is_right(row, toolbox, jobs, wanted)


STRICT = [row for row in devices.TARGETS if row.strict_alignment]


@ONLY_CI
@pytest.mark.parametrize("row", STRICT, ids=lambda row: row.name)
def test_lenet_at_all_misalignments_where_a_misaligned_word_is_a_fault(row, toolbox):
    """Blob, arena and input 0 to 15 bytes behind alignment; on hosts, hostile.c does the same."""
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program, images = models.load_program("lenet-mnist"), data.load("mnist", "test").x[:16]
    images = images.reshape(16, 1, *program.input_shape)
    plain = [devices.Job(program=program, inputs=images[i], misalignment=i) for i in range(16)]
    jobs = with_packed(plain, row.kernels)
    answer = devices.emulate(row, jobs_program(row, toolbox), devices.encode(jobs, row.byte_order))
    for job, found in zip(jobs, devices.decode(jobs, answer, row.byte_order), strict=True):
        crcs, outputs = expected_output(program, job.inputs)
        for run in found:
            np.testing.assert_array_equal(run.crcs, crcs, err_msg=run.runner)
            np.testing.assert_array_equal(run.outputs, outputs, err_msg=run.runner)


@ONLY_CI
def test_a_misaligned_word_is_a_fault_there(toolbox, tmp_path):
    """The test above can fail: the emulated boards stop at a misaligned word."""
    row = STRICT[0]
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    (tmp_path / "bad.c").write_text(
        '#include "port.h"\n#include <stdint.h>\n'
        "static uint32_t words[2];\n"
        "int device_main(void) {\n"
        "    uint32_t value;\n"
        '    __asm__ volatile("ldr %0, [%1]" : "=l"(value) : "l"((uintptr_t)words + 1));\n'
        "    return (int)(value & 0);\n}\n"
    )
    binary = devices.build(row, [tmp_path / "bad.c"], tmp_path / "bad")
    with pytest.raises(devices.DeviceError, match="a fault: a forbidden access"):
        devices.emulate(row, binary, b"")
