"""The kernels' C under sanitizers and strict warnings, and their threads, outside of Python."""

import numpy as np
import pytest

from drypoint.autodiff.kernels import runtime
from tools import COMPILERS, ONLY_CI, ROOT, SANITIZE, WARNINGS, run

FOLDER = ROOT / "trainer/drypoint/autodiff/kernels/c"
SETS = list(runtime.Settings.sets)
ONCE = {"dpk_calls.c", "dpk_dispatch.c", "dpk_memory.c", "dpk_threads.c"}
FLAGS = {
    "portable": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mprfchw"),
}
THREAD_SANITIZER = ("-g", "-O1", "-fsanitize=thread")


def templates():
    return [path for path in sorted(FOLDER.glob("*.c")) if path.name not in ONCE]


def compiled(toolbox, compiler, isa, *flags):
    """The object files of one instruction set, linked into one."""
    command = [toolbox.need(compiler), "-std=c99", "-ffp-contract=off", *FLAGS[isa], *flags]
    command += [f"-DDPK_ISA={isa}", f"-I{FOLDER}", "-r", "-nostdlib", *templates()]
    name = "-".join([isa, compiler, *flags]).replace("/", "_")
    return toolbox.build(f"kernels-{name}.o", command)


def driver(toolbox, compiler, sets, *flags, threads=False):
    path = toolbox.need(compiler)
    toolbox.need_flags(path, *flags)
    parts = [compiled(toolbox, compiler, isa, *flags) for isa in sets]
    has = [f"-DDPK_HAS_{isa}" for isa in sets]
    files = [FOLDER / "dpk_dispatch.c", FOLDER / "dpk_calls.c"]
    files += [ROOT / "tests/trainer/kernels_driver.c", *parts]
    files += [FOLDER / "dpk_memory.c", FOLDER / "dpk_threads.c"] if threads else []
    has += ["-DTHREADS"] if threads else []
    common = ["-std=c99", "-D_POSIX_C_SOURCE=200112L", *WARNINGS, *flags, *has, f"-I{FOLDER}"]
    name = "-".join(["kernels-driver", compiler, *sets, *flags, str(threads)]).replace("/", "_")
    return toolbox.build(name, [path, *common, *files, "-lpthread", "-lm"])


def test_nothing_is_undefined_or_out_of_bounds(toolbox):
    """The narrowest vectors and, in CI, the widest that this CPU has.

    All buffers are on the heap; GCC 12 to 13.2 align what they check on the stack to less than the
    64 bytes of an AVX-512 vector (GCC bug 110027), so it is not checked. Without optimization
    every access is there to be checked, and GCC is done in half the time.
    """
    sets = list(dict.fromkeys([SETS[0], "portable"] if toolbox.all_tools else ["portable"]))
    binary = driver(toolbox, "gcc", sets, *SANITIZE, "-O0", "--param=asan-stack=0")
    assert run([binary, 12]).decode().split() == sets


@ONLY_CI
def test_neon_computes_what_the_host_does(toolbox):
    """On 64-bit Arm the portable kernels are Neon with FMA; the oracle is the host's portable set,
    which `test_autodiff_compiled` holds to NumPy. A fused product is rounded once instead of twice,
    and fast convolutions reach their results through numbers as large as the largest results: so
    the tolerance is a share of the largest results, twice the difference that was seen.
    """
    arm = toolbox.need("aarch64-linux-gnu-gcc")
    results = []
    for compiler, before in (("gcc", ()), (arm, (toolbox.need("qemu-aarch64"),))):
        flags = ("-O2", "-DRESULTS", *(("-static",) if before else ()))
        out = run([*before, driver(toolbox, compiler, ["portable"], *flags), 6])
        results.append(np.frombuffer(out, np.float32))
    host, neon = results
    assert len(host) > 50_000
    assert not np.array_equal(host, neon)  # it is another arithmetic that is compared
    np.testing.assert_allclose(neon, host, rtol=0, atol=2e-6 * np.abs(host).max())


@ONLY_CI
def test_no_two_threads_touch_the_same_memory(toolbox):
    binary = driver(toolbox, "gcc", ["portable"], *THREAD_SANITIZER, threads=True)
    assert run([binary, 10]) == b"portable\n"


@pytest.mark.parametrize(
    "isa", ["portable", *(pytest.param(n, marks=ONLY_CI) for n in ("avx2", "avx512"))]
)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_takes_the_source_without_a_warning(toolbox, compiler, isa):
    flags = ["-std=c99", *WARNINGS, *FLAGS[isa], f"-DDPK_ISA={isa}", f"-I{FOLDER}"]
    for path in templates():
        run([toolbox.need(compiler), "-fsyntax-only", *flags, path])
