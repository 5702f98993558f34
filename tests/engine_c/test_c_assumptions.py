"""What each backend assumes of its target is checked: by the preprocessor, or by the compiler.

Oracles: the backends that a compiler's flags allow, written out; a target with one fault each;
the members of each struct that assembly reads, from its declaration.
"""

import re
import subprocess

import pytest

from tools import ENGINE_FILES, INCLUDES, STRICT, run

ARM = ("arm-none-eabi-gcc", "-mthumb")
RISCV = ("riscv64-linux-gnu-gcc",)
# Flags of a target -> the backends for them, beside the plain kernels.
FLAGS = {
    (*RISCV, "-march=rv64gcv"): {"BLOCKS", "RVV"},
    (*RISCV, "-march=rv64gc_zve64x"): {"BLOCKS"},  # registers may have 64 bits
    (*RISCV, "-march=rv64gc_zve32x"): {"BLOCKS"},
    (*RISCV, "-march=rv64gc_zve32x_zvl128b"): {"BLOCKS", "RVV"},
    (*RISCV, "-march=rv64gc"): {"BLOCKS"},
    (*RISCV, "-march=rv64gc", "-mbig-endian"): set(),
    (*ARM, "-mcpu=cortex-m4"): {"BLOCKS", "DSP"},
    (*ARM, "-mcpu=cortex-m4", "-mno-unaligned-access"): {"BLOCKS"},
    (*ARM, "-mcpu=cortex-m4", "-mbig-endian"): set(),
    (*ARM, "-mcpu=cortex-m33+nodsp"): {"BLOCKS"},
    (*ARM, "-mcpu=cortex-m55+nofp", "-mfloat-abi=hard"): {"BLOCKS", "DSP", "MVE"},
    (*ARM, "-mcpu=cortex-m55+nomve"): {"BLOCKS", "DSP"},
    ("aarch64-linux-gnu-gcc",): {"NEON", "NEONDOT", "NEONI8MM"},
    ("aarch64-linux-gnu-gcc", "-mbig-endian"): set(),
    ("x86_64-linux-gnu-gcc",): {"SSE41", "AVX2", "AVXVNNI", "AVX512VNNI"},
    ("x86_64-linux-gnu-gcc", "-mno-sse"): set(),  # a kernel, which keeps no vector registers
}
ALL = set().union(*FLAGS.values())


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_a_backend_is_built_only_where_the_flags_promise_what_it_assumes(toolbox, flags):
    compiler, *options = flags
    command = [toolbox.need(compiler), *options, *INCLUDES, "-dM", "-E", "-x", "c"]
    found = run([*command, "-ffreestanding", ENGINE_FILES["dpt_backends.h"]]).decode()
    assert set(re.findall(r"#define DPT_(\w+) *$", found, re.MULTILINE)) & ALL == FLAGS[flags]


# Target, what replaces a name of stdint.h, words of the compiler.
FAULTS = {
    "an int of 16 bits": ("msp430", "", "drypoint needs an int and a size_t of at least 32 bits"),
    "a size_t of 16 bits": (
        "wasm32",
        "SIZE_MAX 0xFFFFu",
        "an int and a size_t of at least 32 bits",
    ),
    # unsigned numbers have a logical shift
    "a logical shift": ("wasm32", "int32_t uint32_t", "dpt_right_shift_is_arithmetic"),
    "a logical long shift": ("wasm32", "int64_t uint64_t", "dpt_right_shift_is_arithmetic"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_target_without_the_integers_of_the_engine_stops_the_compiler(toolbox, tmp_path, fault):
    triple, other, words = FAULTS[fault]
    command = [toolbox.need("clang"), f"--target={triple}", "-std=c99", "-ffreestanding"]
    command += ["-fsyntax-only", *INCLUDES, tmp_path / "target.c"]
    lines = ["#include <stdint.h>", '#include "dpt_internal.h"', ""]
    if other:
        lines[1:1] = [f"#undef {other.split()[0]}", f"#define {other}"]
    (tmp_path / "target.c").write_text("\n".join(lines))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert words in done.stderr


ASSEMBLY = [
    path for path in ENGINE_FILES.values() if "__asm__(DPT_THUMB" in path.read_text("utf-8")
]
# Taken by `const void *`: read as bytes, or of several widths in one C file.
BUFFERS = {"dpt_blocks.c": {"blocks_output"}, "dpt_dsp.c": {"window_buffer"}}


def text_of(path):
    """The text of a file, with the fragments that it includes."""
    fragment = re.compile(r'^#include "(\w+\.inc)"$', re.M)
    return fragment.sub(lambda found: text_of(ENGINE_FILES[found[1]]), path.read_text())


def structs_of_assembly(path):
    """Names of the structs to which functions in assembly take pointers."""
    text = text_of(path)
    pointers = re.findall(r"^ *(?:void|uint32_t|const uint8_t \*) ?\w+\(([^;{]*)\);", text, re.M)
    words = {word for pointer in pointers for word in re.findall(r"(\w+) \*", pointer)}
    return {word for word in words if not re.fullmatch(r"void|u?int\d+_t|uintptr_t", word)}


@pytest.mark.parametrize("path", ASSEMBLY, ids=lambda path: path.name)
def test_each_member_that_assembly_reads_by_a_number_has_that_place(path):
    """Every member of a struct that a function in assembly takes is in a static assertion."""
    text = text_of(path)
    for struct in structs_of_assembly(path) | BUFFERS.get(path.name, set()):
        (body,) = re.findall(rf"typedef struct {struct} {{\n(.*?)\n}} {struct};", text, re.DOTALL)
        lines = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL).split(";")[:-1]
        declared = {n for line in lines for n in re.findall(r"(\w+)(?:\[[^\]]*\])?(?:,|$)", line)}
        places = re.findall(rf"DPT_(?:AT|WORDS)\(\s*{struct},([^)]*)\)", text)
        asserted = set(re.findall(r"(?<![\w.])[a-z]\w*", " ".join(places)))
        assert declared == asserted, struct


def test_assembly_is_read_above():
    """The test above sees the structs that the assembly of each backend takes."""
    found = {struct for path in ASSEMBLY for struct in structs_of_assembly(path)}
    assert found >= {
        *("dsp_output", "dsp_taps", "dsp_rows", "dsp_strip"),
        *("mve_dense_work", "mve_row", "mve_pixels_work", "mve_short_work", "mve_pair_work"),
    }


@pytest.mark.parametrize(
    ("core", "file", "struct"),
    [
        ("cortex-m0plus", "dpt_blocks.c", "blocks_output"),
        ("cortex-m4", "dpt_dsp.c", "window_buffer"),
        ("cortex-m4", "dpt_dsp.c", "dsp_output"),
    ],
)
def test_a_member_in_another_place_stops_the_compiler(toolbox, tmp_path, core, file, struct):
    text = text_of(ENGINE_FILES[file]).replace(f"{struct} {{", f"{struct} {{\n    int32_t moved;")
    (tmp_path / file).write_text(text)
    command = [toolbox.need(ARM[0]), f"-mcpu={core}", "-mthumb", *STRICT, "-fsyntax-only"]
    command += [*INCLUDES, tmp_path / file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "_places" in done.stderr
