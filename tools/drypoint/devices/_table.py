"""Tables of LeNet's cost on the targets, beside other engines' instructions for this net."""

import re

from drypoint.common import table_lines
from drypoint.program import Program

from ._record import Record
from ._targets import target

# Executed instructions for one inference of this LeNet (2,293,000 MACs, int8), counted by
# `_count.py` in November 2026, compiled with -O3 by the compiler of the table (the M7 and the M55
# by clang 19, which did better): the best of CMSIS-NN, TFLM, TinyMaix, NNoM and onnx2c on Cortex-M,
# muRISCV-NN on RISC-V, TinyMaix or XNNPACK's kernels alone on aarch64, CMSIS-NN's C elsewhere.
PEERS = {
    "cortex-m0+": ("TFLM", 16_831_631),
    "cortex-m3": ("CMSIS-NN", 7_738_536),
    "cortex-m4": ("CMSIS-NN", 5_499_646),
    "cortex-m7": ("CMSIS-NN", 5_439_094),
    "cortex-m55": ("CMSIS-NN", 972_353),
    "aarch64": ("TinyMaix", 1_909_448),
    "aarch64-dotprod": ("XNNPACK", 659_661),
    "aarch64-i8mm": ("XNNPACK", 668_441),
    "riscv32": ("muRISCV-NN", 10_338_127),
    "riscv64": ("muRISCV-NN", 10_364_001),
    "riscv64gcv-vlen128": ("muRISCV-NN", 6_159_911),
    "riscv64gcv-vlen256": ("muRISCV-NN", 3_645_665),
    "wasm32": ("CMSIS-NN", 27_680_885),
    "wasm32-simd128": ("CMSIS-NN", 10_857_701),
}

HEAD = "| target | kernels | code | tables | arena | stack | instructions | the best peer |"


def cost_table(rows: Record) -> str:
    """The record as Markdown."""
    lines = [HEAD, "|---|---|" + "---:|" * 5 + "---|"]
    for name, row in rows.items():
        numbers = (row.code, row.tables, row.arena, row.stack, row.instructions)
        cells = [name, target(name).kernels, *(f"{n:,}" for n in numbers)]
        if peer := PEERS.get(name):
            share = 100 * row.instructions / peer[1]
            cells.append(f"{peer[0]} {peer[1]:,}: {share:.0f} % of it")
        else:
            cells.append("")
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines)


def with_cost_table(page: str, rows: Record) -> str:
    """A page of Markdown with its cost table replaced."""
    return re.sub(
        rf"^{re.escape(HEAD)}\n(\|.*\n)*", cost_table(rows) + "\n", page, flags=re.MULTILINE
    )


def op_table(rows: Record, program: Program) -> str:
    """Instructions op by op, and per multiply-accumulate, in columns for a terminal."""
    table = [["target", "kernels", "instructions", *(op.name for op in program.ops), "per MAC"]]
    for name, row in rows.items():
        cells = [name, target(name).kernels, f"{row.instructions:,}"]
        cells += [f"{n:,}" for n in row.ops]
        table.append([*cells, f"{row.instructions / program.macs:.2f}"])
    return "\n".join(table_lines(table, left=(0, 1)))
