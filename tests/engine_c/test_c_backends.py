"""Which backends a build has: each can be left out, and an old compiler leaves out what it lacks.

Oracle: the names of the backends, written out. A program that lists ``dpt_backend_at`` is linked
from the whole engine, so that a file that refers to a backend which is left out fails the build.
"""

import re

import pytest

from tools import ENGINE_FILES, ENGINE_SOURCES, INCLUDES, ONLY_CI, ROOT, STRICT, run

LIST = """
#include "drypoint.h"
#include <stdio.h>
int main(void) {
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) puts(dpt_backend_at(i)->name);
    printf("best: %s\\n", dpt_backend_best() != NULL ? "found" : "none");
    return 0;
}
"""
X86 = ("avx512vnni", "avxvnni", "avx2", "sse41")
ARM64 = ("neoni8mm", "neondot", "neon")
# Compiler -> its flags, what runs its programs, the backends without an option, and builds: which
# backends each leaves out. Every backend is left out by itself or with others that it does not
# refer to, so that a macro which left out too much would be seen.
BUILDS = {
    "gcc": ((), (), X86, (("sse41", "avxvnni"), ("avx2", "avx512vnni"), X86)),
    "aarch64-linux-gnu-gcc": (
        (),
        ("qemu-aarch64",),
        ARM64,
        (("neon", "neoni8mm"), ("neondot",), ARM64[:2], ARM64),
    ),
    "arm-linux-gnueabihf-gcc": (("-mfpu=neon",), ("qemu-arm",), ("neon",), (("neon",),)),
    "riscv64-linux-gnu-gcc": (("-march=rv64gcv",), ("qemu-riscv64",), ("rvv",), (("rvv",),)),
}


@ONLY_CI
@pytest.mark.parametrize("compiler", BUILDS)
def test_a_build_without_a_backend_has_all_others(toolbox, tmp_path, compiler):
    (tmp_path / "list.c").write_text(LIST)
    flags, emulator, every, builds = BUILDS[compiler]
    if compiler == "gcc" and "__x86_64__" not in macros(toolbox.need("gcc")):
        toolbox.missing("gcc compiles for no x86-64")
    command = [toolbox.need(compiler), *STRICT, "-O0", "-static", *flags, *INCLUDES]
    emulator = [toolbox.need(name) for name in emulator]
    for absent in builds:
        options = [f"-DDPT_NO_{name.upper()}" for name in absent]
        program = tmp_path / "-".join(absent)
        run([*command, *options, tmp_path / "list.c", *ENGINE_SOURCES, "-o", program])
        wanted = [*(name for name in every if name not in absent), "scalar", "best:", "found"]
        assert run([*emulator, program]).decode().split() == wanted, absent
    assert backend_names(command) == [*every, "scalar"]
    assert backend_names([*command, "-DDPT_PLAIN_C"]) == ["scalar"]


def test_webassembly_can_be_left_out(toolbox):
    command = [toolbox.need("clang"), "--target=wasm32", "-msimd128", "-ffreestanding"]
    command += [*INCLUDES, f"-I{ROOT}/tools/drypoint/devices/harness/libc"]
    assert backend_names(command) == ["wasm", "scalar"]
    assert backend_names([*command, "-DDPT_NO_WASM"]) == ["scalar"]


# The first major version that has a backend: GCC, clang, Apple's clang. Sources: the compilers'
# release notes (AVX512-VNNI: GCC 8; AVX-VNNI: GCC 11, clang 12; dot product: GCC 8; i8mm: GCC 10;
# intrinsics of aarch64 without -march: clang 16).
FIRST = {
    "sse41": (7, 6, 10),
    "avx2": (7, 6, 10),
    "avx512vnni": (8, 7, 11),
    "avxvnni": (11, 12, 13),
    "neondot": (8, 16, 15),
    "neoni8mm": (10, 16, 15),
}
VERSIONS = sorted({n - less for row in FIRST.values() for n in row for less in (0, 1)})


def test_an_old_compiler_leaves_out_what_it_lacks(toolbox):
    """A compiler that says it has another version; only the preprocessor runs."""
    triples = [("x86_64-linux-gnu", X86), ("aarch64-linux-gnu", ARM64)]
    for triple, every in triples if toolbox.all_tools else triples[:1]:
        gcc, clang = toolbox.need(f"{triple}-gcc"), toolbox.need("clang")
        clang_command = [clang, f"--target={triple}", *INCLUDES, "-ffreestanding"]
        commands = {
            "__GNUC__": [gcc, *INCLUDES],
            "__clang_major__": clang_command,
            "__apple_build_version__": [*clang_command, "-D__apple_build_version__=1"],
        }
        for kind, (name, command) in enumerate(commands.items()):
            macro = "__clang_major__" if name != "__GNUC__" else name
            for version in VERSIONS:
                wanted = [
                    backend for backend in every if FIRST.get(backend, (0, 0, 0))[kind] <= version
                ]
                found = backend_names([*command, f"-U{macro}", f"-D{macro}={version}"])
                assert found == [*wanted, "scalar"], (triple, name, version)


def test_the_page_names_every_macro():
    """README.md of the engine, against the macros that the engine reads."""
    text = "".join(path.read_text() for path in ENGINE_FILES.values())
    read = set(re.findall(r"defined\((DPT_NO_\w+)\)", text))
    read |= set(re.findall(r"#ifn?def (DPT_NO_\w+)", text))
    assert read == {f"DPT_NO_{name.upper()}" for name in (*X86, *ARM64, "rvv", "wasm")}
    page = (ROOT / "engine_c/README.md").read_text()
    for name, (gcc, clang, apple) in FIRST.items():
        (row,) = re.findall(rf"^\| `[^|]*dpt_{name}`[^|]*\|[^|]*\d[^|]*\|.*\|$", page, re.M)
        assert str(gcc) in row and f"{clang} ({apple})" in row
    assert set(re.findall(r"DPT_NO_\w+", page)) == read


def backend_names(command):
    """The names in the table of backends, by the preprocessor."""
    text = run([*command, "-E", "-P", ENGINE_FILES["dpt_backend.c"]]).decode()
    (table,) = re.findall(r"backends\[\] = \{(.*?)\}", text, re.DOTALL)
    return re.findall(r"&dpt_(\w+)", table)


def macros(compiler):
    """What a compiler predefines."""
    return run([compiler, "-dM", "-E", "-x", "c", "/dev/null"]).decode()
