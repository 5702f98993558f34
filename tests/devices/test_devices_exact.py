"""Every target gives the reference's bytes: random nets, every layer, every kernel it has."""

import numpy as np
import pytest
from device_jobs import expected, random_jobs, with_packed

from drypoint import devices

ARM64 = ("neon", "neondot", "neoni8mm")  # chosen at run time, whatever it is compiled for
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
    """The same for every target: many nets, each with memory at another misalignment."""
    found = random_jobs(request.config.getoption("--device-nets"))
    return found, [expected(job.program, job.inputs) for job in found]


@pytest.fixture(scope="session")
def runner(target, toolbox):
    """The program that runs jobs, built once for all workers."""
    folder = toolbox.folder / f"device-{target.name}"
    with toolbox.locked(folder.name):
        if not (folder / "jobs").exists():
            folder.mkdir(exist_ok=True)
            devices.build_jobs(target, folder / "part").rename(folder / "jobs")
    return folder / "jobs"


def test_random_nets_give_the_reference_on_every_byte(target, runner, jobs):
    asked, wanted = with_packed(jobs[0], target.kernels), jobs[1]
    answer = devices.emulate(target, runner, devices.encode(asked, target.byte_order))
    runs = devices.decode(asked, answer, target.byte_order)
    for job, (crcs, outputs), found in zip(asked, wanted, runs, strict=True):
        demanded = {"scalar", target.kernels, *SIMD.get(target.name, ())}
        assert demanded <= {run.runner for run in found}
        for run in found:
            what = f"{job.program.name} by {run.runner}"
            np.testing.assert_array_equal(run.crcs, crcs, err_msg=what)
            np.testing.assert_array_equal(run.outputs, outputs, err_msg=what)
