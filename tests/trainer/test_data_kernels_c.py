"""The data kernels' C under sanitizers and strict warnings."""

from pathlib import Path

import pytest

from drypoint.data._compiled import instruction_sets
from tools import ROOT, SANITIZE, WARNINGS, run

FOLDER = ROOT / "trainer/drypoint/data/kernels_c"
ONCE = [FOLDER / "dpd_dispatch.c", FOLDER / "dpd_encode.c", FOLDER / "dpd_memory.c"]
SETS = instruction_sets()
FLAGS = {
    "portable": (),
    "avx2": ("-mavx2",),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"),
}


def templates():
    return [path for path in sorted(FOLDER.glob("*.c")) if path not in ONCE]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_kernels_are_clean_under_sanitizers(toolbox, compiler):
    """Every kernel on small images with maps that lead far outside; all sets must agree."""
    path = toolbox.need(compiler)
    toolbox.need_flags(path, *SANITIZE)
    common = ["-std=c99", *WARNINGS, *SANITIZE, f"-I{FOLDER}"]
    parts = [
        toolbox.build(
            f"{part.stem}-{isa}-{compiler}.o",
            [path, *common, *FLAGS[isa], f"-DDPD_ISA={isa}", "-c", part],
        )
        for isa in SETS
        for part in templates()
    ]
    sources = [Path(__file__).with_name("data_kernels_driver.c"), *ONCE, *parts]
    command = [path, *common, *(f"-DDPD_HAS_{isa}" for isa in SETS), *sources]
    run([toolbox.build(f"data_kernels_driver-{compiler}", command)])


@pytest.mark.parametrize("isa", sorted(FLAGS))
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_compiler_takes_the_source_without_a_warning(toolbox, compiler, isa):
    flags = ["-std=c99", *WARNINGS, *FLAGS[isa], f"-DDPD_ISA={isa}", f"-I{FOLDER}"]
    for path in templates():
        run([toolbox.need(compiler), "-fsyntax-only", *flags, path])
