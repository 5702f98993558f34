"""Every function of the engine is referred to by something, over all targets together.

Oracle: the compilers' warnings and assembly (``references.py``), which files with a dead function
of each kind are shown to fail.
"""

import pytest
from references import dead, unit

from drypoint import devices
from drypoint.devices._emulate import compile_flags
from tools import ENGINE_SOURCES, INCLUDE, INCLUDES, ONLY_CI

# One target for each way that kernels are compiled, and the files of these kernels. All other files
# are the host's, which compiles the SIMD kernels of x86-64 as well.
KERNELS = {
    "cortex-m0+": ("blocks", "blocks4", "blocks2"),
    "cortex-m3": ("blocks",),
    "cortex-m4": ("dsp", "dsp4", "dsp2"),
    "cortex-m55": ("mve",),
    "aarch64": ("neon", "neondot", "neoni8mm", "cpu"),
    "armv7-neon": ("neon",),
    "riscv32": ("blocks", "blocks4", "blocks2"),
    "xtensa": ("blocks", "blocks4", "blocks2"),
    "riscv64gcv-vlen128": ("rvv",),
    "wasm32-simd128": ("wasm",),
}
TARGETS = [target for target in devices.TARGETS if target.name in KERNELS]
PUBLIC = "".join(path.read_text() for path in sorted(INCLUDE.glob("*.h")))

COMMON = """
int used(int n);
static inline __attribute__((always_inline)) int called(int n) { return used(n); }
int entry(int n);
int entry(int n) { return called(n); }
"""
DEAD = {
    "static": ("static int bad(int n) { return used(n); }", "file.c: bad"),
    "inline": ("static inline int bad(int n) { return used(n); }", "file.c: bad"),
    "always": (
        "static inline __attribute__((always_inline)) int bad(int n) { return used(n); }",
        "file.c: bad",
    ),
    "marked": (
        "__attribute__((unused)) static inline int bad(int n) { return used(n); }",
        "file.c: bad",
    ),
    "external": ("int bad(int n);\nint bad(int n) { return used(n); }", "bad"),
    "assembly": (
        'void bad(void);\n__asm__(".global bad\\n.type bad, %function\\nbad:\\n.size bad, .-bad");',
        "bad",
    ),
}


@ONLY_CI
def test_every_function_is_referred_to(toolbox):
    host = [toolbox.need("gcc"), "-std=c99", *INCLUDES]
    units = [unit(host, path) for path in ENGINE_SOURCES]
    for target in TARGETS:
        command = [toolbox.need(target.compiler), *compile_flags(target)]
        names = {f"dpt_{name}.c" for name in KERNELS[target.name]}
        units += [unit(command, path) for path in ENGINE_SOURCES if path.name in names]
    seen = set().union(*(unit.external for unit in units))
    assert {"dpt_run", "dpt_mve_pairs", "dpt_dsp_pair", "dpt_blocks_dot"} <= seen
    assert dead(units, PUBLIC) == []


@pytest.mark.parametrize("kind", DEAD)
def test_a_dead_function_is_found(toolbox, tmp_path, kind):
    text, wanted = DEAD[kind]
    file = tmp_path / "file.c"
    for target in TARGETS if toolbox.all_tools else TARGETS[:1]:
        command = [toolbox.need(target.compiler), *compile_flags(target)]
        if kind != "assembly" or "clang" not in command[0]:  # wasm's has other directives
            file.write_text(COMMON)
            assert dead([unit(command, file)], "entry") == []
            file.write_text(f"{COMMON}{text}\n")
            assert dead([unit(command, file)], "entry") == [wanted], command


def test_a_function_that_one_file_calls_is_no_dead_one(toolbox, tmp_path):
    """As the functions of a header that other files leave unused."""
    (tmp_path / "some.h").write_text("static inline int some(int n) { return n + 1; }\n")
    (tmp_path / "one.c").write_text('#include "some.h"\nint one(int n) { return some(n); }\n')
    (tmp_path / "two.c").write_text('#include "some.h"\nint two(int n) { return n; }\n')
    command = [toolbox.need("gcc"), "-std=c99"]
    units = [unit(command, tmp_path / name) for name in ("one.c", "two.c")]
    assert dead(units, "one two") == []
    assert dead(units[1:], "one two") == ["some.h: some"]
