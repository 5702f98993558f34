"""The engine's objects on every target: no malloc, no printf, no float, no state, no recursion.

Oracle: the compiler's own call graph and symbols (``objects.py``), which a file with each fault is
shown to fail, on each target. Kernels are read on the targets that they are written for, and not on
other targets that could run them: three for 64-bit Arm take most of the time to compile.
"""

import pytest
from device_jobs import as_params
from objects import faults

from drypoint import devices
from drypoint.devices._emulate import compile_flags
from drypoint.program import packing
from tools import ENGINE_SOURCES

# Long shifts (of RV32, too), products and divisions, tables of a switch: what ARMv6-M has no
# instructions for, nor the LX106. Every 32-bit target divides 64 bits by a function.
GRANTED = (
    "memcpy",
    "memset",
    "__lshrdi3",
    "__udivdi3",
    "__aeabi_l*",
    "__aeabi_ui*",
    "__aeabi_uldivmod",
    "__aeabi_idiv*",
    "__gnu_thumb1_case*",
    "__ashldi3",
    "__ashrdi3",
    "__divsi3",
    "__modsi3",
    "__udivsi3",
    "__umodsi3",
    "__umulsidi3",
)
AARCH64 = ("getauxval",)
# Files and functions that call through pointers, and what they reach by them.
KERNEL = "(conv|grouped|dense|maxpool|avgpool)"
POINTERS = {
    # the caller's trace is not ours
    "dpt_run.c": f".*{KERNEL}|dpt_run_rows|dpt_dsp_run_group",
    "dpt_rows.c": f".*{KERNEL}",
    r"dpt_stream\.c|dpt_step_traced": f".*{KERNEL}",
    "dpt_run_rows": f".*{KERNEL}",
    "dpt_dsp_run_group": f".*{KERNEL}",
    # The caller's function that sends a character.
    r"dpt_log\.c|dpt_run_logged|dpt_log_time": "nothing",
    "dpt_scalar.c": rf"dpt_scalar\.c:{KERNEL}",
    "dpt_find_candidates": r"dpt_boxes\.c:find_box|dpt_cells\.c:find_cell",
    "convolve_each": "nothing",  # the sum of a window
    "mve_depthwise": r".*:mve_pool_row",
    # micro-kernels, which call nothing by pointer
    r"drive_channels|window_dense_panel|dpt_\w+_(conv|dense|depthwise)": "nothing",
    r"depthwise_row|depthwise_without_room|mve_quads\w*": "nothing",
    r"window_gather_next(\.constprop\.0)?": r".*:window_gather(_taps)?",
    "dpt_backend_best": r".*:(\w+_available|dpt_always)",
    "dpt_model_pack": r".*:(\w+_available|dpt_always)",
}

BAD = {
    "malloc": "void *malloc(__SIZE_TYPE__);\nvoid *bad(int n) { return malloc((unsigned)n); }",
    "printf": 'int printf(const char *, ...);\nint bad(int n) { return printf("%d", n); }',
    "float": "int bad(int a, int b) { return (int)((float)a * (float)b * 0.3f); }",
    "double": "int bad(int a, int b) { return (int)((double)a * (double)b * 0.3); }",
    "vla": "int use(int *);\nint bad(int n) { int a[n]; return use(a); }",
    "recursion": "int use(int);\nint bad(int n) { return n ? use(bad(n - 1)) + bad(n - 2) : 1; }",
    "detour": "int use(int);\nint worse(int);\n"
    "int bad(int n) { return use(worse(n - 1)); }\n"
    "int worse(int n) { return n > 0 ? use(bad(n - 1)) : 0; }",
    "global": "int count;\nint bad(int n) { return count += n; }",
    "static": "int bad(int n) { static int count = 5; return count += n; }",
    "pointer": "int bad(int (*f)(int), int n) { return f(n) + 1; }",
}
WORDS = {
    "malloc": ("asks for malloc",),
    "printf": ("asks for printf",),
    "float": ("float: ", "asks for __"),  # an instruction, or a call where there are none
    "double": ("float: ", "asks for __"),
    "vla": ("vla",),
    "recursion": ("recursion: bad",),
    "detour": ("recursion: bad", "recursion: worse"),  # one may be inlined
    "global": ("writable: count",),
    "static": ("writable: count", "writable: bad.count"),
    "pointer": ("pointer called: bad",),
}


# Vectors of two lengths have equal flags and objects.
BY_FLAGS = {(row.compiler, *compile_flags(row)): row for row in devices.TARGETS}
each_object_code = pytest.mark.parametrize("target", as_params(BY_FLAGS.values()), indirect=True)


def kernels(row):
    """The files of a target's own kernels: for 8 bits, and where there are any for fewer."""
    own = packing.kernel_set(row.kernels)
    return {f"{own.backend}{bits}.c" for bits in ("", 4, 2)}


@each_object_code
def test_the_engine_keeps_its_promises_in_object_code(target, tmp_path):
    foreign = set().union(*map(kernels, devices.TARGETS)) - kernels(target) - {"dpt_scalar.c"}
    sources = [path for path in ENGINE_SOURCES if path.name not in foreign]
    granted = (*GRANTED, *(name.removesuffix(".c") for name in foreign))
    granted += AARCH64 if target.name.startswith("aarch64") else ()
    assert faults(target, sources, tmp_path, granted=granted, pointers=POINTERS) == []


@each_object_code
def test_every_fault_is_found_in_a_file_that_has_it(target, tmp_path):
    for name, text in BAD.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bad.c").write_text(f"{text}\n")
        found = faults(
            target, [folder / "bad.c"], folder, granted=(*GRANTED, "use"), pointers=POINTERS
        )
        assert any(line.startswith(WORDS[name]) for line in found), (name, found)
