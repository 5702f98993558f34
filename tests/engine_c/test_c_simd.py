"""The SIMD backends of other architectures, in user-mode emulators: the reference's bytes.

Oracle: ``program.reference`` for the target's plain kernels, and in the driver the plain kernels
for every backend: each op of each program, packed and not, one input and a batch.
"""

import functools
import platform
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpus import CASES
from equal_bytes import check_cases
from jobs import traces

from drypoint import data, models
from drypoint.program import reference
from tools import C_TESTS, ENGINE_SOURCES, INCLUDES, ONLY_CI, STRICT, run

FEW_MACS = 400_000  # multiply-accumulates of a program where a target has no new kernels


@functools.cache
def reference_of_case(i):
    program, x = CASES[i]
    return reference.trace(program, x)


@dataclass(frozen=True)
class Target:
    """An architecture: its compiler, its emulator, and the backends that it must have."""

    name: str
    triple: str
    emulator: tuple[str, ...]
    backends: tuple[str, ...]
    flags: tuple[str, ...] = ()
    new_kernels: bool = True  # no other target runs its backends


ARM64 = ("neoni8mm", "neondot", "neon", "scalar")
TARGETS = (
    Target("arm64", "aarch64-linux-gnu", ("qemu-aarch64",), ARM64),
    Target(
        "arm64-v8.2",
        "aarch64-linux-gnu",
        ("qemu-aarch64", "-cpu", "cortex-a76"),
        ARM64[1:],
        new_kernels=False,
    ),
    Target(
        "arm64-v8.0",
        "aarch64-linux-gnu",
        ("qemu-aarch64", "-cpu", "cortex-a53"),
        ARM64[2:],
        new_kernels=False,
    ),
    Target(
        "rvv128",
        "riscv64-linux-gnu",
        ("qemu-riscv64", "-cpu", "rv64,v=true,vlen=128"),
        ("rvv", "scalar"),
        ("-march=rv64gcv",),
    ),
    Target(  # registers of V that are too short for dpt_rvv.c
        "rvv64",
        "riscv64-linux-gnu",
        ("qemu-riscv64", "-cpu", "rv64,zve64x=true,vlen=64"),
        ("scalar",),
        ("-march=rv64gc_zve64x",),
        new_kernels=False,
    ),
    Target("armv7", "arm-linux-gnueabihf", ("qemu-arm",), ("neon", "scalar"), ("-mfpu=neon",)),
)


def emulator_script(toolbox, target, compiler):
    """A script that runs driver.c, compiled for the target, in its emulator."""
    gcc, (emulator, *options) = toolbox.need(f"{target.triple}-gcc"), target.emulator
    command = [gcc]
    if compiler == "clang":  # with the libraries of the cross GCC
        libraries = Path(run([gcc, "-print-libgcc-file-name"]).decode()).parent
        command = [toolbox.need("clang"), f"--target={target.triple}", "-fuse-ld=lld"]
        command += [f"--gcc-install-dir={libraries}"]
    command += [*STRICT, "-O2", "-static", *target.flags]
    toolbox.need_flags(*command, code="#include <stdio.h>\nint main(void){return 0;}\n")
    name = "-".join(["simd", target.triple, compiler, *target.flags])  # one for all its CPUs
    sources = [C_TESTS / "driver.c", *ENGINE_SOURCES]
    binary = toolbox.build(name, [*command, *INCLUDES, *sources])
    script = toolbox.folder / f"simd-{target.name}-{compiler}.sh"
    with toolbox.locked(script.name):
        words = [toolbox.need(emulator), *options, binary]
        script.write_text(f'#!/bin/sh\nexec {" ".join(map(str, words))} "$@"\n')
        script.chmod(0o755)
    return script


# Every day, tests/devices runs these kernels in exported code.
BUILDS = [
    pytest.param(target, compiler, id=f"{target.name}-{compiler}", marks=ONLY_CI)
    for target in TARGETS
    for compiler in ("gcc", "clang")
]


@pytest.mark.parametrize(("target", "compiler"), BUILDS)
def test_the_backends_of_a_target_are_found(toolbox, target, compiler):
    script = emulator_script(toolbox, target, compiler)
    assert run([script, "backends"]).decode().split() == list(target.backends)


# Processors of x86-64 that lack what this machine may have. (QEMU has no AVX-512.)
X86_CPUS = {
    "qemu64": ["scalar"],
    "Nehalem": ["sse41", "scalar"],
    "Nehalem,-ssse3": ["scalar"],  # what SSE4.1 implies
    "Haswell-noTSX": ["avx2", "sse41", "scalar"],
    "Haswell-noTSX,-avx2": ["sse41", "scalar"],
    "Haswell-noTSX,-sse4.2": ["sse41", "scalar"],  # what AVX2 implies
    "Haswell-noTSX,-xsave": ["sse41", "scalar"],  # the system does not save the registers
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="this machine is no x86-64")
@pytest.mark.parametrize("cpu", X86_CPUS)
def test_an_x86_processor_gets_no_backend_that_it_lacks(toolbox, cpu):
    """With the plain build of the driver, which other tests use, too."""
    driver = toolbox.optimized("driver.c")
    found = run([toolbox.need("qemu-x86_64"), "-cpu", cpu, driver, "backends"])
    left_out = [] if toolbox.all_tools else ["sse41"]
    assert found.decode().split() == [name for name in X86_CPUS[cpu] if name not in left_out]


@pytest.mark.parametrize(("target", "compiler"), BUILDS)
def test_every_byte_is_the_references(toolbox, target, compiler):
    """All programs. Where another target runs the same kernels, only small programs: these meet
    every instruction that this CPU might lack."""
    chosen = [i for i, (p, _) in enumerate(CASES) if target.new_kernels or p.macs <= FEW_MACS]
    script = emulator_script(toolbox, target, compiler)
    cases = [CASES[i] for i in chosen]
    check_cases(cases, traces(script, cases), map(reference_of_case, chosen))


@ONLY_CI
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_lenet_on_real_images_layer_by_layer(toolbox, target, request):
    count = request.config.getoption("--device-images")
    program, images = models.load_program("lenet-mnist"), data.load("mnist", "test").x[:count]
    cases = [(program, images)]
    check_cases(cases, traces(emulator_script(toolbox, target, "gcc"), cases))
