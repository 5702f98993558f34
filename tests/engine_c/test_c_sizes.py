"""Sizes beyond a size_t are refused: on a 32-bit target, where a small model has them, and here."""

import pytest

from tools import ENGINE_FILES, INCLUDES, ROOT, run


@pytest.mark.parametrize("compiler", ["gcc", "i686-linux-gnu-gcc"])
def test_sizes_that_no_size_t_holds_are_refused(toolbox, compiler):
    """Debian's cross compiler for i686 makes programs that run natively. The bridge is compiled
    with the program, of the engine only what that calls."""
    path = toolbox.need(compiler)
    names = (
        "run",
        "rows",
        "stream",
        "pack",
        "bounds",
        "model",
        "plan",
        "layout",
        "driver",
        "driver_depthwise",
        "scalar",
        "blocks",
        "blocks4",
        "blocks2",
        "backend",
        "sse41",
        "avx2",
        "avxvnni",
        "avx512vnni",
    )
    engine = [ENGINE_FILES[f"dpt_{name}.c"] for name in (*names, "cpu")]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-static", "-pthread"]
    flags += [*INCLUDES, *(["-DDPT_PLAIN_C"] if compiler == "gcc" else [])]
    source = ROOT / "tests/engine_c/sizes.c"
    program = toolbox.build(f"sizes-{compiler}", [path, *flags, source, *engine])
    assert run([program]) == b"0 failures\n"
