"""The flash of a program from the table of parts, to the byte, without a compiler."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drypoint.engine import export_c
from drypoint.program import OnTarget, Program, codegen, packing

from ._cost import table_sizes
from ._emulate import check_tools, linker_script
from ._exported import NAME, called_functions, linked_sizes
from ._objects import Section, bare_size, linked_size, reach
from ._parts import Parts, parts_of
from ._targets import Board, Target

WORDS = ("packed",)  # arrays of words; others are of bytes


def estimate_flash(
    target: Target, program: Program, optimize: str, *, may_link: bool = True
) -> OnTarget:
    """The flash that `measure_cost` would measure, of a program as it is exported.

    A program that reads samples or finds boxes has code of its own, and is linked; without
    ``may_link`` this code is left out.

    Raises:
        DeviceError: the target is no bare board, or its parts are not known and a tool is missing.
    """
    parts = parts_of(target, optimize)
    if may_link and (program.front is not None or program.boxes is not None):
        return _link(target, program, optimize)
    table = codegen.kernel_table(program, packing.kernel_set(target.kernels))
    roots = [name for by_bits in table.kinds.values() for name in by_bits.values()]
    called = [name for name in called_functions(program) if not name.startswith(NAME)]
    roots += called or ["dpt_run"]
    roots += [table.runner] if table.runner else []
    model = list(_model_sections(target, program, table, parts))
    engine = [parts.sections[i] for i in reach(parts.sections, roots)]
    own = [section for section in engine if section.is_engine]
    tables, bare = sum(section.size for section in model), bare_size([*model, *own])
    whole = linked_size([*model, *engine])
    return OnTarget(tables=tables, code=bare - tables, helpers=whole - bare)


def _model_sections(
    target: Target, program: Program, table: codegen.KernelTable, parts: Parts
) -> Iterator[Section]:
    """The sections of a model's C file, in the order in which gcc writes them."""
    kernels, sizes = packing.kernel_set(target.kernels), parts.model
    for kind, by_bits in table.kinds.items():
        if len({*by_bits.values()}) > 1:
            yield _section(f".text.kernel_{kind}", *sizes[f"dispatch{len(by_bits)}"])
    yield _section(".text.available", *sizes["available"])
    align = sizes["labels"][1]
    yield _section(f".rodata.{NAME}", *sizes["model"])
    yield _section(f".rodata.str1.{align}", len(kernels.name) + 1, align)
    yield _section(".rodata.kernels", *sizes["kernels"])
    labels = sum(len(label.encode()) + 1 for label in program.labels) or 1
    yield _section(".rodata.labels", labels, align)
    size, of_ops = sizes["op"]
    yield _section(".rodata.ops", size * len(program.ops), of_ops)
    for i, op in reversed([*enumerate(program.ops)]):
        for name, bytes_ in reversed(table_sizes(op, kernels).items()):
            yield _section(f".rodata.{name}{i}", bytes_, 4 if name in WORDS else align)


def _section(name: str, size: int, align: int) -> Section:
    return Section(name, size, align, ())


def _link(target: Target, program: Program, optimize: str) -> OnTarget:
    """The flash of an export, which is compiled and linked."""
    check_tools(target)
    assert isinstance(target.runs_on, Board)
    zeros = np.zeros((program.clocks[-1].first, *program.input_shape), np.uint8)
    golden = zeros if program.input_type == "u8" else zeros.view(np.int8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_c(program, golden, folder, name=NAME, kernels=target.kernels)
        (folder / f"{NAME}.ld").write_text(linker_script(target.runs_on), "utf-8")
        return linked_sizes(target, program, folder, optimize)
