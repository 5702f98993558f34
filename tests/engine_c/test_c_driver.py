"""The C engine under every compiler and option: the reference's bytes, each time."""

from itertools import product

import nets
import numpy as np
import pytest
from jobs import traces

from drypoint.program import reference
from tools import COMPILERS, ONLY_CI, ROOT, SANITIZE, run

CASES = [(p := nets.random_program(seed), nets.random_inputs(p, seed)) for seed in range(60)]
SHAPES = (*nets.BROAD, *nets.GRAY, *nets.FULL, *nets.BANDED, nets.wide_program())
CASES += [(p, nets.random_inputs(p, 1)) for p in SHAPES]
WANTED = [reference.trace(program, x) for program, x in CASES]


def assert_reference(results):
    for (program, _), wanted, (arena, got) in zip(CASES, WANTED, results, strict=True):
        assert arena == program.arena_size
        for op, a, b in zip(program.ops, got, wanted, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=f"{program.name}, {op.name}")


EVERY_DAY = {
    ("gcc", "-O3", "-fsigned-char"),
    ("gcc", "-O0", "-funsigned-char"),
    ("clang", "-O2", "-funsigned-char"),
}
BUILDS = [
    pytest.param(*build, marks=() if build in EVERY_DAY else ONLY_CI)
    for build in product(
        ("gcc", "clang"), ("-O0", "-O2", "-O3", "-Os"), ("-fsigned-char", "-funsigned-char")
    )
]


@pytest.mark.parametrize(("compiler", "level", "char"), BUILDS)
def test_no_compiler_and_no_option_changes_a_byte(toolbox, compiler, level, char):
    plain = [] if level == "-O3" and char == "-fsigned-char" else ["-DDPT_PLAIN_C"]
    assert_reference(
        traces(toolbox.engine_program(compiler, "driver.c", level, char, *plain), CASES)
    )


@pytest.mark.parametrize("compiler", COMPILERS)
def test_nothing_is_undefined_or_out_of_bounds(toolbox, compiler):
    assert_reference(traces(toolbox.sanitized(compiler, "driver.c"), CASES))


@ONLY_CI
def test_nothing_is_read_before_it_is_written(toolbox):
    """MemorySanitizer: the arena has no initial content, and needs none."""
    flags = ("-g1", "-O1", "-fsanitize=memory", "-fno-sanitize-recover=all")
    toolbox.need_flags(toolbox.need("clang"), *flags)
    assert_reference(traces(toolbox.engine_program("clang", "driver.c", *flags), CASES))


def test_the_sanitizers_see_what_they_are_for(toolbox, tmp_path):
    """A write one byte behind an exact buffer ends the process: the tests above can fail."""
    compiler = toolbox.need("gcc")
    toolbox.need_flags(compiler, *SANITIZE)
    code = tmp_path / "beyond.c"
    code.write_text(
        '#include "exact.h"\n'
        'int main(int n, char **v) { (void)v; exact_copy("abc", 3)[n + 2] = 1; return 0; }\n'
    )
    include = ["-Iengine_c/include", "-Itests/engine_c"]
    binary = tmp_path / "beyond"
    engine = toolbox.engine("gcc", *SANITIZE)
    run([compiler, *SANITIZE, *include, code, *engine, "-o", binary], cwd=ROOT)
    with pytest.raises(AssertionError, match=r"heap-buffer-overflow|insufficient space"):
        run([binary])


@pytest.mark.parametrize("guard", ["-DGUARDED=1", "-DGUARDED=2"], ids=["behind", "before"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_nothing_is_read_or_written_beside_a_buffer(toolbox, compiler, guard):
    """Blob, packed weights, arena, input and output end (begin) where a page ends (begins) whose
    neighbour may not be touched. Sanitizers do not see what vector instructions in assembly read;
    the processor does. Sizes are odd, so buffers that end there begin at every alignment. The
    engine is that of the test above that has all kernels in it."""
    flags = ("-O3", "-fsigned-char")
    driver = toolbox.engine_program(compiler, "driver.c", *flags, only=[guard])
    assert_reference(traces(driver, CASES))
