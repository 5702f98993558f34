"""Every target gives the reference's bytes: random nets, every layer, every kernel it has."""

import dataclasses
import zlib

import nets
import numpy as np
import pytest

from drypoint import devices
from drypoint.program import packing, reference

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


def expected(program, inputs):
    """CRC-32 of every inner output, and the outputs, as the reference gives them."""
    *inner, last = reference.trace(program, inputs)
    crcs = [[zlib.crc32(plane[i].tobytes()) for plane in inner] for i in range(len(inputs))]
    return np.array(crcs, np.uint32).reshape(len(inputs), -1), last.reshape(len(inputs), -1)


def with_packed(jobs, kernels):
    """The jobs with weights in the layout of the target's own kernels, where it has any."""
    chosen = packing.kernel_set(kernels)
    if chosen.number == 0:
        return jobs
    return [
        dataclasses.replace(job, packed=[packing.pack(op, chosen) for op in job.program.ops])
        for job in jobs
    ]


def random_jobs(count):
    programs = [*nets.BROAD, *nets.FULL, nets.wide_program(), nets.padded_program()]
    programs += [nets.random_program(seed) for seed in range(1000, 1000 + count)]
    return [
        devices.Job(program=p, inputs=nets.random_inputs(p, 1), misalignment=i % 16)
        for i, p in enumerate(programs)
    ]


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
