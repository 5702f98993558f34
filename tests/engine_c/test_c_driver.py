"""The C engine under every compiler and option: the reference's bytes, each time."""

import functools

import driver_nets
import nets
import pytest
import stream_nets
from corpus import CASES
from equal_bytes import check_cases
from jobs import traces

from drypoint.program import reference
from tools import COMPILERS, ONLY_CI, ROOT, SANITIZERS, run

DRIVER = {program.name for program in driver_nets.PROGRAMS}


@functools.cache
def references_of_cases():
    return [reference.trace(program, x) for program, x in CASES]


def check_corpus(binary, *, driver=True):
    """The corpus; of builds without SIMD, which have no driver, all but the shapes for it."""
    chosen = [i for i, (p, _) in enumerate(CASES) if driver or p.name not in DRIVER]
    cases = [CASES[i] for i in chosen]
    check_cases(cases, traces(binary, cases), [references_of_cases()[i] for i in chosen])


EVERY_DAY = {("gcc", "-O3", "-fsigned-char"), ("gcc", "-O0", "-funsigned-char")}
# The first with SIMD. The sign of char is decided before code is optimized: each compiler has both.
OPTIONS = [("-O3", "-fsigned-char"), ("-O3", "-funsigned-char"), ("-O2", "-fsigned-char")]
OPTIONS += [("-O0", "-funsigned-char"), ("-Os", "-fsigned-char")]
BUILDS = [
    pytest.param(*build, marks=() if build in EVERY_DAY else ONLY_CI)
    for build in ((compiler, *options) for compiler in ("gcc", "clang") for options in OPTIONS)
]


@pytest.mark.parametrize(("compiler", "level", "char"), BUILDS)
def test_no_compiler_and_no_option_changes_a_byte(toolbox, compiler, level, char):
    simd = (level, char) == OPTIONS[0]
    backends = toolbox.backends if simd else ["-DDPT_PLAIN_C"]
    driver = toolbox.engine_program(compiler, "driver.c", level, char, *backends)
    check_corpus(driver, driver=simd)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_nothing_is_undefined_or_out_of_bounds(toolbox, request, compiler):
    """Undefined behaviour, preconditions of kernels and, with clang, unsigned arithmetic that wraps
    where nobody said that it may. `pytest --random-nets 100000` looks at more nets."""
    driver = toolbox.sanitized(compiler, "driver.c")
    check_corpus(driver)
    count = request.config.getoption("--random-nets") or toolbox.count(every_day=300, ci=1000)
    count //= 3 if compiler == "clang" else 1
    for begin in range(0, count, 500):  # what is held in memory at a time
        seeds = range(10_000 + begin, 10_000 + min(begin + 500, count))
        cases = [(p, nets.random_inputs(p, 1, n=3)) for p in map(nets.random_program, seeds)]
        streams = stream_nets.streams(range(seeds.start, seeds.stop, 10))
        cases += [(p, nets.random_inputs(p, 1, n=20)) for p in streams]
        check_cases(cases, traces(driver, cases))


@ONLY_CI
def test_no_uninitialized_memory_is_read(toolbox):
    """MemorySanitizer: the arena has no initial content, and needs none."""
    flags = ("-g1", "-O1", "-fsanitize=memory", "-fno-sanitize-recover=all")
    toolbox.need_flags(toolbox.need("clang"), *flags)
    check_corpus(toolbox.engine_program("clang", "driver.c", *flags))


FAULTS = {
    "behind a buffer": ('exact_copy("abc", 3)[n + 2] = 1;', "buffer-overflow|insufficient space"),
    "no weights": ("dpt_scalar_dense(&op, (void *)v, v, 1);", "op->weight != NULL"),
    "wraps": ("op.hi = (int32_t)((uint32_t)n - 2);", "unsigned integer overflow"),
}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(*case, id=name, marks=ONLY_CI if name == "wraps" else ())
        for name, case in FAULTS.items()
    ],
)
def test_the_sanitizers_find_planted_faults(toolbox, tmp_path, fault, message):
    """A program with a fault is stopped, so the test above can fail. Only clang sees sums that
    wrap."""
    compiler = "clang" if "unsigned" in message else "gcc"
    flags = SANITIZERS[compiler]
    path = toolbox.need(compiler)
    toolbox.need_flags(path, *flags)
    code = tmp_path / "fault.c"
    code.write_text(
        '#include "drypoint_kernels.h"\n#include "exact.h"\n'
        "int main(int n, char **v) {\n"
        "    dpt_op op = {DPT_DENSE};\n"
        f"    {fault}\n"
        "    return op.hi == 1 && v == NULL && n == 0;\n"
        "}\n"
    )
    include = ["-Iengine_c/include", "-Itests/engine_c"]
    binary = tmp_path / "fault"
    engine = toolbox.engine(compiler, *flags, *toolbox.backends)
    run([path, *flags, *include, code, *engine, "-o", binary], cwd=ROOT)
    with pytest.raises(AssertionError, match=message):
        run([binary])


@pytest.mark.parametrize("guard", ["-DGUARDED=1", "-DGUARDED=2"], ids=["behind", "before"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_nothing_is_read_or_written_beside_a_buffer(toolbox, compiler, guard):
    """Blob, packed weights, arena, input and output end (begin) where a page ends (begins) whose
    neighbour may not be touched. Sanitizers do not see what vector instructions in assembly read;
    the processor does. Sizes are odd, so buffers that end there begin at every alignment. The
    engine is that of the test above that has SIMD kernels in it."""
    flags = ("-O3", "-fsigned-char", *toolbox.backends)
    driver = toolbox.engine_program(compiler, "driver.c", *flags, only=[guard])
    check_corpus(driver)
