"""drypoint.h for C users: its promises, compiling it alone, the files that the linker takes."""

import dataclasses
import re
import subprocess

import nets
import pytest
from blobs import widen

from drypoint.program import Conv, Shape, codegen
from tools import COMPILERS, ENGINE_FILES, INCLUDE, INCLUDES, PLAIN, STRICT, WARNINGS, run

FREESTANDING = ("-ffreestanding", "-Os", "-ffunction-sections", "-fdata-sections", "-fno-pic")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_arguments_statuses_and_helpers(toolbox, compiler):
    assert run([toolbox.sanitized(compiler, "test_api.c")]) == b"0 failures\n"


@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_header_compiles_alone_as_c(toolbox, compiler, standard):
    path = toolbox.need(compiler)
    for header in ("drypoint.h", "drypoint_kernels.h"):
        run([path, f"-std={standard}", *WARNINGS, "-fsyntax-only", "-x", "c", INCLUDE / header])


@pytest.mark.parametrize("standard", ["c++11", "c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_header_and_a_generated_one_compile_as_cxx(toolbox, compiler, standard, tmp_path):
    program = nets.random_program(62)
    files = codegen.generate(program, "net", nets.random_inputs(program, 1))
    (tmp_path / "net.h").write_text(files["net.h"])
    (tmp_path / "use.cpp").write_text(
        '#include "net.h"\n'
        "const char *label() { return dpt_label(&net, 0); }\n"
        "unsigned char arena[NET_ARENA_SIZE];\n"
    )
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
    command = [toolbox.need(compiler), *flags, f"-I{INCLUDE}", "-fsyntax-only"]
    run([*command, "-x", "c++", INCLUDE / "drypoint.h"])
    run([*command, tmp_path / "use.cpp"])


def test_the_version_is_a_number_for_the_preprocessor():
    """Oracle: the version as a string."""
    header = (INCLUDE / "drypoint.h").read_text("utf-8")
    (version,) = re.findall(r'define DPT_VERSION +"([\d.]+)"', header)
    parts = [
        re.findall(rf"define DPT_VERSION_{part} +(\d+)\n", header)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    assert parts == [[part] for part in version.split(".")]


def test_tables_and_loops_lie_in_the_sections_that_a_build_names(toolbox, tmp_path):
    """Oracle: the names and sizes of sections, from objdump."""
    program = nets.wide_program()
    files = codegen.generate(program, "net", nets.random_inputs(program, 1))
    for name in ("net.c", "net.h"):
        (tmp_path / name).write_text(files[name])
    arm = [toolbox.need("arm-none-eabi-gcc"), "-mcpu=cortex-m4", "-mthumb", "-O2", "-std=c99"]
    arm += [
        *INCLUDES,
        "-ffunction-sections",
        "-c",
        '-DDPT_TABLE=".tables"',
        '-DDPT_FAST=".fast"',
    ]
    run([*arm, "net.c", "-o", "net.o"], cwd=tmp_path)
    run([*arm, ENGINE_FILES["dpt_dsp.c"], "-o", "dsp.o"], cwd=tmp_path)
    tables, code = (sections(toolbox, tmp_path / name) for name in ("net.o", "dsp.o"))
    weights = sum(op.weight.nbytes for op in program.ops if hasattr(op, "weight"))
    assert tables[".tables"] >= weights > 0
    assert tables.get(".rodata", 0) < weights
    fast = sum(size for name, size in code.items() if name.startswith(".fast."))
    assert fast > 3 * sum(size for name, size in code.items() if name.startswith(".text"))


def sections(toolbox, file):
    """Bytes of each section."""
    lines = run([toolbox.need("arm-none-eabi-objdump"), "-h", file]).decode().splitlines()
    words = [line.split() for line in lines if re.match(r" +\d+ \.", line)]
    return {word[1]: int(word[2], 16) for word in words}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_code_for_another_header_stops_the_compiler(toolbox, compiler, tmp_path):
    program = nets.random_program(62)
    header = codegen.generate(program, "net", nets.random_inputs(program, 1))["net.h"]
    other = f"#if DPT_CODEGEN != {codegen.CODEGEN_VERSION + 1}"
    (tmp_path / "net.h").write_text(
        header.replace(f"#if DPT_CODEGEN != {codegen.CODEGEN_VERSION}", other)
    )
    command = [toolbox.need(compiler), f"-I{INCLUDE}", "-fsyntax-only", "-x", "c", "net.h"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert "net.h was generated for another drypoint.h: export the model again" in done.stderr


@pytest.fixture(params=COMPILERS)
def objects(request, toolbox):
    """A compiler, and the engine's objects for a machine without an operating system."""
    return toolbox.need(request.param), toolbox.engine(
        request.param, *FREESTANDING, *toolbox.backends
    )


def symbols(toolbox, *files):
    """(letter, name) of every symbol, as nm lists them."""
    lines = run([toolbox.need("nm"), *files]).decode().splitlines()
    return {tuple(line.split()[-2:]) for line in lines if len(line.split()) >= 2}


def test_the_engine_asks_for_nothing_but_memory_functions(toolbox, objects):
    """Compilers may make memcpy and memset of loops; nothing else comes from outside."""
    found = symbols(toolbox, *objects[1])
    defined = {name for letter, name in found if letter != "U"}
    undefined = {name for letter, name in found if letter == "U"} - defined
    assert undefined <= {"memcpy", "memset"}
    assert all(name.startswith("dpt_") for letter, name in found if letter in "TDBRC")


def test_the_engine_has_no_writable_data(toolbox, objects):
    """No state: `.data` and `.bss` of every object are empty. (Berkeley: text data bss ...)."""
    for line in run([toolbox.need("size"), *objects[1]]).decode().splitlines()[1:]:
        assert line.split()[1:3] == ["0", "0"], line


START = """
#include "model.h"
static uint8_t arena[MODEL_ARENA_SIZE + 1];
static uint8_t input[MODEL_INPUT_SIZE];
static int32_t output[MODEL_OUTPUT_COUNT];
void _start(void);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
void *memcpy(void *to, const void *from, size_t n) {
    for (volatile size_t i = 0; i < n; i++) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int byte, size_t n) {
    for (volatile size_t i = 0; i < n; i++) ((char *)to)[i] = (char)byte;
    return to;
}
void _start(void) { dpt_run(&model, NULL, arena, MODEL_ARENA_SIZE, input, output); }
"""


KERNELS = {
    "Conv": "conv",
    "GroupedConv": "grouped",
    "Dense": "dense",
    "MaxPool": "maxpool",
    "AvgPool": "avgpool",
    "DepthwiseConv": "depthwise",
    "Add": "add",
    "Concat": "concat",
    "Lookup": "lookup",
}


@pytest.mark.parametrize("kind", KERNELS)
def test_a_bare_program_links_only_the_kernels_that_it_needs(toolbox, objects, kind, tmp_path):
    """With -nostdlib and --gc-sections: no loader, no other kernel, no library."""
    compiler, engine = objects
    programs = (nets.random_program(seed, n_ops=1) for seed in range(1000))
    program = next(
        p for p in programs
        if {type(op).__name__ for op in p.ops} == {kind} and all(plain(op) for op in p.ops)
    )  # fmt: skip
    names = linked_names(toolbox, compiler, engine, program, tmp_path)
    assert {name for name in names if "scalar" in name} == {f"dpt_scalar_{KERNELS[kind]}"}
    assert "dpt_run" in names
    assert not {"dpt_model_load", "dpt_crc32", "dpt_backend_best"} & names


def test_a_dilated_convolution_needs_the_kernel_of_grouped_ones_alone(toolbox, objects, tmp_path):
    programs = (nets.random_program(seed, n_ops=1, kinds=("conv",)) for seed in range(1000))
    program = next(p for p in programs if len(p.ops) == 1 and not plain(p.ops[0]))
    names = linked_names(toolbox, *objects, program, tmp_path)
    assert {name for name in names if "scalar" in name} == {"dpt_scalar_grouped"}


def plain(op):
    """Whether the kernel of the op's kind runs it."""
    return not isinstance(op, Conv) or not op.dilated


def linked_names(toolbox, compiler, engine, program, folder):
    """The names in a program without an operating system that runs this model."""
    files = codegen.generate(program, "model", nets.random_inputs(program, 1))
    for file, text in files.items():
        (folder / file).write_text(text)
    (folder / "start.c").write_text(START)
    flags = [*FREESTANDING, "-std=c99", *INCLUDES, "-nostdlib", "-static", "-Wl,--gc-sections"]
    sources = [folder / "start.c", folder / "model.c", *engine]
    run([compiler, *flags, *sources, "-o", folder / "bare"])
    return {name for _, name in symbols(toolbox, folder / "bare")}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_long_list_of_labels_is_no_long_string(toolbox, compiler, tmp_path):
    """C99 grants 4095 characters of a string; labels of a thousand classes are more."""
    labels = tuple(f"class 'é\\ \"{i}??/" for i in range(1000))
    program = dataclasses.replace(widen(Shape(1, 1, 1000)), labels=labels)
    for file, text in codegen.generate(program, "net", nets.random_inputs(program, 1)).items():
        (tmp_path / file).write_text(text)
    (tmp_path / "use.c").write_text(
        '#include "net.h"\n#include <stdio.h>\n'
        "int main(void) { for (size_t i = 0; i < 1001; i++) puts(dpt_label(&net, i)); return 0; }\n"
    )
    command = [toolbox.need(compiler), *STRICT, f"-I{INCLUDE}", f"-I{tmp_path}"]
    sources = [tmp_path / "use.c", tmp_path / "net.c", *toolbox.engine(compiler, *PLAIN)]
    run([*command, *sources, "-o", tmp_path / "use"])
    assert run([tmp_path / "use"]).decode().split("\n") == [*labels, "", ""]
